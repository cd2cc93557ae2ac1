/** Comparison of two files whose bytes differ, by the tensors or the array in them. */
import { hasDistance } from '../core/dtypes.ts'
import { isTableFile } from '../dataset/table-names.ts'
import { LineaprintError } from '../core/errors.ts'
import { canHoldTensors } from '../model/families.ts'
import { holdsOnlyTensors, readModel } from '../model/read.ts'
import { compareTensors } from '../record/tensor-list.ts'
import { compareArrays } from './npy.ts'
import { compareTables } from './table-files.ts'
import { elementsOf, largestDifference } from './numbers.ts'
import { plural } from '../util/plural.ts'
import type { Difference } from '../core/component.ts'
import type { ModelReport, TensorInfo } from '../model/read.ts'
import type { FileVerdict, Tolerance } from './file-verdict.ts'

/** Compare two files whose bytes differ. */
export async function compareFiles(before: string, after: string, options: Tolerance): Promise<FileVerdict> {
  if (/\.npy$/i.test(before)) return compareArrays(before, after, options)
  if (isTableFile(before)) return compareTables(before, after, options)
  if (!canHoldTensors(before)) return { verdict: 'different', detail: 'the bytes differ', differences: [] }
  const verdict = await compareWeights(before, after, options)
  if (!LineaprintError.is(verdict)) return verdict
  const detail = `the bytes differ, and the tensors cannot be compared: ${verdict.message}`
  return { verdict: 'different', detail, differences: [] }
}

/**
 * Compare the tensors of two models: files, or folders with one model each, however it is sharded.
 *
 * @returns The reason, if one of them cannot be read as a model.
 */
export async function compareWeights(
  before: string,
  after: string,
  options: Tolerance,
): Promise<FileVerdict | LineaprintError> {
  const { signal, onProgress } = options
  try {
    const [modelBefore, modelAfter] = [
      await readModel(before, { signal, onProgress }),
      await readModel(after, { signal, onProgress }),
    ]
    if (!modelBefore.weights.equals(modelAfter.weights))
      return await compareModels(modelBefore, modelAfter, options)
    return equalTensors(holdsOnlyTensors(modelBefore) && holdsOnlyTensors(modelAfter))
  } catch (error) {
    if (LineaprintError.isFinding(error)) return error
    throw error
  }
}

async function compareModels(
  before: ModelReport,
  after: ModelReport,
  { tolerance, signal }: Tolerance,
): Promise<FileVerdict> {
  const recorded = before.tensors.map(({ digest, ...tensor }) => ({ ...tensor, digest: digest.toString() }))
  const changed = compareTensors(recorded, after.tensors)
  if (tolerance === undefined) return differingTensors(changed, before.tensorCount)
  const [tensorsBefore, tensorsAfter] = [byName(before), byName(after)]
  const beyond: Difference[] = []
  let largest = 0
  for (const difference of changed) {
    const [a, b] = [tensorsBefore.get(difference.field), tensorsAfter.get(difference.field)]
    if (!a || !b || !hasDistance(a.dtype) || a.dtype !== b.dtype || !equalShapes(a, b)) {
      beyond.push(difference)
      continue
    }
    const [elementsBefore, elementsAfter] = [elementsOf(before, a), elementsOf(after, b)]
    if (elementsBefore === undefined || elementsAfter === undefined) {
      beyond.push(difference)
      continue
    }
    const distance = await largestDifference(elementsBefore, elementsAfter, signal)
    largest = Math.max(largest, distance)
    if (distance > tolerance) beyond.push(difference)
  }
  if (beyond.length > 0) return { ...differingTensors(beyond, before.tensorCount), maxDifference: largest }
  const detail = `no element differs by more than ${largest}`
  if (!holdsOnlyTensors(before) || !holdsOnlyTensors(after))
    return {
      verdict: 'different',
      detail: `${detail}; ${REST}`,
      differences: changed,
      maxDifference: largest,
    }
  return { verdict: 'within-tolerance', detail, differences: changed, maxDifference: largest }
}

const REST = 'what the files hold beside them is not compared'

/** Return the verdict about files of equal tensors and other bytes. */
export function equalTensors(holdOnlyTensors: boolean): FileVerdict {
  const detail = 'the bytes differ, every tensor is the same'
  if (holdOnlyTensors) return { verdict: 'same-tensors', detail, differences: [] }
  return { verdict: 'different', detail: `${detail}; ${REST}`, differences: [] }
}

/** Return the verdict that names the first differing tensors. */
export function differingTensors(differences: readonly Difference[], total: number): FileVerdict {
  const shown = differences.slice(0, 3).map(({ field }) => field)
  const names = [...shown, ...(differences.length > 3 ? ['…'] : [])].join(', ')
  const detail = `${differences.length} of ${plural(total, 'tensor')} ${total === 1 ? 'differs' : 'differ'}: ${names}`
  return { verdict: 'different', detail, differences }
}

function byName({ tensors }: ModelReport): Map<string, TensorInfo> {
  return new Map(tensors.map((tensor) => [tensor.name, tensor]))
}

function equalShapes({ shape: a }: TensorInfo, { shape: b }: TensorInfo): boolean {
  return a.length === b.length && a.every((length, axis) => length === b[axis])
}
