/**
 * Do one thing and print how much memory it took beyond that of the idle process, and how late timers were
 * meanwhile.
 *
 * Arguments: the thing to do, path.
 */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { readFileSync, writeFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Readable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { LineaprintError } from '../../src/core/errors.ts'
import { readDataset } from '../../src/dataset/read.ts'
import { hashFile } from '../../src/hash/file.ts'
import { hashTree } from '../../src/hash/tree.ts'

/** The output of this program. */
export interface MemoryReport {
  readonly idleMiB: number
  /** Highest resident memory beyond that, in MiB. */
  readonly growthMiB: number
  readonly delayP99Ms: number
  readonly delayMaxMs: number
  readonly seconds: number
  /** Longest call of `fs` meanwhile, in milliseconds. */
  readonly slowestCallMs: number
}

const [what, path = ''] = process.argv.slice(2)

const WORKS: Readonly<Record<string, () => Promise<unknown>>> = {
  idle: () => setTimeout(500),
  file: () => hashFile(path),
  'file with both': () => hashFile(path, { algorithm: 'both' }),
  tree: () => hashTree(path),
  'records of an iterable': () => readDataset(records(Number(path))),
  'records of a stream': () => readDataset(Readable.from(records(Number(path)))),
  'items of an iterable': () => readDataset(items(Number(path))),
  fifos: () => Promise.all([0, 1, 2, 3].map((index) => refused(`${path}/fifo-${index}`))),
  // Controls: each has the fault that its measurement must detect.
  'read whole': () => readFile(path),
  'hash at once': async () =>
    createHash('sha256')
      .update(await readFile(path))
      .digest(),
  'records held': async () => {
    const held = []
    for await (const record of records(Number(path))) held.push(record)
    return held
  },
  'read fifos': () => Promise.all([0, 1, 2, 3].map((index) => readFile(`${path}/fifo-${index}`))),
}

const work = WORKS[what ?? '']
if (work === undefined) throw new Error(`unknown: ${what}`)

// Start the threads of the addon before the measurement.
await hashFile(process.execPath, { end: 1 })
await setTimeout(200)
const idle = resident('VmRSS')
// Writing 5 resets the peak; see proc(5).
writeFileSync('/proc/self/clear_refs', '5')
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const from = performance.now()
const state = { working: true }
const calls = watchCalls(state)
await work()
const seconds = (performance.now() - from) / 1000
state.working = false
// A timer delayed by the last operation must still be counted.
await setTimeout(5)
delay.disable()
const report: MemoryReport = {
  idleMiB: idle,
  growthMiB: Math.max(0, resident('VmHWM') - idle),
  delayP99Ms: delay.percentile(99) / 1e6,
  delayMaxMs: delay.max / 1e6,
  seconds,
  slowestCallMs: await calls,
}
process.stdout.write(JSON.stringify(report))

/** Make records as a program reads them from elsewhere: each an object of its own. */
async function* records(count: number): AsyncGenerator {
  for (let id = 0; id < count; id++)
    yield { id, name: `name ${id % 1000}`, score: id / 3, text: `some words of record number ${id}` }
}

async function* items(count: number): AsyncGenerator {
  for (let id = 0; id < count; id++) yield [id, `item ${id}`]
}

/** Call a function on Node's own threads repeatedly. */
async function watchCalls(until: { working: boolean }): Promise<number> {
  let slowest = 0
  do {
    const asked = performance.now()
    await stat('/')
    slowest = Math.max(slowest, performance.now() - asked)
    await setTimeout(5)
  } while (until.working)
  return slowest
}

async function refused(fifo: string): Promise<void> {
  for (let times = 0; times < 25; times++) {
    await hashFile(fifo).then(
      () => Promise.reject(new Error('a FIFO was hashed')),
      (error: unknown) => {
        if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_NOT_REGULAR') throw error
      },
    )
    await setTimeout(2)
  }
}

/** Return a line of `/proc/self/status` in MiB. */
function resident(key: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Number(new RegExp(`^${key}:\\s+([0-9]+) kB$`, 'm').exec(status)?.[1]) / 1024
}
