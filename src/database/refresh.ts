/**
 * Bringing a database up to date with the folders of a store: what is new, gone or changed is read again, and nothing
 * else.
 *
 * A run that ended is written once, so of those only some records are checked at a time, in turn. New and removed runs
 * show in the folder that holds them, and runs that have not ended are checked every time.
 */
import { dirname, join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { isRunId } from '../core/run-id.ts'
import { annotatedSince } from '../store/annotated.ts'
import { annotationStamp, readLabels } from '../store/annotations.ts'
import { readRecord } from '../store/read.ts'
import { RECORD_FILE, runFolder } from '../store/store.ts'
import { runIds } from '../store/runs.ts'
import { isReportedLost } from '../store/reported-lost.ts'
import { isAlive } from '../util/process-identity.ts'
import { parseEntry } from '../store/listed-run.ts'
import { batches } from './connection.ts'
import { factsOf } from './facts.ts'
import { REST, StampReader, folderStamp, stampOf } from './stamps.ts'
import { markChanged, removeRuns, writeRuns } from './write.ts'
import type { RunId } from '../core/run-id.ts'
import type { DamagedRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { RunConnection } from './connection.ts'
import type { WrittenRun } from './write.ts'

/** Records of ended runs that are checked for one list, and for finding one run. A smaller store is checked whole. */
export const CHECKED: Readonly<Record<'list' | 'find' | 'all', number>> = {
  list: 2000,
  find: 300,
  all: Infinity,
}

/** Folders read at a time. */
const PARALLEL = 16

/** Runs that are read before their rows are written. */
const CHUNK = 500

/** A row of a run, with what tells whether it is up to date. */
interface KnownRun {
  readonly key: number
  readonly id: string
  readonly stamp: string
}

/**
 * Bring a database up to date.
 *
 * @param checked Number of records of ended runs that are checked.
 * @returns Folders that cannot be read as a run.
 * @throws ERR_LINEAPRINT_STORE if the store cannot be read, and the errors of the database.
 */
export async function refresh(
  connection: RunConnection,
  store: Store,
  checked: number,
): Promise<DamagedRun[]> {
  const { database } = connection
  const stamp = folderStamp(store.runs)
  const meta = new Map(
    (await database.selectFrom('meta').selectAll().execute()).map(({ key, value }) => [key, value]),
  )
  const suspects = new Set<string>()
  if (stamp === undefined || meta.get('folder') !== stamp) {
    // Before the folders: a run that another process adds in between is not taken for one that is gone.
    const known = new Set((await database.selectFrom('run').select('id').execute()).map(({ id }) => id))
    const ids = new Set<string>(await runIds(store))
    const noRuns = new Set((await database.selectFrom('damaged').select('id').execute()).map(({ id }) => id))
    for (const id of ids) if (!known.has(id)) suspects.add(id)
    await removeRuns(
      connection,
      [...known].filter((id) => !ids.has(id)),
    )
    await setDamaged(
      connection,
      [...noRuns].filter((id) => !ids.has(id)),
      [],
    )
  }
  // Before the runs are read: an annotation that comes in between counts the next time.
  const annotated = await annotatedSince(store.runs, meta.get('annotated'))
  for (const id of await annotatedRuns(connection, store, annotated.ids)) suspects.add(id)
  for (const { id } of await database.selectFrom('damaged').select('id').execute()) suspects.add(id)
  const stamps = new StampReader()
  const read = database.selectFrom('run').select(['key', 'id', 'stamp'])
  for (const run of await read.where('unsettled', '=', 1).execute())
    if (!(await isCurrent(connection, store, run, stamps))) suspects.add(run.id)
  const cursor = await checkSettled(
    connection,
    store,
    Number(meta.get('cursor') ?? 0),
    checked,
    stamps,
    suspects,
  )
  const damaged = await readAll(connection, store, suspects)
  await setMeta(connection, meta, { folder: stamp ?? '', cursor: String(cursor), annotated: annotated.state })
  return damaged
}

/**
 * Return the known runs that were annotated.
 *
 * @param ids Those that may have been; `undefined` if any run may.
 */
async function annotatedRuns(
  { database }: RunConnection,
  store: Store,
  ids: readonly string[] | undefined,
): Promise<string[]> {
  const known = database.selectFrom('run').select('id')
  if (ids === undefined)
    return (await known.execute())
      .map(({ id }) => id)
      .filter((id) => isRunId(id) && annotationStamp(runFolder(store, id)) !== undefined)
  const annotated: string[] = []
  for (const batch of batches([...new Set(ids)], CHUNK))
    annotated.push(...(await known.where('id', 'in', batch).execute()).map(({ id }) => id))
  return annotated
}

/** Check records of ended runs from a key on. Returns the key from which the next check goes on. */
async function checkSettled(
  { database }: RunConnection,
  store: Store,
  from: number,
  checked: number,
  stamps: StampReader,
  suspects: Set<string>,
): Promise<number> {
  let cursor = from
  let remaining = checked
  let wrapped = false
  while (remaining > 0) {
    const runs = await database
      .selectFrom('run')
      .select(['key', 'id', 'stamp'])
      .where('unsettled', '=', 0)
      .where('key', '>', cursor)
      .$if(wrapped, (query) => query.where('key', '<=', from))
      .orderBy('key')
      .limit(Math.min(remaining, 5000))
      .execute()
    for (const { id, stamp } of runs)
      if ((await stamps.read(recordPath(store, id)))?.stamp !== stamp) suspects.add(id)
    remaining -= runs.length
    cursor = runs.at(-1)?.key ?? cursor
    if (runs.length > 0) continue
    if (wrapped || from === 0) return 0
    wrapped = true
    cursor = 0
  }
  return cursor
}

function recordPath(store: Store, id: string): string {
  return isRunId(id) ? join(runFolder(store, id), RECORD_FILE) : store.runs
}

/** Check a run that has not ended, and bring its status up to date. */
async function isCurrent(
  connection: RunConnection,
  store: Store,
  { key, id, stamp }: KnownRun,
  stamps: StampReader,
): Promise<boolean> {
  const { database } = connection
  const path = recordPath(store, id)
  if (stamp === '' || (await stamps.read(path))?.stamp !== stamp) return false
  const row = await database
    .selectFrom('detail')
    .innerJoin('run', 'run.key', 'detail.run')
    .select(['detail.entry', 'run.status'])
    .where('detail.run', '=', key)
    .executeTakeFirst()
  const entry = row === undefined ? undefined : parseEntry(row.entry)
  if (row === undefined || entry === undefined) return false
  const isGone =
    entry.process === undefined || isAlive(entry.process) === 'gone' || (await isReportedLost(dirname(path)))
  // The run may have ended between the read of the record and the check of the process.
  if (isGone && (await stampOf(path))?.stamp !== stamp) return false
  const status = isGone ? 'lost' : 'running'
  if (status !== row.status)
    await connection.transaction(async (inner) => {
      await inner.database.updateTable('run').set({ status }).where('key', '=', key).execute()
      await markChanged(inner)
    })
  return true
}

/** Read runs again and write their rows. */
async function readAll(
  connection: RunConnection,
  store: Store,
  ids: ReadonlySet<string>,
): Promise<DamagedRun[]> {
  const damaged: DamagedRun[] = []
  for (const batch of batches([...ids].filter(isRunId), CHUNK)) {
    const runs: WrittenRun[] = []
    const broken: DamagedRun[] = []
    const queue = batch.values()
    const work = async (): Promise<void> => {
      for (const id of queue) {
        const folder = runFolder(store, id)
        try {
          runs.push(await readForIndex(folder, id))
        } catch (error) {
          if (!LineaprintError.is(error)) throw error
          broken.push({ id, folder, error })
        }
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, work))
    // In their order, so that rows of neighbours are neighbours.
    const inOrder = runs.toSorted((a, b) => (a.id < b.id ? -1 : 1))
    await writeRuns(connection, inOrder)
    await removeRuns(
      connection,
      broken.map(({ id }) => id),
    )
    await setDamaged(connection, batch, broken)
    damaged.push(...broken)
  }
  return damaged
}

/** Read a run with the stamp of its record; the stamp is empty if the record changed a moment ago. */
export async function readForIndex(folder: string, id: RunId): Promise<WrittenRun> {
  const path = join(folder, RECORD_FILE)
  const readAt = Date.now()
  const before = await stampOf(path)
  const { record, status } = await readRecord(folder, { quick: true })
  const facts = factsOf(record, await readLabels(folder, record))
  const isAtRest = before !== undefined && readAt - before.changedAt > REST
  // A record replaced during the read has neither stamp.
  const isSame = isAtRest && (await stampOf(path))?.stamp === before.stamp
  return { id, stamp: isSame ? before.stamp : '', status, facts }
}

async function setDamaged(
  { database }: RunConnection,
  checked: readonly string[],
  damaged: readonly DamagedRun[],
): Promise<void> {
  const before = new Set((await database.selectFrom('damaged').select('id').execute()).map(({ id }) => id))
  const current = new Set<string>(damaged.map(({ id }) => id))
  for (const id of checked)
    if (before.has(id) && !current.has(id))
      await database.deleteFrom('damaged').where('id', '=', id).execute()
  for (const id of current)
    if (!before.has(id))
      await database
        .insertInto('damaged')
        .values({ id })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
}

async function setMeta(
  { database }: RunConnection,
  before: ReadonlyMap<string, string>,
  values: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [key, value] of Object.entries(values)) {
    if (before.get(key) === value) continue
    await database
      .insertInto('meta')
      .values({ key, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute()
  }
}
