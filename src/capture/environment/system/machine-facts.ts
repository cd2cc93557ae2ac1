import type { JsonObject } from '../../../core/json-value.ts'

/**
 * Facts that are determined differently on each system; `undefined` for those that the system does not
 * report.
 */
export interface Machine {
  readonly distribution: string | undefined
  readonly release: string | undefined
  readonly kernel: string | undefined
  readonly processor: string | undefined
  readonly cores: number | undefined
  readonly physicalCores: number | undefined
  readonly cpuFlags: string | undefined
  /** Bytes. */
  readonly memoryTotal: number | undefined
  readonly memoryAvailable: number | undefined
  readonly swapTotal: number | undefined
  readonly graphics: readonly JsonObject[] | undefined
}
