/** A model of a derivation, opened. */
import type { ModelParts, ModelReport, TensorInfo } from '../read.ts'
import type { Facts } from './maps.ts'

/** A model as it was read, with what tells whether its files change later. */
export interface Opened {
  readonly report: ModelReport
  readonly parts: ModelParts
  readonly paths: readonly string[]
  readonly byName: ReadonlyMap<string, TensorInfo>
  readonly facts: Facts
  readonly fingerprints: ReadonlyMap<string, string>
}
