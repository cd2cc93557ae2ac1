/** Changes to a file that a cache might miss. */
import {
  closeSync,
  ftruncateSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { start } from './support/child.ts'
import type { Child } from './support/child.ts'

/** All changes. Those that begin with `mapped` are made by {@link Mapper}. */
export const EDITS = [
  'rewrite',
  'replace',
  'recreate',
  'truncate',
  'append',
  'mapped-before',
  'mapped-late',
] as const

/** One kind of change. */
export type Edit = (typeof EDITS)[number]

/** Return content that differs for every version, of any length from 4 bytes. */
export function contentOf(version: number, size: number): Buffer {
  const mark = Buffer.alloc(4)
  mark.writeUInt32LE(version)
  return Buffer.alloc(size, mark)
}

/** Replace the content by different content of the same length, and restore the modification time. */
export function edit(
  way: Exclude<Edit, 'mapped-before' | 'mapped-late'>,
  path: string,
  version: number,
): void {
  const { atimeMs, mtimeMs, size } = statSync(path)
  const content = contentOf(version, size)
  switch (way) {
    case 'rewrite':
      return restoring(() => withOpenFile(path, (file) => writeSync(file, content, 0, size, 0)))
    case 'replace':
      writeFileSync(`${path}.new`, content)
      utimesSync(`${path}.new`, atimeMs / 1000, mtimeMs / 1000)
      return renameSync(`${path}.new`, path)
    case 'recreate':
      // The next file of a folder often gets the inode that was just freed.
      unlinkSync(path)
      return restoring(() => writeFileSync(path, content))
    case 'truncate':
      return restoring(() => writeFileSync(path, content))
    case 'append':
      return restoring(() =>
        withOpenFile(path, (file) => {
          writeSync(file, content, 0, size, size)
          ftruncateSync(file, size - 4)
          writeSync(file, content, 0, 4, size - 4)
        }),
      )
    default:
      throw new Error(`no such way: ${String(way satisfies never)}`)
  }

  function restoring(change: () => void): void {
    change()
    utimesSync(path, atimeMs / 1000, mtimeMs / 1000)
  }
}

function withOpenFile(path: string, change: (file: number) => void): void {
  const file = openSync(path, 'r+')
  try {
    change(file)
  } finally {
    closeSync(file)
  }
}

/** A process that writes through mappings, which Node cannot do. */
export class Mapper {
  readonly #child: Child
  readonly #answers: AsyncIterator<string>

  constructor() {
    this.#child = start(['python3', fileURLToPath(new URL('./children/mapper.py', import.meta.url))])
    this.#child.stderr.pipe(process.stderr)
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** Send a command about files and wait until it is done; see `children/mapper.py`. */
  async do(action: 'dirty' | 'store' | 'late' | 'drop', paths: readonly string[] = []): Promise<void> {
    this.#child.stdin.write(`${JSON.stringify({ do: action, paths })}\n`)
    const { value } = (await this.#answers.next()) as { value: string | undefined }
    if (value !== 'ok') throw new Error('the process that writes through mappings has ended')
  }

  /** End the process and wait until it has closed its files. */
  async end(): Promise<void> {
    const closed = once(this.#child, 'close')
    this.#child.stdin.end()
    await closed
  }
}
