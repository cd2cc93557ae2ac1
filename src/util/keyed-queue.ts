/** Work in order: for each key one at a time, for different keys beside each other. */

/** Queues by their keys. */
export class KeyedQueue {
  readonly #last = new Map<string, Promise<unknown>>()

  /** Do work once all earlier work of the same key has ended. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve()
    const result = before.then(work)
    const done = result.catch(() => undefined)
    this.#last.set(key, done)
    try {
      return await result
    } finally {
      if (this.#last.get(key) === done) this.#last.delete(key)
    }
  }
}
