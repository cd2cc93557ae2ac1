/** Datasets that a program transfers as files: tables as streams of Arrow, sequences as framed records, and arrays. */
import { createReadStream } from 'node:fs'
import { primary, toDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { checkAlgorithm } from '../../core/options.ts'
import { hashStream } from '../../hash/stream.ts'
import { groupReport, tableReport } from '../../dataset/memory/read.ts'
import { hashTable } from '../../dataset/table.ts'
import { native } from '../../native/load.ts'
import { readTransferredArray } from './file-transfer.ts'
import type { AlgorithmChoice } from '../../core/digest.ts'
import type { HashOptions } from '../../core/options.ts'
import type { MemoryDataset, ReadForm } from '../../dataset/memory/read.ts'
import type { TransferredPart } from './messages.ts'

/** Records of a block, as everywhere in sequences. */
const BLOCK_RECORDS = 65_536

/**
 * Read the parts of a dataset: one without a name, or several with names.
 *
 * @param files The paths of their files, in the order of the parts.
 * @throws ERR_LINEAPRINT_ARGUMENT for parts that do not belong together.
 */
export async function readTransferredParts(
  parts: readonly TransferredPart[],
  files: readonly string[],
  options: HashOptions & { readonly statistics?: boolean },
): Promise<MemoryDataset> {
  const [first] = parts
  const read: (readonly [string, ReadForm])[] = []
  for (const [index, part] of parts.entries()) {
    const { name } = part
    const isAlone = parts.length === 1 && name === undefined
    if (!isAlone && (name === undefined || read.some(([other]) => other === name)))
      throw wrong('parts with names that differ', name ?? 'a part without a name')
    if ((part.form === 'array') !== (first?.form === 'array'))
      throw wrong('only arrays, or only tables and sequences', part.form)
    read.push([name ?? '', await readPart(part, files[index] ?? '', options)])
  }
  const [only] = read
  if (only !== undefined && first?.name === undefined) {
    const { data: _, ...report } = only[1]
    return report
  }
  return groupReport(read, checkAlgorithm(options.algorithm))
}

async function readPart(
  part: TransferredPart,
  file: string,
  { statistics, ...options }: HashOptions & { readonly statistics?: boolean },
): Promise<ReadForm> {
  const { algorithm, signal, onProgress, threads } = options
  const own = { algorithm, signal, onProgress, threads }
  if (part.form === 'table') {
    const { path: _, ...hashed } = await hashTable<AlgorithmChoice>(file, {
      ...own,
      format: 'arrow',
      statistics,
    })
    return tableReport(hashed)
  }
  if (part.form === 'sequence') return readSequence(part, file, own)
  const { dtype, shape } = part
  if (dtype === undefined || shape === undefined) throw wrong('an array with dtype and shape', 'one without')
  return { kind: 'array', ...(await readTransferredArray(file, dtype, shape, own)), warnings: [] }
}

async function readSequence(
  { areBytes, records = 0, blocks = [] }: TransferredPart,
  file: string,
  { algorithm, signal }: HashOptions,
): Promise<ReadForm> {
  if (blocks.length !== Math.ceil(records / BLOCK_RECORDS))
    throw wrong(`${Math.ceil(records / BLOCK_RECORDS)} blocks`, `${blocks.length} blocks`)
  const hashes: { blake3: Uint8Array[]; sha256: Uint8Array[] } = { blake3: [], sha256: [] }
  let start = 0
  for (const size of blocks) {
    const stream = createReadStream(file, { start, end: start + size - 1 })
    const { digests, size: read } = await hashStream<AlgorithmChoice>(stream, { algorithm, signal })
    if (read !== size) throw wrong(`a block of ${size} bytes`, `${read} bytes`)
    if (digests.blake3) hashes.blake3.push(digests.blake3.bytes)
    if (digests.sha256) hashes.sha256.push(digests.sha256.bytes)
    start += size
  }
  const isWanted = (name: AlgorithmChoice): boolean =>
    algorithm === 'both' || (algorithm ?? 'blake3') === name
  const raw = native.sequenceDigest(
    records,
    isWanted('blake3') ? Buffer.concat(hashes.blake3) : undefined,
    isWanted('sha256') ? Buffer.concat(hashes.sha256) : undefined,
  )
  const digests = toDigests(raw, 'sequence')
  const format = areBytes === true ? 'records' : 'items'
  const sequence = { format, digest: primary(digests), digests, records } as const
  // The length of each record is no part of it.
  const bytes = start - 8 * records
  return { kind: 'memory', digest: primary(digests), digests, bytes, sequence, warnings: [] }
}

function wrong(expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the message of the dataset is damaged', {
    field: 'parts',
    expected,
    received,
  })
}
