/** Arrays and models that a program transfers as a file. They are identified by content alone. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { primary, toDigests } from '../../core/digest.ts'
import { BYTE_DTYPES, elementBytes } from '../../core/dtypes.ts'
import { LineaprintError } from '../../core/errors.ts'
import { hashFile } from '../../hash/file.ts'
import { native } from '../../native/load.ts'
import type { Digest, Digests } from '../../core/digest.ts'
import type { HashOptions } from '../../core/options.ts'
import type { FileTransfer } from './messages.ts'

/**
 * Return the path under which this process reads a transferred file.
 *
 * @param pid ID of the process with the descriptor, as that process sees it: in a container it may have
 * another ID here.
 * @param scratch The folder for transferred files.
 * @throws ERR_LINEAPRINT_ARGUMENT if nothing was transferred, ERR_LINEAPRINT_UNREADABLE if the descriptor
 * cannot be opened here; the program then transfers a file.
 */
export async function transferredPath(
  { descriptor, file }: FileTransfer,
  pid: number,
  scratch: string,
): Promise<string> {
  if (descriptor !== undefined) {
    const [number, device, inode] = descriptor
    const path = `/proc/${pid}/fd/${number}`
    const info = await stat(path, { bigint: true }).catch(() => undefined)
    if (info?.dev === BigInt(device) && info.ino === BigInt(inode)) return path
    throw new LineaprintError(
      'ERR_LINEAPRINT_UNREADABLE',
      'the file descriptor of the program cannot be opened',
    )
  }
  if (file !== undefined) return join(scratch, file)
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the message has no path, file or descriptor', {
    field: 'path',
  })
}

/** A transferred array. */
export interface TransferredArray {
  readonly digest: Digest
  readonly digests: Digests
  /** Plain digests of the elements alone. */
  readonly data: Digests
  readonly bytes: number
  readonly dtype: string
  readonly shape: readonly number[]
}

/**
 * Compute the `tensor` digest of a file of elements in C order, little-endian, without a header.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT if dtype and shape do not match the length of the file.
 */
export async function readTransferredArray(
  path: string,
  dtype: string,
  shape: readonly number[],
  options: HashOptions,
): Promise<TransferredArray> {
  const width = elementBytes(dtype)
  if (width === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'unknown dtype', {
      field: 'dtype',
      expected: BYTE_DTYPES.join(', '),
      received: dtype,
    })
  }
  const { size, digests: fileDigests } = await hashFile(path, options)
  const expected = shape.reduce((product, dimension) => product * dimension, width)
  if (expected !== size) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the shape does not fit the data', {
      field: 'shape',
      expected: `${expected} bytes`,
      received: `${size} bytes`,
    })
  }
  const raw = native.tensorDigest(dtype, [...shape], fileDigests.blake3?.bytes, fileDigests.sha256?.bytes)
  const digests = toDigests(raw, 'tensor')
  return { digest: primary(digests), digests, data: fileDigests, bytes: size, dtype, shape }
}
