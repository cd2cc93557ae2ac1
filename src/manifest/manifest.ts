/** Manifests: every file of a folder (and every tensor of a model) with its digest. */
import { basename, join, resolve } from 'node:path'
import { statInput } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { checkAlgorithm, checkKeys, checkPath } from '../core/options.ts'
import { hashFile } from '../hash/file.ts'
import { hashTree } from '../hash/tree.ts'
import { MANIFEST_SCHEMA } from './document.ts'
import { entriesOf } from './entries.ts'
import { checkCounted, locate, modelOf, unchanged, weightsFileOf } from './model.ts'
import { isIndexPath } from '../model/families.ts'
import { PIPELINE_INDEX, pipelineFolder } from '../model/pipeline.ts'
import type { HashOptions } from '../core/options.ts'
import type { LinkMode } from '../hash/tree.ts'
import type { Manifest } from './document.ts'
import type { ModelPart } from './model.ts'

export { formatManifest } from './document.ts'
export { parseManifest } from './parse.ts'
export type { Manifest, ManifestEntry, ManifestModel, ManifestTensor } from './document.ts'

/** Options of {@link createManifest}. Those of folders have no effect on a file. */
export interface ManifestOptions extends HashOptions {
  /** `follow`: a link counts as its target; `record`: as a link; `refuse`: as an error. @default 'follow' */
  readonly links?: LinkMode | undefined
  /** Patterns of paths to exclude, in the syntax of gitignore, relative to the root. @default none */
  readonly ignore?: readonly string[] | undefined
  /**
   * True to also use patterns from files named `.lineaprintignore`; the manifest records them. @default false
   */
  readonly ignoreFiles?: boolean | undefined
  /** True if entries named `.git` and `.lineaprint`, and `.cache/huggingface`, count. @default false */
  readonly includeSkipped?: boolean | undefined
  /** True to also list the tensors of the model at the path; reads its weights twice. @default false */
  readonly tensors?: boolean | undefined
}

/**
 * Create the manifest of a folder, a file, or a model. Write it with {@link formatManifest}, check it with
 * `checkManifest`.
 *
 * Cost: one read of every file on all threads, and with `tensors` a second one of the weights.
 *
 * @param path A folder or a file. With `tensors`, a folder with a model or a safetensors file.
 * @throws The errors of `hashTree` and `hashFile`; with `tensors` those of `readModel`, and
 * ERR_LINEAPRINT_CHANGED if the weights changed between the two reads, ARGUMENT if a file of the model is
 * excluded, UNSUPPORTED for a pipeline of diffusers.
 */
export async function createManifest(path: string, options: ManifestOptions = {}): Promise<Manifest> {
  checkKeys(options, ['links', 'ignore', 'ignoreFiles', 'includeSkipped', 'tensors'])
  const root = resolve(checkPath(path))
  checkAlgorithm(options.algorithm)
  const isFolder = (await statInput(root)).isDirectory()
  if (options.tensors !== true) return isFolder ? folderManifest(root, options) : fileManifest(root, options)
  if (isFolder) return modelFolderManifest(root, options)
  return modelFileManifest(root, options)
}

async function folderManifest(root: string, options: ManifestOptions): Promise<Manifest> {
  const { tensors: _, ...treeOptions } = options
  const tree = await hashTree(root, { ...treeOptions, list: true })
  return {
    schema: MANIFEST_SCHEMA,
    type: 'folder',
    algorithm: options.algorithm ?? 'blake3',
    links: options.links ?? 'follow',
    // The patterns of the folder's own files are recorded, so that a check excludes the same paths even if
    // those files change.
    ignore: [...tree.ignoreFiles, ...(options.ignore ?? [])],
    includeSkipped: options.includeSkipped ?? false,
    digests: tree.digests,
    warnings: tree.warnings,
    entries: await entriesOf(root, tree.entries ?? []),
  }
}

async function fileManifest(path: string, options: ManifestOptions): Promise<Manifest> {
  const { size, digests } = await hashFile(path, jobOptions(options))
  return {
    schema: MANIFEST_SCHEMA,
    type: 'file',
    algorithm: options.algorithm ?? 'blake3',
    links: 'follow',
    ignore: [],
    includeSkipped: false,
    digests,
    warnings: [],
    entries: [{ path: basename(path), type: 'file', size, digests }],
  }
}

async function modelFolderManifest(root: string, options: ManifestOptions): Promise<Manifest> {
  if ((await pipelineFolder(root)) !== undefined) {
    // The weights beside its index are another copy, and not what `readModel` reads.
    throw new LineaprintError(
      'ERR_LINEAPRINT_UNSUPPORTED',
      'the tensors of a pipeline are in its components',
      {
        path: root,
        expected: 'a folder of one model',
        received: `a pipeline of diffusers (${PIPELINE_INDEX})`,
        hint: 'create a manifest with tensors of each component, and one without tensors of the pipeline',
      },
    )
  }
  const files = await locate(root)
  return unchanged(
    files.map((name) => join(root, name)),
    async () => {
      const manifest = await folderManifest(root, options)
      checkCounted(root, files, manifest.entries)
      return withModel(manifest, await modelOf(root, files[0] ?? '', jobOptions(options)))
    },
  )
}

async function modelFileManifest(path: string, options: ManifestOptions): Promise<Manifest> {
  if (isIndexPath(path)) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the tensors of a shard index are in other files', {
      path,
      hint: 'pass the folder instead',
    })
  }
  return unchanged([path], async () => {
    const manifest = await fileManifest(path, options)
    return withModel(manifest, await weightsFileOf(path, jobOptions(options)))
  })
}

function withModel(manifest: Manifest, { model, tensors }: ModelPart): Manifest {
  return { ...manifest, model, tensors }
}

function jobOptions({ algorithm, signal, onProgress, threads }: ManifestOptions): HashOptions {
  return { algorithm, signal, onProgress, threads }
}
