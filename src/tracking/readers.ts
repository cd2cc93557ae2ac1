/**
 * The readers of what a run tracks. Import this file with the first item: most runs track none, and all would wait for the
 * readers of every format.
 */
export { hashTensors } from '../model/in-memory.ts'
export { describeModel as readDescribed, structureJson } from '../model/describe.ts'
export { completeReport, readModel } from '../model/read.ts'
export { structureText } from '../model/structure-text.ts'
export { readTokenizer } from '../model/tokenizer.ts'
export { FILES_LIMIT, fileListParts } from '../record/file-list.ts'
export { readContent } from './read-content.ts'
export { readOutput, weightsDigest } from './read-output.ts'
