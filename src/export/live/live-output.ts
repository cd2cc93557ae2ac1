import type { EventBody } from '../../record/events.ts'
import type { RunSource } from '../source.ts'

/** A live output of one run. */
export interface LiveOutput {
  /** Display name, for example `MLflow`. */
  readonly name: string
  /** The value of `--format` that exports the same afterwards. */
  readonly format: string
  /** Total milliseconds that the end of the run may wait for it. */
  readonly timeoutMs: number
  /** Take an event; must neither throw nor wait. */
  take(event: EventBody, time: string): void
  /**
   * Send the rest, the sealed record and the end of the run.
   *
   * @returns Sentences about data that the other tool did not get, or not completely.
   */
  finish(run: RunSource, signal: AbortSignal): Promise<readonly string[]>
  /** Send the record again, with its new warnings; called after `finish`. */
  refresh(run: RunSource, signal: AbortSignal): Promise<void>
  /** Stop all background work. */
  stop(): void
}
