/** The table of runs. Only the rows on the screen exist, so a hundred thousand are as fast as ten. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { plain } from './columns.tsx'
import { Moment, Status } from '../shared/parts.tsx'
import { runAddress } from '../shared/router.ts'
import { alignedBy, decoded, duration, shown, valueText } from '../shared/text.ts'
import type { RefObject } from 'preact'
import type { ListedRunBody } from '../shared/api.ts'

/** Height of a row in pixels, as the style sheet has it. */
const ROW = 34

/** Rows above and below the screen. */
const MORE = 12

interface TableProps {
  readonly matched: number
  readonly columns: readonly string[]
  readonly sort: readonly string[]
  readonly cursor: number
  readonly chosen: ReadonlySet<string>
  readonly runAt: (index: number) => ListedRunBody | undefined
  readonly onRange: (start: number, end: number) => void
  readonly onSort: (field: string, isAdded: boolean) => void
  readonly onChoose: (id: string) => void
  /** Compares a run with those that are chosen. */
  readonly onCompare: (id: string) => void
  /** Set when a key moved the cursor: its run then gets the focus. */
  readonly isMoved: RefObject<boolean>
  readonly onCursor: (index: number) => void
}

/** The columns that every run has. */
const OWN = [
  // On a narrow screen there is more beside it.
  { field: 'name', title: 'run', width: innerWidth < 560 ? 190 : 260 },
  { field: 'started', title: 'started', width: 110 },
  { field: 'duration', title: 'took', width: 92 },
  { field: '', title: 'tags', width: 150 },
] as const

/** Width of a column of numbers, and of one of texts. */
const NUMBER_WIDTH = 112
const TEXT_WIDTH = 152

