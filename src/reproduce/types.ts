/** Options and results of a reproduction. */
import type { Progress } from '../core/options.ts'
import type { ContentVerdict } from '../compare/file-verdict.ts'
import type { Difference } from '../core/component.ts'
import type { RunStatus } from '../record/record.ts'

/**
 * The verdict about one item.
 *
 * - `same`: equal bytes, an equal number, an equal state.
 * - `same-tensors`: other bytes, but files of tensors alone with the same names, dtypes, shapes and element bits.
 * - `same-table`: other bytes, but a table of the same columns, types and rows.
 * - `within-tolerance`: no number differs by more than the given tolerance.
 * - `different`, `missing`: it was made again and differs, or it was not made.
 * - `rebuilt`: a part of the environment that was installed again.
 * - `not-restored`: a part of the recorded state that a run does not keep.
 * - `not-compared`: it could not be compared. An output of this verdict does not count as reproduced.
 */
export type ReproduceVerdict = ContentVerdict | 'missing' | 'rebuilt' | 'not-restored' | 'not-compared'

/** The result for one item. */
export interface ReproduceItem {
  /** `code`, `environment`, `datasets`, `models`, `tokenizers`, `seeds`, `command`, `outputs` or `metrics`. */
  readonly section: string
  readonly name: string
  readonly verdict: ReproduceVerdict
  /** A plain sentence if the verdict alone is not enough, else empty. */
  readonly detail: string
  /** Differences by field; for a model by tensor. */
  readonly differences: readonly Difference[]
  /** Largest absolute difference of two elements or values; present only if numbers were compared. */
  readonly maxDifference?: number
}

/** The new run that reproduces another. */
export interface ReproducingRun {
  readonly id: string
  /** Absolute path. */
  readonly folder: string
  readonly status: RunStatus
  /**
   * Exit code as a shell reports it: that of the command, or 128 plus the number of the signal that ended it.
   */
  readonly exitCode: number
  readonly signal: NodeJS.Signals | null
}

/** The result of a reproduction. */
export interface Reproduction {
  /** ID and name of the reproduced run. */
  readonly id: string
  readonly name: string
  /** Name of the reproduced run beside its experiment; absent if it has none. */
  readonly runName?: string
  /** Absolute path of the new work tree. */
  readonly directory: string
  /** The new run; absent with `run: false`. */
  readonly run?: ReproducingRun
  /**
   * True if the command ended as before and every output and metric is the same, has the same tensors or
   * table, or is within the tolerance; `false` if there was nothing to compare. `null` with `run: false`.
   */
  readonly reproduced: boolean | null
  readonly items: readonly ReproduceItem[]
}

/**
 * The commands and changes that a reproduction would take from a run that is not known to be made by this user on this machine. Every
 * text is from the record: escape it before it is shown.
 */
export interface ReproductionPlan {
  /** ID and name of the run. */
  readonly id: string
  readonly name: string
  /** Name of the machine in the record. */
  readonly host: string
  /** Program and arguments of the command; absent with `run: false`. */
  readonly argv?: readonly string[]
  /** Working folder of the command below the new work tree, with `/`; empty for its root. */
  readonly directory: string
  /** Files of the run that are applied to the commit, and their bytes. */
  readonly patches: FileTotal
  readonly untracked: FileTotal
  readonly bundle: FileTotal
  /** The package managers and interpreters that `rebuild` would start. */
  readonly managers: readonly string[]
}

/** A number of files, and their bytes. */
export interface FileTotal {
  readonly count: number
  readonly bytes: number
}

/** Options of {@link reproduceRun}. */
export interface ReproduceOptions {
  /**
   * Folder for the work tree: it must be empty or not exist. @default a new temporary folder, which is kept
   */
  readonly into?: string | undefined
  /** True to run the command; `false` only restores the work tree. @default true */
  readonly run?: boolean | undefined
  /**
   * True to run the command although secrets were replaced in files of the work tree, which hold `<redacted>`
   * then. @default false
   */
  readonly allowRedacted?: boolean | undefined
  /**
   * True to install the packages of the run again in the new tree, with the package managers that it used.
   * @default false
   */
  readonly rebuild?: boolean | undefined
  /**
   * Permission to start what a run names that is not known to be made by this user on this machine: `true`, or a
   * function that is called once, before anything is written or started. Not asked for with `run: false` without
   * `rebuild`, which starts nothing that the record names. @default such a run is refused
   */
  readonly approve?: true | ((plan: ReproductionPlan) => boolean | Promise<boolean>) | undefined
  /** Called with each command of a package manager before it starts. */
  readonly onStep?: ((command: string) => void) | undefined
  /**
   * Largest absolute difference at which numbers count as reproduced. @default none: the bits must be equal
   */
  readonly tolerance?: number | undefined
  /**
   * Patterns of files of output folders that are left out of the comparison, in the syntax of gitignore, in addition
   * to the built-in ones. @default none
   */
  readonly outputIgnore?: readonly string[] | undefined
  /** File descriptors that receive stdout and stderr of the command. @default [2, 2] */
  readonly targets?: readonly [stdout: number, stderr: number] | undefined
  /** Stops the work before and after the command. The call then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined
  /**
   * Called with the path of the work tree when the command is about to start. From then on the folder is
   * kept.
   */
  readonly onStart?: ((directory: string) => void) | undefined
  /** Called with the progress of the current digest. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** Create an item. */
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
