/**
 * Lists of runs that are read in parts. The order is computed once and kept as ids, so that a part is always of the same list:
 * no run shows twice and none is skipped while others start.
 */
import { createHash } from 'node:crypto'
import { columnFields } from '../database/columns.ts'
import { writtenField } from '../database/expression/fields.ts'
import { keyText } from '../database/facts.ts'
import { checkColumns } from '../database/filter.ts'
import { groupRuns } from '../database/groups.ts'
import { orderRuns, runsWithIds, withValues } from '../database/pages.ts'
import { NAME_LIMIT } from '../database/run-order.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { RunId } from '../core/run-id.ts'
import type { Field } from '../database/expression/expression.ts'
import type { RunGroups } from '../database/group-order.ts'
import type { GroupOptions } from '../database/groups.ts'
import type { RunFilter } from '../database/filter.ts'
import type { ValuedRun } from '../database/columns.ts'
import type { OrderedRuns } from '../database/pages.ts'
import type { RunOrder } from '../database/run-order.ts'
import type { RunOfList } from '../database/runs.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { Store } from '../store/store.ts'
import type { LiveMetrics, MetricsSoFar } from './live-metrics.ts'
import type { ListedRunBody, RunListBody } from './api/types.ts'

/** A part of a list that is asked for. */
export interface ListRequest {
  readonly where?: string | undefined
  readonly sort?: readonly string[] | undefined
  readonly columns?: readonly string[] | undefined
  /** The list of an earlier answer, to read on in it. */
  readonly list?: string | undefined
  readonly offset: number
  readonly limit: number
}

/** Lists that are kept. */
const LIST_LIMIT = 16

/** Folders that are no runs and that an answer names. */
const DAMAGED_LIMIT = 20

/** A source of runs: a store, or the index of a server. */
export interface RunSource {
  /** As `orderRuns`. */
  readonly order: (filter: Omit<RunFilter, 'limit'>) => Promise<OrderedRuns>
  /** As `runsWithIds`. */
  readonly runs: (ids: readonly RunId[], columns: readonly Field[]) => Promise<RunOfList[]>
  /** As `groupRuns`. */
  readonly groups: (options: GroupOptions) => Promise<RunGroups>
}

/** Return the source that a store is. */
export function sourceOf(store: Store): RunSource {
  return {
    order: async (filter) => orderRuns(store, filter),
    runs: async (ids, columns) => runsWithIds(store, ids, columns),
    groups: async (options) => groupRuns(store, options),
  }
}

/** A list, and its first runs if they were just read. */
interface Ordered {
  readonly key: string
  readonly order: RunOrder
  readonly first?: readonly ValuedRun[]
}

/** The lists of one store. */
export class RunLists {
  readonly #source: RunSource
  readonly #live: LiveMetrics | undefined
  readonly #lists = new Map<string, RunOrder>()

  /** @param live Metrics of runs that go on. @default none */
  constructor(source: RunSource, live?: LiveMetrics) {
    this.#source = source
    this.#live = live
  }

  /**
   * Return a part of a list. One that is not kept any more is computed again, and has a name of its own.
   *
   * @throws The errors of `orderRuns`.
   */
  async part(request: ListRequest): Promise<RunListBody> {
    const { offset, limit } = request
    const query = queryOf(request)
    const known = this.#known(request.list, query)
    const { key, order, first } = known ?? (await this.#ordered(request, query))
    const ids = order.ids.slice(offset, offset + limit)
    const isRead = first !== undefined && offset + ids.length <= first.length
    const runs = isRead
      ? first.slice(offset, offset + ids.length).map((match) => withValues(match, order.columns))
      : await this.#withLive(await this.#source.runs(ids, order.columns), order.columns)
    return {
      list: key,
      offset,
      matched: order.ids.length,
      total: order.total,
      columns: order.columns.map(writtenField),
      runs: runs.map(listed),
      damaged: order.damaged.slice(0, DAMAGED_LIMIT).map(({ id, folder, error }) => ({
        id,
        folder,
        message: cut(error.message),
      })),
      names: order.names,
    }
  }

  /** Return the runs that an expression selects in groups. @throws The errors of `groupRuns`. */
  async groups(options: GroupOptions): Promise<RunGroups> {
    return this.#source.groups(options)
  }

  /** Return an order whose first runs have the values so far of those that go on; they count for the columns. */
  async #orderWithLive(filter: Omit<RunFilter, 'limit'>): Promise<OrderedRuns> {
    const ordered = await this.#source.order(filter)
    const live = await this.#live?.of(running(ordered.first.map(({ run }) => run)))
    if (live === undefined || live.size === 0) return ordered
    const first = ordered.first.map((match) => ({
      ...match,
      metrics: live.get(match.run.id) ?? match.metrics,
    }))
    return {
      ...ordered,
      first,
      columns: columnFields(checkColumns(filter.columns ?? []), first),
      names: { ...ordered.names, metrics: namesWith(ordered.names.metrics, live.values()) },
    }
  }

