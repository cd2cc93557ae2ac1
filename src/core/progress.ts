/** Calls of a caller's `onProgress`, which may throw, or return a promise that rejects. */
import type { JobOptions, Progress } from './options.ts'

/** Reports progress to the caller and keeps the first error that comes back. */
export class ProgressListener {
  readonly #call: ((progress: Progress) => unknown) | undefined
  readonly #onFailure: () => void
  readonly #pending = new Set<Promise<unknown>>()
  #thrown: { readonly error: unknown } | undefined

  /** @param onFailure Called at the first error, to stop work that goes on elsewhere. */
  constructor(onProgress: JobOptions['onProgress'], onFailure: () => void = () => undefined) {
    this.#call = onProgress
    this.#onFailure = onFailure
  }

  /** Report to the caller. Never throws. */
  report(progress: Progress): void {
    if (this.#call === undefined) return
    try {
      const returned = this.#call(progress)
      if (returned instanceof Promise || isThenable(returned)) this.#watch(Promise.resolve(returned))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Throw the first error that the caller's function threw or rejected with. */
  throwIfFailed(): void {
    if (this.#thrown !== undefined) throw this.#thrown.error
  }

  /**
   * Give promises that are already decided the time to say so, then throw the first error. A promise that is
   * not decided is not awaited: it may never be.
   */
  async end(): Promise<void> {
    if (this.#pending.size > 0) {
      await Promise.race([
        Promise.allSettled(this.#pending),
        new Promise((resolve) => void setImmediate(resolve)),
      ])
    }
    this.throwIfFailed()
  }

  #watch(returned: Promise<unknown>): void {
    this.#pending.add(returned)
    void returned.catch((error: unknown) => this.#fail(error)).finally(() => this.#pending.delete(returned))
  }

  #fail(error: unknown): void {
    this.#thrown ??= { error }
    this.#onFailure()
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}
