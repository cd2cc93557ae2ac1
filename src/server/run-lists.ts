/**
 * Lists of runs that are read in parts. The order is computed once and kept as ids, so that a part is always of the same list:
 * no run shows twice and none is skipped while others start.
 */
import { hash } from 'node:crypto'
import { columnFields } from '../database/columns.ts'
import { keyText } from '../database/facts.ts'
import { checkColumns } from '../database/filter.ts'
import { groupRuns } from '../database/groups.ts'
import { orderRuns, runsWithIds, withValues, writtenFields } from '../database/pages.ts'
import { NAME_LIMIT } from '../database/run-order.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { RunId } from '../core/run-id.ts'
import type { Field } from '../database/expression/expression.ts'
import type { MarkedGroups, RunGroups } from '../database/group-order.ts'
import type { GroupOptions } from '../database/groups.ts'
import type { RunFilter } from '../database/filter.ts'
import type { ValuedRun } from '../database/columns.ts'
import type { OrderedRuns, RunOrder } from '../database/run-order.ts'
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
  readonly order: (filter: Omit<RunFilter, 'limit'>, kept?: OrderedRuns) => Promise<OrderedRuns>
  /** As `runsWithIds`. */
  readonly runs: (ids: readonly RunId[], columns: readonly Field[]) => Promise<RunOfList[]>
  /** As `groupRuns`. */
  readonly groups: (options: GroupOptions, kept?: MarkedGroups) => Promise<MarkedGroups>
}

/** Return the source that a store is. */
export function sourceOf(store: Store): RunSource {
  return {
    order: async (filter, kept) => orderRuns(store, filter, kept),
    runs: async (ids, columns) => runsWithIds(store, ids, columns),
    groups: async (options, kept) => groupRuns(store, options, kept),
  }
}

/** A list, and its first runs if they were just read. */
interface Ordered {
  readonly key: string
  readonly order: RunOrder
  readonly first?: readonly ValuedRun[]
}

/** The newest answer to a question, and the name of its list. */
interface NewestOrder {
  readonly key: string
  readonly ordered: OrderedRuns
}

/** The lists of one store. */
export class RunLists {
  readonly #source: RunSource
  readonly #live: LiveMetrics | undefined
  readonly #lists = new Map<string, RunOrder>()
  /** The newest answer to each question: it is given again while no run changes. */
  readonly #newest = new Map<string, NewestOrder>()
  readonly #groups = new Map<string, MarkedGroups>()

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
      ? withValues(first.slice(offset, offset + ids.length), order.columns)
      : await this.#withLive(await this.#source.runs(ids, order.columns), order.columns)
    return {
      list: key,
      offset,
      matched: order.ids.length,
      total: order.total,
      columns: writtenFields(order.columns),
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
    const { where, by, measure } = options
    const question = JSON.stringify([where ?? null, by, measure ?? null])
    const groups = await this.#source.groups(options, this.#groups.get(question))
    keepNewest(this.#groups, question, groups)
    return groups
  }

  /** Return an order whose first runs have the values so far of those that go on; they count for the columns. */
  async #orderWithLive(ordered: OrderedRuns, columns: readonly string[]): Promise<OrderedRuns> {
    const live = await this.#live?.of(running(ordered.first.map(({ run }) => run)))
    if (live === undefined || live.size === 0) return ordered
    const first = ordered.first.map((match) => ({
      ...match,
      metrics: live.get(match.run.id) ?? match.metrics,
    }))
    return {
      ...ordered,
      first,
      columns: columnFields(checkColumns(columns), first),
      names: { ...ordered.names, metrics: namesWith(ordered.names.metrics, live.values()) },
    }
  }

  /** Return runs with the values so far of those that go on. */
  async #withLive(runs: readonly RunOfList[], columns: readonly Field[]): Promise<readonly RunOfList[]> {
    const live = await this.#live?.of(running(runs))
    if (live === undefined || live.size === 0) return runs
    const names = writtenFields(columns)
    return runs.map((run) => {
      const metrics = live.get(run.id)
      if (metrics === undefined) return run
      const values = columns.flatMap((field, index) =>
        field.kind === 'metric'
          ? [[names[index] ?? '', metrics.get(keyText(field.name))?.[field.part] ?? null] as const]
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
    const filter = { where, sort, columns: columns ?? ['auto'] }
    const kept = this.#newest.get(query)
    const ordered = await this.#source.order(filter, kept?.ordered)
    const { first, mark: _, ...order } = await this.#orderWithLive(ordered, filter.columns)
    // The same order has the same name, so that a page that asks again learns that nothing moved.
    const key = kept?.ordered.ids === ordered.ids ? kept.key : `${query}-${shortDigest(ordered.ids.text)}`
    keepNewest(this.#newest, query, { key, ordered })
    keepNewest(this.#lists, key, order)
    return { key, order, first }
  }
}

/** Set a value as the newest, and forget the oldest of too many. */
function keepNewest<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  map.set(key, value)
  const [oldest] = map.keys()
  if (map.size > LIST_LIMIT && oldest !== undefined) map.delete(oldest)
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
  return shortDigest(JSON.stringify([where ?? null, sort ?? null, columns ?? null]))
}

function shortDigest(text: string): string {
  return hash('sha256', text, 'base64url').slice(0, 16)
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
