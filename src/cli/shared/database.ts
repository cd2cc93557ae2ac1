/** The option that names the database of a team. */
import { env } from 'node:process'
import { Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { errorText } from '../../util/error-text.ts'
import { escapeText, printError } from './output.ts'
import type { RunDatabase } from '../../database/team/database.ts'
import type { StoreOptions } from './store.ts'

/** Values of the option. */
export interface DatabaseOptions extends StoreOptions {
  readonly database?: string | undefined
}

/** The variable that names a database without the option. */
const VARIABLE = 'LINEAPRINT_DATABASE'

/** Build the option `--database`. */
export function databaseOption(): Option {
  return new Option(
    '--database <address>',
    `ask a database in PostgreSQL, postgres://USER@HOST/DATABASE (default: ${VARIABLE}), instead of the store`,
  )
}

/** Return the address of a database; `undefined` if none is asked for. */
export function databaseAddress({ database, outputDir }: DatabaseOptions): string | undefined {
  if (database !== undefined) return database
  // A folder that a person names is asked before a variable that is there for every command.
  return outputDir === undefined ? env[VARIABLE] || undefined : undefined
}

/**
 * Answer from a database if one is asked for. One that only the variable names and that cannot be used gives a warning, and
 * `undefined`: the folders then answer.
 *
 * @throws ERR_LINEAPRINT_SERVICE if the database of `--database` cannot be used.
 */
export async function fromDatabase<T>(
  options: DatabaseOptions,
  ask: (database: RunDatabase) => Promise<T>,
): Promise<T | undefined> {
  const address = databaseAddress(options)
  if (address === undefined) return undefined
  const { RunDatabase: Database } = await import('../../database/team/database.ts')
  try {
    const database = Database.open(address)
    try {
      return await ask(database)
    } finally {
      await database.close()
    }
  } catch (error) {
    if (options.database !== undefined || !isAboutDatabase(error)) throw error
    printError(
      `lineaprint: warning: ${VARIABLE}: ${escapeText(errorText(error))}; the answer is that of the store`,
    )
    return undefined
  }
}

function isAboutDatabase(error: unknown): boolean {
  if (!LineaprintError.is(error)) return false
  return (
    error.code === 'ERR_LINEAPRINT_SERVICE' ||
    (error.code === 'ERR_LINEAPRINT_ARGUMENT' && error.field === 'database')
  )
}
