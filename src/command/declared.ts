/** Inputs and outputs that a command declares. */
import type { TrackedDatasetOptions } from '../tracking/inputs.ts'

/** A path and its name. */
export interface NamedPath {
  readonly name: string
  readonly path: string
}

/** A dataset and its name, with what the command line says of it. */
export interface NamedDataset extends NamedPath {
  readonly options?: TrackedDatasetOptions | undefined
}

/** The paths that the command of a rank declares, absolute. */
export interface Declared {
  readonly datasets: readonly NamedDataset[]
  readonly models: readonly NamedPath[]
  readonly outputs: readonly NamedPath[]
  /** Files in which it writes metrics. */
  readonly metricFiles: readonly string[]
}
