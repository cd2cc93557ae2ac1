/** Arrays and models that a program hands over as a file, and that are known by their content alone. */
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
 * Return the path under which this process reads what another handed over.
 *
 * @param pid The process that has the descriptor, as it knows itself: in a container it may have another number here.
 * @param scratch The folder for files.
 * @throws ERR_LINEAPRINT_ARGUMENT if it handed over nothing, ERR_LINEAPRINT_UNREADABLE if its descriptor is not to be
 *   found here; the program then hands over a file.
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

/** An array that was handed over. */
export interface TransferredArray {
  readonly digest: Digest
  readonly digests: Digests
  readonly bytes: number
  readonly dtype: string
  readonly shape: readonly number[]
}

/**
 * Compute the `tensor` digest of a file of elements: C order, little-endian, nothing else.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT if dtype and shape are not those of the file.
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
  return { digest: primary(digests), digests, bytes: size, dtype, shape }
}
