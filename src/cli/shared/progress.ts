/**
 * A bar on stderr about long work, with its rate and the time that is left: only on a terminal, and only for work that
 * takes longer than a moment.
 *
 * There is one bar at a time. Whatever else is printed takes it away first, and the next report draws it again below.
 */
import { env, stderr } from 'node:process'
import { bytes, count, onPrint } from './output.ts'
import { duration } from './time.ts'
import type { Progress } from '../../core/options.ts'

/** The progress of one piece of work of a command. */
export interface ProgressBar {
  /** Absent if there is no terminal: nothing is reported then. */
  readonly onProgress: ((progress: Progress) => void) | undefined
  /** Take the bar away. Further reports draw it again. */
  readonly end: () => void
}

/** Shorter work shows no bar. */
const PATIENCE_MS = 500

/** The library that draws is loaded only by work that is long enough for a bar. */
type Draw = Awaited<ReturnType<typeof loadDraw>>
let drawing: Promise<void> | undefined
let draw: Draw | undefined
let isShown = false

/** Start a bar. Call `end` when the work is done, whatever its outcome. */
export function progressBar(label: string): ProgressBar {
  // A dumb terminal cannot take a line back.
  if (stderr.isTTY !== true || env['TERM'] === 'dumb') return { onProgress: undefined, end: () => undefined }
  const started = performance.now()
  const pace = new Pace()
  const onProgress = (progress: Progress): void => {
    const time = performance.now()
    pace.add(progress, time)
    if (time - started < PATIENCE_MS) return
    // A job that has read everything is over: what follows may be the output of a command.
    if (isComplete(progress)) return hideBar()
    if (draw === undefined) {
      drawing ??= loadDraw().then((loaded) => void (draw = loaded), noBar)
      return
    }
    isShown = true
    draw(barLine(label, progress, pace, stderr.columns))
  }
  onPrint(hideBar)
  return { onProgress, end: hideBar }
}

/** Without the library there is no bar; the work goes on. */
function noBar(): void {
  draw = undefined
}

async function loadDraw(): Promise<ReturnType<(typeof import('log-update'))['createLogUpdate']>> {
  const { createLogUpdate } = await import('log-update')
  // A cursor that is hidden would stay so if the process were killed.
  return createLogUpdate(stderr, { showCursor: true })
}

function hideBar(): void {
  if (!isShown) return
  isShown = false
  draw?.clear()
}

function isComplete({ bytesDone, bytesTotal, filesDone, filesTotal }: Progress): boolean {
  return filesTotal > 0 && bytesDone >= bytesTotal && filesDone >= filesTotal
}

/** Milliseconds over which the rate is measured: long enough to be calm, short enough to follow a change. */
const WINDOW_MS = 5000

/** The rate of the work in the last seconds. */
export class Pace {
  #reports: (readonly [time: number, bytesDone: number])[] = []

  /** Take a report into account. Fewer bytes than before are those of another job, which begins anew. */
  add({ bytesDone }: Pick<Progress, 'bytesDone'>, time: number): void {
    const last = this.#reports.at(-1)
    if (last !== undefined && bytesDone < last[1]) this.#reports = []
    this.#reports.push([time, bytesDone])
    while ((this.#reports[0]?.[0] ?? time) < time - WINDOW_MS) this.#reports.shift()
  }

  /** Bytes per second; `undefined` if too little is known. */
  get rate(): number | undefined {
    const [first, last] = [this.#reports[0], this.#reports.at(-1)]
    if (first === undefined || last === undefined || last[0] - first[0] < 200) return undefined
    return ((last[1] - first[1]) / (last[0] - first[0])) * 1000
  }
}

/** Cells of the longest bar. */
const LONGEST_BAR = 30

/**
 * Return the line of a bar that fits a terminal: what there is least room for is left out first, from the end.
 *
 * @param columns Of the terminal; the line is shorter, so that no terminal breaks it.
 */
export function barLine(
  label: string,
  progress: Progress,
  { rate }: Pick<Pace, 'rate'>,
  columns: number,
): string {
  const { bytesDone, bytesTotal, filesDone, filesTotal } = progress
  const room = Math.max(1, columns - 1)
  const share = bytesTotal > 0 ? Math.min(1, bytesDone / bytesTotal) : 0
  // The total of a stream is what has arrived.
  const hasTotal = filesTotal > 0
  const remaining = rate !== undefined && rate > 0 ? ((bytesTotal - bytesDone) / rate) * 1000 : undefined
  const parts = [
    ...(hasTotal ? [`${String(Math.floor(share * 100)).padStart(3)} %`] : [bytes(bytesDone)]),
    ...(rate === undefined ? [] : [`${bytes(Math.round(rate))}/s`]),
    ...(hasTotal && remaining !== undefined ? [`${timeLeft(remaining)} left`] : []),
    ...(hasTotal ? [`${bytes(bytesTotal)} in all`] : []),
    ...(filesTotal > 1 ? [`${count(filesDone)} of ${count(filesTotal)} files`] : []),
  ]
  let line = label
  for (const part of parts) {
    const longer = `${line}${line === label ? ' ' : ', '}${part}`
    if (longer.length > room) break
    line = longer
  }
  const cells = Math.min(LONGEST_BAR, room - line.length - 3)
  if (!hasTotal || cells < 5) return line.slice(0, room)
  const full = Math.round(share * cells)
  return `${label} [${'#'.repeat(full)}${'-'.repeat(cells - full)}]${line.slice(label.length)}`
}

/** Format the time that is left, in whole seconds: it is an estimate. */
function timeLeft(milliseconds: number): string {
  return milliseconds < 59_500 ? `${Math.max(1, Math.round(milliseconds / 1000))} s` : duration(milliseconds)
}
