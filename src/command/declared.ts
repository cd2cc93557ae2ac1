/** Inputs and outputs that a command declares. */

/** A path and its name. */
export interface NamedPath {
  readonly name: string
  readonly path: string
}

/** The paths that the command of a rank declares, absolute. */
export interface Declared {
  readonly datasets: readonly NamedPath[]
  readonly models: readonly NamedPath[]
  readonly outputs: readonly NamedPath[]
  /** Files in which it writes metrics. */
  readonly metricFiles: readonly string[]
}
