/**
 * Digests of the order of samples: `docs/format.md`, "Sample order". They are SHA-256, which Python has without a package,
 * so that both languages give the same ones.
 */
import { createHash } from 'node:crypto'
import { LineaprintError } from '../core/errors.ts'
import { within } from '../dataset/memory/within.ts'
import { addValue, arrayOf, entriesOf, headOf, textBytes, u64, unsupported } from '../hash/value-bytes.ts'
import type { Hash } from 'node:crypto'

/** Ways to take lists in a batch: their elements are columns with a row for each sample, or samples. */
export type SampleMode = 'rows' | 'items'

/** Batches of an epoch up to which each has a digest; later ones are thinned out. */
const EACH = 1024

/** Return whether the digest of a batch, from 1, is recorded: each of the first, then fewer. */
export function isKept(batch: number): boolean {
  return batch <= EACH || batch % 2 ** (Math.floor(Math.log2(batch)) - Math.log2(EACH) + 1) === 0
}

/** The digests of the samples of one epoch so far. */
export class SampleOrder {
  readonly #mode: SampleMode | undefined
  #chain: Buffer = sha(Buffer.from('lineaprint/order/v1'))
  #sum = 0n
  /** Number of batches. */
  batches = 0
  /** Number of samples; of batches if their samples cannot be told apart. */
  samples = 0
  /** False if the samples of the batches cannot be told apart. */
  isSeparated = true

  constructor(mode?: SampleMode) {
    this.#mode = mode
  }

  /** Digest of the order of all samples so far, in hexadecimal digits. */
  get order(): string {
    return this.#chain.toString('hex')
  }

  /** Digest of all samples so far, whatever their order, in hexadecimal digits. */
  get content(): string {
    const total = Buffer.from((this.#sum % 2n ** 256n).toString(16).padStart(64, '0'), 'hex').toReversed()
    return sha(Buffer.from('lineaprint/samples/v1'), u64(this.samples), total).toString('hex')
  }

  /**
   * Add a batch.
   *
   * @throws ERR_LINEAPRINT_UNSUPPORTED if it holds something that has no digest; ARGUMENT for text that is not Unicode.
   */
  add(batch: unknown): void {
    const separated = this.#inBatch(() => digestsOf(batch, this.#mode))
    const digests = separated ?? this.#inBatch(() => [wholeDigest(batch)])
    const isSeparated = separated !== undefined
    if (this.batches > 0 && isSeparated !== this.isSeparated) {
      throw new LineaprintError(
        'ERR_LINEAPRINT_UNSUPPORTED',
        'the samples of some batches can be told apart, and those of others cannot',
        { hint: 'say how lists are meant, with samples: "rows" or "items"' },
      )
    }
    this.isSeparated = isSeparated
    this.#append(digests)
  }

  /** Add a batch of which the indexes of the samples are known. */
  addIndexes(indexes: readonly (number | bigint)[]): void {
    this.#append(indexes.map(wholeDigest))
  }

  /** Do what can fail for the content of the next batch; the error names the batch, counted from 1 as in the record. */
  #inBatch<T>(work: () => T): T {
    try {
      return work()
    } catch (cause) {
      if (!LineaprintError.is(cause)) throw cause
      const batch = `batch ${this.batches + 1}`
      throw within(batch, batch, cause)
    }
  }

  #append(digests: readonly Buffer[]): void {
    this.batches += 1
    this.samples += digests.length
    for (const digest of digests) this.#sum += BigInt(`0x${Buffer.from(digest.toReversed()).toString('hex')}`)
    this.#chain = sha(this.#chain, sha(u64(digests.length), ...digests))
  }
}

function sha(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function digestsOf(batch: unknown, mode: SampleMode | undefined): Buffer[] | undefined {
  if (mode === 'items') {
    if (!Array.isArray(batch)) throw unsupported('a batch that is not a list, with samples: "items"')
    return batch.map(wholeDigest)
  }
  const count = countOf(batch, mode === 'rows')
  if (count === undefined) return undefined
  const hashes = Array.from({ length: count }, () => createHash('sha256'))
  addRows(batch, hashes)
  return hashes.map((hash) => hash.digest())
}

function countOf(value: unknown, isRows: boolean): number | undefined {
  const array = arrayOf(value)
  if (array !== undefined) return array.shape[0]
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value
    if (items.length > 0 && items.every(isScalar)) return items.length
    const forms = items.map(formOf)
    // Several arrays of one form are the columns of a batch, or samples that nobody put together.
    if (!isRows && (forms.length === 1 || new Set(forms).size < forms.length)) return undefined
    return onlyCount(items.map((item) => countOf(item, isRows)))
  }
  const entries = entriesOf(value)
  return entries && onlyCount(entries.map(([, item]) => countOf(item, isRows)))
}

function onlyCount(counts: readonly (number | undefined)[]): number | undefined {
  return new Set(counts).size === 1 ? counts[0] : undefined
}

function isScalar(value: unknown): boolean {
  const array = arrayOf(value)
  if (array !== undefined) return array.shape.length === 0
  return !Array.isArray(value) && entriesOf(value) === undefined
}

function formOf(value: unknown): string {
  const array = arrayOf(value)
  if (array !== undefined) return JSON.stringify(['array', array.dtype, ...array.shape])
  if (Array.isArray(value)) return JSON.stringify(['list', value.length])
  const entries = entriesOf(value)
  return JSON.stringify(
    entries === undefined ? ['scalar', typeof value] : ['map', ...entries.map(([key]) => key)],
  )
}

/** Add row N of each array of a structure to hash N. */
function addRows(value: unknown, hashes: readonly Hash[]): void {
  const toAll = (bytes: Uint8Array): void => {
    for (const hash of hashes) hash.update(bytes)
  }
  const array = arrayOf(value)
  if (array !== undefined) {
    toAll(headOf(array.dtype, array.shape.slice(1)))
    const length = hashes.length === 0 ? 0 : array.bytes.byteLength / hashes.length
    hashes.forEach((hash, at) => hash.update(array.bytes.subarray(at * length, (at + 1) * length)))
  } else if (Array.isArray(value)) {
    const items: readonly unknown[] = value
    if (items.length === hashes.length && items.every(isScalar)) {
      items.forEach((item, at) => addValue(item, (bytes) => void hashes[at]?.update(bytes)))
      return
    }
    toAll(Buffer.concat([Buffer.from('l'), u64(items.length)]))
    for (const item of items) addRows(item, hashes)
  } else {
    const entries = entriesOf(value) ?? []
    toAll(Buffer.concat([Buffer.from('m'), u64(entries.length)]))
    for (const [key, item] of entries) {
      toAll(textBytes(key))
      addRows(item, hashes)
    }
  }
}

function wholeDigest(value: unknown): Buffer {
  const hash = createHash('sha256')
  addValue(value, (bytes) => void hash.update(bytes))
  return hash.digest()
}
