/** Writing safetensors files. They are digested while they are written, so that nothing is read again. */
import { basename, resolve } from 'node:path'
import { primary } from '../core/digest.ts'
import { DTYPES } from '../core/dtypes.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkAlgorithm, checkKeys, checkObject, checkPath } from '../core/options.ts'
import { ProgressListener } from '../core/progress.ts'
import { stableBytes, unchanged } from '../hash/bytes.ts'
import { replaceFile, writeAll } from '../util/fs.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { localModel } from './model-tensors.ts'
import { METADATA } from './tensor-data.ts'
import { TensorSequence, fitting } from './tensor-sequence.ts'
import type { FileHandle } from 'node:fs/promises'
import type { AlgorithmChoice, Digest, Digests } from '../core/digest.ts'
import type { HashOptions } from '../core/options.ts'
import type { ModelTensors } from './model-tensors.ts'
import type { TensorInfo } from './report.ts'
import type { TensorBytes } from './tensor-data.ts'
import type { SequenceDigests } from './tensor-sequence.ts'

/** Bytes that are hashed and written at a time. */
const BLOCK = 4 << 20

/** Most bytes of a header that readers accept. */
const HEADER_LIMIT = 100_000_000

/** Position of each dtype in the order of the `safetensors` crate, which writes the last ones first. */
const RANKS: ReadonlyMap<string, number> = new Map(Object.keys(DTYPES).map((name, rank) => [name, rank]))

/** Options of {@link writeSafetensors}. */
export interface WriteOptions<A extends AlgorithmChoice = AlgorithmChoice> extends Omit<
  HashOptions<A>,
  'threads'
> {
  /** Texts in the header; they do not count for `weights`. @default none */
  readonly metadata?: Readonly<Record<string, string>> | undefined
  /** Also digest the whole file. @default false */
  readonly files?: boolean | undefined
}

/** A written file. */
export interface WrittenTensors<A extends AlgorithmChoice = AlgorithmChoice> {
  /** Absolute path. */
  readonly path: string
  /** Length of the file in bytes. */
  readonly size: number
  /** Named tensors and their element bits; equal to `weights` of `readModel`. */
  readonly weights: Digest
  /** All digests with every requested algorithm; `file` is the plain digest of the whole file, if asked for. */
  readonly digests: { readonly weights: Digests<A>; readonly file?: Digests<A> }
  /** Sorted by the UTF-8 bytes of their names, as `readModel` lists them. */
  readonly tensors: readonly TensorInfo[]
}

/** The layout of a file. */
interface Layout {
  /** The length of the header, and the header. */
  readonly head: Buffer
  /** In their order in the file. */
  readonly tensors: readonly TensorBytes[]
}

/**
 * Return how tensors lie in a file: sorted as the `safetensors` crate sorts them, by dtype, wide ones first, and then by
 * name, so that elements are aligned. Metadata is sorted by its keys; the crate gives several in no fixed order.
 *
 * @throws ERR_LINEAPRINT_UNSUPPORTED if the header would be longer than readers accept.
 */
