/** The SQLite module of Node, without the warning that some versions print about it. */
import { LineaprintError } from '../../core/errors.ts'
import type { DatabaseSync } from 'node:sqlite'

type Sqlite = typeof import('node:sqlite')

/**
 * The kind of failure of an SQLite call: the database is locked, its file is damaged, or it cannot be used.
 */
export type SqliteFailure = 'busy' | 'damaged' | 'unusable'

/** Primary result codes, from the C interface of SQLite. */
const BUSY = new Set([5, 6])
/** A missing table gives ERROR; the others are CORRUPT, SCHEMA, MISMATCH, FORMAT and NOTADB. */
const DAMAGED = new Set([1, 11, 17, 20, 24, 26])

/** Open a database. @throws The errors of SQLite, or ERR_LINEAPRINT_UNSUPPORTED if there is no SQLite. */
export function openDatabase(path: string): DatabaseSync {
  const { DatabaseSync: Database } = load()
  return new Database(path)
}

/** Return the kind of failure of an error; `undefined` if it does not concern the database. */
export function failureOf(error: unknown): SqliteFailure | undefined {
  if (LineaprintError.is(error)) return 'unusable'
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  const primary = error.errcode & 0xff
  return BUSY.has(primary) ? 'busy' : DAMAGED.has(primary) ? 'damaged' : 'unusable'
}

/**
 * Check whether this SQLite has a reliable write-ahead log. Before 3.51.3, two connections that write and
 * checkpoint at the same moment can lose a committed change.
 */
export function hasSoundLog(version: string | undefined): boolean {
  const [major = 0, minor = 0, patch = 0] = (version ?? '').split('.').map(Number)
  return major > 3 || (major === 3 && (minor > 51 || (minor === 51 && patch >= 3)))
}

let loaded: Sqlite | undefined

function load(): Sqlite {
  if (loaded !== undefined) return loaded
  const warning = Object.getOwnPropertyDescriptor(process, 'emitWarning')
  // Loading is one synchronous call, so no other warning can get lost.
  if (warning !== undefined)
    Object.defineProperty(process, 'emitWarning', { ...warning, value: () => undefined })
  try {
    loaded = process.getBuiltinModule('node:sqlite') as Sqlite | undefined
  } finally {
    if (warning !== undefined) Object.defineProperty(process, 'emitWarning', warning)
  }
  if (loaded === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'this Node.js has no SQLite', {
      hint: 'listing works without it, only slower',
    })
  return loaded
}
