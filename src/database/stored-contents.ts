/** Inputs and outputs of runs with their digests. */
import type { RunId } from '../core/run-id.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { DamagedRun } from '../store/runs.ts'
import type { ContentFacts } from './facts.ts'

/** One digest of an input or output of a run. An entry with several digests has one of these for each. */
export interface StoredContent extends ContentFacts {
  readonly run: RunId
}

/** The runs of a store, with their inputs and outputs. */
export interface ContentList {
  /** Oldest first. */
  readonly runs: readonly ListedRun[]
  readonly contents: readonly StoredContent[]
  readonly damaged: readonly DamagedRun[]
}
