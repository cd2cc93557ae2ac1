/**
 * Files that git opens at once in every repository. Git waits for a FIFO, and reads a device or a file without an end
 * until there is no memory: a repository that was unpacked from an archive can have either at these names.
 */
import { stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { readRegular } from '../../util/own-file.ts'

const KIB = 1024
const GIB = 2 ** 30

/** The most bytes of each file, below the folder of the repository. */
const FILES: readonly (readonly [name: string, limit: number])[] = [
  ['HEAD', 64 * KIB],
  ['commondir', 64 * KIB],
  ['gitdir', 64 * KIB],
  ['config', 64 * KIB * KIB],
  ['config.worktree', 64 * KIB * KIB],
  ['index', 4 * GIB],
  ['packed-refs', 4 * GIB],
  ['shallow', GIB],
  ['info/exclude', GIB],
  ['info/attributes', GIB],
  ['info/sparse-checkout', GIB],
  ['objects/info/alternates', 64 * KIB * KIB],
]

/** Files in the root of the work tree. */
const TREE_FILES: readonly (readonly [name: string, limit: number])[] = [
  ['.gitignore', GIB],
  ['.gitattributes', GIB],
  ['.gitmodules', GIB],
]

/** The most bytes of a file that names the folder of the repository. */
const LINK_LIMIT = 64 * KIB

/**
 * Return the reason why git must not be started in a folder: a file that it would read without an end.
 *
 * @param directory Absolute.
 */
export async function blockedReason(directory: string): Promise<string | undefined> {
  const root = await findRoot(directory)
  if (root === undefined) return undefined
  const entry = join(root, '.git')
  const inTree = await firstBlocked(root, TREE_FILES)
  if (inTree !== undefined) return inTree
  if ((await stat(entry)).isDirectory()) return firstBlocked(entry, FILES)
  const text = await readRegular(entry, LINK_LIMIT).catch(() => undefined)
  if (text === undefined) return reasonFor(entry)
  const linked = /^gitdir: (.+)$/m.exec(text.toString())?.[1]
  return linked === undefined ? undefined : firstBlocked(resolve(root, linked), FILES)
}

/** Find the folder with an entry `.git` as git does: this one or the nearest above. */
async function findRoot(directory: string): Promise<string | undefined> {
  for (let folder = directory; ; folder = dirname(folder)) {
    if ((await stat(join(folder, '.git')).catch(() => undefined)) !== undefined) return folder
    if (folder === dirname(folder)) return undefined
  }
}

async function firstBlocked(
  folder: string,
  files: readonly (readonly [name: string, limit: number])[],
): Promise<string | undefined> {
  const reasons = await Promise.all(
    files.map(async ([name, limit]) => {
      const path = join(folder, name)
      // A file that is missing or cannot be reached is git's to report.
      const info = await stat(path).catch(() => undefined)
      if (info === undefined || info.isDirectory()) return undefined
      return info.isFile() && info.size <= limit ? undefined : reasonFor(path)
    }),
  )
  return reasons.find((reason) => reason !== undefined)
}

function reasonFor(path: string): string {
  return `${path} is not a regular file of a repository, so git is not started: it would not end`
}
