/** A reader of the server of a team that does what the page does with a run that goes on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { PROJECT } from './live-writers.ts'

/** Milliseconds for which each run is watched. */
const TURN = 3000

/** Bytes of the shortest answer with a value. */
const LEAST = 64

/** A page that shows the newest value of one run after another. */
export class WatchedPage {
  watched = 0
  readonly #base: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #ids: readonly string[]
  /** The value, which is the time at which it was logged. */
  #shown: number | undefined

  constructor(url: string, token: string, ids: readonly string[]) {
    this.#base = `${url}/api/v1/projects/${PROJECT}`
    this.#headers = { Authorization: `Bearer ${token}` }
    this.#ids = ids
  }

  /** Return the milliseconds since the value that is shown was logged; `undefined` while none is. */
  age(): number | undefined {
    return this.#shown === undefined ? undefined : Date.now() - this.#shown
  }

  /** Watch until the signal. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const id = this.#ids[this.watched++ % this.#ids.length]
      if (id === undefined) return
      const turn = AbortSignal.any([signal, AbortSignal.timeout(TURN)])
      try {
        await this.#follow(id, turn)
      } catch (error) {
        if (!turn.aborted) throw error
      }
    }
  }

  /** Read the values again whenever the server tells that there are more. */
  async #follow(id: string, signal: AbortSignal): Promise<void> {
    const events = await fetch(`${this.#base}/runs/${id}/events`, { headers: this.#headers, signal })
    if (!events.ok) throw new Error(`${id}: the server answered with the status ${events.status}`)
    // The page of another run shows nothing before its first values are there.
    let isFirst = true
    for await (const _ of events.body ?? []) {
      const address = `${this.#base}/metrics?run=${id}&metric=at&pixels=300`
      const response = await fetch(address, { headers: this.#headers, signal })
      if (!response.ok) throw new Error(`${id}: the server answered with the status ${response.status}`)
      const bytes = await response.arrayBuffer()
      if (isFirst) this.#shown = undefined
      isFirst = false
      // The last double is the last value.
      if (bytes.byteLength >= LEAST) this.#shown = new DataView(bytes).getFloat64(bytes.byteLength - 8, true)
      await sleep(0)
    }
  }
}
