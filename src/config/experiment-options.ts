/** Options of an experiment: as given by a caller, and with all defaults filled in. */
import type { Component } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { Given, GivenOptionGroups, OptionGroups } from './groups.ts'
import type { OutputOptions } from './outputs.ts'
import type { SystemMetricsOptions } from './system-metrics.ts'

/** The users who may read and write the files of a run. */
export type StoreAccess = 'owner' | 'group'

/** Options that a caller or a configuration file may set. Each of them has a default. */
export interface ExperimentOptions extends GivenOptionGroups, OutputOptions {
  /** Name of the experiment; runs may share it. @default 'experiment' */
  readonly experimentName?: string | undefined
  /**
   * Name of this run beside its experiment, by which commands find it. Not beginning with `@` or `-`, nor ending in `~`
   * and a number. @default none
   */
  readonly runName?: string | undefined
  /**
   * The run that this one continues, as after a checkpoint: its id, run name, or another reference. It is in the same
   * store, and the metrics of both read as one series. @default none
   */
  readonly continues?: string | undefined
  /** Id of this run. @default made of the time and random characters */
  readonly experimentId?: string | undefined
  /** Folder that holds the store `.lineaprint`. @default the working directory */
  readonly outputDir?: string | undefined
  /** True if datasets are digested; otherwise `trackDataset` records only the name. @default true */
  readonly enableDatasetTracking?: boolean | undefined
  /** True if models and tokenizers are digested. @default true */
  readonly enableModelTracking?: boolean | undefined
  /** True if the environment is captured at the start. @default true */
  readonly enableEnvironmentTracking?: boolean | undefined
  /** True if seeds are captured at the start and when they are set. @default true */
  readonly enableSeedTracking?: boolean | undefined
  /** True if the state of the git work tree is captured at the start. @default true */
  readonly enableGitTracking?: boolean | undefined
  /** Hash function of the digests. @default 'blake3' */
  readonly algorithm?: AlgorithmChoice | undefined
  /** Also write `<name>_latest.json` into the store and `experiment.json` into the run. @default false */
  readonly saveToJson?: boolean | undefined
  /** The same in YAML that every reader understands. @default false */
  readonly saveToYaml?: boolean | undefined
  /**
   * True if secrets are replaced by `<redacted>` in everything that becomes part of the record, the journal, the
   * logs and the exports. @default true
   */
  readonly redact?: boolean | undefined
  /**
   * Access to the runs of the store: only the user who made them, or also the group of the folder.
   * @default 'owner'
   */
  readonly storeAccess?: StoreAccess | undefined
  /** @default [] */
  readonly tags?: readonly string[] | undefined
  /** @default '' */
  readonly notes?: string | undefined
  /** Any values with a JSON form. @default {} */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /**
   * Files in which the program of the run writes metrics, as JSON, JSON lines or CSV. Relative paths are relative to the
   * configuration file, else to the working directory. @default []
   */
  readonly metricFiles?: readonly string[] | undefined
  /** True if model files that the run writes below its work tree are outputs, also undeclared ones. @default false */
  readonly autoOutputs?: boolean | undefined
  /** Log processor, memory and graphics processors as metrics below `system/` while the run is running. @default false */
  readonly systemMetrics?: boolean | Given<SystemMetricsOptions> | undefined
  /** Own captures in addition to the built-in ones; made at the start of the run. @default [] */
  readonly trackers?: readonly Component[] | undefined
}

/** Options whose resolved type differs from the type that a caller gives. */
interface Resolved extends OptionGroups {
  readonly experimentId: string | undefined
  readonly runName: string | undefined
  readonly continues: string | undefined
  readonly server: string | undefined
  readonly serverProject: string | undefined
  readonly metadata: JsonObject
  /** `false` if nothing is sampled. */
  readonly systemMetrics: false | SystemMetricsOptions
}

/** Options with all defaults filled in; frozen. `outputDir` is absolute. */
export type Configuration = Resolved & {
  readonly [K in Exclude<keyof ExperimentOptions, keyof Resolved>]-?: Exclude<ExperimentOptions[K], undefined>
}
