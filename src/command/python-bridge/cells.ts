/** The sources of the cells of notebooks, in the order of their execution, as a file of the run. */
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { redactText } from '../../secrets/redact.ts'
import { storeError } from '../../util/fs.ts'
import { modesIn } from '../../util/modes.ts'
import type { Configuration } from '../../config/options.ts'
import type { MessageOf } from './messages.ts'

/** Most characters of sources in one run. */
const LIMIT = 64 * 1024 * 1024

/** The file of cells of one run. It does not exist before the first cell. */
export class Cells {
  readonly #path: string
  readonly #folder: string
  readonly #redact: boolean
  #written = 0
  /** Writes follow one another: the order of the cells is what the file is for. */
  #last: Promise<void> = Promise.resolve()

  constructor(folder: string, { redact }: Pick<Configuration, 'redact'>) {
    this.#folder = folder
    this.#path = join(folder, 'cells.py')
    this.#redact = redact
  }

  /**
   * Append a cell.
   *
   * @param program Number of the program that executes it.
   * @throws ERR_LINEAPRINT_STORE if it cannot be written, or the file is too large.
   */
  async add(
    program: number,
    { number, source }: Pick<MessageOf<'cell'>, 'number' | 'source'>,
  ): Promise<void> {
    const clean = (this.#redact ? redactText(source) : source).toWellFormed()
    const kernel = program === 1 ? '' : ` program ${program}`
    const text = `# In [${number}]${kernel}\n${clean}${clean.endsWith('\n') ? '' : '\n'}\n`
    this.#written += text.length
    if (this.#written > LIMIT)
      throw storeError(this.#path, 'the cells of the notebook are too long', undefined)
    const written = this.#last.then(() => appendFile(this.#path, text, { mode: modesIn(this.#folder).file }))
    this.#last = written.catch(() => undefined)
    try {
      await written
    } catch (cause) {
      throw storeError(this.#path, 'a cell of the notebook cannot be written', cause)
    }
  }
}
