/**
 * Files of the work tree that git compares only after a conversion, or not at all: filters, line ends, encodings,
 * `ident`, mode bits and links that it does not look at, files that it is told not to look at. Git calls such a file
 * unchanged whatever its bytes are, so they are digested here.
 */
import { lstatSync } from 'node:fs'
import { platform } from 'node:process'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { errorText } from '../../util/error-text.ts'
import { isMissing } from '../../util/fs.ts'
import { NotAvailable } from '../../util/not-available.ts'
import { plural } from '../../util/plural.ts'
import { hashContents, hashLink } from './content.ts'
import { parsePointer } from './large-files.ts'
import { absolutePath, writePath } from './paths.ts'
import { SIZES, blobSizes, causeOf, isBySize } from './blob-sizes.ts'
import { keyOfPath } from './tracked-files.ts'
import type { Stats } from 'node:fs'
import type { BlobSizes } from './blob-sizes.ts'
import type { Git } from './command.ts'
import type { Content, ContentOptions } from './content.ts'
import type { Settings } from './describe.ts'
import type { ChangedPath } from './status.ts'
import type { TrackedFile } from './tracked-files.ts'
import type { WorkTreeContent, WorkTreeFile, WorkTreeFiles } from './types.ts'

/** Limits, above which files are counted and not listed, or listed and not read. */
const LISTED = 10_000
const READ = 4 * 2 ** 30

/** Limit of the size of a Git LFS pointer in bytes, according to the specification. */
const POINTER_LIMIT = 1024

interface Candidate {
  readonly file: TrackedFile
  readonly cause: string
  readonly stat: Stats | undefined
}

/**
 * Describe the tracked files whose bytes are not known to be those that git stores. A changed file is described by
 * its change, and left out unless its mode is not known from there.
 *
 * @param tracked All tracked files.
 * @param changed The changed paths of the status.
 * @param sizes The answer of {@link readSizes}.
 * @param warnings Gets a message if files could not be listed.
 */
export async function describeWorkTreeFiles(
  git: Git,
  tracked: readonly TrackedFile[],
  changed: readonly ChangedPath[],
  settings: Settings,
  sizes: Promise<BlobSizes | undefined>,
  options: ContentOptions,
  warnings: string[],
): Promise<WorkTreeFiles> {
  const isChanged = new Set(changed.map(({ path }) => keyOfPath(path)))
  const candidates = await findCandidates(tracked, isChanged, settings, sizes, options)
  const listed = candidates.slice(0, LISTED)
  const unlisted = candidates.length - listed.length
  if (unlisted > 0)
    warnings.push(
      `${plural(unlisted, 'file')} that git converts or does not look at ${unlisted === 1 ? 'was' : 'were'} not listed: there are more than ${LISTED}`,
    )
  const pointers = await readPointers(git, listed)
  const contents = await readContents(listed, pointers, options)
  return {
    files: listed.map(({ file, cause, stat }, index): WorkTreeFile => {
      const content = contents[index]
      return {
        ...writePath(file.path),
        cause,
        workTree: stat === undefined ? null : { mode: modeOf(stat, file, settings), ...written(content) },
      }
    }),
    unlisted,
  }
}

function written(content: Content | undefined): WithoutMode {
  if (content?.status === 'hashed') return { size: content.size, digests: content.digests }
  return { reason: content?.reason ?? 'it was not read' }
}

type WithoutMode = WorkTreeContent extends infer T ? (T extends unknown ? Omit<T, 'mode'> : never) : never

/** Return the mode on disk. On Windows files have none, and git uses that of the index. */
function modeOf(stat: Stats, file: TrackedFile, { fileMode }: Settings): string {
  if (stat.isSymbolicLink()) return '120000'
  if (platform === 'win32' && !fileMode && file.mode.startsWith('100')) return file.mode
  return (stat.mode & 0o100) === 0 ? '100644' : '100755'
}

