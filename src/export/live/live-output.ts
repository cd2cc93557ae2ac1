import type { EventBody } from '../../record/events.ts'
import type { RunSource } from '../source.ts'

/** One output of a run that goes on. */
export interface LiveOutput {
  /** For people, for example `MLflow`. */
  readonly name: string
  /** The value of `--format` that does the same later. */
  readonly format: string
  /** How long the end of the run may wait for it in all, in milliseconds. */
  readonly timeoutMs: number
  /** Takes what was said; must not throw and not wait. */
  take(event: EventBody, time: string): void
  /**
   * Gives the other tool what it has not yet, the sealed record and the end.
   *
   * @returns Plain sentences about what the other tool has not, or not whole.
   */
  finish(run: RunSource, signal: AbortSignal): Promise<readonly string[]>
  /** Gives it the record once more, which has other warnings by now; after `finish`. */
  refresh(run: RunSource, signal: AbortSignal): Promise<void>
  /** Ends everything that goes on by itself. */
  stop(): void
}
