/** Check of the tensors of a model against its manifest. */
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { locate, modelOf, weightsFileOf } from './model.ts'
import type { JobOptions, HashOptions } from '../core/options.ts'
import type { Digests } from '../core/digest.ts'
import type { Manifest, ManifestModel, ManifestTensor } from './document.ts'
import type { Findings } from './findings.ts'
import type { Walked } from './walk.ts'

/**
 * Read the tensors again and compare them. Only paths that the walk found to be regular files are opened, so
 * that a recorded link is not followed here either.
 */
export async function checkModel(
  manifest: Manifest,
  root: string,
  walked: Pick<Walked, 'entries'>,
  findings: Findings,
  options: JobOptions,
): Promise<void> {
  const { model, tensors, algorithm } = manifest
  if (model === undefined || tensors === undefined) return
  const present = new Set(walked.entries.filter(({ type }) => type === 'file').map(({ path }) => path))
  const hashOptions = { ...options, algorithm }
  try {
    if (!present.has(model.file)) throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'it does not exist')
    const unmet = (await locate(root, model.file)).find((name) => !present.has(name))
    if (unmet !== undefined)
      throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'not a file of the folder', { path: unmet })
    const current = await modelOf(root, model.file, hashOptions)
    compareTensors(tensors, current.tensors, findings)
    compareModel(model, current.model, findings)
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!LineaprintError.isFinding(error)) throw error
    // The model cannot be read as a whole, so the remaining files are checked one by one.
    for (const file of new Set(tensors.map((tensor) => tensor.file))) {
      if (present.has(file)) await checkWeightsFile(join(root, file), file, tensors, findings, hashOptions)
    }
    if (findings.clean)
      findings.add('unreadable', { path: model.file, detail: `the model cannot be read: ${error.message}` })
  }
}

/**
 * Check the tensors of one file. Tensors of a missing file are not reported separately.
 *
 * @param path Path of the file.
 * @param file Its name in the manifest.
 */
export async function checkWeightsFile(
  path: string,
  file: string,
  tensors: readonly ManifestTensor[],
  findings: Findings,
  options: HashOptions,
): Promise<ManifestModel | undefined> {
  try {
    const current = await weightsFileOf(path, options)
    const expected = tensors.filter((tensor) => tensor.file === file)
    compareTensors(expected, current.tensors, findings)
    return current.model
  } catch (error) {
    options.signal?.throwIfAborted()
    if (!LineaprintError.isFinding(error)) throw error
    const detail = `its tensors cannot be read: ${error.message}`
    if (!findings.explain(file, detail)) findings.add('unreadable', { path: file, detail })
    return undefined
  }
}

/** Compare tensors by name; the file that contains them does not count. */
function compareTensors(
  expected: readonly ManifestTensor[],
  present: readonly ManifestTensor[],
  findings: Findings,
): void {
  const unmatched = new Map(present.map((tensor) => [tensor.name, tensor]))
  for (const recorded of expected) {
    const current = unmatched.get(recorded.name)
    unmatched.delete(recorded.name)
    const item = { path: recorded.file, tensor: recorded.name }
    if (current === undefined) findings.add('missing', { ...item, detail: 'missing from the model' })
    else {
      const detail = differenceOf(recorded, current)
      if (detail === undefined) findings.same()
      else findings.add('changed', { ...item, detail })
    }
  }
  for (const { name, file } of unmatched.values())
    findings.add('added', { path: file, tensor: name, detail: 'the manifest does not list it' })
}

function differenceOf(recorded: ManifestTensor, current: ManifestTensor): string | undefined {
  if (recorded.dtype !== current.dtype) return `its dtype was ${recorded.dtype} and is ${current.dtype}`
  const [before, after] = [recorded.shape.join(', '), current.shape.join(', ')]
  if (before !== after) return `its shape was [${before}] and is [${after}]`
  return recorded.digest.equals(current.digest) ? undefined : 'its elements differ'
}

/** Compare the digests of the whole; the weights only if no tensor differs. */
export function compareModel(recorded: ManifestModel, current: ManifestModel, findings: Findings): void {
  const path = recorded.file
  if (differ(recorded.weights, current.weights) && !findings.tensors)
    findings.add('changed', { path, digest: 'weights', detail: 'the weights digest differs' })
  if (recorded.architecture && current.architecture && differ(recorded.architecture, current.architecture)) {
    const detail = 'the tensors or the meaningful configuration differ'
    findings.add('changed', { path, digest: 'architecture', detail })
  }
}

function differ(recorded: Digests, current: Digests): boolean {
  return recorded.blake3?.hex !== current.blake3?.hex || recorded.sha256?.hex !== current.sha256?.hex
}
