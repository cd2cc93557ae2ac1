/** The option `systemMetrics`. */

/** Settings for sampling the machine during a run. */
export interface SystemMetricsOptions {
  /** Seconds between two samples, from 0.1 to 86,400. @default 10 */
  readonly intervalSeconds: number
}

/** Bounds of the interval, in seconds. */
export const INTERVAL_BOUNDS: readonly [least: number, most: number] = [0.1, 86_400]
