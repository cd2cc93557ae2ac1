/** Work that is done again and again beside a run, and that nobody waits for. */

/** Does some work at an interval, never twice at once. It does not keep the process alive. */
export class Repeated {
  readonly #work: () => Promise<void>
  readonly #timer: NodeJS.Timeout
  #current: Promise<void> | undefined

  /**
   * @param work Must not reject: nobody would hear it.
   * @param interval In milliseconds; one that comes while the work goes on is left out.
   */
  constructor(work: () => Promise<void>, interval: number) {
    this.#work = work
    this.#timer = setInterval(() => this.#turn(), interval)
    this.#timer.unref()
  }

  /** Does it no more. Resolves when what is under way is over. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#current
  }

  #turn(): void {
    this.#current ??= this.#work().finally(() => {
      this.#current = undefined
    })
  }
}
