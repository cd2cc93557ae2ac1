/** Writing the facts of runs into a database, and removing them. */
import { hash, randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { batches } from './connection.ts'
import { momentOf, secondsOf, textOf } from './evaluate.ts'
import { hexOf, keyText, storedText } from './facts.ts'
import { RUN_TABLES } from './schema.ts'
import { listedRun } from '../store/listed-run.ts'
import type { RunId } from '../core/run-id.ts'
import type { RunStatus } from '../record/record.ts'
import type { Row, RunConnection } from './connection.ts'
import type { RunEntry } from '../store/listed-run.ts'
import type { RunFacts } from './facts.ts'

/** A run to be written. */
export interface WrittenRun {
  readonly id: RunId
  /** Stamp of its record; empty if the record must be read again. */
  readonly stamp: string
  readonly status: RunStatus
  readonly facts: RunFacts
}

/** Return the digest that tells whether the text of a row is as it was written. */
export function rowDigest(id: string, stamp: string, entry: string): string {
  return hash('sha256', JSON.stringify([id, stamp, entry]))
}

/** Replace the rows of runs. */
export async function writeRuns(connection: RunConnection, runs: readonly WrittenRun[]): Promise<void> {
  for (const batch of batches(runs)) {
    await connection.transaction((inner) => replaceRuns(inner, batch))
  }
}

/** Replace the rows of a batch of runs, within a transaction. */
export async function replaceRuns(connection: RunConnection, batch: readonly WrittenRun[]): Promise<void> {
  await removeRows(
    connection,
    batch.map(({ id }) => id),
  )
  await insertRuns(connection, batch)
  await markChanged(connection)
}

/** The key in `meta` of a text that is another one after each change of the rows of runs. */
const ROWS_MARK = 'rows'

/** Say that rows of runs changed, within the transaction of the change: answers that somebody kept are no more true. */
export async function markChanged({ database }: Pick<RunConnection, 'database'>): Promise<void> {
  // Not a number: an index that is made anew counts from the start.
  const value = randomUUID()
  await database
    .insertInto('meta')
    .values({ key: ROWS_MARK, value })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
    .execute()
}

/**
 * Return a text that changes with the rows of runs; `undefined` for a database without any. It must be read before the rows: what
 * is then kept with it can be newer than it says, and never older.
 */
export async function rowsMark({ database }: Pick<RunConnection, 'database'>): Promise<string | undefined> {
  const row = await database
    .selectFrom('meta')
    .select('value')
    .where('key', '=', ROWS_MARK)
    .executeTakeFirst()
  return row?.value
}

/** Remove the rows of runs. */
export async function removeRuns(connection: RunConnection, ids: readonly string[]): Promise<void> {
  for (const batch of batches(ids)) await connection.transaction((inner) => removeRows(inner, batch))
}

/** Remove the rows of a batch of runs, within a transaction. */
export async function removeRows({ database }: RunConnection, ids: readonly string[]): Promise<void> {
  const rows = await database.selectFrom('run').select('key').where('id', 'in', ids).execute()
  if (rows.length === 0) return
  const keys = rows.map(({ key }) => key)
  for (const table of RUN_TABLES) await database.deleteFrom(table).where('run', 'in', keys).execute()
  await database.deleteFrom('run').where('key', 'in', keys).execute()
  await markChanged({ database })
}

async function insertRuns(connection: RunConnection, runs: readonly WrittenRun[]): Promise<void> {
  await connection.insert(
    'run',
    runs.map(({ id, stamp, status, facts }) => runRow(id, stamp, status, facts.entry)),
  )
  const stored = await connection.database
    .selectFrom('run')
    .select(['key', 'id'])
    .where(
      'id',
      'in',
      runs.map(({ id }) => id),
    )
    .execute()
  const keys = new Map(stored.map(({ key, id }) => [id, key]))
  const names = await nameIds(connection, runs)
  const details: Row<'detail'>[] = []
  const tags: Row<'tag'>[] = []
  const parameters: Row<'parameter'>[] = []
  const metrics: Row<'metric'>[] = []
  const contents: Row<'content'>[] = []
  for (const { id, stamp, facts } of runs) {
    const run = keys.get(id) ?? 0
    const entry = JSON.stringify(facts.entry)
    const { notes, argv } = facts.entry
    const digest = rowDigest(id, stamp, entry)
    details.push({ run, entry, digest, notes: storedText(notes), command: storedText(argv.join(' ')) })
    for (const text of new Set(facts.entry.tags.map(keyText))) tags.push({ text, run })
    for (const [name, { number, text, value }] of facts.parameters)
      parameters.push({ name: names.get(name) ?? 0, run, number, text, value: JSON.stringify(value) })
    for (const [name, { last, min, max, count }] of facts.metrics)
      metrics.push({
        name: names.get(name) ?? 0,
        run,
        last: numberOrNull(last),
        min: numberOrNull(min),
        max: numberOrNull(max),
        count,
      })
    const seen = new Set<string>()
    for (const { list, name, digest: written } of facts.contents) {
      const identity = JSON.stringify([list, name, written])
      if (seen.has(identity)) continue
      seen.add(identity)
      contents.push({ list, hex: hexOf(written), name, run, digest: written })
    }
  }
  await connection.insert('detail', details)
  await connection.insert('tag', tags)
  await connection.insert('parameter', parameters)
  await connection.insert('metric', metrics)
  await connection.insert('content', contents)
}

/** Return the row of a run: its id and stamp, its present status, and what follows from its entry. */
export function runRow(id: RunId, stamp: string, status: RunStatus, entry: RunEntry): Row<'run'> {
  const run = listedRun(id, '', entry, status)
  return {
    id,
    stamp,
    unsettled: stamp === '' || entry.status === 'running' ? 1 : 0,
    name: keyText(run.name),
    run_name: storedOrNull(textOf('run_name', run)),
    status,
    parent: storedOrNull(run.parent),
    continues: storedOrNull(run.continues),
    started_at: keyText(run.startedAt),
    started: momentOf(run.startedAt),
    finished: momentOf(run.finishedAt),
    duration: secondsOf(run),
  }
}

function storedOrNull(text: string | null): string | null {
  return text === null ? null : keyText(text)
}

function numberOrNull(number: number): number | null {
  return Number.isNaN(number) ? null : number
}

/** Return the numbers of names of metrics and parameters; new names get one. */
async function nameIds(
  connection: RunConnection,
  runs: readonly WrittenRun[],
): Promise<ReadonlyMap<string, number>> {
  const wanted = new Set(runs.flatMap(({ facts }) => [...facts.metrics.keys(), ...facts.parameters.keys()]))
  const known = new Map<string, number>()
  const read = async (texts: readonly string[]): Promise<void> => {
    for (const batch of batches(texts)) {
      const rows = await connection.database
        .selectFrom('name')
        .selectAll()
        .where('text', 'in', batch)
        .execute()
      for (const { id, text } of rows) known.set(text, id)
    }
  }
  await read([...wanted])
  const missing = [...wanted].filter((text) => !known.has(text))
  for (const batch of batches(missing)) {
    const values = sql.join(batch.map((text) => sql`(${text})`))
    // Another process may add the same names.
    await sql`insert into name (text) values ${values} on conflict (text) do nothing`.execute(
      connection.database,
    )
  }
  await read(missing)
  return known
}
