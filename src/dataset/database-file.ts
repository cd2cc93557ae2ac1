/** Files that are SQLite databases. */
import { open } from 'node:fs/promises'

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
