/**
 * Restoration of a recorded work tree: a clone at the commit, then patches, untracked files, links, and the bytes that
 * git converts.
 *
 * The clone shares the objects of the repository instead of copying them. It is fast and has commits that are
 * on no branch any more, but needs the repository for as long as it is used. The repository is not changed.
 * (Git updates the time stamp of an existing object instead of writing it again.) Links come last, so that
 * nothing is written through one.
 */
import { createReadStream } from 'node:fs'
import { constants, mkdir, open, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { NotAvailable } from '../util/not-available.ts'
import { GIT_MISSING } from '../capture/git/absence.ts'
import { BUNDLE_FILE } from '../capture/git/bundle.ts'
import { createGit, withSettings } from '../capture/git/command.ts'
import { listFilters } from '../capture/git/filters.ts'
import { readPath } from '../capture/git/paths.ts'
import { SPARSE_FILE } from '../capture/git/sparse.ts'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, isFolder, storeError } from '../util/fs.ts'
import { checkOutChanged, restoreIndexState } from './index-state.ts'
import { isRedacted } from '../secrets/redact.ts'
import { checkPath, preparePath } from './paths.ts'
import { storeOf } from '../store/store.ts'
import { keptPack, unpack } from './kept-code.ts'
import { restoreBytes } from './work-tree-bytes.ts'
import type { Git } from '../capture/git/command.ts'
import type { GitPath } from '../capture/git/paths.ts'
import type { UntrackedEntry, UntrackedFile, UntrackedLink } from '../capture/git/types.ts'
import type { RecordedTree } from './preflight.ts'
import type { RestoredBytes } from './work-tree-bytes.ts'

/** Timeout of each call of git, in milliseconds. The checkout of a large repository takes long. */
const TIMEOUT = 30 * 60_000

/** Settings of a repository that determine how files are written, and are not in its commits. */
const CARRIED = ['core.autocrlf', 'core.eol', 'core.filemode', 'core.symlinks']

/** Settings that disable hooks and leave patches unchanged. */
const SETTINGS = [
  ['core.safecrlf', 'false'],
  ['apply.whitespace', 'nowarn'],
  ['apply.ignoreWhitespace', 'no'],
  ['submodule.recurse', 'false'],
  ['protocol.file.allow', 'always'],
] as const

/**
 * Fill an empty folder with the work tree that a run started from.
 *
 * @param runFolder The folder of the run, whose files were checked.
 * No filter is started, whoever configured it, except to try the user's own on a file whose recorded bytes cannot be
 * found otherwise: one that fails would stop the checkout.
 *
 * @param target Absolute path of the empty folder.
 * @returns The files whose bytes were compared with the record, and those that could not be restored.
 * @throws ERR_LINEAPRINT_STATE if the repository or the commit is missing and no bundle contains it, or if a
 * patch does not apply; ERR_LINEAPRINT_RECORD for a path that leads out of the folder.
 */
export async function restoreTree(
  tree: RecordedTree,
  runFolder: string,
  target: string,
  signal: AbortSignal | undefined,
): Promise<RestoredBytes> {
  const { untracked } = tree.repository
  // All paths are checked before anything is written. Links in parent folders are checked when a file is
  // written.
  for (const entry of untracked) if (isRestored(entry)) checkPath(readPath(entry))
  const files = join(runFolder, 'git')
  const options = { timeout: TIMEOUT, signal, environment: withSettings(process.env, SETTINGS) }
  const bundle = bundleOf(tree, files)
  const state = await findCommit(createGit({ ...options, directory: tree.root }), tree)
  const store = storeOf(runFolder)
  const isKept = state !== 'available' && bundle === undefined
  const pack = isKept ? await keptPack(store, tree) : undefined
  if (isKept && pack === undefined) throw commitMissing(state, tree)
  const own = { ...options, directory: target, transport: 'file' } as const
  const cloning = createGit(own)
  if (state === 'available') await step(tree.root, 'it cannot be cloned', () => clone(cloning, tree, target))
  else if (pack !== undefined)
    await step(target, 'the kept code cannot be unpacked', () =>
      unpack(cloning, tree, target, { store, pack, signal }),
    )
  else
    await step(target, 'the bundle of the run cannot be fetched', () =>
      unbundle(cloning, tree, target, state, bundle ?? ''),
    )
  const disabledFilters = await step(target, 'its filters are not known', () => listFilters(cloning, target))
  const git = createGit({ ...own, disabledFilters })
  await step(target, 'the commit cannot be checked out', () => checkOut(git, tree, target))
  await step(target, 'the recorded changes do not apply', async () => {
    await apply(git, tree, files, 'diff', [])
    await apply(git, tree, files, 'staged', ['--cached'])
    await restoreIndexState(git, tree.repository)
  })
  for (const entry of untracked) {
    signal?.throwIfAborted()
    if (entry.kind === 'file' && isRestored(entry)) await restoreFile(entry, files, target)
  }
  for (const entry of untracked)
    if (entry.kind === 'link' && isRestored(entry)) await bringLink(entry, target)
  return step(target, 'the bytes of files cannot be compared', () =>
    restoreBytes(tree, target, own, disabledFilters),
  )
}

