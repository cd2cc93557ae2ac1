/** Checks what a run recorded against the present: record, files, code, environment, seeds, inputs and outputs. */
import { verifyCaptures } from './verify-captures.ts'
import { verifyFiles, verifyRecord } from './verify-files.ts'
import { verifyTracked } from './verify-tracked.ts'
import type { Component, Difference } from '../capture/component.ts'
import type { StoredRun } from '../store/runs.ts'

/** What a check found. `not-checked`: nothing could be said, which is no difference. */
export type VerifyStatus = 'same' | 'changed' | 'missing' | 'not-checked'

/** The answer about one thing. */
export interface VerifyItem {
  /** `record`, `files`, `code`, `environment`, `seeds`, `trackers`, `datasets`, `models`, `tokenizers` or `outputs`. */
  readonly section: string
  readonly name: string
  readonly status: VerifyStatus
  /** A plain sentence where the status alone does not say it, else empty. */
  readonly detail: string
  /** Field by field; of a model tensor by tensor. */
  readonly differences: readonly Difference[]
}

/** The answer about a run. */
export interface Verification {
  readonly id: string
  readonly name: string
  /** Whether nothing was found changed or missing. */
  readonly same: boolean
  readonly items: readonly VerifyItem[]
}

/** Options of {@link verifyRun}. */
export interface VerifyOptions {
  /** Own trackers, to check what they captured. @default none */
  readonly trackers?: readonly Component[] | undefined
  /** Stops the work; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Checks a run. Everything is looked at again, nothing is taken from a cache. What cannot be read is an item
 * of its own and stops nothing else.
 *
 * Cost: one read of every dataset, model and output.
 *
 * @param run From `findRun` or `readRun`.
 * @throws Only the reason of the signal.
 */
export async function verifyRun(run: StoredRun, options: VerifyOptions = {}): Promise<Verification> {
  const { trackers = [], signal } = options
  const captures = verifyCaptures(run, trackers, signal)
  // A failure of the other checks must not leave this one without a listener.
  captures.catch(() => undefined)
  const items = [
    ...verifyRecord(run),
    ...(await verifyFiles(run, signal)),
    ...(await captures),
    ...(await verifyTracked(run, signal)),
  ]
  signal?.throwIfAborted()
  const same = items.every(({ status }) => status === 'same' || status === 'not-checked')
  return { id: run.id, name: run.record.name, same, items }
}
