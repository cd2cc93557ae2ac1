/** Digests of tensors whose elements come one after another, as in a file that is written. */
import { LineaprintError } from '../core/errors.ts'
import { toDigests } from '../core/digest.ts'
import { native } from '../native/load.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { AlgorithmChoice, Digests } from '../core/digest.ts'

/** A tensor of a sequence. */
export interface SequenceTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  /** Bytes of its elements. */
  readonly size: number
}

/** The digests of a sequence. */
export interface SequenceDigests<A extends AlgorithmChoice = AlgorithmChoice> {
  readonly weights: Digests<A>
  /** Plain digests of the elements of each tensor, in the order of the sequence. */
  readonly tensors: readonly Digests<A>[]
  /** Plain digests of the head and all elements; only if they were asked for. */
  readonly file?: Digests<A>
}

type Sliced = InstanceType<typeof native.NativeSliced>

/** Bytes of the unit in which a tensor may be cut; the addon hashes its parts on all cores. */
const CUT = 1024

/** Return how many of the next bytes of a tensor go into a block with this room: no cut is within a unit. */
export function fitting(remaining: number, room: number): number {
  return remaining <= room ? remaining : room - (room % CUT)
}

/** Hashes the bytes of a sequence, which come in blocks. A block may end within a tensor as {@link fitting} allows. */
export class TensorSequence<A extends AlgorithmChoice = AlgorithmChoice> {
  readonly #tensors: readonly SequenceTensor[]
  readonly #algorithm: AlgorithmChoice
  readonly #digests: Digests[] = []
  readonly #file: InstanceType<typeof native.NativeHasher> | undefined
  /** Bytes before the first tensor that are still to come. */
  #head: number
  /** The tensor of which a part has come, and how many of its bytes are to come. */
  #partial: { readonly hasher: Sliced; remaining: number } | undefined

  /**
   * @param head Bytes before the first tensor, which count for the file alone.
   * @param file True if the whole is digested, too.
   */
  constructor(tensors: readonly SequenceTensor[], algorithm: AlgorithmChoice, head = 0, file = false) {
    this.#tensors = tensors
    this.#algorithm = algorithm
    this.#head = head
    this.#file = file ? new native.NativeHasher(algorithm) : undefined
  }

  /** Add the next block; the caller waits, for about 1 ms for each 4 MiB of BLAKE3. */
  update(block: Uint8Array): void {
    this.#file?.update(block)
    let at = Math.min(this.#head, block.byteLength)
    this.#head -= at
    while (at < block.byteLength) at += this.#take(block.subarray(at))
  }

  /**
   * Return the digests.
   *
   * @throws ERR_LINEAPRINT_INTERNAL if bytes are missing.
   */
  finish(): SequenceDigests<A> {
    this.#takeEmpty()
    if (this.#head > 0 || this.#partial !== undefined || this.#digests.length < this.#tensors.length)
      throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'the sequence of tensors is not complete')
    const file = this.#file && toDigests(this.#file.finish())
    return {
      weights: this.#weights() as Digests<A>,
      tensors: this.#digests as Digests<A>[],
      ...(file && { file: file as Digests<A> }),
    }
  }

  /** Take what belongs to the next tensor. */
  #take(bytes: Uint8Array): number {
    if (this.#partial !== undefined) {
      const part = bytes.subarray(0, this.#partial.remaining)
      this.#partial.hasher.update(part)
      this.#partial.remaining -= part.byteLength
      if (this.#partial.remaining === 0) this.#end(this.#partial.hasher)
      return part.byteLength
    }
    this.#takeEmpty()
    const next = this.#tensors[this.#digests.length]
    if (next === undefined)
      throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'the sequence of tensors has more bytes than they')
    if (next.size <= bytes.byteLength) {
      this.#digests.push(toDigests(native.hashBytes(bytes.subarray(0, next.size), this.#algorithm)))
      return next.size
    }
    const hasher = new native.NativeSliced(this.#algorithm, next.size)
    hasher.update(bytes)
    this.#partial = { hasher, remaining: next.size - bytes.byteLength }
    return bytes.byteLength
  }

  /** Take tensors without elements, for which no bytes come. */
  #takeEmpty(): void {
    if (this.#partial !== undefined) return
    while (this.#tensors[this.#digests.length]?.size === 0)
      this.#digests.push(toDigests(native.hashBytes(new Uint8Array(0), this.#algorithm)))
  }

  #end(hasher: Sliced): void {
    this.#digests.push(toDigests(hasher.finish()))
    this.#partial = undefined
  }

  #weights(): Digests {
    const algorithms = this.#algorithm === 'both' ? (['blake3', 'sha256'] as const) : [this.#algorithm]
    const items = this.#tensors
      .map(({ name, dtype, shape }, index) => ({ name, dtype, shape: [...shape], index }))
      .toSorted((a, b) => compareUtf8(a.name, b.name))
    const weights = algorithms.map((algorithm) => {
      const digested = items.map(({ name, dtype, shape, index }) => ({
        name,
        dtype,
        shape,
        digest: this.#digests[index]?.[algorithm]?.bytes ?? new Uint8Array(),
      }))
      return toDigests(native.weightsDigest(digested, algorithm), 'weights')
    })
    return Object.assign({}, ...weights) as Digests
  }
}