/** The state of a commit: available in the repository, or the reason why not. */
type CommitState = 'available' | { readonly repository: boolean; readonly cause?: NotAvailable }

async function findCommit(git: Git, { root, commit }: RecordedTree): Promise<CommitState> {
  if (!(await isFolder(root))) return { repository: false }
  try {
    await git(['cat-file', '-e', `${commit}^{commit}`])
    return 'available'
  } catch (cause) {
    if (!(cause instanceof NotAvailable)) throw cause
    // The folder may exist but no longer be a repository.
    const isRepository = await git(['rev-parse', '--git-dir']).then(
      () => true,
      () => false,
    )
    return { repository: isRepository, cause }
  }
}

function commitMissing(state: CommitState, { root, commit }: RecordedTree): LineaprintError {
  const { repository, cause } = state === 'available' ? { repository: true, cause: undefined } : state
  if (!repository && cause === undefined) {
    return new LineaprintError('ERR_LINEAPRINT_STATE', 'the repository of the run does not exist', {
      path: root,
      hint: 'restore it at this path; a run that keeps its code (keep.code) needs no repository, and one recorded with --bundle can use another clone',
    })
  }
  if (cause?.message === GIT_MISSING) {
    return new LineaprintError('ERR_LINEAPRINT_STATE', `${GIT_MISSING}, so no work tree can be restored`, {
      path: root,
      hint: 'install git, or put it on PATH',
      cause,
    })
  }
  const reason = cause?.message ?? 'unknown commit'
  return new LineaprintError('ERR_LINEAPRINT_STATE', `the commit ${commit} is not available: ${reason}`, {
    path: root,
    field: 'commit',
    hint: 'fetch it into this repository; a run recorded with --bundle includes unpushed commits',
    cause,
  })
}

/** Return the path of the bundle that the run recorded. Its digest was checked with the other files. */
function bundleOf({ repository }: RecordedTree, files: string): string | undefined {
  // The file name is a constant and does not come from the record.
  return repository.bundle?.status === 'written' ? join(files, BUNDLE_FILE) : undefined
}

