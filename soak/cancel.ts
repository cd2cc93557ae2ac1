/**
 * Abort at random moments: the call rejects with the reason of the signal, the work itself ends, and threads
 * that were started for it end.
 *
 * The control is a call that only pretends to be cancelled: it rejects at once and keeps hashing, which must
 * show in the processor time of this process.
 */
import { createReadStream, mkdirSync, readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Generator } from '../src/capture/seeds/generator.ts'
import { digestBytes } from '../src/hash/bytes.ts'
import { hashFile, hashFiles } from '../src/hash/file.ts'
import { hashPart } from '../src/hash/part.ts'
import { hashStream } from '../src/hash/stream.ts'
import { hashTree } from '../src/hash/tree.ts'
import { readModel } from '../src/model/read.ts'
import { sparseFile } from './support/many.ts'
import { withFolder } from './support/folders.ts'
import { Tally, spread } from './support/round.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link cancelRound}. */
export interface CancelOptions extends RoundOptions {
  readonly rounds: number
}

/** Milliseconds after which a cancelled call is late. The promise is 100; the rest is for busy machines. */
const LATE = 1000

/**
 * Milliseconds over which processor time is measured after a call has rejected, the share that counts as
 * idle, and the number of measurements.
 */
const WATCH = 60
const IDLE = 0.3
const MOMENTS = 3

/** Milliseconds without a new thread after which no more are expected. */
const STABLE_MS = 500

/** More concurrent jobs than there are pools. */
const SHARED_JOBS = 8

/** Interval, in rounds, of the processor time measurement. */
const SAMPLE = 5

/** The result of a call that completed: fine before the signal, wrong after it. */
const DONE = 'it was done all the same'

interface Work {
  readonly name: string
  /** True if it has threads of its own, which must end afterwards. */
  readonly own?: boolean
  readonly start: (signal: AbortSignal) => Promise<unknown>
}

/** Run the round. */
export async function cancelRound({ rounds, seed, progress }: CancelOptions): Promise<Outcome> {
  return withFolder(async (folder) => {
    const works = prepare(folder)
    const random = new Generator(seed)
    const tally = new Tally()
    const delays: number[] = []
    const gone: number[] = []
    const shares: number[] = []
    let completed = 0
    await startSharedThreads(join(folder, 'large'))
    const threads = await stableThreadCount()
    for (let index = 0; tally.rounds < rounds; index++) {
      const work = works[index % works.length] ?? { name: '', start: () => Promise.resolve() }
      const result = await abortOnce(work.start, random.integer(0, 3) === 0 ? 0 : random.next() * 25)
      if (result === undefined) {
        // The work completed before the signal.
        if (++completed > rounds) throw new Error('the work is too short to be cancelled')
        continue
      }
      delays.push(result.delay)
      let failure = result.delay > LATE ? `rejected after ${result.delay} ms` : result.failure
      if (work.own) {
        const endedAfter = await until(() => ownThreads() <= threads, LATE)
        if (endedAfter === undefined) failure ??= 'threads of its own stay'
        else gone.push(result.delay + endedAfter)
      }
      if (index % SAMPLE === 0) {
        const { first, last } = await workAfterwards()
        shares.push(first)
        if (last > IDLE) failure ??= `uses ${Math.round(last * 100)} % of a core afterwards`
      }
      tally.count(failure === undefined ? undefined : `${work.name}: ${failure}`)
      if (tally.rounds % 100 === 0) progress(`${tally.failures}/${tally.rounds} not cancelled`)
    }
    const control = await fakesCancelling(join(folder, 'large'))
    const [delay, threadsGone, share] = [spread(delays), spread(gone), spread(shares)]
    return {
      name: 'cancel',
      promise: 'an aborted call rejects with the reason, and its work ends',
      ...tally.result,
      controls: [{ what: 'call that rejects and hashes on', ...control }],
      numbers: {
        'ms to reject, p50': delay.p50,
        'ms to reject, p99': delay.p99,
        'ms to reject, max': delay.max,
        'ms until own threads are gone, p50': threadsGone.p50,
        'ms until own threads are gone, p99': threadsGone.p99,
        'ms until own threads are gone, max': threadsGone.max,
        'share of a core afterwards, p50': share.p50,
        'share of a core afterwards, max': share.max,
        'done before the signal': completed,
      },
      skipped: [],
    }
  })
}

/**
 * Prepare one of each kind of work, each some seconds long. Holes in files take no space and read as zeros.
 */
