/** Replacement of `Math.random` by a seeded generator. Node cannot seed the built-in one. */
import cluster from 'node:cluster'
import { isMainThread, threadId } from 'node:worker_threads'
import { LineaprintError } from '../../core/errors.ts'
import { createGenerator, namedGenerators } from './registry.ts'
import { deriveSeed } from './seed.ts'
import { isStream } from './state.ts'
import type { Generator } from './generator.ts'

/** The name under which its state is recorded. */
export const MATH_RANDOM = 'Math.random'

/** The variable that holds the number of a worker of a cluster. */
const WORKER = 'LINEAPRINT_WORKER'

/** Streams of one process of a cluster: its threads. */
const THREADS = 256

/**
 * Replace `Math.random` with a generator, in this thread. A second call starts it again. Each thread, and
 * each worker of a cluster, has its own stream, according to its number.
 *
 * @param seed A whole number from 0 to 2^53 - 1. The generator gets a seed derived from it, so that it does
 * not repeat the default generator.
 * @throws ERR_LINEAPRINT_STATE if there are too many threads and workers for the streams.
 */
export function replaceMathRandom(seed: number): Generator {
  const own = deriveSeed(seed, [0])
  const stream = workerStream()
  const living = namedGenerators().find(([name]) => name === MATH_RANDOM)?.[1]
  const generator = living?.reseed(own, stream) ?? createGenerator(own, { name: MATH_RANDOM, stream })
  const value = { random: () => generator.next() }.random
  Object.defineProperty(Math, 'random', { value, writable: true, configurable: true, enumerable: false })
  return generator
}

/** Return the number of this thread among those of all workers of a cluster. */
function workerStream(): number {
  // Workers of a cluster have the numbers 1, 2, 3, … in the order of their start. Their threads do not know
  // the number but inherit the environment variables.
  if (isMainThread && cluster.worker) process.env[WORKER] = String(cluster.worker.id)
  const worker = Number(process.env[WORKER] ?? 0)
  const stream = worker * THREADS + threadId
  if (threadId < THREADS && isStream(stream)) return stream
  throw new LineaprintError('ERR_LINEAPRINT_STATE', 'Math.random has no stream for this thread', {
    expected: `fewer than ${THREADS} threads in each of fewer than 256 workers`,
    received: `thread ${threadId} of worker ${worker}`,
  })
}
