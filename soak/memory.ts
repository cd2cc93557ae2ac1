/**
 * Hash a large file, a folder of many files, records of iterables and streams, and FIFOs: memory stays within bounds that do
 * not depend on the size of the input, timers are not late, and calls of `fs` proceed.
 *
 * The controls are programs that read a file whole, hash it in one call, and read FIFOs.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ending, printed, startChild } from './support/child.ts'
import { manyFiles, sparseFile } from './support/many.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import type { MemoryReport } from './children/memory.ts'
import type { Control, Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link memoryRound}. */
export interface MemoryOptions extends Omit<RoundOptions, 'seed'> {
  /** Bytes of the large file. */
  readonly bytes: number
  /** Files in the folder. */
  readonly files: number
  /** Records of an iterable and of a stream. */
  readonly records: number
  /** Maximum delay of timers at the 99th percentile, in milliseconds; more on a busy machine. */
  readonly lateMs: number
}

const PROGRAM = new URL('./children/memory.ts', import.meta.url)

/** MiB beyond the idle process. */
const FILE_GROWTH = 64
const TREE_GROWTH = 256

/** MiB of the whole process, in which the records of a caller are made as well. */
const RECORDS_RESIDENT = 288

/** Bytes of the file of the controls. */
const CONTROL_BYTES = 512 << 20

/** Records that the control holds. */
const HELD_RECORDS = 2_000_000

/** Maximum number of measurements until timers are in time. */
const TRIES = 3

/** Milliseconds after which a call of `fs` counts as stuck. */
const STUCK = 1000

/** Run the round. */
export async function memoryRound({
  bytes,
  files,
  records,
  lateMs,
  progress,
}: MemoryOptions): Promise<Outcome> {
  return withFolder(async (folder) => {
    const tally = new Tally()
    const numbers: Record<string, number> = {
      'bytes of the file': bytes,
      'files of the folder': files,
      records,
    }
    const large = sparseFile(join(folder, 'large'), bytes)
    makeFifos(folder)
    const tree = manyFiles(join(folder, 'tree'), files, progress)

    const measure = async (what: string, path: string, growth: number, resident?: number): Promise<void> => {
      const reports: MemoryReport[] = []
      // Other programs can only delay timers: the best of a few tries is nearest to the delay caused by
      // lineaprint.
      do reports.push(await run(what, path))
      while (reports.length < TRIES && (reports.at(-1)?.delayP99Ms ?? 0) > lateMs)
      const [best] = reports.toSorted((a, b) => a.delayP99Ms - b.delayP99Ms)
      if (best === undefined) return
      const growthMiB = Math.max(...reports.map((report) => report.growthMiB))
      numbers[`${what}, MiB`] = round(growthMiB)
      numbers[`${what}, delay p99 ms`] = round(best.delayP99Ms)
      numbers[`${what}, delay max ms`] = round(best.delayMaxMs)
      numbers[`${what}, slowest fs call ms`] = round(best.slowestCallMs)
      numbers[`${what}, seconds`] = round(best.seconds)
      numbers[`${what}, tries`] = reports.length
      const residentMiB = Math.max(...reports.map((report) => report.idleMiB + report.growthMiB))
      if (resident !== undefined) {
        numbers[`${what}, MiB resident`] = round(residentMiB)
        tally.count(
          residentMiB > resident ? `${what}: ${round(residentMiB)} MiB resident, not ${resident}` : undefined,
        )
      }
      const late = `timers late by ${round(best.delayP99Ms)} ms at the 99th percentile`
      progress(`${what}: ${round(growthMiB)} MiB, ${late}, try ${reports.length}`)
      tally.count(
        growthMiB > growth ? `${what}: ${round(growthMiB)} MiB beyond idle, not ${growth}` : undefined,
      )
      tally.count(best.delayP99Ms > lateMs ? `${what}: ${late}` : undefined)
      const stuck = best.slowestCallMs > STUCK
      tally.count(stuck ? `${what}: a call of fs took ${round(best.slowestCallMs)} ms` : undefined)
    }
    await measure('idle', '', FILE_GROWTH)
    await measure('file', large, FILE_GROWTH)
    await measure('file with both', large, FILE_GROWTH)
    await measure('tree', tree, TREE_GROWTH)
    await measure('fifos', folder, FILE_GROWTH)
    for (const what of ['records of an iterable', 'records of a stream', 'items of an iterable'])
      await measure(what, String(records), RECORDS_RESIDENT, RECORDS_RESIDENT)
    return {
      name: 'memory',
      promise: 'memory does not grow with what is hashed, and the event loop and fs go on meanwhile',
      ...tally.result,
      controls: await controls(folder, lateMs),
      numbers,
      skipped: [],
    }
  })
}

async function controls(folder: string, lateMs: number): Promise<Control[]> {
  const path = sparseFile(join(folder, 'control'), CONTROL_BYTES)
  const whole = await run('read whole', path)
  const atOnce = await run('hash at once', path)
  const held = await run('records held', String(HELD_RECORDS))
  return [
    { what: 'program that reads a file whole', tried: 1, caught: whole.growthMiB > FILE_GROWTH ? 1 : 0 },
    { what: 'program that hashes it at once', tried: 1, caught: atOnce.delayMaxMs > lateMs ? 1 : 0 },
    {
      what: 'program that holds the records of an iterable',
      tried: 1,
      caught: held.idleMiB + held.growthMiB > RECORDS_RESIDENT ? 1 : 0,
    },
    { what: 'program that reads four FIFOs', tried: 1, caught: (await readsFifos(folder)) ? 0 : 1 },
  ]
}

async function run(what: string, path: string): Promise<MemoryReport> {
  return printed(await ending(startChild(PROGRAM, [what, path]))) as MemoryReport
}

/** Check whether the program that reads FIFOs with `fs` completes. */
async function readsFifos(folder: string): Promise<boolean> {
  const child = startChild(PROGRAM, ['read fifos', folder])
  const timer = setTimeout(() => child.kill('SIGKILL'), 3000)
  const { signal } = await ending(child)
  clearTimeout(timer)
  return signal === null
}

function makeFifos(folder: string): void {
  const names = [0, 1, 2, 3].map((index) => join(folder, `fifo-${index}`))
  const { status, stderr } = spawnSync('mkfifo', names, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`mkfifo failed: ${stderr}`)
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