  /** Return runs with the values so far of those that go on. */
  async #withLive(runs: readonly RunOfList[], columns: readonly Field[]): Promise<readonly RunOfList[]> {
    const live = await this.#live?.of(running(runs))
    if (live === undefined || live.size === 0) return runs
    return runs.map((run) => {
      const metrics = live.get(run.id)
      if (metrics === undefined) return run
      const values = columns.flatMap((field) =>
        field.kind === 'metric'
          ? [[writtenField(field), metrics.get(keyText(field.name))?.[field.part] ?? null] as const]
          : [],
      )
      return { ...run, values: { ...run.values, ...Object.fromEntries(values) } }
    })
  }

  #known(list: string | undefined, query: string): Ordered | undefined {
    const order = list?.startsWith(`${query}-`) === true ? this.#lists.get(list) : undefined
    return order === undefined || list === undefined ? undefined : { key: list, order }
  }

  async #ordered({ where, sort, columns }: ListRequest, query: string): Promise<Ordered> {
    const { first, ...order } = await this.#orderWithLive({ where, sort, columns: columns ?? ['auto'] })
    // The same order has the same name, so that a page that asks again learns that nothing moved.
    const key = `${query}-${shortDigest(order.ids)}`
    this.#lists.delete(key)
    this.#lists.set(key, order)
    const [oldest] = this.#lists.keys()
    if (this.#lists.size > LIST_LIMIT && oldest !== undefined) this.#lists.delete(oldest)
    return { key, order, first }
  }
}

/** Return the ids of the runs that go on. */
function running(runs: readonly ListedRun[]): RunId[] {
  return runs.filter(({ status }) => status === 'running').map(({ id }) => id)
}

/** Return names of metrics with those of runs that go on. */
function namesWith(metrics: readonly string[], live: Iterable<MetricsSoFar>): readonly string[] {
  const all = new Set(metrics)
  for (const byName of live) for (const name of byName.keys()) if (all.size < NAME_LIMIT) all.add(name)
  return [...all].toSorted()
}

function queryOf({ where, sort, columns }: ListRequest): string {
  return shortDigest([JSON.stringify([where ?? null, sort ?? null, columns ?? null])])
}

function shortDigest(texts: readonly (RunId | string)[]): string {
  const hash = createHash('sha256')
  for (const text of texts) hash.update(text).update('\n')
  return hash.digest('base64url').slice(0, 16)
}

/** Characters of a text in a list; the run itself has all of it. */
const TEXT_LIMIT = 500

/** Tags of a run in a list. */
const TAG_LIMIT = 50

function listed({ values = {}, ...run }: RunOfList): ListedRunBody {
  const { id, status, startedAt, finishedAt, durationMs, parent } = run
  return {
    id,
    name: cut(run.name),
    runName: run.runName === null ? null : cut(run.runName),
    status,
    startedAt,
    finishedAt,
    durationMs,
    tags: run.tags.slice(0, TAG_LIMIT).map(cut),
    parent,
    values: Object.fromEntries(Object.entries(values).map(([name, value]) => [name, cutValue(value)])),
  }
}

function cut(text: string): string {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text
}

function cutValue(value: JsonValue): JsonValue {
  if (typeof value === 'string') return cut(value)
  if (typeof value !== 'object' || value === null) return value
  const text = JSON.stringify(value)
  return text.length > TEXT_LIMIT ? cut(text) : value
}
