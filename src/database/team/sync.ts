/** Adding the runs of a store to the database of a team, and what changed in them. */
import { hash } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { LineaprintError } from '../../core/errors.ts'
import { annotationStamp } from '../../store/annotations.ts'
import { readRun } from '../../store/read.ts'
import { runIds } from '../../store/runs.ts'
import { RECORD_FILE, runFolder } from '../../store/store.ts'
import { batches } from '../connection.ts'
import { readForIndex } from '../refresh.ts'
import { StampReader } from '../stamps.ts'
import { removeRows, replaceRuns } from '../write.ts'
import { lockForWriting } from './connect.ts'
import { removeSeries, replaceSeries, seriesToWrite } from './series.ts'
import type { RunId } from '../../core/run-id.ts'
import type { DamagedRun } from '../../store/runs.ts'
import type { Store } from '../../store/store.ts'
import type { RunConnection } from '../connection.ts'
import type { WrittenRun } from '../write.ts'
import type { WrittenSeries } from './series.ts'

/** Options of a synchronisation. */
export interface SyncOptions {
  /** True if runs are written again that have not changed. @default false */
  readonly all?: boolean | undefined
  /** True if runs of this store that are no longer in it are removed from the database. @default false */
  readonly prune?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The result of a synchronisation. */
export interface SyncReport {
  /** Number of runs that were written. */
  readonly written: number
  /** Number of runs that were up to date. */
  readonly unchanged: number
  /** Number of runs that were removed. */
  readonly removed: number
  /** Folders that cannot be read as a run. The database keeps what it has of them. */
  readonly damaged: readonly DamagedRun[]
  readonly warnings: readonly string[]
}

/** Runs of one transaction. */
const BATCH = 100

/** Bring a database up to date with a store. Runs of other stores stay as they are. */
export async function syncRuns(
  connection: RunConnection,
  store: Store,
  { all = false, prune = false, signal }: SyncOptions,
): Promise<SyncReport> {
  const ids = await runIds(store)
  const stamps = all ? new Map<string, string>() : await knownStamps(connection)
  const reader = new StampReader()
  const changed: RunId[] = []
  for (const id of ids) {
    const stamp = await stampNow(store, id, reader)
    if (stamp === undefined || stamp !== stamps.get(id)) changed.push(id)
  }
  const damaged: DamagedRun[] = []
  const warnings: string[] = []
  let written = 0
  for (const batch of batches(changed, BATCH)) {
    const runs: (WrittenRun & Pick<WrittenSeries, 'series'>)[] = []
    for (const id of batch) {
      signal?.throwIfAborted()
      const folder = runFolder(store, id)
      try {
        const annotated = annotationStamp(folder)?.stamp ?? ''
        const run = await readForIndex(folder, id)
        const read = await seriesToWrite(await readRun(folder), signal)
        warnings.push(...read.warnings)
        runs.push({ ...run, stamp: run.stamp === '' ? '' : `${run.stamp} ${annotated}`, series: read.series })
      } catch (error) {
        if (!LineaprintError.is(error)) throw error
        damaged.push({ id, folder, error })
      }
    }
    if (runs.length === 0) continue
    await connection.transaction(async (inner) => {
      await lockForWriting(inner)
      await replaceRuns(inner, runs)
      for (const { id, series } of runs) await replaceSeries(inner, id, series)
      await setOrigin(inner, store, runs)
    })
    written += runs.length
  }
  const removed = prune ? await removeGone(connection, store, new Set(ids)) : 0
  return { written, unchanged: ids.length - changed.length, removed, damaged, warnings }
}

async function knownStamps({ database }: RunConnection): Promise<Map<string, string>> {
  const rows = await database.selectFrom('run').select(['id', 'stamp']).where('unsettled', '=', 0).execute()
  return new Map(rows.map(({ id, stamp }) => [id, stamp]))
}

/** Return what changes with the record of a run and with its annotations. */
async function stampNow(store: Store, id: RunId, reader: StampReader): Promise<string | undefined> {
  const folder = runFolder(store, id)
  const record = await reader.read(join(folder, RECORD_FILE))
  return record === undefined ? undefined : `${record.stamp} ${annotationStamp(folder)?.stamp ?? ''}`
}

/** Return what stands for this store in the database: a digest, which tells others nothing of its path. */
function nameOf(store: Store): string {
  return hash('sha256', JSON.stringify([hostname(), store.root]))
}

async function setOrigin(
  { database }: RunConnection,
  store: Store,
  runs: readonly WrittenRun[],
): Promise<void> {
  for (const { id } of runs)
    await sql`insert into origin (run, store) values (${id}, ${nameOf(store)}) on conflict (run) do update set store = excluded.store`.execute(
      database,
    )
}

/** Remove runs that came from a store and are no longer in it. */
async function removeGone(
  connection: RunConnection,
  store: Store,
  present: ReadonlySet<string>,
): Promise<number> {
  const { rows } = await sql<{ run: string }>`select run from origin where store = ${nameOf(store)}`.execute(
    connection.database,
  )
  const gone = rows.map(({ run }) => run).filter((run) => !present.has(run))
  for (const batch of batches(gone, BATCH))
    await connection.transaction(async (inner) => {
      await lockForWriting(inner)
      await removeRows(inner, batch)
      await removeSeries(inner, batch)
      await sql`delete from origin where run in (${sql.join(batch)})`.execute(inner.database)
    })
  return gone.length
}
