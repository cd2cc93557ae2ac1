/**
 * Track runs that are sent to a server while they go on, each with ten values a second, and then short ones; print what
 * became of each.
 *
 * Arguments: folder of the store, address of the server, long runs, seconds of a long run, short runs.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

/** The output of this program. */
export type LiveReport = readonly {
  readonly id: string
  /** Values that it logged. */
  readonly values: number
  readonly warnings: readonly string[]
}[]

/** Milliseconds between two values of a run. */
const PACE = 100

/** Milliseconds that the end of a run waits for the server, which is killed again and again. */
const PATIENCE = 60_000

const [outputDir = '', server = '', long, seconds, short] = process.argv.slice(2)

async function startedRun(): Promise<ExperimentTracker> {
  const tracker = new ExperimentTracker(
    { ...NO_CAPTURES, outputDir, server, serverTimeoutMs: PATIENCE, experimentName: 'soak' },
    { environment: { LINEAPRINT_TOKEN: process.env['LINEAPRINT_TOKEN'] } },
  )
  await tracker.startExperiment()
  return tracker
}

async function longRun(delay: number): Promise<LiveReport[number]> {
  // Runs do not all start in one moment.
  await sleep(delay)
  const tracker = await startedRun()
  let values = 0
  // The value is the time, from which the page's delay follows.
  const timer = setInterval(() => tracker.logMetric('at', Date.now(), { step: values++ }), PACE)
  await sleep(Number(seconds) * 1000)
  clearInterval(timer)
  const { warnings } = await tracker.finishExperiment()
  return { id: tracker.id, values, warnings }
}

const count = Number(long)
const runs: LiveReport[number][] = await Promise.all(
  Array.from({ length: count }, async (_, index) => longRun((index * 2000) / count)),
)
for (let index = 0; index < Number(short); index++) {
  const tracker = await startedRun()
  tracker.logMetric('at', Date.now(), { step: 0 })
  const { warnings } = await tracker.finishExperiment()
  runs.push({ id: tracker.id, values: 1, warnings })
}
process.stdout.write(JSON.stringify(runs))
