/** The list of runs. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, fetchGroups, fetchRuns } from '../shared/api.ts'
import { useKeys, useTitle } from '../shared/hooks.ts'
import { Empty, Failure, Typed } from '../shared/parts.tsx'
import { compareAddress, go, runAddress } from '../shared/router.ts'
import { plural, shown } from '../shared/text.ts'
import { Columns } from './columns.tsx'
import { Filter } from './filter.tsx'
import { GroupChoice, Groups } from './groups.tsx'
import { RunTable } from './table.tsx'
import type { ListQuery, ListedRunBody, RunListBody } from '../shared/api.ts'

/** Runs of a request. */
const PART = 100

/** Folders that cannot be read, of which each is named. */
const DAMAGED = 10

/** The filter for what goes on. */
const RUNNING = 'status = "running"'

/** Milliseconds after which a list is asked for again, so that new runs show. */
const AGAIN = 4000

/** The list of runs. Its filter, order and columns are in the address. */
export function RunsView({ address }: { readonly address: URL }) {
  useTitle('')
  const query: ListQuery = {
    where: address.searchParams.get('where') ?? '',
    sort: address.searchParams.getAll('sort'),
    columns: address.searchParams.getAll('column'),
  }
  const by = address.searchParams.get('group') ?? ''
  const measure = address.searchParams.get('range') ?? ''
  const queryKey = JSON.stringify(query)
  const parts = useRef(new Map<number, readonly ListedRunBody[]>())
  const pending = useRef(new Map<number, AbortController>())
  const range = useRef<readonly [number, number]>([0, 40])
  const [head, setHead] = useState<RunListBody>()
  const [error, setError] = useState<unknown>()
  const [, setVersion] = useState(0)
  const [running, setRunning] = useState(0)
  const [cursor, setCursor] = useState(-1)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const input = useRef<HTMLInputElement>(null)
  const current = useRef({ query, list: undefined as string | undefined })
  current.current.query = query

  const load = async (part: number, list: string | undefined): Promise<void> => {
    pending.current.get(part)?.abort()
    const stop = new AbortController()
    pending.current.set(part, stop)
    try {
      const answer = await fetchRuns(
        current.current.query,
        { list, offset: part * PART, limit: PART },
        stop.signal,
      )
      if (stop.signal.aborted) return
      if (answer.list !== current.current.list) {
        current.current.list = answer.list
        parts.current.clear()
      }
      parts.current.set(part, answer.runs)
      setHead(answer)
      setError(undefined)
      setVersion((version) => version + 1)
    } catch (failure) {
      if (!stop.signal.aborted) setError(failure)
    } finally {
      if (pending.current.get(part) === stop) pending.current.delete(part)
    }
  }
  const countRunning = async (): Promise<void> => {
    try {
      const { groups } = await fetchGroups({ where: '', by: 'status', measure: '' })
      setRunning(groups.find(({ value }) => value === 'running')?.runs ?? 0)
    } catch {
      // What is wrong with the store is said by the list.
    }
  }
  const showRange = (start: number, end: number): void => {
    range.current = [start, end]
    for (let part = Math.floor(start / PART); part * PART < Math.max(end, 1); part++)
      if (!parts.current.has(part) && !pending.current.has(part)) void load(part, current.current.list)
  }
  useEffect(() => {
    for (const stop of pending.current.values()) stop.abort()
    pending.current.clear()
    current.current.list = undefined
    // One after the other: both bring the index up to date.
    void load(0, undefined).then(countRunning)
    setCursor(-1)
    const timer = setInterval(() => {
      if (document.hidden) return
      // Without the name of a list, the server makes a new one.
      const [start, end] = range.current
      void load(Math.floor(start / PART), undefined).then(() => {
        showRange(start, end)
        return countRunning()
      })
    }, AGAIN)
    return () => clearInterval(timer)
  }, [queryKey])

  const change = (changed: Partial<ListQuery & { readonly by: string; readonly measure: string }>): void => {
    const { where, sort, columns, ...group } = { by, measure, ...query, ...changed }
    const search = new URLSearchParams()
    if (where.trim() !== '') search.set('where', where)
    for (const key of sort) search.append('sort', key)
    for (const name of columns) search.append('column', name)
    if (group.by !== '') search.set('group', group.by)
    if (group.by !== '' && group.measure !== '') search.set('range', group.measure)
    go(search.size === 0 ? '/' : `/?${search}`, 'replace')
  }
  const sortBy = (field: string, isAdded: boolean): void => {
    const others = isAdded ? query.sort.filter((key) => key !== field && key !== `-${field}`) : []
    // The first click puts the greatest or newest first; the third takes the order away.
    const next = query.sort.includes(`-${field}`) ? [field] : query.sort.includes(field) ? [] : [`-${field}`]
    change({ sort: [...others, ...next] })
  }
  const runAt = (index: number): ListedRunBody | undefined =>
    parts.current.get(Math.floor(index / PART))?.[index % PART]
  const choose = (id: string): void =>
    setChosen((before) => {
      const next = new Set(before)
      if (!next.delete(id)) next.add(id)
      return next
    })
  const matched = head?.matched ?? 0
  const ids = [...chosen]
  const open = (): void => {
    const run = runAt(cursor)
    if (run !== undefined) go(runAddress(run.id))
  }
  const compare = (): void => {
    if (ids.length > 1) go(compareAddress(ids))
  }
  const move = (rows: number) => (): void =>
    setCursor((before) => Math.max(0, Math.min(matched - 1, before + rows)))
  useKeys({
    '/': () => input.current?.focus(),
    j: move(1),
    k: move(-1),
    ArrowDown: move(1),
    ArrowUp: move(-1),
    Enter: open,
    o: open,
    x: () => {
      const run = runAt(cursor)
      if (run !== undefined) choose(run.id)
    },
    c: compare,
  })
  const names = head?.names ?? { parameters: [], metrics: [] }
  const isOfFilter = error instanceof ApiError && error.details.where === 'where'
  return (
    <main class="runs-view">
      <div class="toolbar">
        <h1 class="visually-hidden">Runs</h1>
        <Filter
          where={query.where}
          names={names}
          error={isOfFilter ? error : undefined}
          input={input}
          onChange={(where) => change({ where })}
        />
        <Columns
          columns={query.columns.length === 0 ? (head?.columns ?? []) : query.columns}
          isAuto={query.columns.length === 0}
          names={names}
          onChange={(columns) => change({ columns })}
        />
        <button
          type="button"
          class="button button-main"
          disabled={ids.length < 2}
          onClick={compare}
          title="Compare the chosen runs (c)"
        >
          Compare{ids.length > 0 ? ` ${ids.length}` : ''}
        </button>
        {ids.length > 0 && (
          <button type="button" class="button" onClick={() => setChosen(new Set())}>
            Clear
          </button>
        )}
      </div>
      <div class="counts-line">
        <p class="counts" aria-live="polite">
          {head === undefined
            ? ' '
            : head.matched === head.total
              ? plural(head.total, 'run')
              : `${head.matched.toLocaleString('en-US')} of ${plural(head.total, 'run')}`}
          {head !== undefined &&
            query.sort.length > 0 &&
            ` · by ${query.sort.map((key) => (key.startsWith('-') ? `${shown(key.slice(1), 60)} ↓` : `${shown(key, 60)} ↑`)).join(', ')}`}
          {running > 0 && query.where !== RUNNING && (
            <>
              {' · '}
              <button
                type="button"
                class="link running"
                onClick={() => change({ where: RUNNING, by: '', measure: '' })}
              >
                {running.toLocaleString('en-US')} running
              </button>
            </>
          )}
          {head !== undefined && head.damaged.length > 0 && (
            <span class="bad">
              {' '}
              · {plural(head.damaged.length, 'folder')} cannot be read:{' '}
              {shown(head.damaged[0]?.message ?? '', 200)}
            </span>
          )}
        </p>
        <GroupChoice
          by={by}
          measure={measure}
          names={names}
          onChange={(field, measured) => change({ by: field, measure: measured })}
        />
      </div>
      {error !== undefined && !isOfFilter && <Failure error={error} />}
      {head !== undefined && head.total === 0 && head.damaged.length === 0 ? (
        <Empty title="No runs yet">
          <p>Record one. It shows here while it runs.</p>
          <Typed>lineaprint run --name first -- python train.py</Typed>
        </Empty>
      ) : head !== undefined && head.total === 0 && query.where.trim() === '' ? (
        <Empty title="No run can be read">
          {head.damaged.slice(0, DAMAGED).map(({ id, message }) => (
            <p key={id}>{shown(message, 400)}</p>
          ))}
          {head.damaged.length > DAMAGED && <p>{plural(head.damaged.length - DAMAGED, 'folder')} more</p>}
        </Empty>
      ) : head !== undefined && matched === 0 ? (
        <Empty title="No run matches">
          <p>All of these must be true: {shown(query.where, 300)}</p>
          <button type="button" class="button" onClick={() => change({ where: '' })}>
            Show all runs
          </button>
        </Empty>
      ) : head === undefined && isOfFilter ? (
        <Empty title="The filter cannot be read yet">
          <p>The arrow above shows where. Press ? for an example.</p>
        </Empty>
      ) : by !== '' ? (
        <Groups
          // The values of another question are not shown under these titles.
          key={`${query.where} ${by} ${measure}`}
          where={query.where}
          by={by}
          measure={measure}
          onChoose={(where) => change({ where, by: '', measure: '' })}
        />
      ) : (
        <RunTable
          matched={matched}
          columns={query.columns.length === 0 ? metricsFirst(head?.columns ?? []) : (head?.columns ?? [])}
          sort={query.sort}
          cursor={cursor}
          chosen={chosen}
          runAt={runAt}
          onRange={showRange}
          onSort={sortBy}
          onChoose={choose}
          onCompare={(id) => go(compareAddress([...ids, id]))}
          onCursor={setCursor}
        />
      )}
    </main>
  )
}

/** Return columns with those of metrics first: they are what runs are chosen by. */
function metricsFirst(columns: readonly string[]): string[] {
  return [
    ...columns.filter((name) => name.startsWith('metrics.')),
    ...columns.filter((name) => !name.startsWith('metrics.')),
  ]
}
