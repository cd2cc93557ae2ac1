/** Lists of tensors: their totals, and those that share their bits. */
import type { ModelReport, TensorInfo } from './report.ts'

/** Name, dtype, shape and size of a tensor, without its content and location. */
export type TensorType = Pick<TensorInfo, 'name' | 'dtype' | 'shape' | 'bytes'>

/** Elements and bytes, in total and of each dtype. */
export type Totals = Pick<ModelReport, 'parameters' | 'bytes' | 'dtypes'>

/** Count tensors, elements and bytes, in total and by dtype. */
export function totals(tensors: Iterable<TensorType>): Totals {
  const dtypes: Record<string, { tensors: number; parameters: number; bytes: number }> = {}
  for (const { dtype, shape, bytes } of tensors) {
    const total = (dtypes[dtype] ??= { tensors: 0, parameters: 0, bytes: 0 })
    total.tensors++
    total.parameters += shape.reduce((product, dimension) => product * dimension, 1)
    total.bytes += bytes
  }
  const sum = (field: 'parameters' | 'bytes'): number =>
    Object.values(dtypes).reduce((total, dtype) => total + dtype[field], 0)
  return { parameters: sum('parameters'), bytes: sum('bytes'), dtypes }
}

/**
 * Group the names of tensors that share dtype, shape and bits. Empty tensors all do and are excluded; so are those not
 * read whole.
 */
export function tiesOf(tensors: Iterable<TensorType & Pick<TensorInfo, 'digest'>>): string[][] {
  const groups = new Map<string, string[]>()
  for (const { name, dtype, shape, digest, bytes } of tensors) {
    if (bytes === 0 || digest.kind !== undefined) continue
    const key = `${dtype} ${shape.join('x')} ${digest.hex}`
    const group = groups.get(key)
    if (group) group.push(name)
    else groups.set(key, [name])
  }
  return [...groups.values()].filter((group) => group.length > 1)
}
