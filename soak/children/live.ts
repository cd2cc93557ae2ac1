/**
 * Track runs that are sent to a server while they go on: some with ten values a second, until the input ends, and beside
 * them short ones, one after the other; print what became of each.
 *
 * Arguments: folder of the store, address of the server, number of this process, long runs, short runs, milliseconds
 * between the starts of two short runs.
 */
import { writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { liveId } from '../support/live-writers.ts'
import { NO_CAPTURES } from '../support/tracker.ts'
import type { LiveRun } from '../support/live-writers.ts'

/** Milliseconds between two values of a run. */
const PACE = 100

/** Milliseconds that the end of a run waits for the server, which is killed again and again. */
const PATIENCE = 60_000

/** One of so many short runs keeps an output. */
const KEPT = 10

/** Bytes of a kept output. */
const OUTPUT = 100_000

interface Target {
  readonly outputDir: string
  readonly server: string
  readonly writer: number
}

async function startedRun({ outputDir, server }: Target, experimentId?: string): Promise<ExperimentTracker> {
  const tracker = new ExperimentTracker(
    { ...NO_CAPTURES, outputDir, server, serverTimeoutMs: PATIENCE, experimentName: 'soak', experimentId },
    { environment: { LINEAPRINT_TOKEN: process.env['LINEAPRINT_TOKEN'] } },
  )
  await tracker.startExperiment()
  return tracker
}

async function longRun(target: Target, index: number, isOver: AbortSignal): Promise<LiveRun> {
  const tracker = await startedRun(target, liveId(target.writer, index))
  let values = 0
  // The value is the time, from which the delay of the page follows.
  const timer = setInterval(() => tracker.logMetric('at', Date.now(), { step: values++ }), PACE)
  if (!isOver.aborted) await once(isOver, 'abort')
  clearInterval(timer)
  return ended(tracker, values, false)
}

async function shortRuns(target: Target, count: number, every: number): Promise<LiveRun[]> {
  const runs: LiveRun[] = []
  const begin = performance.now()
  for (let index = 0; index < count; index++) {
    await sleep(Math.max(0, begin + index * every - performance.now()))
    const tracker = await startedRun(target)
    tracker.logMetric('at', Date.now(), { step: 0 })
    const isKept = index % KEPT === 0
    if (isKept) {
      const path = join(target.outputDir, `output-${target.writer}`)
      writeFileSync(path, `${tracker.id} `.repeat(OUTPUT / 20))
      await tracker.trackOutput(path, 'output', { keep: true })
    }
    runs.push(await ended(tracker, 1, isKept))
  }
  return runs
}

async function ended(tracker: ExperimentTracker, values: number, isKept: boolean): Promise<LiveRun> {
  const { warnings } = await tracker.finishExperiment()
  return { id: tracker.id, values, isKept, endedAt: Date.now(), warnings }
}

const [outputDir = '', server = '', ...counts] = process.argv.slice(2)
const [writer = 0, long = 0, short = 0, every = 0] = counts.map(Number)
const isOver = new AbortController()
process.stdin.resume().once('end', () => isOver.abort())
const longRuns = Array.from({ length: long }, async (_, index) => {
  // Runs do not all start in one moment.
  await sleep((index * 2000) / long)
  return longRun({ outputDir, server, writer }, index, isOver.signal)
})
const shorts = await shortRuns({ outputDir, server, writer }, short, every)
process.stdout.write(JSON.stringify([...(await Promise.all(longRuns)), ...shorts]))
