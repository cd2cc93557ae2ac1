/**
 * Live outputs of a run: to a folder for W&B, to an MLflow server.
 *
 * They never harm the run: an error becomes a warning of the record, slow work is abandoned, and logging a
 * value only queues it. Values that could not be sent during the run are sent from the journal at the end.
 */
import { join } from 'node:path'
import { mlflowTarget } from '../mlflow/target.ts'
import { reasonOf } from '../../record/failure.ts'
import type { RunSource } from '../source.ts'
import type { EventBody } from '../../record/events.ts'
import type { SeriesKey } from '../../record/series-keys.ts'
import type { RunRecord } from '../../record/record.ts'
import type { OutputOptions } from '../../config/outputs.ts'
import type { LiveOutput } from './live-output.ts'

/** The input for starting outputs. */
export interface OutputContext {
  /** Returns the present record. */
  readonly record: () => RunRecord
  /** Returns the name that the record would have for the series of an event if the run ended now. */
  readonly keyOf: SeriesKey
  /** Absolute path of the store. */
  readonly store: string
}

/** The outputs of one run. */
export class Outputs {
  readonly #outputs: readonly LiveOutput[]
  constructor(outputs: readonly LiveOutput[]) {
    this.#outputs = outputs
  }

  /** Take an event. */
  take(event: EventBody, time: string): void {
    for (const output of this.#outputs) output.take(event, time)
  }

  /**
   * Finish the outputs, one after the other. Failures and incomplete data become warnings of the record, and
   * outputs that have the record then get it again.
   *
   * @param run The run, sealed and on disk: it has ended well, whatever happens to its outputs.
   * @param reseal Adds warnings to the record and returns the updated run.
   * @param signal Aborts the outputs; unsent data is then reported in a warning.
   */
  async finish(
    run: RunSource,
    reseal: (warnings: readonly string[]) => Promise<RunSource>,
    signal?: AbortSignal,
  ): Promise<RunRecord> {
    const results: Finished[] = []
    for (const output of this.#outputs) results.push(await finishOne(output, run, signal))
    const warnings = results.flatMap((result) => result.warnings)
    if (warnings.length === 0) return run.record
    const current = await reseal(warnings)
    const failures: string[] = []
    for (const { output, deadline, failed } of results) {
      if (failed) continue
      const work = output.refresh(current, deadline)
      await bounded(work, deadline).catch((error: unknown) =>
        failures.push(failure(output, current, deadline, error)),
      )
    }
    return failures.length === 0 ? current.record : (await reseal(failures)).record
  }

  /** Stop all background work, for a run that cannot be finished. */
  stop(): void {
    for (const output of this.#outputs) output.stop()
  }
}

/** The result of one output. */
interface Finished {
  readonly output: LiveOutput
  readonly deadline: AbortSignal
  readonly failed: boolean
  readonly warnings: readonly string[]
}

async function finishOne(
  output: LiveOutput,
  run: RunSource,
  signal: AbortSignal | undefined,
): Promise<Finished> {
  const timeout = AbortSignal.timeout(output.timeoutMs)
  const deadline = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
  try {
    const warnings = await bounded(output.finish(run, deadline), deadline)
    return { output, deadline, failed: false, warnings }
  } catch (error) {
    return { output, deadline, failed: true, warnings: [failure(output, run, deadline, error)] }
  } finally {
    output.stop()
  }
}

function failure(
  { name, format, timeoutMs }: LiveOutput,
  run: RunSource,
  deadline: AbortSignal,
  error: unknown,
): string {
  const isLate = (deadline.reason as Error | undefined)?.name === 'TimeoutError'
  const reason = isLate ? `it took longer than ${timeoutMs} ms` : reasonOf(error)
  const { id } = run.record
  return `the run was not fully sent to ${name}: ${reason}; to send it again: lineaprint export ${id} --format ${format}`
}

/** Await work up to a deadline. Work that ignores it is abandoned. */
function bounded<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  return Promise.race([work, rejected(deadline)])
}

/** Reject when the signal is aborted, for work that ignores signals. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}

/**
 * Check the configuration of the outputs, before anything of the run exists.
 *
 * @returns A function that starts the outputs.
 * @throws ERR_LINEAPRINT_CONFIGURATION if an output lacks a required option.
 */
export async function prepareOutputs(
  { saveToWandb, saveToMlflow }: OutputOptions,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<(context: OutputContext) => Outputs> {
  const target = saveToMlflow
    ? mlflowTarget(typeof saveToMlflow === 'object' ? saveToMlflow : {}, variables)
    : undefined
  // Few runs have outputs, and every run would wait for the imports.
  const mlflow = target && { target, ...(await import('./mlflow.ts')) }
  const wandb = typeof saveToWandb === 'object' ? saveToWandb : {}
  const folder = saveToWandb ? await import('./wandb.ts') : undefined
  return ({ record, keyOf, store }) =>
    new Outputs([
      ...(mlflow === undefined ? [] : [new mlflow.MlflowOutput(record, keyOf, mlflow.target)]),
      ...(folder !== undefined
        ? [new folder.WandbOutput(record, keyOf, wandb.directory ?? join(store, 'wandb'), wandb)]
        : []),
    ])
}
