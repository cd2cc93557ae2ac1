/** The change of a model, layer by layer. */
import { compareUtf8 } from '../../util/text-order.ts'
import type { ValueComparison } from './values.ts'

/** A tensor that differs. */
interface ChangedTensor {
  readonly name: string
  readonly values?: ValueComparison
}

/** Tensors of one layer, or of one part of the model that has no layers. */
export interface LayerChange {
  /** The names of its tensors up to the number of the layer (`model.layers.3`); else their first segment. */
  readonly name: string
  /** Tensors of the second model in it. */
  readonly tensors: number
  /** Tensors that differ, removed ones among them. */
  readonly changed: number
  /**
   * Euclidean norm of the difference, divided by that of the first model, over the tensors whose values were compared;
   * `null` if none was, or if that norm is 0.
   */
  readonly relative: number | null
  /** Numbers that became NaN or infinite, less those that were before. */
  readonly lost: number
}

interface Sums {
  tensors: number
  changed: number
  difference: number
  norm: number
  compared: number
  lost: number
}

/**
 * Sum up the changes by layer.
 *
 * @param names Names of the tensors of the second model.
 * @param changes The tensors that differ, with their values.
 * @returns In the order of the numbers of layers.
 */
export function changeByLayer(names: readonly string[], changes: readonly ChangedTensor[]): LayerChange[] {
  const layers = new Map<string, Sums>()
  const sumsOf = (name: string): Sums => {
    const key = layerOf(name)
    const sums = layers.get(key) ?? { tensors: 0, changed: 0, difference: 0, norm: 0, compared: 0, lost: 0 }
    layers.set(key, sums)
    return sums
  }
  for (const name of names) sumsOf(name).tensors++
  for (const { name, values } of changes) {
    const sums = sumsOf(name)
    sums.changed++
    if (values?.status !== 'compared') continue
    sums.compared++
    sums.difference += values.l2 ** 2
    sums.norm += values.norm.before ** 2
    const { nan, infinite } = values
    sums.lost += nan.after + infinite.after - nan.before - infinite.before
  }
  return [...layers]
    .map(([name, { tensors, changed, difference, norm, compared, lost }]) => ({
      name,
      tensors,
      changed,
      relative: compared === 0 || norm === 0 ? null : Math.sqrt(difference / norm),
      lost,
    }))
    .toSorted((a, b) => compareLayers(a.name, b.name))
}

function layerOf(name: string): string {
  const segments = name.split('.')
  const at = segments.findIndex((segment) => /^\d+$/.test(segment))
  return at === -1 ? (segments[0] ?? '') : segments.slice(0, at + 1).join('.')
}

/** Order names by their text, and numbers at the end of equal texts by their value. */
function compareLayers(a: string, b: string): number {
  const [first, second] = [a, b].map((name) => /^(.*?)(\d*)$/s.exec(name))
  const order = compareUtf8(first?.[1] ?? '', second?.[1] ?? '')
  return order === 0 ? Number(first?.[2] ?? 0) - Number(second?.[2] ?? 0) : order
}
