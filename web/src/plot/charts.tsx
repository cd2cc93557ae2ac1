/** The pictures of all metrics of some runs, with one axis, one zoom and one scale. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { fetchLines } from '../shared/api.ts'
import { Empty, Failure, Typed } from '../shared/parts.tsx'
import { shown } from '../shared/text.ts'
import { Chart } from './chart.tsx'
import type { Line } from '../shared/api.ts'
import type { ChartLine, Range } from './chart.tsx'

/** A run whose lines are shown. */
export interface ChartRun {
  readonly id: string
  readonly label: string
}

interface ChartsProps {
  readonly runs: readonly ChartRun[]
  /** Changes when there are more values. */
  readonly version: number
  readonly mark?: number | undefined
  /** Tells what is missing if there are no metrics. */
  readonly isLive: boolean
  /** Number of metrics, as far as it is known: as many places are kept for pictures. */
  readonly expected?: number
}

/** Axes that can be chosen. */
const AXES = ['step', 'time', 'epoch'] as const

type ChosenAxis = (typeof AXES)[number]

/** Metrics that are drawn at once; the rest after a click. */
const FIRST = 24

/** Pictures of metrics. */
export function Charts({ runs, version, mark, isLive, expected = 2 }: ChartsProps) {
  const [axis, setAxis] = useState<ChosenAxis>('step')
  const [isLog, setLog] = useState(false)
  const [range, setRange] = useState<Range>(null)
  const [search, setSearch] = useState('')
  const [isAll, setAll] = useState(false)
  const [lines, setLines] = useState<readonly Line[]>()
  const [warnings, setWarnings] = useState<readonly string[]>([])
  const [error, setError] = useState<unknown>()
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
      setError(failure)
    } finally {
      isBusy.current = false
    }
  }
  useEffect(() => void load(), [ids.join(), version, axis, range?.[0], range?.[1]])
  const names = [...new Set((lines ?? []).map(({ name }) => name))]
  const matching = names.filter((name) => name.toLowerCase().includes(search.toLowerCase()))
  const own = matching.filter((name) => !name.startsWith('system/'))
  const inOrder = [...own, ...matching.filter((name) => name.startsWith('system/'))]
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
              onClick={() => (setAxis(name), setRange(null))}
            >
              {name}
            </button>
          ))}
        </div>
        <button type="button" class="button" aria-pressed={isLog} onClick={() => setLog(!isLog)}>
          log
        </button>
        <button type="button" class="button" disabled={range === null} onClick={() => setRange(null)}>
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
        {runs.length > 1 && (
          <ul class="legend" aria-label="Runs">
            {runs.map(({ id, label }, index) => (
              <li key={id}>
                <span class={`swatch swatch-${index % 8}`} aria-hidden="true" />
                {shown(label, 60)}
              </li>
            ))}
          </ul>
        )}
      </div>
      <div class="charts">
        {visible.map((name) => (
          <Chart
            key={name}
            title={name}
            lines={linesOf(name, lines ?? [], runs)}
            axis={axis}
            isLog={isLog}
            range={range}
            mark={axis === 'step' ? mark : undefined}
            onRange={setRange}
          />
        ))}
      </div>
      {visible.length < inOrder.length && (
        <button type="button" class="button" onClick={() => setAll(true)}>
          Show {inOrder.length - visible.length} more
        </button>
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

function linesOf(name: string, lines: readonly Line[], runs: readonly ChartRun[]): ChartLine[] {
  return runs.flatMap(({ id, label }, colour) => {
    const line = lines.find((other) => other.run === id && other.name === name)
    return line === undefined ? [] : [{ line, colour, label }]
  })
}