export function layout(given: readonly TensorBytes[], metadata?: Readonly<Record<string, string>>): Layout {
  const tensors = given.toSorted((a, b) => rankOf(b) - rankOf(a) || compareUtf8(a.name, b.name))
  const texts = metadata && Object.entries(metadata).toSorted(([a], [b]) => compareUtf8(a, b))
  const members = texts === undefined ? [] : [`"${METADATA}":${objectText(texts)}`]
  let end = 0
  for (const { name, dtype, shape, size } of tensors) {
    const start = end
    end += size
    members.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`)
  }
  const text = Buffer.from(`{${members.join(',')}}`)
  const length = text.length + (-text.length & 7)
  if (length > HEADER_LIMIT) {
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'the header of the file would be too long', {
      expected: `at most ${HEADER_LIMIT} bytes`,
      received: `${length} bytes`,
    })
  }
  const head = Buffer.alloc(8 + length, ' ')
  head.writeBigUInt64LE(BigInt(length))
  text.copy(head, 8)
  return { head, tensors }
}

function rankOf({ dtype }: TensorBytes): number {
  return RANKS.get(dtype) ?? 0
}

/** Return the text of an object. One of JavaScript would have keys that look like numbers first. */
function objectText(entries: readonly (readonly [string, string])[]): string {
  return `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`
}

/**
 * Write tensors to a safetensors file, and digest them in the same pass. The file replaces one of that name at once: it is
 * complete, or the old one is unchanged.
 *
 * What is hashed is what is written: each block is copied once before both. The file has the bytes that
 * `safetensors.serialize_file` would write, for up to one entry of metadata.
 *
 * Do not change the data before the promise settles; a buffer that is resized or transferred is an error. Cost: one write,
 * the hash on all cores while it is under way, and 8 MiB.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT for data that does not fit its shape and dtype, STORE if the file cannot be written.
 */
export async function writeSafetensors<A extends AlgorithmChoice = 'blake3'>(
  path: string,
  tensors: ModelTensors,
  options: WriteOptions<A> = {},
): Promise<WrittenTensors<A>> {
  checkKeys(options, ['metadata', 'files'])
  const target = resolve(checkPath(path))
  const algorithm = checkAlgorithm(options.algorithm)
  if (options.metadata !== undefined) checkMetadata(options.metadata)
  options.signal?.throwIfAborted()
  const laid = layout((await localModel(tensors)).tensors, options.metadata)
  const sequence = new TensorSequence<A>(laid.tensors, algorithm, laid.head.length, options.files === true)
  const size = laid.tensors.reduce((total, tensor) => total + tensor.size, laid.head.length)
  const digests = await replaceFile(target, 0o666, async (file) =>
    writeBlocks(file, blocksOf(laid), sequence, size, options),
  )
  return reportOf(target, size, laid, digests)
}

/** Write the blocks of a file. Each is hashed while the one before it is written. */
async function writeBlocks<A extends AlgorithmChoice>(
  file: FileHandle,
  blocks: Iterable<Uint8Array>,
  sequence: TensorSequence<A>,
  size: number,
  { signal, onProgress }: Pick<WriteOptions, 'signal' | 'onProgress'>,
): Promise<SequenceDigests<A>> {
  const listener = new ProgressListener(onProgress)
  let [position, writing] = [0, Promise.resolve()]
  try {
    for (const block of blocks) {
      sequence.update(block)
      await writing
      signal?.throwIfAborted()
      writing = writeAll(file, block, position)
      position += block.byteLength
      listener.report({ bytesDone: position, bytesTotal: size, filesDone: 0, filesTotal: 1 })
      listener.throwIfFailed()
    }
    await writing
  } finally {
    // The file is closed next, and nothing may write to it then.
    await writing.catch(() => undefined)
  }
  signal?.throwIfAborted()
  await listener.end()
  return sequence.finish()
}

/** Return the bytes of a file in blocks. A block is valid until the one after the next is made. */
function* blocksOf({ head, tensors }: Layout): Generator<Uint8Array, undefined> {
  const buffers = [Buffer.allocUnsafeSlow(BLOCK), Buffer.allocUnsafeSlow(BLOCK)] as const
  let [index, used]: [0 | 1, number] = [0, 0]
  const flush = (): Uint8Array => {
    const block = buffers[index].subarray(0, used)
    ;[index, used] = [index === 0 ? 1 : 0, 0]
    return block
  }
  for (const { bytes, size, isCut } of [
    { bytes: head, size: head.length, isCut: false },
    ...tensors.map((tensor) => ({ ...tensor, isCut: true })),
  ]) {
    unchanged(bytes, size)
    const read = stableBytes(bytes)
    for (let at = 0; at < size;) {
      unchanged(bytes, size)
      const count = isCut ? fitting(size - at, BLOCK - used) : Math.min(size - at, BLOCK - used)
      buffers[index].set(read().subarray(at, at + count), used)
      used += count
      at += count
      if (at < size) yield flush()
    }
  }
  if (used > 0) yield flush()
}

function checkMetadata(metadata: unknown): void {
  checkObject(metadata, 'metadata')
  for (const [key, value] of Object.entries(metadata as object) as [string, unknown][]) {
    if (typeof value === 'string' && value.isWellFormed() && key.isWellFormed()) continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'metadata has only texts', {
      field: `metadata.${key}`,
      expected: 'Unicode text',
      received: typeof value === 'string' ? 'text with unpaired surrogates' : typeof value,
    })
  }
}

function reportOf<A extends AlgorithmChoice>(
  path: string,
  size: number,
  { head, tensors }: Layout,
  { weights, file, tensors: digests }: SequenceDigests<A>,
): WrittenTensors<A> {
  let end = head.length
  const listed = tensors.map(({ name, dtype, shape, size: bytes }, index): TensorInfo => {
    const start = end
    end += bytes
    const digest = primary(digests[index] ?? {})
    return { name, dtype, shape: [...shape], digest, file: basename(path), bytes, start, end }
  })
  return {
    path,
    size,
    weights: primary(weights),
    digests: { weights, ...(file && { file }) },
    tensors: listed.toSorted((a, b) => compareUtf8(a.name, b.name)),
  }
}
