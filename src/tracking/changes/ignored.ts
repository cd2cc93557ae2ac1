/**
 * Files that git ignores and that the run wrote: checkpoints and logs mostly. Git says which files and folders it
 * ignores, and of a folder not what is in it, so folders are walked within limits.
 */
import { lstat, readdir } from 'node:fs/promises'
import { ignoreRejection } from '../../util/ignore-rejection.ts'
import { mapConcurrently } from '../../util/concurrency.ts'
import { absolutePath, gitPath, isContained, isInStore } from '../../capture/git/paths.ts'
import { splitNul } from '../../capture/git/status.ts'
import type { Git } from '../../capture/git/command.ts'
import type { GitPath } from '../../capture/git/paths.ts'

/** Largest number of files and folders that are inspected. */
const ENTRY_LIMIT = 10_000

/** Bytes of the output of git that are read. */
const OUTPUT_LIMIT = 1 << 20

/** Largest depth of folders below an ignored one. */
const DEPTH = 32

const CONCURRENCY = 32

/** Folders of tools: installed packages and caches, which no program declares. */
const TOOLS: ReadonlySet<string> = new Set([
  '.cache',
  '.eggs',
  '.git',
  '.gradle',
  '.ipynb_checkpoints',
  '.lineaprint',
  '.mypy_cache',
  '.nox',
  '.pixi',
  '.pytest_cache',
  '.ruff_cache',
  '.terraform',
  '.tox',
  '.venv',
  '__pycache__',
  'node_modules',
  'site-packages',
  'venv',
])

/** The ignored paths of a work tree. */
export interface IgnoredPaths {
  /** Files, and folders with a `/` at their end. */
  readonly paths: readonly GitPath[]
  readonly isComplete: boolean
}

/** Files that were written since a time. */
export interface WrittenFiles {
  readonly paths: readonly GitPath[]
  /** False if there was more than is inspected. */
  readonly isComplete: boolean
}

/** Ask git what it ignores. The promise rejects with the error of git. */
export function beginIgnored(git: Git): Promise<IgnoredPaths> {
  return ignoreRejection(listIgnored(git))
}

async function listIgnored(git: Git): Promise<IgnoredPaths> {
  const pieces: Buffer[] = []
  let length = 0
  await git(['ls-files', '-z', '--others', '--ignored', '--exclude-standard', '--directory', '--', ':/'], {
    onOutput: (piece) => {
      length += piece.length
      if (length <= OUTPUT_LIMIT) pieces.push(Buffer.from(piece))
    },
  })
  const output = Buffer.concat(pieces)
  const paths = splitNul(output.subarray(0, output.lastIndexOf(0) + 1)).map(gitPath)
  return { paths, isComplete: length <= OUTPUT_LIMIT }
}

/**
 * Return the files among ignored ones that were written since a time, or are new, sorted by their bytes. Folders of
 * tools are left out, and links are not followed.
 *
 * @param since Milliseconds since 1970.
 */
export async function writtenIgnored(
  root: string,
  ignored: IgnoredPaths,
  since: number,
): Promise<WrittenFiles> {
  /** By their bytes: git names a folder in which everything is ignored, and may name its files as well. */
  const written = new Map<string, GitPath>()
  let { isComplete } = ignored
  let level = ignored.paths.filter((path) => isWanted(withoutSlash(path)))
  let inspected = 0
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH || inspected + level.length > ENTRY_LIMIT) isComplete = false
    if (depth > DEPTH) break
    const entries = level.slice(0, ENTRY_LIMIT - inspected)
    inspected += entries.length
    const results = await mapConcurrently(entries, CONCURRENCY, (path) =>
      inspect(root, withoutSlash(path), since),
    )
    for (const { path, isWritten } of results) if (isWritten) written.set(path.bytes.toString('latin1'), path)
    level = results.flatMap(({ children }) => children).filter(isWanted)
  }
  return { paths: [...written.values()].toSorted((a, b) => Buffer.compare(a.bytes, b.bytes)), isComplete }
}

interface Found {
  readonly path: GitPath
  readonly isWritten: boolean
  readonly children: readonly GitPath[]
}

/** A path can vanish at any moment, and a folder may not be readable. */
async function inspect(root: string, path: GitPath, since: number): Promise<Found> {
  const absolute = absolutePath(root, path)
  const info = await lstat(absolute).catch(() => undefined)
  if (info?.isDirectory() !== true)
    // The start is known to the millisecond: what was written in that one may have been there before.
    return { path, isWritten: info?.isFile() === true && info.ctimeMs >= since + 1, children: [] }
  const names = await readdir(absolute, { encoding: 'buffer' }).catch((): Buffer[] => [])
  // An environment of Python can have any name.
  const isTool = names.some((name) => name.toString('latin1') === 'pyvenv.cfg')
  const children = isTool
    ? []
    : names.map((name) => gitPath(Buffer.concat([path.bytes, Buffer.from('/'), name])))
  return { path, isWritten: false, children }
}

function withoutSlash(path: GitPath): GitPath {
  const last = path.bytes.length - 1
  return path.bytes[last] === 0x2f ? gitPath(path.bytes.subarray(0, last)) : path
}

function isWanted(path: GitPath): boolean {
  const name = path.text.slice(path.text.lastIndexOf('/') + 1)
  return isContained(path) && !TOOLS.has(name) && !isInStore(path.text) && !name.endsWith('.pyc')
}
