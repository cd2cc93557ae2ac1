/** The common part of the writers of model files: the tensors to write, and a file that is written from front to back. */
import { createCipheriv } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'

/** A tensor to write, of dtype F32. */
export interface TensorPlan {
  readonly name: string
  readonly shape: readonly number[]
  readonly bytes: number
  /** Return its elements: the same bytes at each call. */
  content(): Buffer
}

/** Return the same tensors with elements that are all zero, which take no place on the disk. */
export function withZeros(plans: readonly TensorPlan[]): TensorPlan[] {
  return plans.map((plan) => ({ ...plan, content: () => Buffer.alloc(plan.bytes) }))
}

/**
 * Return the tensors of a model of about `bytes` bytes: large matrices, and vectors of a few kilobytes. As in models of
 * others, the number of a layer is a part of the name by itself; no format divides names at the characters in them.
 */
export function planModel(bytes: number): TensorPlan[] {
  const hidden = bytes >= 2 ** 29 ? 1536 : 384
  const plans: TensorPlan[] = []
  let total = 0
  for (let layer = 0; total < bytes; layer++) {
    for (const [part, shape] of layerParts(hidden)) {
      const length = shape.reduce((product, dimension) => product * dimension, 4)
      const seed = plans.length
      const name = `layers_${layer}_${part}`
      plans.push({ name, shape, bytes: length, content: () => elements(seed, length) })
      total += length
    }
  }
  return plans
}

function layerParts(hidden: number): [name: string, shape: number[]][] {
  return [
    ...['q_proj', 'k_proj', 'v_proj', 'o_proj'].map((name): [string, number[]] => [name, [hidden, hidden]]),
    ['gate_proj', [3 * hidden, hidden]],
    ['down_proj', [hidden, 3 * hidden]],
    ['input_norm', [hidden]],
    ['output_norm', [hidden]],
  ]
}

/**
 * Return `length` bytes of F32 numbers whose lower half is zero, as in a model that was converted from BF16: a compressor
 * has something to do.
 */
function elements(seed: number, length: number): Buffer {
  const key = Buffer.alloc(16, 5)
  const nonce = Buffer.alloc(16)
  nonce.writeUInt32LE(seed)
  const bytes = createCipheriv('aes-128-ctr', key, nonce).update(Buffer.alloc(length))
  const numbers = new Uint32Array(bytes.buffer, bytes.byteOffset, length / 4)
  for (let at = 0; at < numbers.length; at++) numbers[at] = ((numbers[at] ?? 0) & 0xffff0000) >>> 0
  return bytes
}

/** A file that is written from front to back. */
export class Output {
  /** Bytes that were written. */
  position = 0
  readonly #file: number

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  /** Write bytes; a long run of zeros becomes a hole. */
  write(...parts: readonly Uint8Array[]): void {
    for (const part of parts) {
      if (!isZeros(part))
        for (let done = 0; done < part.length;)
          done += writeSync(this.#file, part, done, undefined, this.position + done)
      this.position += part.length
    }
  }

  /** Replace bytes that were written. */
  rewrite(position: number, part: Uint8Array): void {
    for (let done = 0; done < part.length;)
      done += writeSync(this.#file, part, done, undefined, position + done)
  }

  /** Write zeros up to the next multiple of `alignment`. */
  align(alignment: number): void {
    this.write(Buffer.alloc((alignment - (this.position % alignment)) % alignment))
  }

  close(): void {
    ftruncateSync(this.#file, this.position)
    closeSync(this.#file)
  }
}

const ZEROS = Buffer.alloc(1 << 20)

function isZeros(part: Uint8Array): boolean {
  if (part.length < 1 << 16) return false
  for (let at = 0; at < part.length; at += ZEROS.length) {
    const length = Math.min(ZEROS.length, part.length - at)
    if (Buffer.compare(part.subarray(at, at + length), ZEROS.subarray(0, length)) !== 0) return false
  }
  return true
}

/** Return a little-endian number of 1, 2, 4 or 8 bytes. */
export function uint(value: number, width: 1 | 2 | 4 | 8): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes.subarray(0, width)
}
