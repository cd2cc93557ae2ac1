/** Periodic work during a run that nothing awaits. */

/** Periodic work that never overlaps with itself. It does not keep the process alive. */
export class Repeated {
  readonly #work: () => Promise<void>
  readonly #timer: NodeJS.Timeout
  #current: Promise<void> | undefined

  /**
   * @param work Must not reject, because nothing handles the rejection.
   * @param interval In milliseconds; a turn that is due while the work is running is skipped.
   */
  constructor(work: () => Promise<void>, interval: number) {
    this.#work = work
    this.#timer = setInterval(() => this.#turn(), interval)
    this.#timer.unref()
  }

  /** Stop the work. Resolves when a turn that is running has ended. */
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
