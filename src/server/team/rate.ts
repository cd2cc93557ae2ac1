/** Limits on how often something happens: buckets that fill steadily, and that each event empties by one. */
import { Refusal } from '../errors.ts'

/** Events that are allowed. */
export interface Rate {
  readonly perSecond: number
  /** Events at once after a rest. */
  readonly burst: number
}

/** Buckets that are remembered. One that was forgotten is full. */
const BUCKET_LIMIT = 10_000

/** One bucket for each key. */
export class Buckets {
  readonly #rate: Rate
  readonly #buckets = new Map<string, { level: number; at: number }>()

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** Count an event. @throws Refusal with the seconds to wait if there were too many. */
  take(key: string): void {
    const bucket = this.#current(key)
    refuseEmpty(bucket.level, this.#rate)
    bucket.level--
  }

  /** Throw as {@link take} would, and count nothing. */
  check(key: string): void {
    refuseEmpty(this.#current(key).level, this.#rate)
  }

  #current(key: string): { level: number; at: number } {
    const { perSecond, burst } = this.#rate
    const time = performance.now()
    const before = this.#buckets.get(key)
    const level =
      before === undefined ? burst : Math.min(burst, before.level + ((time - before.at) / 1000) * perSecond)
    const bucket = { level, at: time }
    // The one that was used last is the last.
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    const [oldest] = this.#buckets.keys()
    if (this.#buckets.size > BUCKET_LIMIT && oldest !== undefined) this.#buckets.delete(oldest)
    return bucket
  }
}

function refuseEmpty(level: number, { perSecond }: Rate): void {
  if (level >= 1) return
  throw new TooMany(Math.max(1, Math.ceil((1 - level) / perSecond)), `${perSecond} requests a second`)
}

/** A request that comes too early. */
export class TooMany extends Refusal {
  /** Seconds after which it can be tried again. */
  readonly retryAfter: number

  constructor(retryAfter: number, expected: string) {
    super(429, 'ERR_LINEAPRINT_RATE', 'there were too many requests', {
      expected: `at most ${expected}`,
      do: `wait ${retryAfter} s, and try again`,
    })
    this.retryAfter = retryAfter
  }
}
