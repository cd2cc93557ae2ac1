/**
 * The bytes of restored files. Git compares files after a conversion, and some not at all, so the recorded digests
 * decide. No filter of the recorded repository is started: bytes that git does not write are copied from where they
 * still are, and a copy with another digest is not used.
 */
import {
  chmod,
  constants,
  copyFile,
  lstat,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { hashContents, hashLink } from '../capture/git/content.ts'
import { createGit } from '../capture/git/command.ts'
import { readSettings } from '../capture/git/describe.ts'
import { keepOutput } from '../capture/git/kept-output.ts'
import { parsePointer, readStart } from '../capture/git/large-files.ts'
import { absolutePath, gitPath, readPath } from '../capture/git/paths.ts'
import { readStatus } from '../capture/git/status.ts'
import { keyOfPath, readTrackedFiles } from '../capture/git/tracked-files.ts'
import { ignoreRejection } from '../util/ignore-rejection.ts'
import { causeOf, readSizes } from '../capture/git/blob-sizes.ts'
import { describeWorkTreeFiles } from '../capture/git/work-tree-files.ts'
import { LineaprintError } from '../core/errors.ts'
import { isRedacted } from '../secrets/redact.ts'
import { isMissing, storeError } from '../util/fs.ts'
import { NotAvailable } from '../util/not-available.ts'
import { restoreMarks } from './index-state.ts'
import { checkPath } from './paths.ts'
import type { Git, GitOptions } from '../capture/git/command.ts'
import type { Content } from '../capture/git/content.ts'
import type { GitPath } from '../capture/git/paths.ts'
import type { TrackedFile } from '../capture/git/tracked-files.ts'
import type { WorkTreeContent } from '../capture/git/types.ts'
import type { AlgorithmChoice, WrittenDigests } from '../core/digest.ts'
import type { RecordedTree } from './preflight.ts'

/** A file whose recorded bytes could not be restored. */
export interface LostFile {
  readonly path: string
  /** As in the record: `filter=NAME`, `line-ends`, … */
  readonly cause: string
  readonly reason: string
  readonly before?: string
  readonly after?: string
}

/** The files that were compared by their bytes, by {@link keyOfPath}. */
export interface RestoredBytes {
  readonly verified: ReadonlySet<string>
  readonly lost: ReadonlyMap<string, LostFile>
}

/** Folders and calls of git that bytes are restored with. */
interface Locations {
  readonly tree: RecordedTree
  /** Absolute path of the new work tree. */
  readonly target: string
  /** Calls in the new work tree, without filters. */
  readonly git: Git
  /** Calls with the filters of the user. */
  readonly filtering: Git
  /** Folder of objects of Git LFS in the recorded repository. */
  readonly largeObjects: string | undefined
  readonly signal: AbortSignal | undefined
}

/** Record of the bytes of a file. */
interface Expected {
  readonly path: GitPath
  readonly cause: string
  /** `stored`: the bytes that git stores. */
  readonly content: WorkTreeContent | null | 'stored' | 'unknown'
}

/**
 * Restore the recorded bytes of all files that git converts or is told not to check.
 *
 * @param options Options for calls of git in the new work tree.
 * @param disabledFilters The filters that are configured for it.
 */
export async function restoreBytes(
  tree: RecordedTree,
  target: string,
  options: Omit<GitOptions, 'disabledFilters'>,
  disabledFilters: readonly string[],
): Promise<RestoredBytes> {
  const { signal } = options
  const git = createGit({ ...options, disabledFilters })
  const tracked = new Map((await readTrackedFiles(git)).map((file) => [keyOfPath(file.path), file]))
  await restoreMarks(git, tree.repository, tracked)
  const locations: Locations = {
    tree,
    target,
    git,
    filtering: createGit(options),
    largeObjects: await largeObjectsOf(git, tree.root),
    signal,
  }
  const verified = new Set<string>()
  const lost = new Map<string, LostFile>()
  for (const [key, expected] of await expectedFiles(locations, tracked)) {
    signal?.throwIfAborted()
    const outcome = await restoreOne(locations, expected, tracked.get(key))
    if (outcome === 'restored') verified.add(key)
    else lost.set(key, { path: expected.path.text, cause: expected.cause, ...outcome })
  }
  return { verified, lost }
}

/** Return what is known of all files whose bytes git does not compare, then or now. */
async function expectedFiles(
  { tree: { repository }, target, git, signal }: Locations,
  tracked: ReadonlyMap<string, TrackedFile>,
): Promise<Map<string, Expected>> {
  const { workTreeFiles, changed, patches } = repository
  const expected = new Map<string, Expected>()
  for (const file of workTreeFiles?.files ?? []) {
    const path = readPath(file)
    checkPath(path)
    const content = isRedacted(file.path) ? HIDDEN_NAME : file.workTree
    expected.set(keyOfPath(path), { path, cause: file.cause, content })
  }
  const settings = await readSettings(git)
  const status = await readStatus(git)
  const content = { root: target, algorithm: 'blake3', signal } as const
  const trackedFiles = [...tracked.values()]
  const sizes = ignoreRejection(readSizes(git, trackedFiles, settings))
  const present = await describeWorkTreeFiles(git, trackedFiles, [], settings, sizes, content, [])
  const changes = new Map(changed.map((file) => [keyOfPath(readPath(file)), file]))
  const written = [patches?.diff, patches?.staged].flatMap((patch) =>
    patch?.status === 'written' && patch.redactedLines > 0 ? [patch] : [],
  )
  const redactedFiles = new Set(
    written.flatMap(({ redactedFiles: files = [] }) => files.map(({ path }) => path)),
  )
  // An earlier version did not name the files.
  const isRedactedPatch = written.some(({ redactedFiles: files }) => files === undefined)
  const isComplete = workTreeFiles !== undefined && workTreeFiles !== null && workTreeFiles.unlisted === 0
  const add = (path: GitPath, cause: string): void => {
    const key = keyOfPath(path)
    if (expected.has(key)) return
    const change = changes.get(key)
    // The content of a change was replaced, or left out of the patch, for a reason.
    if (change !== undefined) {
      if (
        cause !== 'size' &&
        !isRedactedPatch &&
        !redactedFiles.has(change.path) &&
        change.workTree !== null &&
        'digests' in change.workTree
      )
        expected.set(key, { path, cause, content: change.workTree })
      return
    }
    expected.set(key, { path, cause, content: isComplete ? 'stored' : 'unknown' })
  }
  const changedNow = new Set(status.changed.map(({ path }) => keyOfPath(path)))
  for (const file of present.files) {
    const path = readPath(file)
    // A change that no conversion explains is a change of the tree, and is compared as such.
    if (file.cause !== 'size' || !changedNow.has(keyOfPath(path))) add(path, file.cause)
  }
  // Git calls a file changed by its size, and its patch has no change that the conversion undoes.
  const leftOut = new Set((patches?.left ?? []).map((file) => keyOfPath(readPath(file))))
  for (const key of changes.keys()) {
    const file = tracked.get(key)
    const cause = file && causeOf(file, settings, false)
    if (file !== undefined && cause !== undefined && !leftOut.has(key)) add(file.path, cause)
  }
  return expected
}

/** Content of a file whose name the record does not hold. */
const HIDDEN_NAME: WorkTreeContent = { mode: '100644', reason: 'its name held a secret, which is not kept' }

type Outcome = 'restored' | Omit<LostFile, 'path' | 'cause'>

async function restoreOne(
  locations: Locations,
  { path, cause, content }: Expected,
  file: TrackedFile | undefined,
): Promise<Outcome> {
  if (content === 'unknown') return { reason: 'the run did not record the bytes of files that git converts' }
  if (!(await hasRealParents(locations.target, path))) {
    if (content === null) return 'restored'
    return { reason: 'a folder above it is not in the new work tree' }
  }
  const to = absolutePath(locations.target, path)
  if (content === null) {
    await removeFile(to)
    return 'restored'
  }
  if (content === 'stored') return restoreStored(locations, path, file)
  if ('reason' in content) return { reason: `the run did not record its bytes: ${content.reason}` }
  const { mode, digests } = content
  const current = await contentOf(locations, locations.target, path, digests)
  if (current !== undefined && agree(current, digests) && (await fitMode(to, mode))) return 'restored'
  if (file === undefined) return { reason: 'git does not track it in the new work tree' }
  const isMatched =
    mode === '120000'
      ? await linkFrom(locations, path, digests)
      : await bytesFrom(locations, path, file, cause, content)
  if (isMatched) {
    await fitMode(to, mode)
    return 'restored'
  }
  const after = current?.status === 'hashed' ? textOf(current.digests) : undefined
  return {
    reason: lostReason(cause),
    before: textOf(digests),
    ...(after !== undefined && { after }),
  }
}

function lostReason(cause: string): string {
  const gone = 'the repository does not have the recorded bytes any more'
  if (cause === 'filter=lfs') return `${gone}, neither in its work tree nor among its objects of Git LFS`
  if (cause.startsWith('filter=')) return `${gone}, and its filter is not started`
  return gone
}

/** Write the bytes that git stores. */
async function restoreStored(
  locations: Locations,
  path: GitPath,
  file: TrackedFile | undefined,
): Promise<Outcome> {
  if (file === undefined) return { reason: 'git does not track it in the new work tree' }
  const kept = await keepOutput(locations.git, ['cat-file', 'blob', file.blob], {
    path: temporary(locations),
    label: 'a file of the work tree',
    limit: Number.MAX_SAFE_INTEGER,
  })
  if (kept.status === 'absent') return { reason: kept.reason }
  await replace(locations, path, kept.status === 'empty')
  await fitMode(absolutePath(locations.target, path), file.mode)
  return 'restored'
}

/** Look for the recorded bytes, and write them. Return whether they were found. */
async function bytesFrom(
  locations: Locations,
  path: GitPath,
  file: TrackedFile,
  cause: string,
  content: WorkTreeContent & { readonly digests: WrittenDigests; readonly size: number },
): Promise<boolean> {
  const { tree, git, filtering, largeObjects } = locations
  const source = absolutePath(tree.root, path)
  if (await useCopy(locations, path, source, content)) return true
  if (largeObjects !== undefined && cause.startsWith('filter=')) {
    const { oid } = parsePointer(await readStart(locations.target, path, LINK_LIMIT)) ?? {}
    const hex = oid?.slice('sha256:'.length) ?? ''
    const object = join(largeObjects, hex.slice(0, 2), hex.slice(2, 4), hex)
    if (hex !== '' && (await useCopy(locations, path, object, content))) return true
  }
  const stored = ['cat-file', 'blob', file.blob]
  if (await useOutput(locations, path, git, stored, content)) return true
  if (LINE_ENDS.has(cause) && (await useLineEnds(locations, path, content))) return true
  if (!cause.startsWith('filter=') || !path.utf8) return false
  // Only filters of the user's own configuration: that of the recorded repository is not read here.
  const blob = (await isStored(locations, path, file)) ? file.blob : await storeBytes(git, path)
  return useOutput(
    locations,
    path,
    filtering,
    ['cat-file', '--filters', `--path=${path.text}`, blob],
    content,
  )
}

/** Return whether the work tree has the version of the index. */
async function isStored({ git }: Locations, path: GitPath, { blob }: TrackedFile): Promise<boolean> {
  const output = await git(['hash-object', '--no-filters', '--', path.text])
  return output.toString().trim() === blob
}

/** Store the bytes of a changed file, as git would after its filter. */
async function storeBytes(git: Git, path: GitPath): Promise<string> {
  return (await git(['hash-object', '-w', '--no-filters', '--', path.text])).toString().trim()
}

/** Try the bytes of the new work tree with other line ends. */
async function useLineEnds(locations: Locations, path: GitPath, content: Recorded): Promise<boolean> {
  const from = absolutePath(locations.target, path)
  if (content.size > LINE_ENDS_LIMIT || (await lstat(from)).size > LINE_ENDS_LIMIT) return false
  // One character per byte, so that bytes of any encoding are kept.
  const text = (await readFile(from)).toString('latin1').replaceAll('\r\n', '\n')
  for (const variant of [text, text.replaceAll('\n', '\r\n')]) {
    if (variant.length !== content.size) continue
    await writeFile(temporary(locations), variant, { encoding: 'latin1', flag: 'wx' })
    if (await useTemporary(locations, path, content, false)) return true
  }
  return false
}

/** Causes that a conversion of line ends explains. */
const LINE_ENDS: ReadonlySet<string> = new Set(['line-ends', 'size'])

/** Limit of a file in bytes whose line ends are converted here. */
const LINE_ENDS_LIMIT = 64 << 20

async function useOutput(
  locations: Locations,
  path: GitPath,
  git: Git,
  args: readonly string[],
  content: Recorded,
): Promise<boolean> {
  const kept = await keepOutput(git, args, {
    path: temporary(locations),
    label: 'a file of the work tree',
    limit: content.size,
  })
  if (kept.status === 'absent' || (kept.status === 'empty' ? 0 : kept.size) !== content.size) {
    await rm(temporary(locations), { force: true })
    return false
  }
  return useTemporary(locations, path, content, kept.status === 'empty')
}

type Recorded = WorkTreeContent & { readonly digests: WrittenDigests; readonly size: number }

/** Copy a file, if it has the recorded digest. */
async function useCopy(
  locations: Locations,
  path: GitPath,
  source: string | Buffer,
  content: Recorded,
): Promise<boolean> {
  try {
    const stat = await lstat(source)
    if (!stat.isFile() || stat.size !== content.size) return false
    await copyFile(source, temporary(locations), constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    // A copy has the mode of its source, which may not be writable.
    await chmod(temporary(locations), 0o644)
  } catch (error) {
    await rm(temporary(locations), { force: true })
    if (isMissing(error)) return false
    throw storeError(path.text, 'cannot be copied into the work tree', error)
  }
  return useTemporary(locations, path, content, false)
}

async function useTemporary(
  locations: Locations,
  path: GitPath,
  { digests }: Recorded,
  isEmpty: boolean,
): Promise<boolean> {
  const [hashed] = isEmpty
    ? [undefined]
    : await hashContents(
        [gitPath(Buffer.from(TEMPORARY))],
        contentOptions(locations, locations.target, digests),
      )
  if (!isEmpty && (hashed === undefined || !agree(hashed, digests))) {
    await rm(temporary(locations), { force: true })
    return false
  }
  await replace(locations, path, isEmpty)
  return true
}

/** Put the temporary file, or an empty one, in the place of a file. */
async function replace(locations: Locations, path: GitPath, isEmpty: boolean): Promise<void> {
  const to = absolutePath(locations.target, path)
  try {
    if (isEmpty) await writeFile(temporary(locations), '', { flag: 'wx' })
    // A rename replaces a link instead of following it.
    await rename(temporary(locations), to)
  } catch (cause) {
    await rm(temporary(locations), { force: true })
    throw storeError(path.text, 'cannot be restored', cause)
  }
}

/** Limit of the size of a pointer or the target of a link in bytes. */
const LINK_LIMIT = 4096

const TEMPORARY = '.git/lineaprint-bytes'

function temporary({ target }: Locations): string {
  return join(target, TEMPORARY)
}

/** Write a link that git wrote as a file, or that only the old work tree has. */
async function linkFrom(locations: Locations, path: GitPath, digests: WrittenDigests): Promise<boolean> {
  const to = absolutePath(locations.target, path)
  const [asFile] = await hashContents([path], contentOptions(locations, locations.target, digests))
  let leadsTo: Buffer | undefined
  if (asFile !== undefined && agree(asFile, digests))
    leadsTo = Buffer.from((await readStart(locations.target, path, LINK_LIMIT)) ?? '')
  else {
    const link = await hashLink(path, contentOptions(locations, locations.tree.root, digests))
    if (agree(link, digests)) leadsTo = await readlink(absolutePath(locations.tree.root, path), 'buffer')
  }
  if (leadsTo === undefined) return false
  try {
    await removeFile(to)
    await symlink(leadsTo, to)
  } catch (cause) {
    throw storeError(path.text, 'cannot be restored', cause)
  }
  return true
}

async function contentOf(
  locations: Locations,
  root: string,
  path: GitPath,
  digests: WrittenDigests,
): Promise<Content | undefined> {
  const options = contentOptions(locations, root, digests)
  const stat = await lstat(absolutePath(root, path)).catch(() => undefined)
  if (stat?.isSymbolicLink() === true) return hashLink(path, options)
  return (await hashContents([path], options))[0]
}

function contentOptions(
  { signal }: Locations,
  root: string,
  digests: WrittenDigests,
): { root: string; algorithm: AlgorithmChoice; signal: AbortSignal | undefined } {
  return { root, algorithm: digests.blake3 === undefined ? 'sha256' : 'blake3', signal }
}

/** Return whether a content has the recorded digest. */
function agree(content: Content, digests: WrittenDigests): boolean {
  if (content.status !== 'hashed') return false
  return digests.blake3 === undefined
    ? content.digests.sha256 !== undefined && content.digests.sha256 === digests.sha256
    : content.digests.blake3 === digests.blake3
}

function textOf({ blake3, sha256 }: WrittenDigests): string {
  return blake3 ?? sha256 ?? ''
}

/** Set the executable bit. Return `false` if the entry is of another kind than the recorded mode. */
async function fitMode(path: string | Buffer, mode: string): Promise<boolean> {
  const stat = await lstat(path)
  if (mode === '120000' || !stat.isFile()) return (mode === '120000') === stat.isSymbolicLink()
  const isExecutable = (stat.mode & 0o100) !== 0
  if (isExecutable !== (mode === '100755'))
    await chmod(path, isExecutable ? stat.mode & 0o666 : stat.mode | ((stat.mode & 0o444) >> 2))
  return true
}

async function removeFile(path: string | Buffer): Promise<void> {
  try {
    await unlink(path)
  } catch (cause) {
    if (!isMissing(cause)) throw storeError(path.toString(), 'cannot be removed', cause)
  }
}

/** Return whether all folders above a path are folders of the work tree, and none is a link. */
async function hasRealParents(root: string, path: GitPath): Promise<boolean> {
  const segments = path.bytes.toString('latin1').split('/').slice(0, -1)
  for (let length = 1; length <= segments.length; length++) {
    const bytes = Buffer.from(segments.slice(0, length).join('/'), 'latin1')
    const stat = await lstat(absolutePath(root, gitPath(bytes))).catch(() => undefined)
    if (stat?.isDirectory() !== true) return false
  }
  return true
}

/** Return the folder in which the recorded repository keeps the content of its Git LFS files. */
async function largeObjectsOf(git: Git, root: string): Promise<string | undefined> {
  try {
    const folder = await git(['rev-parse', '--path-format=absolute', '--git-common-dir'], { directory: root })
    return join(folder.toString().replace(/\n$/, ''), 'lfs', 'objects')
  } catch (error) {
    if (error instanceof NotAvailable || LineaprintError.is(error)) return undefined
    throw error
  }
}
