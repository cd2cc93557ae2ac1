/** Digests of sequences in memory: records of bytes, or items that are values. */
import { primary, toDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { asBytes, isBytes } from '../../hash/bytes.ts'
import { LocalArray, addValue } from '../../hash/value-bytes.ts'
import { localTensor } from '../../hash/library-tensors.ts'
import { native } from '../../native/load.ts'
import { Turns } from '../../util/turns.ts'
import { isRecord } from './cell.ts'
import { within } from './within.ts'
import type { AlgorithmChoice, Digests, RawDigests } from '../../core/digest.ts'
import type { LocalTensor } from '../../hash/library-tensors.ts'
import type { DatasetSequence } from '../describe-sequence.ts'

/** Records of a block. */
const BLOCK_RECORDS = 65_536

/** Records after which the time of a turn is counted, and bytes of a record from which on it is counted at once. */
const [STEP, LARGE] = [16, 1 << 20]

/** Bytes of short records that are hashed at once. */
const WAITING = 64 << 10

/** Levels of values in each other. */
const MAX_DEPTH = 1000

/** The start of the record of an item: `docs/format.md`, "Sequences". */
export const ITEM_START: Uint8Array = Buffer.from('lineaprint/item/v1\n')

/** Hashes records in blocks, as those of files. */
export class SequenceHasher {
  readonly #algorithm: AlgorithmChoice
  readonly #blocks: { blake3: Uint8Array[]; sha256: Uint8Array[] } = { blake3: [], sha256: [] }
  #hasher: InstanceType<typeof native.NativeHasher>
  readonly #turns = new Turns()
  /** Bytes that wait for the hasher: a call for each record would take longer than the hash. */
  readonly #waiting = Buffer.allocUnsafeSlow(WAITING)
  #used = 0
  /** Number of records so far. */
  records = 0
  /** Bytes of the records so far. */
  bytes = 0

  constructor(algorithm: AlgorithmChoice) {
    this.#algorithm = algorithm
    this.#hasher = new native.NativeHasher(algorithm)
  }

  /** Add a record, whose bytes are taken before the call returns its promise. */
  async add(record: Uint8Array): Promise<void> {
    if (record.byteLength + 8 > this.#waiting.byteLength - this.#used) this.#flush()
    this.#used = this.#waiting.writeBigUInt64LE(BigInt(record.byteLength), this.#used)
    if (record.byteLength > this.#waiting.byteLength - this.#used) {
      this.#flush()
      this.#hasher.update(record)
    } else {
      this.#waiting.set(record, this.#used)
      this.#used += record.byteLength
    }
    this.records += 1
    this.bytes += record.byteLength
    if (this.records % BLOCK_RECORDS === 0) this.#endBlock()
    if ((this.records % STEP === 0 || record.byteLength > LARGE) && this.#turns.isOver)
      await this.#turns.next()
  }

  /** Return the digests of all records. */
  finish(): Digests {
    if (this.records % BLOCK_RECORDS !== 0) this.#endBlock()
    const { blake3, sha256 } = this.#blocks
    const raw = native.sequenceDigest(
      this.records,
      this.#algorithm === 'sha256' ? undefined : Buffer.concat(blake3),
      this.#algorithm === 'blake3' ? undefined : Buffer.concat(sha256),
    )
    return toDigests(raw, 'sequence')
  }

  #flush(): void {
    this.#hasher.update(this.#waiting.subarray(0, this.#used))
    this.#used = 0
  }

  #endBlock(): void {
    this.#flush()
    const raw: RawDigests = this.#hasher.finish()
    if (raw.blake3) this.#blocks.blake3.push(raw.blake3)
    if (raw.sha256) this.#blocks.sha256.push(raw.sha256)
    this.#hasher = new native.NativeHasher(this.#algorithm)
  }
}

/**
 * Hash the items of an iterable as a sequence. If the first is bytes, all must be, and they are the records; otherwise
 * each item is a value.
 *
 * @param first Items that were taken from it before.
 */
export async function hashItems(
  first: readonly unknown[],
  rest: AsyncIterator<unknown> | Iterator<unknown>,
  { algorithm, signal }: { readonly algorithm: AlgorithmChoice; readonly signal?: AbortSignal | undefined },
): Promise<DatasetSequence & { readonly bytes: number }> {
  const hasher = new SequenceHasher(algorithm)
  const areBytes = first.length > 0 && isBytes(first[0])
  const add = async (item: unknown): Promise<void> => {
    signal?.throwIfAborted()
    if (areBytes !== isBytes(item) && areBytes) throw mixed(hasher.records)
    await hasher.add(areBytes ? asBytes(item as ArrayBufferView) : await itemRecord(item, hasher.records))
  }
  for (const item of first) await add(item)
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) await add(next.value)
  const digests = hasher.finish()
  const format = areBytes ? 'records' : 'items'
  return { format, digest: primary(digests), digests, records: hasher.records, bytes: hasher.bytes }
}

/** Return the record of an item that is a value. */
async function itemRecord(item: unknown, at: number): Promise<Uint8Array> {
  try {
    const parts: Uint8Array[] = [ITEM_START]
    // Arrays are not copied here, so that they are joined before anything else runs.
    addValue(isObject(item) ? await localValue(item, 0) : item, (bytes) => void parts.push(bytes))
    return Buffer.concat(parts)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw within(`item ${at}`, `[${at}]`, cause)
    const received = cause instanceof Error ? cause.name : typeof cause
    throw new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `item ${at}: reading it has failed`, {
      field: `[${at}]`,
      received,
      cause,
    })
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

/** Return a value with the tensors of libraries in it as arrays. */
async function localValue(value: unknown, depth: number): Promise<unknown> {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return value
  const local = localTensor(value, 'item')
  if (local instanceof Promise) {
    const { dtype, shape, data } = (await local) as LocalTensor
    return new LocalArray(dtype, shape, asBytes(data))
  }
  if (Array.isArray(value)) {
    const items: unknown[] = []
    for (const item of value as readonly unknown[])
      items.push(isObject(item) ? await localValue(item, depth + 1) : item)
    return items
  }
  if (isBytes(value) || ArrayBuffer.isView(value)) return value
  if (value instanceof Map || (isRecord(value) && !('data' in value && 'shape' in value))) {
    const entries =
      value instanceof Map ? [...(value as ReadonlyMap<unknown, unknown>)] : Object.entries(value)
    const localEntries = new Map<unknown, unknown>()
    for (const [key, item] of entries)
      localEntries.set(key, isObject(item) ? await localValue(item, depth + 1) : item)
    return localEntries
  }
  return value
}

function mixed(at: number): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `item ${at} is not bytes, and those before are`, {
    field: `[${at}]`,
    expected: 'items that are all bytes, or all other values',
    hint: 'wrap bytes in an object, for example { content: bytes }, if items of both kinds are meant',
  })
}
