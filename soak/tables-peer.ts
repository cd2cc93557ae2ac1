/** pyarrow as a second reader of Parquet and Arrow, in a process of its own. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ChildProcess } from 'node:child_process'
import type { TableHash } from '../src/dataset/table.ts'

/** The Python from scripts/setup-peers.sh. */
const PYTHON = fileURLToPath(new URL('../.peers/tables/bin/python', import.meta.url))
const SCRIPT = fileURLToPath(new URL('children/tables_peer.py', import.meta.url))

/** Milliseconds after which pyarrow is taken to hang, and started anew. */
const PATIENCE = 20_000

/** The answer of pyarrow about a file. */
export type PeerAnswer =
  | { readonly columns: readonly (readonly [name: string, type: string, blocks: readonly string[]])[] }
  /** Polars refuses the file as well. */
  | { readonly refused: string }
  | { readonly unsure: string }

/** Reads tables with pyarrow. A file at which it crashes or hangs is one that it is unsure about. */
export class TablePeer {
  #child: ChildProcess | undefined
  #answers: AsyncIterator<string> | undefined

  /** Check whether pyarrow is installed. */
  static get isInstalled(): boolean {
    return existsSync(PYTHON)
  }

  /** Read a file. */
  async read(path: string, format: string): Promise<PeerAnswer> {
    const { child, answers } = this.#start()
    child.stdin?.write(`${JSON.stringify({ path, format })}\n`)
    const late = setTimeout(() => child.kill('SIGKILL'), PATIENCE)
    const { value, done } = await answers.next()
    clearTimeout(late)
    if (done !== true) return JSON.parse(value) as PeerAnswer
    this.#child = undefined
    return { unsure: 'it crashed' }
  }

  /** End the process. */
  close(): void {
    this.#child?.kill('SIGKILL')
    this.#child = undefined
  }

  #start(): { child: ChildProcess; answers: AsyncIterator<string> } {
    if (this.#child !== undefined && this.#answers !== undefined)
      return { child: this.#child, answers: this.#answers }
    const child = spawn(PYTHON, ['-B', SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'] })
    // A process that has ended takes no more; its answers end as well.
    child.stdin.on('error', () => undefined)
    const answers = createInterface(child.stdout)[Symbol.asyncIterator]()
    this.#child = child
    this.#answers = answers
    return { child, answers }
  }
}

/**
 * Compare a table with the answer of pyarrow, and return the difference, if there is one.
 *
 * Refusals do not count: readers check different parts of a file that hold nothing of the table.
 *
 * @param table The table with SHA-256, or `undefined` if it was refused.
 */
export function compareWithPeer(table: TableHash | undefined, peer: PeerAnswer): string | undefined {
  if (table === undefined || !('columns' in peer)) return undefined
  const columns = table.columns.map(({ name, type, blocks }) => [name, type, blocks.map(({ hex }) => hex)])
  const [received, wanted] = [JSON.stringify(columns), JSON.stringify(peer.columns)]
  return received === wanted ? undefined : `read as ${received}, and by pyarrow as ${wanted}`
}
