/** The SQLite that comes with Node, without the warning that some versions print about it. */
import { LineaprintError } from '../../core/errors.ts'
import type { DatabaseSync } from 'node:sqlite'

type Sqlite = typeof import('node:sqlite')

/** How a call of SQLite failed: others have it locked, its file is not what it should be, or it cannot be used. */
export type SqliteTrouble = 'busy' | 'damaged' | 'unusable'

/** Primary result codes, from the C interface of SQLite. */
const BUSY = new Set([5, 6])
/** ERROR is what a table that is not there gives; CORRUPT, SCHEMA, MISMATCH, FORMAT and NOTADB speak for themselves. */
const DAMAGED = new Set([1, 11, 17, 20, 24, 26])

/** Opens a database. @throws What SQLite throws, or ERR_LINEAPRINT_UNSUPPORTED where there is no SQLite. */
export function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync: Database } = load()
  return new Database(path)
}

/** What kind of failure an error is; `undefined` for one that is not about the database. */
export function troubleOf(error: unknown): SqliteTrouble | undefined {
  if (LineaprintError.is(error)) return 'unusable'
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  const primary = error.errcode & 0xff
  return BUSY.has(primary) ? 'busy' : DAMAGED.has(primary) ? 'damaged' : 'unusable'
}

/**
 * Whether this SQLite keeps a write-ahead log without fault. Before 3.51.3, two connections that write and tidy up at
 * the same moment can lose what one of them has committed.
 */
export function hasSoundLog(version: string | undefined): boolean {
  const [major = 0, minor = 0, patch = 0] = (version ?? '').split('.').map(Number)
  return major > 3 || (major === 3 && (minor > 51 || (minor === 51 && patch >= 3)))
}

let loaded: Sqlite | undefined

function load(): Sqlite {
  if (loaded !== undefined) return loaded
  const warning = Object.getOwnPropertyDescriptor(process, 'emitWarning')
  // Loading is one synchronous call, so nobody else's warning can get lost.
  if (warning !== undefined)
    Object.defineProperty(process, 'emitWarning', { ...warning, value: () => undefined })
  try {
    loaded = process.getBuiltinModule('node:sqlite') as Sqlite | undefined
  } finally {
    if (warning !== undefined) Object.defineProperty(process, 'emitWarning', warning)
  }
  if (loaded === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'this runtime has no SQLite', {
      hint: 'nothing is lost by it: an index only saves time',
    })
  return loaded
}
