/** Option groups: the options of one topic as one object, with all defaults filled in. */
import type { SampleOptions } from '../hash/sample/options.ts'

/** Options of a group as given by a caller: each may be omitted. */
export type Given<Options> = { readonly [K in keyof Options]?: Options[K] | undefined }

/** Options of the environment capture. */
export interface EnvironmentOptions {
  /** Names of additional environment variables that the digest covers. @default [] */
  readonly variables: readonly string[]
  /** True if installed packages are listed; lock files are read in any case. @default true */
  readonly packages: boolean
  /**
   * Time limit for each source in milliseconds, from 1 to 3,600,000; a slower source is recorded as absent.
   * @default 5000
   */
  readonly timeoutMs: number
}

/** Options of the git capture. */
export interface GitOptions {
  /** Limit for all copied untracked files together, in bytes; 0 copies none. @default 104857600 (100 MiB) */
  readonly untrackedLimit: number
  /** Limit for one untracked file, in bytes; a larger file is not copied. @default 10485760 (10 MiB) */
  readonly untrackedFileLimit: number
  /**
   * Limit for a patch and for one changed file, in bytes; a larger patch is not written, a larger file is
   * left out of it. @default 268435456 (256 MiB)
   */
  readonly patchLimit: number
  /**
   * True if commits that no remote has are kept as a bundle, so that the run can be reproduced from another
   * clone. The bundle holds them unchanged, secrets included. @default false
   */
  readonly bundle: boolean
}

/** Options of seeds. */
export interface SeedsOptions {
  /**
   * True if `setSeeds`, `seedVariables` and `lineaprint run --seed` also request deterministic results from
   * GPU libraries, which costs speed: `CUBLAS_WORKSPACE_CONFIG=:4096:8` and `TF_DETERMINISTIC_OPS=1`.
   * @default false
   */
  readonly deterministic: boolean
  /**
   * True if they also replace `Math.random` with a seeded generator. `setSeeds` does so in this thread; the
   * variables do so in Node programs started with them, by adding an `--import` to `NODE_OPTIONS`. @default
   * false
   */
  readonly replaceMathRandom: boolean
}

/** Options of datasets and outputs. */
export interface DatasetTrackingOptions {
  /**
   * Read only a part of each dataset; its digest states the sampling plan. Outputs are read in full. @default
   * everything is read
   */
  readonly sample: SampleOptions | undefined
  /**
   * True if a Parquet, Arrow or CSV file also gets the digest of its table, by a second read. @default true
   */
  readonly tables: boolean
  /**
   * True to record statistics of the columns of tables (nulls, smallest and largest value, mean, histogram) and the
   * number of images by label. @default true
   */
  readonly statistics: boolean
  /**
   * True to count the rows that are in several splits of a dataset, and those that are several times in one, by one more
   * read. @default false
   */
  readonly leaks: boolean
  /**
   * True if the digest of each file of a folder is kept, so that a later check can name the file that changed.
   * @default true
   */
  readonly files: boolean
}

/** Options of models. */
export interface ModelTrackingOptions {
  /** Read only a part of each tensor; the digests state the sampling plan. @default everything is read */
  readonly sample: SampleOptions | undefined
  /**
   * True if the digest of each tensor is kept, so that a later check can name the tensor that changed.
   * @default true
   */
  readonly tensors: boolean
  /**
   * True if the store keeps a copy of the weights files, the configuration and the tokenizer of each model.
   * @default false
   */
  readonly keep: boolean
  /**
   * True if a description of each model is written into the folder of the run, as text and as JSON. @default false
   */
  readonly description: boolean
}

/** Options of what programs report to other libraries, such as TensorBoard, Trainer or argparse. */
export interface ReportedOptions {
  /** True if the metrics that a Python program reports to other libraries are recorded. @default true */
  readonly metrics: boolean
  /** True if its parameters are recorded: arguments, configurations, hyperparameters. @default true */
  readonly parameters: boolean
}

/** Options of the copies that the store keeps. */
export interface KeepOptions {
  /** True if a copy of each output is kept. @default false */
  readonly outputs: boolean
  /** Limit for the size in bytes of a dataset, model or tokenizer of which a copy is kept; 0 keeps none. @default 0 */
  readonly inputs: number
  /**
   * True if the recorded commit is kept with its files, without the commits before it, so that the code can be restored
   * without the repository. Its files are kept unchanged, secrets included. @default false
   */
  readonly code: boolean
  /** Space that copies leave on the file system of the store, in bytes. @default 1073741824 (1 GiB) */
  readonly freeSpace: number
}

/** All option groups. */
export interface OptionGroups {
  readonly environment: EnvironmentOptions
  readonly git: GitOptions
  readonly seeds: SeedsOptions
  readonly datasets: DatasetTrackingOptions
  readonly models: ModelTrackingOptions
  readonly keep: KeepOptions
  readonly reported: ReportedOptions
}

/** All option groups as given by a caller. */
export type GivenOptionGroups = { readonly [K in keyof OptionGroups]?: Given<OptionGroups[K]> | undefined }
