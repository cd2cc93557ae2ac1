/** A connection to the database of a store, SQLite or PostgreSQL. */
import type { Dialect, RunTables, Tables } from './schema.ts'

/** An open database. */
export interface RunConnection {
  readonly database: RunTables
  readonly dialect: Dialect
  /** Add rows of one table. */
  insert<T extends keyof Tables>(table: T, rows: readonly Row<T>[]): Promise<void>
  /** Do work in one transaction. */
  transaction<T>(work: (connection: RunConnection) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** A row to be added; generated numbers are left out. */
export type Row<T extends keyof Tables> = Omit<
  Tables[T],
  T extends 'run' ? 'key' : T extends 'name' ? 'id' : never
>

/** Runs whose rows a query names at once. */
export const BATCH = 500

/** Return a list in batches. */
export function* batches<T>(items: readonly T[], size: number = BATCH): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
