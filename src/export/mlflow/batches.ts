/** Batching of log items into requests of the sizes that MLflow accepts. */
import type { MetricPoint } from '../source.ts'
import type { Pair } from './content.ts'
import type { NameMaker } from './names.ts'

/**
 * The items of one request: at most 1000 metrics, 100 parameters and 100 tags, 1000 of them together, in 1
 * MB.
 */
export interface Batch {
  metrics: object[]
  params: Pair[]
  tags: Pair[]
}

const LIMITS: Readonly<Record<keyof Batch, number>> = { metrics: 1000, params: 100, tags: 100 }
const ITEMS = 1000
/** Less than the server's 1,000,000 bytes: the names of the fields and the id of the run are added. */
const BYTES = 900_000

/** Split items into as few batches as their order allows. */
export function* batchesOf(items: Readonly<Batch>): Generator<Batch> {
  let batch: Batch = { metrics: [], params: [], tags: [] }
  let [count, bytes] = [0, 0]
  for (const kind of ['tags', 'params', 'metrics'] as const) {
    for (const item of items[kind]) {
      const size = Buffer.byteLength(JSON.stringify(item)) + 1
      if (count === ITEMS || batch[kind].length === LIMITS[kind] || bytes + size > BYTES) {
        yield batch
        batch = { metrics: [], params: [], tags: [] }
        ;[count, bytes] = [0, 0]
      }
      ;(batch[kind] as unknown[]).push(item)
      count++
      bytes += size
    }
  }
  if (count > 0) yield batch
}

/**
 * Return the form of a metric value in a request: NaN and the infinities are texts, as in protobuf's JSON.
 */
export function metricItem({ name, value, step, time }: MetricPoint, names: NameMaker): object {
  const number = Number.isFinite(value) ? value : String(value)
  return { key: names.name(name), value: number, timestamp: Math.max(0, time), step }
}