async function findCandidates(
  tracked: readonly TrackedFile[],
  changed: ReadonlySet<string>,
  settings: Settings,
  sizes: Promise<BlobSizes | undefined>,
  { root, signal }: ContentOptions,
): Promise<Candidate[]> {
  const candidates: Candidate[] = []
  const bySize: Candidate[] = []
  const absent = new AbsentFolders()
  const causes = tracked.map((file) => causeOf(file, settings, tracked.length <= SIZES))
  let turn = 0
  for (const [index, file] of tracked.entries()) {
    const { path, mode, hidden } = file
    const cause = causes[index]
    const isModeUnknown = !settings.fileMode && platform !== 'win32' && mode !== '120000'
    if (cause === undefined && !isModeUnknown) continue
    // Outside of a sparse checkout there is nothing, in folders that may hold most of the repository.
    const isSparse = hidden === 'skip-worktree' && settings.sparse
    if (isSparse && absent.covers(root, path.text)) continue
    // The asynchronous call takes three times as long. In turns, it leaves the other work its share.
    if (++turn % 500 === 0) {
      await nextTurn()
      signal?.throwIfAborted()
    }
    const stat = statOf(absolutePath(root, path))
    const candidate = { file, cause: cause ?? 'mode', stat }
    if (hidden !== undefined) {
      if (stat !== undefined || !isSparse) candidates.push(candidate)
      continue
    }
    // Git reports a missing file, a folder and a link in the place of a file as a change.
    if (stat?.isFile() !== true && stat?.isSymbolicLink() !== true) continue
    if (isModeUnknown && modeOf(stat, file, settings) !== mode)
      candidates.push({ ...candidate, cause: 'mode' })
    else if (cause === undefined || changed.has(keyOfPath(path))) continue
    else if (isBySize(cause)) bySize.push(candidate)
    else candidates.push(candidate)
  }
  return [...candidates, ...otherSizes(bySize, await sizes)].toSorted((a, b) =>
    Buffer.compare(a.file.path.bytes, b.file.path.bytes),
  )
}

/**
 * Return the files whose size on disk is not that of the blob. Line ends are converted by adding and removing
 * characters, so that files of the same size are equal.
 *
 * @param sizes Sizes of blobs; `undefined` if they could not be read.
 */
function otherSizes(candidates: readonly Candidate[], sizes: BlobSizes | undefined): Candidate[] {
  if (sizes === undefined) return candidates.filter(({ cause }) => cause === 'line-ends')
  return candidates.filter(({ file, stat }) => {
    const size = sizes.get(file.blob)
    return size === undefined || stat?.size !== size
  })
}

/**
 * Return the digest of the content of each Git LFS file of the listed ones that git calls unchanged and that has the
 * size of its content: it is in the pointer, so that no large file is read.
 */
async function readPointers(git: Git, listed: readonly Candidate[]): Promise<Map<Candidate, Content>> {
  const contents = new Map<Candidate, Content>()
  const files = listed.filter(({ cause, stat }) => cause === 'filter=lfs' && stat?.isFile() === true)
  if (files.length === 0) return contents
  try {
    const blobs = files.map(({ file }) => file.blob)
    const sizes = await blobSizes(git, blobs)
    const small = files.filter((_, index) => (sizes[index] ?? Infinity) <= POINTER_LIMIT)
    if (small.length === 0) return contents
    const input = Buffer.from(small.map(({ file }) => `${file.blob}\n`).join(''))
    const output = await git(['cat-file', '--buffer', '--batch'], { input })
    let at = 0
    for (const candidate of small) {
      const end = output.indexOf(0x0a, at)
      const size = Number(/^\S+ blob (\d+)$/.exec(output.toString('latin1', at, end))?.[1])
      if (end < 0 || !Number.isSafeInteger(size)) break
      const pointer = parsePointer(output.toString('utf8', end + 1, end + 1 + size))
      at = end + 1 + size + 1
      if (pointer !== undefined && pointer.size === candidate.stat?.size)
        contents.set(candidate, { status: 'hashed', size: pointer.size, digests: { sha256: pointer.oid } })
    }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
  }
  return contents
}

async function readContents(
  listed: readonly Candidate[],
  pointers: ReadonlyMap<Candidate, Content>,
  options: ContentOptions,
): Promise<(Content | undefined)[]> {
  const contents: (Content | undefined)[] = listed.map((candidate) => pointers.get(candidate))
  const toRead: number[] = []
  let total = 0
  for (const [index, { file, stat }] of listed.entries()) {
    if (stat === undefined || contents[index] !== undefined) continue
    if (stat.isSymbolicLink()) {
      contents[index] = await hashLink(file.path, options)
      continue
    }
    total += stat.size
    if (total <= READ) toRead.push(index)
    else
      contents[index] = {
        status: 'failed',
        reason: `it was not read: files that git converts have more than ${READ} bytes in total`,
      }
  }
  const hashed = await hashContents(
    toRead.flatMap((index) => listed[index]?.file.path ?? []),
    options,
  )
  for (const [position, index] of toRead.entries()) contents[index] = hashed[position]
  return contents
}

function statOf(path: string | Buffer): Stats | undefined {
  try {
    return lstatSync(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new NotAvailable(errorText(error, 'first'))
  }
}

/** Folders that are known not to exist, so that their files are not looked up one by one. */
class AbsentFolders {
  readonly #known = new Map<string, boolean>()

  /** Return whether a folder above this path does not exist. */
  covers(root: string, path: string): boolean {
    const end = path.lastIndexOf('/')
    if (end < 0) return false
    const folder = path.slice(0, end)
    const known = this.#known.get(folder)
    if (known !== undefined) return known
    const isAbsent = this.covers(root, folder) || statOf(`${root}/${folder}`) === undefined
    this.#known.set(folder, isAbsent)
    return isAbsent
  }
}
