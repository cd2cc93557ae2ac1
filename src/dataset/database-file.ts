/** Files that are SQLite databases. */
import { open, realpath, stat } from 'node:fs/promises'

const NAMES = /\.(?:db3?|sqlite3?)$/i

const MAGIC = 'SQLite format 3\0'

/** Check whether a file has a name of a database, of which `.db` has many kinds, and begins as one of SQLite. */
export async function isSqliteFile(path: string): Promise<boolean> {
  if (!NAMES.test(path)) return false
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0)
    return buffer.toString('latin1', 0, bytesRead) === MAGIC
  } finally {
    await file.close()
  }
}

/**
 * Return the path of the write-ahead log that holds a part of a SQLite database; nothing for any other file or folder. SQLite
 * writes it beside the file that a link leads to.
 */
export async function writeAheadLog(path: string): Promise<string | undefined> {
  if (!NAMES.test(path)) return undefined
  const target = await realpath(path)
  if (!(await stat(target)).isFile() || !(await isSqliteFile(path))) return undefined
  const log = `${target}-wal`
  const size = await stat(log).then((info) => info.size, ifAbsent)
  return size > 0 ? log : undefined
}

function ifAbsent(error: NodeJS.ErrnoException): number {
  if (error.code === 'ENOENT') return 0
  throw error
}
