/** The pictures of all metrics of some runs, with one axis, one zoom and one scale. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { fetchLines, isUnreachable } from '../shared/api.ts'
import { useConnection } from '../shared/connection.ts'
import { useKeys } from '../shared/hooks.ts'
import { Empty, Failure, Typed } from '../shared/parts.tsx'
import { go, useAddress } from '../shared/router.ts'
import { plural, shown } from '../shared/text.ts'
import { Chart } from './chart.tsx'
import { Legend } from './legend.tsx'
import type { Line } from '../shared/api.ts'
import type { ChartLine, Range } from './chart.tsx'
import type { ChartRun } from './legend.tsx'

interface ChartsProps {
  readonly runs: readonly ChartRun[]
  /** Changes when there are more values. */
  readonly version: number
  readonly mark?: number | undefined
  /** Tells what is missing if there are no metrics. */
  readonly isLive: boolean
  /** True if metrics can come while they are shown: those that are there keep their places. */
  readonly isGrowing?: boolean
  /** Number of metrics, as far as it is known: as many places are kept for pictures. */
  readonly expected?: number
}

/** Axes that can be chosen. */
const AXES = ['step', 'time', 'epoch'] as const

type ChosenAxis = (typeof AXES)[number]

/** Metrics that are drawn at once; the rest after a click. */
const FIRST = 24

/** What of the pictures is in the address. */
interface Look {
  readonly axis: ChosenAxis
  readonly isLog: boolean
  readonly range: Range
}

function lookOf({ searchParams }: URL): Look {
  const [from, to] = ['from', 'to'].map((name) => Number(searchParams.get(name) ?? NaN))
  const isRange =
    from !== undefined && to !== undefined && Number.isFinite(from) && from < to && to < Infinity
  return {
    axis: AXES.find((name) => name === searchParams.get('axis')) ?? 'step',
    isLog: searchParams.get('log') === 'true',
    range: isRange ? [from, to] : null,
  }
}

function addressOf({ pathname, search }: URL, { axis, isLog, range }: Look): string {
  const parameters = new URLSearchParams(search)
  const values = {
    axis: axis === 'step' ? '' : axis,
    log: isLog ? 'true' : '',
    from: range?.[0],
    to: range?.[1],
  }
  for (const [name, value = ''] of Object.entries(values))
    if (value === '') parameters.delete(name)
    else parameters.set(name, String(value))
  return parameters.size === 0 ? pathname : `${pathname}?${parameters}`
}