/** The table. */
export function RunTable(props: TableProps) {
  const {
    matched,
    columns,
    sort,
    cursor,
    chosen,
    runAt,
    onRange,
    onSort,
    onChoose,
    onCompare,
    onCursor,
    isMoved,
  } = props
  const frame = useRef<HTMLDivElement>(null)
  const [range, setRange] = useState<readonly [number, number]>([0, 40])
  const measure = (): void => {
    const { current } = frame
    if (current === null) return
    const start = Math.max(0, Math.floor(current.scrollTop / ROW) - MORE)
    const end = Math.min(matched, Math.ceil((current.scrollTop + current.clientHeight) / ROW) + MORE)
    setRange(([from, to]) => (from === start && to === end ? [from, to] : [start, end]))
  }
  useEffect(() => {
    measure()
    const observer = new ResizeObserver(measure)
    if (frame.current !== null) observer.observe(frame.current)
    return () => observer.disconnect()
  }, [matched])
  const [start, end] = range
  useEffect(() => onRange(start, end), [start, end, matched])
  // Before the next key: Enter opens what has the focus.
  useLayoutEffect(() => {
    const { current } = frame
    if (current === null || cursor < 0) return
    const top = cursor * ROW
    const height = current.clientHeight - ROW - 8
    if (top < current.scrollTop) current.scrollTop = top
    else if (top + ROW > current.scrollTop + height) current.scrollTop = top + ROW - height
    if (!isMoved.current) return
    isMoved.current = false
    current.querySelector<HTMLElement>('.cursor .run-cell a')?.focus({ preventScroll: true })
  }, [cursor])
  const rows = Array.from(
    { length: Math.max(0, Math.min(end, matched) - start) },
    (_, index) => start + index,
  )
  const visible = rows.flatMap((index) => runAt(index) ?? [])
  const widths = columns.map((name) => (isNumeric(visible, name) ? NUMBER_WIDTH : TEXT_WIDTH))
  const written = new Map(
    columns.map((name) => [name, alignedBy(visible.map(({ values }) => decoded(values[name])))]),
  )
  const width = 68 + [...OWN.map((column) => column.width), ...widths].reduce((sum, part) => sum + part, 0)
  return (
    <div
      class="table-frame"
      ref={frame}
      onScroll={measure}
      tabIndex={-1}
      data-arrival={cursor < 0 ? true : undefined}
    >
      <table class="runs" style={{ minWidth: `${width}px` }} aria-rowcount={matched + 1}>
        <colgroup>
          <col style={{ width: '36px' }} />
          <col style={{ width: '32px' }} />
          {OWN.map(({ title, width: own }) => (
            <col key={title} style={title === 'run' ? {} : { width: `${own}px` }} />
          ))}
          {columns.map((name, index) => (
            <col key={name} style={{ width: `${widths[index]}px` }} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col">
              <span class="visually-hidden">chosen</span>
            </th>
            <th scope="col">
              <span class="visually-hidden">status</span>
            </th>
            {OWN.map(({ field, title }) =>
              field === '' ? (
                <th scope="col" key={title}>
                  {title}
                </th>
              ) : (
                <Title
                  key={title}
                  field={field}
                  title={title}
                  sort={sort}
                  onSort={onSort}
                  isNumber={field === 'duration'}
                />
              ),
            )}
            {columns.map((name) => (
              <Title
                key={name}
                field={name}
                title={shorter(name)}
                sort={sort}
                onSort={onSort}
                isNumber={isNumeric(visible, name)}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          <tr class="spacer" style={{ height: `${start * ROW}px` }} aria-hidden="true" />
          {rows.map((index) => (
            <Row
              // The focus stays with its run when new ones come before it.
              key={runAt(index)?.id ?? index}
              index={index}
              run={runAt(index)}
              columns={columns}
              written={written}
              isCursor={index === cursor}
              isChosen={chosen.has(runAt(index)?.id ?? '')}
              onChoose={onChoose}
              onCompare={chosen.size > 0 ? onCompare : undefined}
              onCursor={onCursor}
            />
          ))}
          <tr
            class="spacer"
            style={{ height: `${Math.max(0, matched - Math.max(end, start)) * ROW}px` }}
            aria-hidden="true"
          />
        </tbody>
      </table>
    </div>
  )
}

interface TitleProps {
  readonly field: string
  readonly title: string
  readonly sort: readonly string[]
  readonly isNumber?: boolean
  readonly onSort: (field: string, isAdded: boolean) => void
}

function Title({ field, title, sort, isNumber = false, onSort }: TitleProps) {
  const at = sort.findIndex((key) => key === field || key === `-${field}`)
  const direction = at < 0 ? 'none' : sort[at] === field ? 'ascending' : 'descending'
  const arrow = { none: '', ascending: '↑', descending: '↓' }[direction]
  return (
    <th scope="col" aria-sort={direction} class={isNumber ? 'number' : ''}>
      <button
        type="button"
        class="sort"
        title={`${shown(field, 200)} — sort; with Shift after the others`}
        onClick={(event) => onSort(field, event.shiftKey)}
      >
        <span class="sort-title">{shown(title, 100)}</span>
        {arrow !== '' && (
          <span class="sort-arrow" aria-hidden="true">
            {arrow}
            {sort.length > 1 ? at + 1 : ''}
          </span>
        )}
      </button>
    </th>
  )
}

interface RowProps {
  readonly index: number
  readonly run: ListedRunBody | undefined
  readonly columns: readonly string[]
  /** What writes the numbers of a column. */
  readonly written: ReadonlyMap<string, (value: number) => string>
  readonly isCursor: boolean
  readonly isChosen: boolean
  readonly onChoose: (id: string) => void
  readonly onCompare: ((id: string) => void) | undefined
  readonly onCursor: (index: number) => void
}

function Row({ index, run, columns, written, isCursor, isChosen, onChoose, onCompare, onCursor }: RowProps) {
  if (run === undefined) {
    return (
      <tr class="loading" aria-rowindex={index + 2}>
        <td colSpan={6 + columns.length}>
          <span class="bone" />
        </td>
      </tr>
    )
  }
  const { id, name, runName, status, startedAt, durationMs, tags, values } = run
  return (
    <tr
      class={`${isCursor ? 'cursor' : ''} ${isChosen ? 'chosen' : ''}`}
      aria-rowindex={index + 2}
      aria-selected={isChosen}
      onMouseDown={() => onCursor(index)}
    >
      <td>
        <input
          type="checkbox"
          aria-label={`Choose ${shown(runName ?? name, 60)} ${id} for a comparison`}
          checked={isChosen}
          onChange={() => onChoose(id)}
        />
      </td>
      <td>
        <Status status={status} isShort />
      </td>
      <td class="run-cell">
        <a
          href={runAddress(id)}
          title={`${shown(runName ?? name, 300)} — ${id}`}
          data-arrival={isCursor ? true : undefined}
        >
          <span class="run-name">{shown(runName ?? name, 200)}</span>
          {runName !== null && <span class="run-experiment">{shown(name, 200)}</span>}
          <span class="run-id">{id.slice(-8)}</span>
        </a>
        {onCompare !== undefined && !isChosen && (
          <button
            type="button"
            class="row-compare"
            aria-label={`Compare ${shown(runName ?? name, 60)} ${id} with the chosen runs`}
            onClick={() => onCompare(id)}
          >
            compare
          </button>
        )}
      </td>
      <td>
        <Moment time={startedAt} />
      </td>
      <td class="number">
        {durationMs === null ? (
          <span class="dim">{status === 'running' ? 'running' : '–'}</span>
        ) : (
          duration(durationMs)
        )}
      </td>
      <td class="tags">
        {tags.map((tag) => (
          <span class="tag" key={tag}>
            {shown(tag, 60)}
          </span>
        ))}
      </td>
      {columns.map((column) => {
        const value = values[column] ?? null
        const number = decoded(value)
        if (typeof number === 'number') {
          return (
            <td key={column} class="number" title={String(number)}>
              {(written.get(column) ?? String)(number)}
            </td>
          )
        }
        const text = valueText(value)
        return (
          <td key={column} title={text}>
            {text}
          </td>
        )
      })}
    </tr>
  )
}

/** Tell whether a column has numbers, as far as it is on the screen. */
function isNumeric(runs: readonly ListedRunBody[], column: string): boolean {
  const values = runs.map(({ values: own }) => decoded(own[column] ?? null)).filter((value) => value !== null)
  return (
    values.every((value) => typeof value === 'number') && (values.length > 0 || column.startsWith('metrics.'))
  )
}

/** Return the name of a field without its kind. */
function shorter(name: string): string {
  return plain(name.replace(/^(?:metrics|params)\./, ''))
}
