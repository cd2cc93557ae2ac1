/** Reading of outputs: like a dataset and, if the output is a model, with its tensors in the same read. */
import { lstat, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { isTableFile } from '../dataset/table-names.ts'
import { WARNINGS } from '../hash/tree-warnings.ts'
import { primary } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashTree } from '../hash/tree.ts'
import { entriesOf } from '../manifest/entries.ts'
import { bytesOf, collisionsOf, literalPattern } from '../manifest/names.ts'
import { foldersOf, treeOf, weightsOf } from '../manifest/roots.ts'
import { locateModel } from '../model/locate.ts'
import { readWeights } from '../model/weights.ts'
import { contentsOf } from '../compare/file-contents.ts'
import { stableFieldsOf } from '../compare/stable-fields.ts'
import { isReadError } from '../util/fs.ts'
import { readContent } from './read-content.ts'
import type { DatasetOptions } from '../dataset/read.ts'
import type { ContentList } from '../record/content-list.ts'
import type { StableFields } from '../record/tracked.ts'
import type { ContentReport } from './read-content.ts'
import type { AlgorithmChoice, Digests } from '../core/digest.ts'
import type { ModelFiles } from '../model/locate.ts'
import type { ModelFile, TensorInfo } from '../model/read.ts'
import type { Configuration } from '../config/options.ts'

/** An output that was read. */
export interface OutputReport extends ContentReport {
  /** The tensors of a safetensors file, or of a folder with one model. Their digests use BLAKE3. */
  readonly tensors?: readonly TensorInfo[]
  /** The files and their volatile fields that differ each time; see `compare/volatile-files.ts`. */
  readonly stableFields?: readonly StableFields[]
  /** The contents of tables, arrays and further models below a folder. */
  readonly contents?: ContentList
}

/**
 * Digest an output. The tensors of a model are recorded, so that a later run can be compared tensor by tensor
 * even if the file no longer exists.
 *
 * Cost: one read; two for a folder whose weights are behind links.
 *
 * @throws The errors of `readDataset`.
 */
export async function readOutput(
  path: string,
  options: DatasetOptions,
  { models }: { readonly models: Pick<Configuration['models'], 'tensors'> },
): Promise<OutputReport> {
  const asModel = models.tensors ? await readModelFiles(path, options) : undefined
  const output = asModel ?? (await readFiles(path, options))
  const stableFields = await volatileFilesOf(output)
  const contents = await readContentsBelow(output, options, models.tensors)
  return {
    ...output,
    ...(stableFields.length > 0 && { stableFields }),
    ...(contents.size > 0 && { contents }),
  }
}

/** Digest an output. The tables of a folder are read one by one afterwards, and not as one table as well. */
async function readFiles(path: string, options: DatasetOptions): Promise<ContentReport> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
  return readContent(path, { ...options, statistics: false, ...(isFolder && { tables: false }) })
}

/** Read the contents of an array or a file of tensors, or of the files of a folder, except those of which the tensors are listed. */
async function readContentsBelow(
  { kind, path, folder, bytes, tensors = [] }: OutputReport,
  { algorithm = 'blake3', signal, tables = true }: DatasetOptions,
  areTensorsRead: boolean,
): Promise<ContentList> {
  if (path === undefined) return new Map()
  if (kind === 'file') {
    if (tensors.length > 0 || isTableFile(path)) return new Map()
    const file = { path: basename(path), size: bytes }
    return contentsOf(dirname(path), [file], { algorithm, signal }, () => areTensorsRead)
  }
  if (folder === undefined) return new Map()
  const listed = new Set(tensors.map(({ file }) => file))
  return contentsOf(path, folder.entries(), { algorithm, signal }, (file) =>
    isTableFile(file) ? tables : areTensorsRead && !listed.has(file),
  )
}

async function volatileFilesOf({
  kind,
  path = '',
  bytes,
  digests,
  folder,
}: OutputReport): Promise<readonly StableFields[]> {
  if (kind === 'folder' && folder !== undefined) return stableFieldsOf(path, folder.entries())
  const name = basename(path)
  return stableFieldsOf(dirname(path), [{ path: name, size: bytes, digests }])
}