/** Create a repository with the objects that the old one still has, and the commits of the bundle. */
async function unbundle(
  git: Git,
  { root, repository }: RecordedTree,
  target: string,
  state: CommitState,
  bundle: string,
): Promise<void> {
  const format = repository.objectFormat === 'sha256' ? 'sha256' : 'sha1'
  await git(['init', '--quiet', '--template=', `--object-format=${format}`, target])
  // A bundle contains only commits that no remote has. The rest is in any clone.
  if (state !== 'available' && state.repository) {
    await git(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', root, '+refs/*:refs/lineaprint/*'])
    await carrySettings(git, root)
  }
  await git(['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', bundle, 'HEAD:refs/lineaprint-bundle'])
}

async function clone(git: Git, { root }: RecordedTree, target: string): Promise<void> {
  // No template is used, because it could contain hooks.
  const objects = (await git(['rev-parse', '--git-path', 'objects'], { directory: root })).toString()
  // The alternates file cannot hold a path with a line break, so objects are copied in that case.
  const sharing = /\n./s.test(objects) || root.includes('\n') ? '--no-hardlinks' : '--shared'
  const options = ['--quiet', sharing, '--no-checkout', '--no-recurse-submodules', '--template=']
  await git(['clone', ...options, '--', root, target])
  await carrySettings(git, root)
}

/** Write the files of the commit, without those that a sparse checkout left out. */
async function checkOut(git: Git, { commit, repository }: RecordedTree, target: string): Promise<void> {
  const { sparse = false, sparsePatterns } = repository
  if (sparse && sparsePatterns !== undefined && sparsePatterns !== null) {
    const { cone, patterns } = sparsePatterns
    await mkdir(join(target, '.git', 'info'), { recursive: true })
    await writeFile(join(target, '.git', SPARSE_FILE), patterns)
    await git(['config', 'core.sparseCheckout', 'true'])
    await git(['config', 'core.sparseCheckoutCone', String(cone)])
  }
  await git(['checkout', '--quiet', '--force', '--detach', commit])
  if (sparse) await checkOutChanged(git, repository)
}

async function carrySettings(git: Git, root: string): Promise<void> {
  for (const name of CARRIED) {
    const value = (await git(['config', '--get', name], { accept: [1], directory: root })).toString().trim()
    if (value !== '') await git(['config', name, value])
  }
}

async function apply(
  git: Git,
  { repository }: RecordedTree,
  files: string,
  name: 'diff' | 'staged',
  options: readonly string[],
): Promise<void> {
  if (repository.patches?.[name].status !== 'written') return
  // The file name is a constant and does not come from the record.
  const patch = join(files, `${name}.patch`)
  // Git refuses a patch that only lists files in conflict.
  if (await hasChange(patch)) await git(['apply', ...options, '--', patch])
}

/** Return whether a patch changes a file. */
async function hasChange(patch: string): Promise<boolean> {
  const start = Buffer.from('\ndiff --git ')
  let rest: Buffer = Buffer.from('\n')
  for await (const piece of createReadStream(patch) as AsyncIterable<Buffer>) {
    const text = Buffer.concat([rest, piece])
    if (text.includes(start)) return true
    rest = text.subarray(-start.length)
  }
  return false
}

async function step<T>(path: string, problem: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof NotAvailable)) throw cause
    throw new LineaprintError('ERR_LINEAPRINT_STATE', `${problem}: ${cause.message}`, { path, cause })
  }
}

async function restoreFile(entry: UntrackedFile, files: string, target: string): Promise<void> {
  const path = readPath(entry)
  const to = await preparePath(target, path)
  const from = path.utf8
    ? join(files, 'untracked', path.text)
    : Buffer.concat([Buffer.from(`${join(files, 'untracked')}/`), path.bytes])
  await written(path, async () => {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)
    await using source = await open(from, flags)
    const mode = entry.mode === '100755' ? 0o755 : 0o644
    // The flag `wx` follows no link and overwrites no file of git.
    await writeFile(to, await source.readFile(), { flag: 'wx', mode })
  })
}

async function bringLink(entry: UntrackedLink, target: string): Promise<void> {
  // Content that could not be read when it was captured is unknown.
  if (entry.target === undefined) return
  const path = readPath(entry)
  const to = await preparePath(target, path)
  const { target: leadsTo, targetBytes } = entry
  const text = targetBytes === undefined ? leadsTo : Buffer.from(targetBytes, 'hex')
  await written(path, () => symlink(text, to))
}

async function written(path: GitPath, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    if (errorCode(cause) !== 'EEXIST') throw storeError(path.text, 'cannot be restored', cause)
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the record lists this path twice', {
      path: path.text,
      field: 'untracked',
      cause,
    })
  }
}

function isRestored(entry: UntrackedEntry): boolean {
  if (isRedacted(entry.path)) return false
  return (entry.kind === 'link' && !isRedacted(entry.target)) || (entry.kind === 'file' && entry.kept)
}
