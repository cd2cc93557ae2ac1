/**
 * Outputs of a run while it goes on: to a folder for W&B, to an MLflow server.
 *
 * They never harm the run: what they throw becomes a warning of the record, what takes too long is left, and values are
 * only queued when they are logged. What could not be sent on the way is sent from the journal at the end.
 */
import { join } from 'node:path'
import { mlflowTarget } from '../mlflow/target.ts'
import { reasonOf } from '../../record/failure.ts'
import { MlflowOutput } from './mlflow.ts'
import { WandbOutput } from './wandb.ts'
import type { RunSource } from '../source.ts'
import type { EventBody } from '../../record/events.ts'
import type { RunRecord } from '../../record/record.ts'
import type { OutputOptions } from '../../config/outputs.ts'
import type { LiveOutput } from './live-output.ts'

/** What outputs are started with. */
export interface OutputContext {
  /** The record as it is now. */
  readonly record: () => RunRecord
  /** Absolute path of the store. */
  readonly store: string
}

/** The outputs of one run. */
export class Outputs {
  readonly #outputs: readonly LiveOutput[]
  constructor(outputs: readonly LiveOutput[]) {
    this.#outputs = outputs
  }

  /** Takes what was said. */
  take(event: EventBody, time: string): void {
    for (const output of this.#outputs) output.take(event, time)
  }

  /**
   * Finishes the outputs, one after the other. What goes wrong, or did not go in whole, becomes a warning of the record,
   * and those that have the record then get it again.
   *
   * @param run The run, sealed and on disk: whatever happens from here on, it has ended well.
   * @param reseal Puts warnings into the record and gives the run as it is then.
   * @param signal Ends it at once; what is not yet given is then a warning.
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

  /** Ends what goes on by itself; for a run that cannot be finished. */
  stop(): void {
    for (const output of this.#outputs) output.stop()
  }
}

/** What became of one output. */
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
  return `the run was not wholly given to ${name}: ${reason}; "lineaprint export ${id} --format ${format}" gives it again`
}

/** Work that does not listen to its deadline is left behind. */
function bounded<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  return Promise.race([work, rejected(deadline)])
}

/** Rejects when the signal is aborted: work that does not listen is left behind. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const fail = (): void => reject(signal.reason as Error)
    if (signal.aborted) fail()
    else signal.addEventListener('abort', fail, { once: true })
  })
}

/**
 * Checks what a configuration asks for, before anything of the run exists.
 *
 * @returns What starts the outputs.
 * @throws ERR_LINEAPRINT_CONFIGURATION if an output lacks something that it cannot be without.
 */
export function prepareOutputs(
  { saveToWandb, saveToMlflow }: OutputOptions,
  variables: Readonly<Record<string, string | undefined>>,
): (context: OutputContext) => Outputs {
  const target = saveToMlflow
    ? mlflowTarget(typeof saveToMlflow === 'object' ? saveToMlflow : {}, variables)
    : undefined
  const wandb = typeof saveToWandb === 'object' ? saveToWandb : {}
  return ({ record, store }) =>
    new Outputs([
      ...(target === undefined ? [] : [new MlflowOutput(record, target)]),
      ...(saveToWandb ? [new WandbOutput(record, wandb.directory ?? join(store, 'wandb'), wandb)] : []),
    ])
}