/** Read an output as a model. Return `undefined` if it is not one. */
async function readModelFiles(path: string, options: DatasetOptions): Promise<OutputReport | undefined> {
  try {
    const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() ?? false
    if (!isFolder && !/\.safetensors$/i.test(path)) return undefined
    const located = await locateModel(path)
    // Files of other formats hold more than tensors: with equal tensors two of them can still differ.
    if (!located.weights.every((file) => /\.safetensors$/i.test(file))) return undefined
    if (!isFolder) return await readFile(resolve(path), located, options)
    if (await hasRegularFiles(located)) return await readFolder(located, options)
    const { tensors } = await readWeights(located, { signal: options.signal })
    return { ...(await readFiles(path, options)), tensors }
  } catch (error) {
    options.signal?.throwIfAborted()
    // The caller reads the path next, and reports an error of the path itself.
    if (isReadError(error)) return undefined
    throw error
  }
}

/** Return the weights digest of the tensors of an output in written form, as a model has it. */
export function weightsDigest(tensors: readonly TensorInfo[]): string {
  return primary(weightsOf(tensors, ['blake3'])).toString()
}

async function readFile(path: string, located: ModelFiles, options: DatasetOptions): Promise<OutputReport> {
  const { tensors, files } = await readWeights(located, withBlake3(options))
  const [{ size, digests: computed = {} } = { size: 0 }] = files
  const digests = selectDigests(computed, options.algorithm)
  return { kind: 'file', path, digest: primary(digests), digests, bytes: size, warnings: [], tensors }
}

/**
 * Compute the digest of a model folder. Its `tree` digest combines the digests of the weights, which were
 * read as tensors, with those of the other files.
 */
async function readFolder(located: ModelFiles, options: DatasetOptions): Promise<OutputReport> {
  const { folder, weights } = located
  const { tensors, files } = await readWeights(located, withBlake3(options))
  const { algorithm = 'blake3', signal } = options
  const ignore = weights.map((file) => literalPattern(basename(file)))
  const otherFiles = await hashTree(folder, { algorithm, signal, ignore, list: true })
  const shards = files.map(({ name, size, digests = {} }) => ({
    path: name,
    type: 'file' as const,
    size,
    digests: selectDigests(digests, algorithm),
  }))
  const entries = [...(await entriesOf(folder, otherFiles.entries ?? [])), ...shards]
  const tree = foldersOf(entries, ({ path }) => {
    throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while it was read', { path })
  })
  const digests = treeOf(tree, algorithm === 'both' ? ['blake3', 'sha256'] : [algorithm])
  return {
    kind: 'folder',
    path: folder,
    digest: primary(digests),
    digests,
    bytes: otherFiles.bytes + files.reduce((sum, { size }: ModelFile) => sum + size, 0),
    files: otherFiles.files + files.length,
    folders: tree.length,
    warnings: otherFiles.warnings.map(({ kind, path: at }) => `${at}: ${WARNINGS[kind]}`),
    folder: {
      digests,
      warnings: otherFiles.warnings,
      entries: () => entries.toSorted((a, b) => Buffer.compare(bytesOf(a), bytesOf(b))),
    },
    tensors,
  }
}

/**
 * Check that all weights are regular files of this folder under these exact names: no links, and no names
 * that are equal on some file systems.
 */
async function hasRegularFiles({ folder, weights }: ModelFiles): Promise<boolean> {
  const names = await readdir(folder)
  const colliding = new Set(collisionsOf(names))
  const isRegular = await Promise.all(
    weights.map(async (path) => {
      const name = basename(path)
      if (!names.includes(name) || colliding.has(name)) return false
      return (await lstat(join(folder, name))).isFile()
    }),
  )
  return isRegular.every(Boolean)
}

/** Return options that also compute BLAKE3: digests of tensors always use it. */
function withBlake3(options: DatasetOptions): DatasetOptions {
  const { algorithm, signal, onProgress, threads } = options
  return { algorithm: algorithm === 'sha256' ? 'both' : algorithm, signal, onProgress, threads }
}

function selectDigests({ blake3, sha256 }: Digests, algorithm: AlgorithmChoice = 'blake3'): Digests {
  return {
    ...(algorithm !== 'sha256' && blake3 && { blake3 }),
    ...(algorithm !== 'blake3' && sha256 && { sha256 }),
  }
}
