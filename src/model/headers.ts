/** Models whose tensors are compared without their digests: by what their headers say and by their bytes. */
import { stat } from 'node:fs/promises'
import { LineaprintError } from '../core/errors.ts'
import { systemReason } from '../util/fs.ts'
import { locateModel } from './locate.ts'
import { pipelineFolder } from './pipeline.ts'
import { readHeaders } from './read.ts'
import type { ModelFormat } from './report.ts'
import type { ModelHeaders, ModelOptions } from './read.ts'

/** A model of which only the headers were read, with what tells whether its files change later. */
export interface ListedModel {
  readonly headers: ModelHeaders
  readonly folder: string
  readonly fingerprints: ReadonlyMap<string, string>
}

/**
 * Formats of which the headers say all but the bytes: they have no checksums that only a full read would check, and no
 * computation.
 */
const COMPARABLE: ReadonlySet<ModelFormat> = new Set(['safetensors', 'gguf'])

/**
 * Read the headers of a model that can be compared by its bytes. Nothing for any other: a pipeline, an adapter (which has a
 * base), other formats, a tensor of an unknown type, and BOOL tensors, of which a full read checks every byte.
 */
export async function listForBytes(path: string, options: ModelOptions): Promise<ListedModel | undefined> {
  if ((await pipelineFolder(path)) !== undefined) return undefined
  const { folder, weights } = await locateModel(path, options)
  const fingerprints = await fingerprintsOf(weights)
  const headers = await readHeaders(path, options)
  const { format, digests, tensors, config } = headers
  const isComparable =
    COMPARABLE.has(format) &&
    digests !== undefined &&
    config?.name !== 'adapter_config.json' &&
    tensors.every(({ dtype }) => dtype !== 'BOOL')
  return isComparable ? { headers, folder, fingerprints } : undefined
}

/** Return a text for each file that changes with it. A file that has no stat fails when it is read. */
export async function fingerprintsOf(paths: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const fingerprints = new Map<string, string>()
  for (const path of paths) fingerprints.set(path, await fingerprintOf(path))
  return fingerprints
}

async function fingerprintOf(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino, size, mtimeNs }) => `${dev} ${ino} ${size} ${mtimeNs}`,
    systemReason,
  )
}

/**
 * Check that the files of a model are what they were.
 *
 * @throws ERR_LINEAPRINT_CHANGED if one is not.
 */
export async function verifyUnchanged({
  fingerprints,
}: {
  readonly fingerprints: ReadonlyMap<string, string>
}): Promise<void> {
  for (const [path, fingerprint] of fingerprints) {
    if ((await fingerprintOf(path)) === fingerprint) continue
    throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while the models were compared', { path })
  }
}
