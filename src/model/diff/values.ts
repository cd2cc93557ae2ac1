/** Comparison of two tensors element by element, in blocks: memory never holds a whole tensor. */
import { errorCode, systemReason } from '../../util/fs.ts'
import { openRegular } from '../../util/own-file.ts'
import { LineaprintError } from '../../core/errors.ts'
import { decoderOf } from './decode.ts'
import type { FileHandle } from 'node:fs/promises'
import type { TensorInfo } from '../read.ts'
import type { BigIntArray, Decoder } from './decode.ts'

/** The distance between the values of two tensors. */
export type ValueComparison =
  | {
      readonly status: 'compared'
      readonly elements: number
      /** Number of elements that differ. NaN differs from every number and equals NaN; 0 and -0 are equal. */
      readonly changed: number
      /** `changed` divided by `elements`, from 0 to 1. */
      readonly share: number
      /**
       * Greatest difference of two numbers; `null` if elements changed, but none from one number to another.
       */
      readonly maxAbsolute: number | null
      readonly nan: { readonly before: number; readonly after: number }
      /** Infinities of either sign. */
      readonly infinite: { readonly before: number; readonly after: number }
    }
  | { readonly status: 'not-compared'; readonly reason: string }

/** The location of the bytes of a tensor. */
export interface TensorLocation {
  /** Absolute path. */
  readonly path: string
  readonly tensor: TensorInfo
}

/** Elements read at a time. */
const BLOCK = 1 << 17

/**
 * Compare the values of two tensors of equal shape. Their dtypes may differ.
 *
 * @throws ERR_LINEAPRINT_CHANGED if a file has become shorter, and the reason of the signal.
 */
export async function compareValues(
  before: TensorLocation,
  after: TensorLocation,
  signal?: AbortSignal,
): Promise<ValueComparison> {
  const [decoderBefore, decoderAfter] = [decoderOf(before.tensor.dtype), decoderOf(after.tensor.dtype)]
  for (const [decoder, { tensor }] of [
    [decoderBefore, before],
    [decoderAfter, after],
  ] as const) {
    if (decoder === undefined) return notCompared(`values of ${tensor.dtype} cannot be compared as numbers`)
  }
  if (decoderBefore === undefined || decoderAfter === undefined) return notCompared('unknown dtype')
  if (decoderBefore.kind !== decoderAfter.kind)
    return notCompared(`${before.tensor.dtype} and ${after.tensor.dtype} cannot be compared exactly`)
  const elements = before.tensor.bytes / decoderBefore.width
  if (!Number.isInteger(elements) || elements !== after.tensor.bytes / decoderAfter.width)
    return notCompared('the tensors have different numbers of elements')
  const [startBefore, startAfter] = [before.tensor.start, after.tensor.start]
  if (startBefore === undefined || startAfter === undefined)
    return notCompared('the elements do not lie in one piece of a file')
  const totals = new Totals()
  const first = await openTensor(before.path)
  try {
    const second = await openTensor(after.path)
    try {
      const sides = [
        { location: before, start: startBefore, file: first, decoder: decoderBefore },
        { location: after, start: startAfter, file: second, decoder: decoderAfter },
      ] as const
      await visitBlocks(elements, sides, totals, signal)
    } finally {
      await second.close()
    }
  } finally {
    await first.close()
  }
  return totals.result(elements)
}

function notCompared(reason: string): ValueComparison {
  return { status: 'not-compared', reason }
}

interface Side {
  readonly location: TensorLocation
  /** First byte in the file. */
  readonly start: number
  readonly file: FileHandle
  readonly decoder: Decoder
}

