/** The readers of models that Python programs hand over. Few do, and every run would wait for the import. */
export { withoutFiles } from '../../model/in-memory.ts'
export { readModelWith } from '../../model/read.ts'
