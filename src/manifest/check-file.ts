/** Holds the manifest of one file against a file. */
import { join } from 'node:path'
import { statInput } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashFile } from '../hash/file.ts'
import { checkWeightsFile, compareModel } from './check-model.ts'
import { differenceOf } from './compare.ts'
import { Findings } from './findings.ts'
import type { JobOptions } from '../core/options.ts'
import type { Manifest } from './document.ts'
import type { ManifestCheck } from './findings.ts'

/**
 * Checks a file.
 *
 * @param root The file, whatever it is called now, or the folder it lies in.
 */
export async function checkSingleFile(
  manifest: Manifest,
  root: string,
  options: JobOptions,
): Promise<ManifestCheck> {
  const findings = new Findings()
  const [entry] = manifest.entries
  if (entry === undefined) throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'a manifest without entries')
  // A name from a stranger, but one without folders: it cannot lead out of the folder that the caller named.
  const path = (await statInput(root)).isDirectory() ? join(root, entry.path) : root
  const { algorithm, model, tensors } = manifest
  try {
    const { size, digests } = await hashFile(path, { ...options, algorithm })
    const detail = differenceOf(entry, { path: entry.path, type: 'file', size, digests })
    if (detail === undefined) findings.same()
    else findings.add('changed', { path: entry.path, detail })
    if (model && tensors) {
      const now = await checkWeightsFile(path, entry.path, tensors, findings, { ...options, algorithm })
      if (now) compareModel(model, now, findings)
    }
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!(error instanceof LineaprintError)) throw error
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
