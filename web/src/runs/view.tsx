/** The list of runs. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, fetchGroups, fetchRuns, isUnreachable } from '../shared/api.ts'
import { useConnection } from '../shared/connection.ts'
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

/** A row, by its number and the run that has it. */
interface Place {
  readonly index: number
  readonly id: string | undefined
}

const NOWHERE: Place = { index: -1, id: undefined }

/** What somebody who comes back to the list finds as it was. */
const left: { query: string; place: Place; chosen: ReadonlySet<string> } = {
  query: '',
  place: NOWHERE,
  chosen: new Set(),
}

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
  /** Parts that were loaded since the list was asked for again; the others show what they had. */
  const fresh = useRef(new Set<number>())
  const pending = useRef(new Map<number, AbortController>())
  const range = useRef<readonly [number, number]>([0, 40])
  const [head, setHead] = useState<RunListBody>()
  const [error, setError] = useState<unknown>()
  const [, setVersion] = useState(0)
  const [running, setRunning] = useState(0)
  const [asked, setAsked] = useState(0)
  const [place, setPlace] = useState(left.query === queryKey ? left.place : NOWHERE)
  const [chosen, setChosen] = useState(left.chosen)
  const { returns } = useConnection()
  const input = useRef<HTMLInputElement>(null)
  const shownQuery = useRef<string>(undefined)
  const current = useRef({ query, list: undefined as string | undefined })
  current.current.query = query
  const cursor = place.index
  const isMoved = useRef(false)
  const lastQuery = useRef<string>(undefined)
  const ordered = useRef<{ readonly key: string; readonly columns: readonly string[] }>({
    key: '',
    columns: [],
  })
  Object.assign(left, { query: queryKey, place, chosen })

  const runAt = (index: number): ListedRunBody | undefined =>
    parts.current.get(Math.floor(index / PART))?.[index % PART]

  /** Move the cursor with its run, if new runs came before it. */
  const keepPlace = (): void =>
    setPlace((before) => {
      const { index: at, id: own = runAt(at)?.id } = before
      if (own === undefined || runAt(at)?.id === own) return { index: at, id: own }
      for (const [part, runs] of parts.current) {
        const index = runs.findIndex(({ id }) => id === own)
        if (index >= 0) return { index: part * PART + index, id: own }
      }
      return before
    })
  const load = async (part: number, list: string | undefined): Promise<void> => {
    pending.current.get(part)?.abort()
    const stop = new AbortController()
    pending.current.set(part, stop)
    const own = JSON.stringify(current.current.query)
    try {
      const answer = await fetchRuns(
        current.current.query,
        { list, offset: part * PART, limit: PART },
        stop.signal,
      )
      if (stop.signal.aborted) return
      if (list === undefined) fresh.current.clear()
      if (answer.list !== current.current.list) {
        current.current.list = answer.list
        parts.current.clear()
        fresh.current.clear()
        // What is under way is of the list before.
        for (const [other, before] of pending.current)
          if (other !== part && pending.current.delete(other)) before.abort()
      }
      parts.current.set(part, answer.runs)
      fresh.current.add(part)
      setHead(answer)
      shownQuery.current = own
      setError(undefined)
      keepPlace()
      setVersion((version) => version + 1)
    } catch (failure) {
      // A list that is shown stays, and is asked for again.
      if (!stop.signal.aborted && !(isUnreachable(failure) && shownQuery.current === own)) setError(failure)
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
      if (!fresh.current.has(part) && !pending.current.has(part)) void load(part, current.current.list)
  }
  useEffect(() => {
    for (const stop of pending.current.values()) stop.abort()
    pending.current.clear()
    current.current.list = undefined
    // One after the other: both bring the index up to date.
    void load(0, undefined).then(countRunning)
    if (lastQuery.current !== undefined && lastQuery.current !== queryKey) setPlace(NOWHERE)
    lastQuery.current = queryKey
    const timer = setInterval(() => {
      if (document.hidden) return
      // Without the name of a list, the server makes a new one.
      void load(Math.floor(range.current[0] / PART), undefined).then(() => {
        setAsked((times) => times + 1)
        showRange(...range.current)
        return countRunning()
      })
    }, AGAIN)
    return () => clearInterval(timer)
  }, [queryKey, returns])

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
  const goTo = (index: number): void => setPlace({ index, id: runAt(index)?.id })
  const move = (rows: number) => (): void => {
    isMoved.current = true
    // Keys can come faster than the list is drawn.
    if (matched > 0)
      setPlace((before) => {
        const index = Math.max(0, Math.min(matched - 1, before.index + rows))
        return { index, id: runAt(index)?.id }
      })
  }
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
  // Their order stays while runs come.
  const columnsKey = `${queryKey} ${(head?.columns ?? []).join(' ')}`
  if (ordered.current.key !== columnsKey && head !== undefined)
    ordered.current = {
      key: columnsKey,
      columns: mostUsedFirst(head.columns, parts.current.get(0) ?? head.runs),
    }
  const columns = query.columns.length === 0 ? ordered.current.columns : (head?.columns ?? [])
  const names = head?.names ?? { parameters: [], metrics: [] }
  const isOfFilter = error instanceof ApiError && error.details.where === 'where'
  return (
    <main class="runs-view" tabIndex={-1}>
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
          onChange={(chosenColumns) => change({ columns: chosenColumns })}
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
          <button
            type="button"
            class="button"
            onClick={() => (change({ where: '' }), input.current?.focus())}
          >
            Show all runs
          </button>
        </Empty>
      ) : head === undefined && isOfFilter ? (
        <Empty title="The filter cannot be read yet">
          <p>The arrow above shows where. A filter that can be read:</p>
          <Typed>{'metrics.loss < 0.3 and params.lr = 0.01 and tags has "base"'}</Typed>
        </Empty>
      ) : by !== '' ? (
        <Groups
          // The values of another question are not shown under these titles.
          key={`${query.where} ${by} ${measure}`}
          where={query.where}
          by={by}
          measure={measure}
          asked={asked}
          onChoose={(where) => change({ where, by: '', measure: '' })}
        />
      ) : (
        <RunTable
          matched={matched}
          columns={columns}
          sort={query.sort}
          cursor={cursor}
          chosen={chosen}
          runAt={runAt}
          onRange={showRange}
          onSort={sortBy}
          onChoose={choose}
          onCompare={(id) => go(compareAddress([...ids, id]))}
          isMoved={isMoved}
          onCursor={goTo}
        />
      )}
    </main>
  )
}

/**
 * Return columns in the order in which runs are chosen by them: those that most of the runs have, of these the metrics, then
 * the others by how many have them.
 */
function mostUsedFirst(columns: readonly string[], runs: readonly ListedRunBody[]): string[] {
  const placed = columns.map((name) => {
    const share =
      runs.filter(({ values }) => (values[name] ?? null) !== null).length / Math.max(1, runs.length)
    const isMetric = name.startsWith('metrics.')
    return { name, rank: (share >= 0.5 ? 0 : 2) + (isMetric ? 0 : 1), share }
  })
  return placed
    .toSorted((a, b) => (a.rank >> 1) - (b.rank >> 1) || (a.rank < 2 ? a.rank - b.rank : b.share - a.share))
    .map(({ name }) => name)
}
