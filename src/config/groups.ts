/** Option groups: options that belong to one topic, as one object with every default filled in. */
import type { SampleOptions } from '../hash/sample/options.ts'

/** The options of a group as a caller gives them: each may be left out. */
export type Given<Options> = { readonly [K in keyof Options]?: Options[K] | undefined }

/** Options of the environment capture. */
export interface EnvironmentOptions {
  /** Names of more environment variables that count, in addition to the built-in list. @default [] */
  readonly variables: readonly string[]
  /** Whether installed packages are listed; lock files are read anyway. @default true */
  readonly packages: boolean
  /** Milliseconds for each source, from 1 to 3,600,000; a later one is recorded as absent. @default 5000 */
  readonly timeoutMs: number
}

/** Options of the git capture. */
export interface GitOptions {
  /** Bytes of all copied untracked files together; 0 copies none. @default 104857600 (100 MiB) */
  readonly untrackedLimit: number
  /** Bytes over which one untracked file is not copied. @default 10485760 (10 MiB) */
  readonly untrackedFileLimit: number
  /** Bytes over which a patch is given up, and a changed file is left out of it. @default 268435456 (256 MiB) */
  readonly patchLimit: number
  /**
   * Whether commits that no remote has are kept as a bundle, so that the run can be reproduced from another clone. It
   * holds them as they are, secrets included. @default false
   */
  readonly bundle: boolean
}

/** Options of seeds. */
export interface SeedsOptions {
  /**
   * Whether `setSeeds`, `seedVariables` and `lineaprint run --seed` also ask GPU libraries for deterministic results,
   * which costs speed: `CUBLAS_WORKSPACE_CONFIG=:4096:8` and `TF_DETERMINISTIC_OPS=1`. @default false
   */
  readonly deterministic: boolean
  /**
   * Whether they also replace `Math.random` by a generator with the seed: `setSeeds` in this thread, the variables in
   * Node programs that are started with them, where `NODE_OPTIONS` gets an `--import`, in addition to what it holds.
   * @default false
   */
  readonly replaceMathRandom: boolean
}

/** Options of datasets and outputs. */
export interface DatasetTrackingOptions {
  /** Read only a part of each dataset; its digest then says so. Outputs are read whole. @default everything is read */
  readonly sample: SampleOptions | undefined
  /** Whether a file of Parquet, Arrow or CSV also gets the digest of the table in it, by a second read. @default true */
  readonly tables: boolean
}

/** Options of models. */
export interface ModelTrackingOptions {
  /** Read only a part of each tensor; the digests then say so. @default everything is read */
  readonly sample: SampleOptions | undefined
  /** Whether the digest of each tensor is kept, so that a later check can name the one that changed. @default true */
  readonly tensors: boolean
}

/** All option groups. */
export interface OptionGroups {
  readonly environment: EnvironmentOptions
  readonly git: GitOptions
  readonly seeds: SeedsOptions
  readonly datasets: DatasetTrackingOptions
  readonly models: ModelTrackingOptions
}

/** All option groups as a caller gives them. */
export type GivenOptionGroups = { readonly [K in keyof OptionGroups]?: Given<OptionGroups[K]> | undefined }