/** Pictures of metrics. Their axis, scale and range are in the address. */
export function Charts({ runs, version, mark, isLive, isGrowing = false, expected = 2 }: ChartsProps) {
  const address = useAddress()
  const look = lookOf(address)
  const { axis, isLog, range } = look
  const change = (changed: Partial<Look>): void => go(addressOf(address, { ...look, ...changed }), 'replace')
  const showAll = (): void => change({ range: null })
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set())
  const [pointed, setPointed] = useState<string>()
  const [search, setSearch] = useState('')
  const [isAll, setAll] = useState(false)
  const [lines, setLines] = useState<readonly Line[]>()
  const [warnings, setWarnings] = useState<readonly string[]>([])
  const [error, setError] = useState<unknown>()
  const order = useRef<readonly string[]>([])
  const { returns } = useConnection()
  useKeys({ '0': showAll })
  const ids = runs.map(({ id }) => id)
  const isBusy = useRef(false)
  const again = useRef(false)
  const wanted = useRef({ ids, axis, range })
  wanted.current = { ids, axis, range }
  const load = async (): Promise<void> => {
    // Of a run that logs faster than it is drawn, the last state counts.
    if (isBusy.current) {
      again.current = true
      return
    }
    isBusy.current = true
    try {
      do {
        again.current = false
        const { ids: own, axis: chosen, range: part } = wanted.current
        const pixels = pixelsOf(own.length)
        const answer = await fetchLines({ runs: own, axis: chosen, from: part?.[0], to: part?.[1], pixels })
        setLines(answer.lines)
        setWarnings(answer.warnings)
        setError(undefined)
      } while (again.current)
    } catch (failure) {
      // What was drawn stays until the server answers again.
      if (!isUnreachable(failure) || lines === undefined) setError(failure)
    } finally {
      isBusy.current = false
    }
  }
  useEffect(() => void load(), [ids.join(), version, returns, axis, range?.[0], range?.[1]])
  const names = [...new Set((lines ?? []).map(({ name }) => name))]
  const first = [...names.filter((name) => !isOfSystem(name)), ...names.filter(isOfSystem)]
  // Metrics that come later are after those that are there.
  if (isGrowing) order.current = [...order.current, ...first.filter((name) => !order.current.includes(name))]
  const ordered = isGrowing ? order.current.filter((name) => names.includes(name)) : first
  const inOrder = ordered.filter((name) => name.toLowerCase().includes(search.toLowerCase()))
  const visible = isAll ? inOrder : inOrder.slice(0, FIRST)
  if (lines === undefined && error === undefined && expected > 0)
    return (
      <>
        <div class="chart-tools chart-tools-empty" key="places-tools" />
        <div class="charts" key="places">
          {Array.from({ length: Math.min(FIRST, expected) }, (_, index) => (
            <div key={index} class="chart chart-empty" />
          ))}
        </div>
      </>
    )
  if (names.length === 0 && error === undefined) {
    return (
      <Empty title={isLive ? 'No metrics so far' : 'No metrics'}>
        <p>Log them in the program, or read them from a file that it writes.</p>
        <Typed>lineaprint.log_metric("loss", loss, step)</Typed>
      </Empty>
    )
  }
  return (
    <>
      {error !== undefined && <Failure error={error} />}
      {warnings.map((warning) => (
        <p class="notice notice-warn" key={warning}>
          {shown(warning)}
        </p>
      ))}
      <div class="chart-tools">
        <div class="choice" role="group" aria-label="Axis">
          {AXES.map((name) => (
            <button
              type="button"
              key={name}
              aria-pressed={axis === name}
              onClick={() => change({ axis: name, range: null })}
            >
              {name}
            </button>
          ))}
        </div>
        <button type="button" class="button" aria-pressed={isLog} onClick={() => change({ isLog: !isLog })}>
          log
        </button>
        {/* It keeps the focus when there is no more to show. */}
        <button
          type="button"
          class="button"
          aria-disabled={range === null}
          title="Show the whole range (0, or a double click)"
          onClick={showAll}
        >
          whole range
        </button>
        {names.length > 6 && (
          <input
            type="search"
            aria-label="Search metrics"
            placeholder={`search ${names.length} metrics`}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        )}
        {axis === 'epoch' && lines?.every((line) => line.axis !== 'epoch') === true && (
          <span class="dim">no metric is named epoch; steps are shown</span>
        )}
      </div>
      {runs.length > 1 && <Legend runs={runs} hidden={hidden} onHidden={setHidden} onPoint={setPointed} />}
      <div class={`charts ${isGrowing ? 'charts-growing' : ''}`}>
        {visible.map((name) => (
          <Chart
            key={name}
            title={name}
            lines={linesOf(name, lines ?? [], runs, hidden)}
            pointed={pointed}
            axis={axis}
            isLog={isLog}
            range={range}
            mark={axis === 'step' ? mark : undefined}
            onRange={(part) => change({ range: part })}
          />
        ))}
      </div>
      {visible.length < inOrder.length && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show {inOrder.length - visible.length} more
        </button>
      )}
      {inOrder.length === 0 && error === undefined && (
        <Empty title="No metric is called so">
          <button type="button" class="button" onClick={() => setSearch('')}>
            Show all {plural(names.length, 'metric')}
          </button>
        </Empty>
      )}
    </>
  )
}

/**
 * Return the columns of a picture: a power of two, since of those the server has overviews. A picture is at most 820 pixels
 * wide; of many runs, none is seen in more detail than 512 columns.
 */
function pixelsOf(runs: number): number {
  const wanted = Math.min(innerWidth, 820) * devicePixelRatio
  return Math.min(runs > 24 ? 512 : 2048, 2 ** Math.ceil(Math.log2(wanted)))
}

function isOfSystem(name: string): boolean {
  return name.startsWith('system/')
}

function linesOf(
  name: string,
  lines: readonly Line[],
  runs: readonly ChartRun[],
  hidden: ReadonlySet<string>,
): ChartLine[] {
  return runs.flatMap(({ id, label }, colour) => {
    const line = hidden.has(id) ? undefined : lines.find((other) => other.run === id && other.name === name)
    return line === undefined ? [] : [{ line, colour, label }]
  })
}
