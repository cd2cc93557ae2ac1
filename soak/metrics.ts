/**
 * Log millions of values into one run: neither memory nor the record grows with their number, and every value
 * is in the journal, in order. Reading the journal takes bounded memory too.
 *
 * The control is a program that keeps every value, and must be detected by its memory.
 */
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { listRuns } from '../src/database/runs.ts'
import { RECORD_FILE, storeIn } from '../src/store/store.ts'
import { ending, printed, startChild } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { MetricsReading, MetricsReport } from './children/metrics.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link metricsRound}. */
export interface MetricsOptions extends Omit<RoundOptions, 'seed'> {
  /** Values, rounded up to thousands. */
  readonly values: number
  /** Required speed; without it, speed is not checked. */
  readonly pace?: {
    /** Maximum microseconds that a caller waits per value. */
    readonly callerUs: number
    /** Minimum number of values on disk per second. */
    readonly perSecond: number
    /** Maximum seconds for reading a finished run. */
    readonly readSeconds: number
  }
}

const PROGRAM = new URL('./children/metrics.ts', import.meta.url)

/** MiB beyond the process before: the write queue, and garbage not yet collected. */
const GROWTH = 96

/** Bytes of a record with two metrics and nothing captured. */
const RECORD_BYTES = 10_000

/** Values of the control. */
const HOARD = 3_000_000

/** Run the round. */
export async function metricsRound({ values, pace, progress }: MetricsOptions): Promise<Outcome> {
  return withFolder(async (base) => {
    const tally = new Tally()
    const count = Math.ceil(values / 1000) * 1000
    const folder = join(base, 'run')
    const wrote = await run('log', folder, count)
    progress(`${wrote.callerUs.toFixed(2)} us in the caller, ${Math.round(wrote.perSecond)} values/s to disk`)
    tally.count(above('MiB to log', wrote.growthMiB, GROWTH))
    tally.count(above('bytes of the record', wrote.recordBytes, RECORD_BYTES))

    const finished = await read(folder)
    tally.count(wrong('the record', finished, count, 'finished'))
    await unfinish(folder)
    const lost = await read(folder)
    progress(`${lost.seconds.toFixed(1)} s to read the journal`)
    tally.count(above('MiB to read the journal', lost.growthMiB, GROWTH))
    tally.count(wrong('the journal', lost, count, 'lost'))
    // The start, the disabled captures, and the end.
    const others = lost.events - count
    tally.count(others >= 2 && others <= 8 ? undefined : `the journal holds ${lost.events} events`)

    if (pace !== undefined) {
      tally.count(above('us in the caller', wrote.callerUs, pace.callerUs))
      tally.count(above('us per value until it is on disk', 1e6 / wrote.perSecond, 1e6 / pace.perSecond))
      tally.count(above('seconds to read the finished run', finished.seconds, pace.readSeconds))
    }

    const hoard = await run('hoard', join(base, 'hoard'), HOARD)
    return {
      name: 'metrics',
      promise: 'logging and reading many values takes memory that does not grow with them, and none is lost',
      ...tally.result,
      controls: [
        { what: 'program that keeps every value', tried: 1, caught: hoard.growthMiB > GROWTH ? 1 : 0 },
      ],
      numbers: {
        values: count,
        'us in the caller per value': round(wrote.callerUs),
        'values per second to disk': Math.round(wrote.perSecond),
        'MiB to log': round(wrote.growthMiB),
        'MiB to read the journal': round(lost.growthMiB),
        'seconds to finish': round(wrote.finishSeconds),
        'seconds to read the finished run': round(finished.seconds),
        'seconds to read the journal': round(lost.seconds),
        'bytes of the journal': wrote.journalBytes,
        'bytes of the record': wrote.recordBytes,
        'MiB of the control': round(hoard.growthMiB),
      },
      skipped: [],
    }
  })
}

async function run(what: string, folder: string, values: number): Promise<MetricsReport> {
  return printed(await ending(startChild(PROGRAM, [what, folder, String(values)]))) as MetricsReport
}

async function read(folder: string): Promise<MetricsReading> {
  return printed(await ending(startChild(PROGRAM, ['read', folder]))) as MetricsReading
}

/** Restore the first record, as if the run had never been finished. */
async function unfinish(folder: string): Promise<void> {
  const [first] = (await listRuns(storeIn(folder))).runs
  renameSync(join(folder, 'unfinished.json'), join(first?.folder ?? '', RECORD_FILE))
}

function above(what: string, value: number, most: number): string | undefined {
  return value > most ? `${what}: ${round(value)}, not ${most}` : undefined
}

/** Return the first error in the metrics as they were read. */
function wrong(where: string, reading: MetricsReading, count: number, status: string): string | undefined {
  const expected = {
    even: [count / 2, Math.ceil(count / 3000), count - 2],
    odd: [count / 2, 0, count - 1],
  }
  if (reading.status !== status) return `the run reads as ${reading.status}, not ${status}`
  if (reading.problems.length > 0) return reading.problems.join('; ')
  const [seen, due] = [JSON.stringify(reading.metrics), JSON.stringify(expected)]
  return seen === due ? undefined : `${where} has ${seen}, not ${due}`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
