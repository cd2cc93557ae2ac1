/** The runs that a reference can stand for. */
import { sql } from 'kysely'
import { isRunId } from '../core/run-id.ts'
import { parseEntry } from '../store/listed-run.ts'
import { keyText } from './facts.ts'
import { readRuns } from './read.ts'
import type { Candidates } from '../store/reference.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { DamagedRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { RunConnection } from './connection.ts'
import type { FieldNames } from './run-order.ts'

/** The names by which an indexed run is known. */
export type IndexedNames = Pick<ListedRun, 'name' | 'runName' | 'tags'> & { readonly id: string }

/** Most runs whose names are read from an index without a list. */
const PEEK_LIMIT = 2000

/** Return the number of runs. */
export async function countRuns({ database }: RunConnection): Promise<number> {
  const { count } = await database
    .selectFrom('run')
    .select(({ fn }) => fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** Return the names of parameters and metrics that runs have, in their order. @param limit Of each. */
export async function fieldNames({ database }: RunConnection, limit: number): Promise<FieldNames> {
  const names = async (table: 'parameter' | 'metric'): Promise<string[]> => {
    const rows = await database
      .selectFrom('name')
      .select('text')
      // One look at the index of the table for each name, however many runs have it.
      .where(sql<boolean>`exists (select 1 from ${sql.table(table)} as used where used.name = name.id)`)
      .orderBy('text')
      .limit(limit)
      .execute()
    return rows.map(({ text }) => text)
  }
  return { parameters: await names('parameter'), metrics: await names('metric') }
}

/** Return the names of the runs, the newest ids first. */
export async function indexedNamesIn({ database }: RunConnection): Promise<IndexedNames[]> {
  const rows = await database
    .selectFrom('run')
    .innerJoin('detail', 'detail.run', 'run.key')
    .select(['run.id', 'detail.entry'])
    .orderBy('run.id', 'desc')
    .limit(PEEK_LIMIT)
    .execute()
  return rows.flatMap(({ id, entry }) => {
    const parsed = parseEntry(entry)
    return parsed === undefined ? [] : [{ id, name: parsed.name, runName: parsed.runName, tags: parsed.tags }]
  })
}

/** Beginnings of ids that more runs share than this name none of them. */
const PREFIX_LIMIT = 10

/**
 * Return the runs that a reference can stand for, oldest first, and for steps back from one of them the runs before it.
 * Without a reference return all runs.
 */
export async function candidatesFor(
  connection: RunConnection,
  store: Store,
  reference: string | undefined,
  damaged: readonly DamagedRun[],
): Promise<Candidates> {
  const { database } = connection
  const ids = damaged.map(({ id }) => id)
  const keys = database.selectFrom('run').select('run.key')
  const inOrder = async (select: typeof keys, limit?: number): Promise<number[]> => {
    const ordered = select.orderBy('started_at', 'desc').orderBy('id', 'desc')
    const rows = await (limit === undefined ? ordered : ordered.limit(limit)).execute()
    return rows.map(({ key }) => key)
  }
  const selected = new Set<number>()
  const take = (more: readonly number[]): void => {
    for (const key of more) selected.add(key)
  }
  if (reference === undefined) take(await inOrder(keys))
  else {
    const [, base = reference, steps = '0'] = /^(.*)~(\d{1,9})$/s.exec(reference) ?? []
    for (const text of new Set([reference, base])) {
      const stored = keyText(text)
      take(await inOrder(keys.where('name', '=', stored), 1))
      take(await inOrder(keys.where('run_name', '=', stored)))
      take(await inOrder(keys.where(sql<boolean>`run.key in (select run from tag where text = ${stored})`)))
      if (text !== '')
        take(await inOrder(keys.where('id', '>=', text).where('id', '<', `${text}\u{10ffff}`), PREFIX_LIMIT))
    }
    // The newest runs, for @latest and @previous.
    take(await inOrder(keys, Number(steps) + 2))
    if (base !== reference) {
      const names = await database
        .selectFrom('run')
        .select('name')
        .distinct()
        .where('key', 'in', [...selected])
        .execute()
      for (const { name } of names) take(await inOrder(keys.where('name', '=', name)))
    }
  }
  const runs = (await readRuns(connection, store, [...selected])).map(({ run }) => run)
  const order = runs.toSorted((a, b) =>
    a.startedAt === b.startedAt ? (a.id < b.id ? -1 : 1) : a.startedAt < b.startedAt ? -1 : 1,
  )
  return { runs: order, ids: [...ids, ...order.map(({ id }) => id)].filter(isRunId) }
}
