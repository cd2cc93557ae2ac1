/**
 * Log many values of metrics into one run, finish it and print the cost; or read such a run.
 *
 * Arguments: `log`, `hoard` (the control: keeps every value) or `read`; folder of the store; number of
 * values, a multiple of 1000. The first record of the run is copied to `unfinished.json` next to the store.
 */
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { listRuns } from '../../src/database/runs.ts'
import { readRun } from '../../src/store/runs.ts'
import { JOURNAL_FILE, RECORD_FILE, storeIn } from '../../src/store/store.ts'
import { NO_CAPTURES } from '../support/tracker.ts'

/** The output of this program. */
export interface MetricsReport {
  /** Microseconds that the caller waited per value. */
  readonly callerUs: number
  /** Values per second until all were on disk. */
  readonly perSecond: number
  /** Growth of the peak resident memory, in MiB. */
  readonly growthMiB: number
  readonly finishSeconds: number
  readonly recordBytes: number
  readonly journalBytes: number
}

/** The output of `read`. */
export interface MetricsReading {
  readonly seconds: number
  readonly growthMiB: number
  readonly events: number
  readonly problems: readonly string[]
  readonly status: string
  /** Of each metric: values, number of NaN, last step. */
  readonly metrics: Readonly<
    Record<string, readonly [count: number, nanCount: number, lastStep: number | null]>
  >
}

const [what, folder = '', count] = process.argv.slice(2)
const values = Number(count)
/** Values between two readings of the clock. */
const BLOCK = 1000

function resident(field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))
  return Number(line?.[1]) / 1024
}

/** Run work, and return the peak of its memory in MiB. */
async function measured<T>(
  work: () => Promise<T>,
): Promise<{ result: T; seconds: number; growthMiB: number }> {
  const idle = resident('VmRSS')
  // Writing 5 resets the peak; see proc(5).
  writeFileSync('/proc/self/clear_refs', '5')
  const from = performance.now()
  const result = await work()
  return { result, seconds: (performance.now() - from) / 1000, growthMiB: resident('VmHWM') - idle }
}

if (what === 'read') {
  const store = storeIn(folder)
  const [first] = (await listRuns(store)).runs
  const { result, seconds, growthMiB } = await measured(() => readRun(first?.folder ?? ''))
  const { status, record, journal } = result
  const metrics = Object.entries(record.metrics).map(([name, metric]) => [
    name,
    [metric.count, metric.nanCount, metric.lastStep],
  ])
  const report: MetricsReading = {
    seconds,
    growthMiB,
    events: journal?.events ?? 0,
    problems: journal?.problems ?? [],
    status,
    metrics: Object.fromEntries(metrics) as MetricsReading['metrics'],
  }
  process.stdout.write(JSON.stringify(report))
} else {
  const tracker = new ExperimentTracker({ ...NO_CAPTURES, outputDir: folder }, { environment: {} })
  await tracker.startExperiment()
  const path = join(tracker.runDirectory, RECORD_FILE)
  // The record of a run that is never finished.
  copyFileSync(path, join(folder, 'unfinished.json'))
  const hoard: object[] = []
  let callerMs = 0
  const { seconds, growthMiB } = await measured(async () => {
    for (let first = 0; first < values; first += BLOCK) {
      const from = performance.now()
      for (let step = first; step < first + BLOCK; step++) {
        if (what === 'hoard') hoard.push({ step, value: valueAt(step) })
        else tracker.logMetric(step % 2 === 0 ? 'even' : 'odd', valueAt(step), { step })
      }
      callerMs += performance.now() - from
      // Programs log between other work, so that background writes get a turn.
      if (first % (10 * BLOCK) === 0) await new Promise(setImmediate)
    }
    await tracker.flush()
  })
  const from = performance.now()
  await tracker.finishExperiment()
  const report: MetricsReport = {
    callerUs: (callerMs * 1000) / values,
    perSecond: values / seconds,
    growthMiB,
    finishSeconds: (performance.now() - from) / 1000,
    recordBytes: statSync(path).size,
    journalBytes: statSync(join(tracker.runDirectory, JOURNAL_FILE)).size,
  }
  process.stdout.write(JSON.stringify(report))
}

/** Return the value of a step; one in a thousand is a number that JSON does not have. */
function valueAt(step: number): number {
  return step % BLOCK === 0 ? [NaN, Infinity, -Infinity][(step / BLOCK) % 3]! : step / 3
}
