/**
 * The parts of an index that no patch holds: the versions of files in conflict, files that are only intended to be
 * added, and marks under which git does not look at a file.
 */
import { gitPath, readPath } from '../capture/git/paths.ts'
import { splitNul } from '../capture/git/status.ts'
import { keyOfPath } from '../capture/git/tracked-files.ts'
import { checkPath } from './paths.ts'
import type { Git } from '../capture/git/command.ts'
import type { GitPath } from '../capture/git/paths.ts'
import type { Blob, RepositoryCapture } from '../capture/git/types.ts'

const NUL = Buffer.from([0])

/**
 * Write the files outside of a sparse checkout that the run had changed, so that the patches apply to them.
 *
 * @param git Works in the new work tree, at its root.
 */
export async function checkOutChanged(git: Git, { changed }: RepositoryCapture): Promise<void> {
  const wanted = new Set(changed.map((file) => keyOfPath(readPath(file))))
  if (wanted.size === 0) return
  const skipped = splitNul(await git(['ls-files', '-t', '-z'])).flatMap((entry) => {
    const path = gitPath(entry.subarray(2))
    return entry[0] === SKIPPED && wanted.has(keyOfPath(path)) ? [path] : []
  })
  if (skipped.length === 0) return
  await git(['update-index', '--no-skip-worktree', '-z', '--stdin'], { input: listOf(skipped) })
  await git(['checkout-index', '--force', '-z', '--stdin'], { input: listOf(skipped) })
}

const SKIPPED = 0x53

/** Restore what the patches leave out. The work tree has the files already. */
export async function restoreIndexState(git: Git, repository: RepositoryCapture): Promise<void> {
  await restoreConflicts(git, repository)
  await restoreIntents(git, repository)
}

async function restoreConflicts(git: Git, { changed, commit }: RepositoryCapture): Promise<void> {
  const lines = changed.flatMap((file): Buffer[] => {
    if (!('stages' in file)) return []
    const path = checked(readPath(file))
    const line = (start: string): Buffer[] => [Buffer.from(`${start}\t`), path.bytes, NUL]
    return [
      ...line(`0 ${'0'.repeat(commit.length)}`),
      ...file.stages.flatMap((blob, index) =>
        blob === null ? [] : line(`${modeOf(blob)} ${oidOf(blob)} ${index + 1}`),
      ),
    ]
  })
  if (lines.length > 0) await git(['update-index', '-z', '--index-info'], { input: Buffer.concat(lines) })
}

/** The fields come from a record, and must not contain another line. */
function modeOf({ mode }: Blob): string {
  return /^[0-7]{6}$/.test(mode) ? mode : '100644'
}

function oidOf({ blob }: Blob): string {
  return /^[0-9a-f]{40,64}$/.test(blob) ? blob : ''
}

/** The patch of the index adds a file of which only the intent was added as an empty one. */
async function restoreIntents(git: Git, { changed }: RepositoryCapture): Promise<void> {
  const paths = changed.flatMap((file) =>
    !('stages' in file) && file.unstaged === 'A' && file.index === null && file.workTree !== null
      ? [checked(readPath(file))]
      : [],
  )
  if (paths.length === 0) return
  await git(['update-index', '--force-remove', '-z', '--stdin'], { input: listOf(paths) })
  await git(
    [
      '--literal-pathspecs',
      'add',
      '--intent-to-add',
      '--force',
      '--pathspec-from-file=-',
      '--pathspec-file-nul',
    ],
    { input: listOf(paths) },
  )
}

/**
 * Mark the files that the run had marked.
 *
 * @param tracked The tracked files of the new work tree by their keys: git refuses to mark others.
 */
export async function restoreMarks(
  git: Git,
  { workTreeFiles }: RepositoryCapture,
  tracked: { has(key: string): boolean },
): Promise<void> {
  for (const mark of ['assume-unchanged', 'skip-worktree'] as const) {
    const paths = (workTreeFiles?.files ?? []).flatMap((file) => {
      const path = readPath(file)
      return file.cause === mark && tracked.has(keyOfPath(path)) ? [path] : []
    })
    if (paths.length > 0) await git(['update-index', `--${mark}`, '-z', '--stdin'], { input: listOf(paths) })
  }
}

function checked(path: GitPath): GitPath {
  checkPath(path)
  return path
}

function listOf(paths: readonly GitPath[]): Buffer {
  return Buffer.concat(paths.flatMap(({ bytes }) => [bytes, NUL]))
}
