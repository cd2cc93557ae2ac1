/**
 * Start worker threads and terminate them while they hash; detach buffers while they are hashed.
 *
 * Arguments: number of workers, number of buffers, seed, folder with `file` and `tree`, `crash` for the
 * control.
 */
import { createHash } from 'node:crypto'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { Generator } from '../../src/capture/seeds/generator.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import { inParallel } from '../support/child.ts'
import { WAYS } from './worker.ts'
import type { WorkerPlan } from './worker.ts'

/** The output of this program. */
export interface WorkersReport {
  /** Workers that were terminated. */
  readonly workers: number
  /** Workers terminated while they hashed, not while they started. */
  readonly midHash: number
  /** Buffers that were detached, and the results of their hashes. */
  readonly buffers: number
  readonly refused: number
  readonly whole: number
  readonly wrong: readonly string[]
  /** Hashes without a check of the buffer, and those of them that gave a wrong digest. */
  readonly naiveTried: number
  readonly naiveWrong: number
}

const [workersText, buffersText, seed, folder = '', crash] = process.argv.slice(2)
const random = new Generator(Number(seed))
const shared = new SharedArrayBuffer(4 << 20)

/** Three turns of the event loop: buffers over 8 MiB are hashed in slices of that length. */
const LENGTH = 20 << 20

let midHash = 0
let [refused, whole, naiveTried, naiveWrong] = [0, 0, 0, 0]
const wrong: string[] = []

await inParallel(Number(workersText), 4, runWorker)
for (let index = 0; index < Number(buffersText); index++) await takeBuffer(index)
if (crash === 'crash') process.abort()
const report: WorkersReport = {
  workers: Number(workersText),
  midHash,
  buffers: Number(buffersText),
  refused,
  whole,
  wrong,
  naiveTried,
  naiveWrong,
}
process.stdout.write(JSON.stringify(report))

async function runWorker(index: number): Promise<void> {
  const plan: WorkerPlan = {
    way: WAYS[index % WAYS.length] ?? 'file',
    file: `${folder}/file`,
    tree: `${folder}/tree`,
    shared,
  }
  const worker = new Worker(new URL('worker.ts', import.meta.url), { workerData: plan })
  // Some end by themselves.
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  worker.on('error', (error) => {
    if (!String(error).includes('as it should')) wrong.push(`a worker failed: ${String(error)}`)
  })
  const started = new Promise<void>((resolve) =>
    worker.once('message', () => {
      midHash++
      resolve()
    }),
  )
  // One in eight is terminated while it starts.
  if (random.integer(0, 7) > 0) await Promise.race([started, ended])
  await setTimeout(random.next() * 15)
  await worker.terminate()
}

/** Hash a buffer and detach or resize it between two slices. */
async function takeBuffer(index: number): Promise<void> {
  const kind = index % 3
  const buffer =
    kind === 2 ? new ArrayBuffer(LENGTH, { maxByteLength: LENGTH + 64 }) : new ArrayBuffer(LENGTH)
  new Uint8Array(buffer).fill(index)
  const right = createHash('sha256').update(new Uint8Array(buffer)).digest('hex')
  const hashed = digestBytes(buffer, { algorithm: 'sha256' }).then(
    ({ sha256 }) => sha256?.hex,
    (error: unknown) => (LineaprintError.is(error) ? error.code : String(error)),
  )
  const naive = kind === 2 ? naiveHash(buffer) : undefined
  // The first buffer is cut right after its first slice, so that the control works in the shortest round too.
  const first = index === 2
  for (let turns = first ? 0 : random.integer(0, 3); turns > 0; turns--) await setImmediate()
  if (kind === 0) structuredClone(buffer, { transfer: [buffer] })
  else if (kind === 1) buffer.transfer(16)
  else buffer.resize(!first && random.integer(0, 1) === 0 ? LENGTH + 64 : Math.floor(LENGTH / 3))
  const result = await hashed
  if (result === right) whole++
  else if (result === 'ERR_LINEAPRINT_CHANGED') refused++
  else wrong.push(`a buffer that was taken away gave ${result}`)
  if (naive !== undefined) {
    naiveTried++
    if ((await naive) !== right) naiveWrong++
  }
}

/** Hash the same slices without a check of the length. */
async function naiveHash(buffer: ArrayBuffer): Promise<string> {
  const hash = createHash('sha256')
  for (let start = 0; start < LENGTH; start += 8 << 20) {
    if (start > 0) await setImmediate()
    const bytes = new Uint8Array(buffer)
    hash.update(bytes.subarray(start, start + (8 << 20)))
  }
  return hash.digest('hex')
}
