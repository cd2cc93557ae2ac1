/** What a reproduction is asked, and what it answers. */
import type { Progress } from '../core/options.ts'
import type { ContentVerdict } from '../compare/file-verdict.ts'
import type { Difference } from '../core/component.ts'
import type { RunStatus } from '../record/record.ts'

/**
 * The verdict about one thing.
 *
 * - `same`: equal bytes, an equal number, an equal state.
 * - `same-tensors`: other bytes, but safetensors with the same names, dtypes, shapes and element bits.
 * - `same-table`: other bytes, but a table of the same columns, types and rows.
 * - `within-tolerance`: no number differs by more than the tolerance that was given.
 * - `different`, `missing`: it was made again and differs, or it was not made.
 * - `rebuilt`: a part of the environment that was installed again.
 * - `not-restored`: a part of the recorded state that a run does not keep.
 * - `not-compared`: nothing could be said, which is no difference.
 */
export type ReproduceVerdict = ContentVerdict | 'missing' | 'rebuilt' | 'not-restored' | 'not-compared'

/** The answer about one thing. */
export interface ReproduceItem {
  /** `code`, `environment`, `datasets`, `models`, `tokenizers`, `seeds`, `command`, `outputs` or `metrics`. */
  readonly section: string
  readonly name: string
  readonly verdict: ReproduceVerdict
  /** A plain sentence where the verdict alone does not say it, else empty. */
  readonly detail: string
  /** Field by field; of tensors one by one. */
  readonly differences: readonly Difference[]
  /** Largest absolute difference of two elements or values; only where numbers were compared. */
  readonly maxDifference?: number
}

/** The run that was made to reproduce another. */
export interface ReproducingRun {
  readonly id: string
  /** Absolute path. */
  readonly folder: string
  readonly status: RunStatus
  /** As a shell gives it: of the command, or 128 and the number of the signal that ended it. */
  readonly exitCode: number
  readonly signal: NodeJS.Signals | null
}

/** The answer about a run. */
export interface Reproduction {
  /** Id and name of the run that was reproduced. */
  readonly id: string
  readonly name: string
  /** Absolute path of the work tree that was made. */
  readonly directory: string
  /** Absent with `run: false`. */
  readonly run?: ReproducingRun
  /**
   * Whether the command ended as before and every output and metric is the same, has the same tensors or
   * table, or is within the tolerance; `false` where there was nothing to compare. `null` with `run: false`.
   */
  readonly reproduced: boolean | null
  readonly items: readonly ReproduceItem[]
}

/** Options of {@link reproduceRun}. */
export interface ReproduceOptions {
  /** Folder for the work tree: one that does not exist, or an empty one. @default a new temporary folder, which is kept */
  readonly into?: string | undefined
  /** Whether the command is run; `false` only brings the work tree back. @default true */
  readonly run?: boolean | undefined
  /**
   * Whether what the run had installed is installed again in the new tree, by the package managers it used. Nothing is
   * installed otherwise. @default false
   */
  readonly rebuild?: boolean | undefined
  /** Told each command of a package manager before it starts. */
  readonly onStep?: ((command: string) => void) | undefined
  /** Absolute difference up to which numbers count as reproduced. @default none: bits decide */
  readonly tolerance?: number | undefined
  /** Descriptors that stdout and stderr of the command go to. @default [2, 2] */
  readonly targets?: readonly [stdout: number, stderr: number] | undefined
  /** Stops the work before and after the command; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Told the work tree when the command is about to start; from here on the folder is kept. */
  readonly onStart?: ((directory: string) => void) | undefined
  /** How far the digest under way is. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Makes an item. */
export function item(
  section: string,
  name: string,
  verdict: ReproduceVerdict,
  detail = '',
  differences: readonly Difference[] = [],
  maxDifference?: number,
): ReproduceItem {
  return {
    section,
    name,
    verdict,
    detail,
    differences,
    ...(maxDifference !== undefined && { maxDifference }),
  }
}
