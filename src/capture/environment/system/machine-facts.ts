import type { JsonObject } from '../../../core/json-value.ts'

/** Facts that are found in another way on each system; `undefined` for what they cannot see. */
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
