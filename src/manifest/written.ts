/** The manifest of a file that was digested while it was written. */
import { basename } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { checkObject } from '../core/options.ts'
import { MANIFEST_SCHEMA } from './document.ts'
import type { WrittenTensors } from '../model/safetensors.ts'
import type { Manifest } from './document.ts'

/**
 * Return the manifest of a file that `writeSafetensors` wrote with the option `files`: equal to that of `createManifest`
 * with `tensors`, without a read.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT if the file was written without the option.
 */
export function manifestOf(written: WrittenTensors): Manifest {
  checkObject(written, 'written')
  const { digests, tensors, size, path } = written
  checkObject(digests, 'written.digests')
  const { weights, file: digest } = digests
  if (digest === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the whole file has no digest', {
      path,
      field: 'digests.file',
      hint: 'write it with { files: true }',
    })
  }
  const file = basename(path)
  return {
    schema: MANIFEST_SCHEMA,
    type: 'file',
    algorithm: weights.blake3 === undefined ? 'sha256' : weights.sha256 === undefined ? 'blake3' : 'both',
    links: 'follow',
    ignore: [],
    includeSkipped: false,
    digests: digest,
    model: { file, weights },
    warnings: [],
    entries: [{ path: file, type: 'file', size, digests: digest }],
    tensors: tensors.map((tensor) => ({
      name: tensor.name,
      dtype: tensor.dtype,
      shape: tensor.shape,
      file,
      digest: tensor.digest,
    })),
  }
}
