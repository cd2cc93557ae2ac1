/** Check of one file against its manifest. */
import { join } from 'node:path'
import { statInput } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashFile } from '../hash/file.ts'
import { checkWeightsFile, compareModel } from './check-model.ts'
import { differenceOf } from './compare.ts'
import { Findings } from './findings.ts'
import type { JobOptions } from '../core/options.ts'
import type { Digest, Digests } from '../core/digest.ts'
import type { Manifest, ManifestEntry } from './document.ts'
import type { ManifestCheck } from './findings.ts'

/**
 * Check a file.
 *
 * @param root The file, whatever its present name, or the folder that contains it.
 */
export async function checkSingleFile(
  manifest: Manifest,
  root: string,
  options: JobOptions,
): Promise<ManifestCheck> {
  const findings = new Findings()
  const [entry] = manifest.entries
  if (entry === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'a manifest without entries')
  // The manifest may be untrusted, but its entry has no folders: it cannot lead out of the caller's folder.
  const path = (await statInput(root)).isDirectory() ? join(root, entry.path) : root
  const { algorithm, model, tensors } = manifest
  try {
    const { size, digests } = await hashFile(path, { ...options, algorithm })
    refuseEditedSize(entry, size, digests)
    const detail = differenceOf(entry, { path: entry.path, type: 'file', size, digests })
    if (detail === undefined) findings.same()
    else findings.add('changed', { path: entry.path, detail })
    if (model && tensors) {
      const current = await checkWeightsFile(path, entry.path, tensors, findings, { ...options, algorithm })
      if (current) compareModel(model, current, findings)
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!LineaprintError.isFinding(error) || error.field === 'size') throw error
    const missing = error.code === 'ERR_LINEAPRINT_NOT_FOUND'
    const detail = missing ? 'there is no such file' : error.message
    findings.add(missing ? 'missing' : 'unreadable', { path: entry.path, detail })
  }
  return findings.finish({
    format: 'manifest',
    root,
    algorithm,
    ignore: [],
    warnings: [],
    entries: 1,
    tensors: tensors?.length ?? 0,
  })
}

/**
 * Refuse a manifest whose digest is that of the file and whose size is not: nothing else in the manifest of a
 * file covers its size.
 */
function refuseEditedSize(entry: ManifestEntry, size: number, digests: Digests): void {
  const stated = Object.values(entry.digests)
  const isSame =
    stated.length > 0 && stated.every((digest: Digest) => digests[digest.algorithm]?.equals(digest))
  if (!isSame || entry.size === size) return
  throw new LineaprintError(
    'ERR_LINEAPRINT_FORMAT',
    'the manifest contradicts itself: it was damaged or edited',
    {
      path: entry.path,
      field: 'size',
      expected: `${size} bytes, the size of the content with its digest`,
      received: `${entry.size} bytes`,
    },
  )
}
