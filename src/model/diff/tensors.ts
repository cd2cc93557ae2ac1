/** Tensors in which two lists differ. */
import { matchRenames } from '../../hash/tree-diff.ts'
import { compareUtf8 } from '../../util/text-order.ts'

/** One tensor that differs. `renamed`: equal content, dtype and shape under another name. */
export interface TensorDifference<T> {
  readonly status: 'added' | 'removed' | 'changed' | 'renamed'
  /** Name in the second list; for a removed tensor, in the first. */
  readonly name: string
  /** Name in the first list; only for a renamed tensor. */
  readonly from?: string
  readonly before?: T
  readonly after?: T
  /** The properties that differ; only for a changed tensor. */
  readonly differs?: readonly ('dtype' | 'shape' | 'data')[]
}

/** The fields that identify a tensor, in either form of its digest. */
export interface ComparableTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly digest: { toString(): string }
}

/** Return the tensors in which two lists differ, sorted by name. */
export function diffTensors<T extends ComparableTensor>(
  before: readonly T[],
  after: readonly T[],
): TensorDifference<T>[] {
  const unmatched = new Map(after.map((tensor) => [tensor.name, tensor]))
  const removed: T[] = []
  const changes: ReturnType<typeof diffTensors<T>> = []
  for (const tensor of before) {
    const other = unmatched.get(tensor.name)
    unmatched.delete(tensor.name)
    if (other === undefined) removed.push(tensor)
    else {
      const differs = differences(tensor, other)
      if (differs.length > 0)
        changes.push({ status: 'changed', name: tensor.name, before: tensor, after: other, differs })
    }
  }
  const { pairs, onlyBefore, onlyAfter } = matchRenames(removed, [...unmatched.values()], {
    // Tensors without elements are all equal, so they identify nothing.
    content: (tensor) => (tensor.shape.includes(0) ? undefined : identity(tensor)),
    lastName: ({ name }) => name.split('.').slice(-2).join('.'),
  })
  for (const [first, second] of pairs)
    changes.push({ status: 'renamed', name: second.name, from: first.name, before: first, after: second })
  for (const tensor of onlyBefore) changes.push({ status: 'removed', name: tensor.name, before: tensor })
  for (const tensor of onlyAfter) changes.push({ status: 'added', name: tensor.name, after: tensor })
  return changes.toSorted((x, y) => compareUtf8(x.name, y.name))
}

function differences(before: ComparableTensor, after: ComparableTensor): ('dtype' | 'shape' | 'data')[] {
  const pairs = {
    dtype: [before.dtype, after.dtype],
    shape: [before.shape, after.shape],
    data: [before.digest, after.digest],
  }
  return (['dtype', 'shape', 'data'] as const).filter(
    (property) => String(pairs[property][0]) !== String(pairs[property][1]),
  )
}

function identity({ dtype, shape, digest }: ComparableTensor): string {
  return `${dtype} ${shape.join('x')} ${digest.toString()}`
}