async function visitBlocks(
  elements: number,
  [before, after]: readonly [Side, Side],
  totals: Totals,
  signal: AbortSignal | undefined,
): Promise<void> {
  const room = Math.min(BLOCK, elements)
  const bytes = [before, after].map(({ decoder }) => new Uint8Array(room * decoder.width))
  const [bytesBefore = new Uint8Array(), bytesAfter = new Uint8Array()] = bytes
  const [numbersBefore, numbersAfter] = [new Float64Array(room), new Float64Array(room)]
  for (let start = 0; start < elements; start += room) {
    signal?.throwIfAborted()
    const count = Math.min(room, elements - start)
    await Promise.all([
      readBlock(before, bytesBefore, start, count),
      readBlock(after, bytesAfter, start, count),
    ])
    if (before.decoder.kind === 'number' && after.decoder.kind === 'number') {
      before.decoder.decode(bytesBefore, count, numbersBefore)
      after.decoder.decode(bytesAfter, count, numbersAfter)
      totals.addNumbers(numbersBefore, numbersAfter, count)
    } else if (before.decoder.kind === 'big' && after.decoder.kind === 'big')
      totals.addIntegers(before.decoder.view(bytesBefore), after.decoder.view(bytesAfter), count)
  }
}

async function openTensor(path: string): Promise<FileHandle> {
  return openRegular(path).catch((cause: unknown) => {
    const code = errorCode(cause) === 'ENOENT' ? 'ERR_LINEAPRINT_CHANGED' : 'ERR_LINEAPRINT_UNREADABLE'
    throw new LineaprintError(code, `cannot open it again: ${systemReason(cause)}`, { path, cause })
  })
}

async function readBlock(
  { file, decoder, start: first, location: { path, tensor } }: Side,
  into: Uint8Array,
  start: number,
  count: number,
): Promise<void> {
  const length = count * decoder.width
  for (let done = 0; done < length;) {
    const position = first + start * decoder.width + done
    const { bytesRead } = await file.read(into, done, length - done, position).catch((cause: unknown) => {
      const reason = `cannot read it: ${systemReason(cause)}`
      throw new LineaprintError('ERR_LINEAPRINT_UNREADABLE', reason, { path, cause })
    })
    if (bytesRead === 0) {
      throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'the file became shorter while it was read', {
        path,
        tensor: tensor.name,
      })
    }
    done += bytesRead
  }
}

class Totals {
  #changed = 0
  #largest = 0
  /** Pairs of two different numbers. */
  #numbers = 0
  readonly #nan = { before: 0, after: 0 }
  readonly #infinite = { before: 0, after: 0 }

  addNumbers(before: Float64Array, after: Float64Array, count: number): void {
    for (let index = 0; index < count; index++) {
      const valueBefore = before[index] ?? NaN
      const valueAfter = after[index] ?? NaN
      const difference = Math.abs(valueBefore - valueAfter)
      // Almost all elements are finite, so one test covers both cases: only infinities and NaN pass it.
      if (valueBefore - valueBefore !== 0) {
        if (Number.isNaN(valueBefore)) this.#nan.before++
        else this.#infinite.before++
      }
      if (valueAfter - valueAfter !== 0) {
        if (Number.isNaN(valueAfter)) this.#nan.after++
        else this.#infinite.after++
      }
      if (valueBefore === valueAfter || (Number.isNaN(valueBefore) && Number.isNaN(valueAfter))) continue
      this.#changed++
      if (Number.isNaN(difference)) continue
      this.#numbers++
      if (difference > this.#largest) this.#largest = difference
    }
  }

  addIntegers(before: BigIntArray, after: BigIntArray, count: number): void {
    let largest = 0n
    for (let index = 0; index < count; index++) {
      const [valueBefore, valueAfter] = [before[index] ?? 0n, after[index] ?? 0n]
      if (valueBefore === valueAfter) continue
      this.#changed++
      this.#numbers++
      const difference = valueBefore > valueAfter ? valueBefore - valueAfter : valueAfter - valueBefore
      if (difference > largest) largest = difference
    }
    this.#largest = Math.max(this.#largest, Number(largest))
  }

  result(elements: number): ValueComparison {
    return {
      status: 'compared',
      elements,
      changed: this.#changed,
      share: elements === 0 ? 0 : this.#changed / elements,
      maxAbsolute: this.#changed > 0 && this.#numbers === 0 ? null : this.#largest,
      nan: { ...this.#nan },
      infinite: { ...this.#infinite },
    }
  }
}