function prepare(folder: string): Work[] {
  const large = join(folder, 'large')
  sparseFile(large, 16 * 2 ** 30)
  writeFileSync(join(folder, 'index'), 'a small file')
  const tree = join(folder, 'tree')
  mkdirSync(tree)
  const files = Array.from({ length: 8 }, (_, index) => sparseFile(join(tree, `${index}`), 2 ** 31))
  const model = join(folder, 'model.safetensors')
  const header = JSON.stringify({ t: { dtype: 'U8', shape: [2 ** 34], data_offsets: [0, 2 ** 34] } })
  const length = Buffer.alloc(8)
  length.writeUInt32LE(header.length)
  writeFileSync(model, Buffer.concat([length, Buffer.from(header)]))
  truncateSync(model, 8 + header.length + 2 ** 34)
  const bytes = new Uint8Array(1 << 30)
  return [
    { name: 'hashFile', start: (signal) => hashFile(large, { signal }) },
    { name: 'hashFile, 3 threads', own: true, start: (signal) => hashFile(large, { signal, threads: 3 }) },
    { name: 'hashFile, SHA-256', start: (signal) => hashFile(large, { signal, algorithm: 'sha256' }) },
    { name: 'hashFiles, both', start: (signal) => hashFiles(files, { signal, algorithm: 'both' }) },
    { name: 'hashTree, 5 threads', own: true, start: (signal) => hashTree(tree, { signal, threads: 5 }) },
    { name: 'hashPart', start: (signal) => hashPart(large, 1, 2, { signal }) },
    { name: 'readModel', start: (signal) => readModel(model, { signal, files: true }) },
    { name: 'digestBytes', start: (signal) => digestBytes(bytes, { signal, algorithm: 'sha256' }) },
    { name: 'hashStream', start: (signal) => hashStream(createReadStream(large), { signal }) },
  ]
}

/** Start the shared threads, which stay: they start with the first buffer and with concurrent jobs. */
async function startSharedThreads(large: string): Promise<void> {
  await digestBytes(new Uint8Array(1 << 20))
  const controller = new AbortController()
  const { signal } = controller
  const jobs = Array.from({ length: SHARED_JOBS }, () => hashFile(large, { signal }).catch(() => undefined))
  await setTimeout(50)
  controller.abort()
  await Promise.all(jobs)
}

async function abortOnce(
  start: Work['start'],
  wait: number,
): Promise<{ delay: number; failure: string | undefined } | undefined> {
  const controller = new AbortController()
  const reason = new Error('the reason of the caller')
  let aborted = 0
  const abort = async (): Promise<void> => {
    if (wait > 0) await setTimeout(wait)
    aborted = performance.now()
    controller.abort(reason)
  }
  const outcome = start(controller.signal).then(
    () => DONE,
    (error: unknown) => (error === reason ? undefined : `rejected with ${String(error)}`),
  )
  let isSettled = false
  const timed = outcome.then((failure) => {
    isSettled = true
    return { failure, delay: Math.round((performance.now() - aborted) * 100) / 100 }
  })
  const abortion = abort()
  if (wait > 0) await Promise.race([timed, abortion])
  if (isSettled) {
    await abortion
    const early = await timed
    return early.failure === DONE ? undefined : early
  }
  return timed
}

/**
 * Measure the share of one core that this process uses, over the first and the last of some intervals, until
 * it is idle. Garbage collection takes part of one interval; work that goes on takes all of them.
 */
async function workAfterwards(): Promise<{ first: number; last: number }> {
  const first = await processorShare()
  let last = first
  for (let moment = 1; moment < MOMENTS && last > IDLE; moment++) last = await processorShare()
  return { first, last }
}

async function processorShare(): Promise<number> {
  const before = process.cpuUsage()
  const from = performance.now()
  await setTimeout(WATCH)
  const { user, system } = process.cpuUsage(before)
  const used = (user + system) / 1000 / (performance.now() - from)
  // On a busy machine a runnable thread waits for a core: it counts as running.
  return Math.max(used, addonThreads().some(isRunnable) ? 1 : 0)
}

/** Return the milliseconds until a condition holds; `undefined` if it does not within `limit`. */
async function until(holds: () => boolean, limit: number): Promise<number | undefined> {
  const from = performance.now()
  while (!holds()) {
    if (performance.now() - from > limit) return undefined
    await setTimeout(1)
  }
  return performance.now() - from
}

/** List the threads of the addon in this process: the kernel's status line of each. */
function addonThreads(): string[] {
  const tasks = '/proc/self/task'
  return readdirSync(tasks).flatMap((id) => {
    try {
      const line = readFileSync(join(tasks, id, 'stat'), 'utf8')
      return line.includes('(lineaprint-') ? [line] : []
    } catch {
      // The thread has ended in the meantime.
      return []
    }
  })
}

function ownThreads(): number {
  return addonThreads().length
}

/** Check whether a thread runs or waits for a core. Its state is the field after its name. */
function isRunnable(line: string): boolean {
  return line.slice(line.lastIndexOf(')') + 2).startsWith('R')
}

/** Count the threads of the addon once no more start: a thread that has just started has no name yet. */
async function stableThreadCount(): Promise<number> {
  let [count, since] = [ownThreads(), performance.now()]
  while (count === 0 || performance.now() - since < STABLE_MS) {
    await setTimeout(10)
    const present = ownThreads()
    if (present !== count) [count, since] = [present, performance.now()]
  }
  return count
}

async function fakesCancelling(path: string): Promise<{ tried: number; caught: number }> {
  const really = new AbortController()
  let [tried, caught] = [0, 0]
  for (; tried < 3; tried++) {
    const work = hashFile(path, { signal: really.signal }).catch(() => undefined)
    await Promise.race([work, setTimeout(10)])
    if ((await workAfterwards()).last > IDLE) caught++
  }
  really.abort()
  return { tried, caught }
}
