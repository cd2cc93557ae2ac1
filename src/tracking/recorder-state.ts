/** The phases of a recorder, and the error for a call in the wrong one. */
import { LineaprintError } from '../core/errors.ts'
import type { RunWriter } from './run-writer.ts'
import type { ExperimentSummary } from './summary.ts'

/** The phase of a recorder, with the values that exist only in that phase. */
export type RecorderState =
  | { readonly phase: 'new' }
  | { readonly phase: 'starting' }
  | { readonly phase: 'running'; readonly writer: RunWriter }
  | { readonly phase: 'finishing'; readonly writer: RunWriter }
  | { readonly phase: 'ended'; readonly writer: RunWriter; readonly summary: ExperimentSummary }

/** Create the error for a call that is not allowed in this phase. */
export function wrongState({ phase }: RecorderState, call: string, expected: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_STATE', `${call} cannot be called now`, {
    expected,
    received: PHASES[phase],
    hint: HINTS[phase],
  })
}

/** Create the error for a query about a run that has not started. */
export function notStarted(): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_STATE', 'the experiment has not started', { hint: HINTS.new })
}

const PHASES: Readonly<Record<RecorderState['phase'], string>> = {
  new: 'before the start',
  starting: 'while it starts',
  running: 'while it runs',
  finishing: 'while it finishes',
  ended: 'after the end',
}

const HINTS = {
  new: 'call startExperiment first',
  starting: undefined,
  running: undefined,
  finishing: undefined,
  ended: 'create a new ExperimentTracker',
} as const satisfies Readonly<Record<RecorderState['phase'], string | undefined>>
