/**
 * Files that git opens in a repository. Git waits for a FIFO, and reads a device or a file without an end until there is
 * no memory: a repository that was unpacked from an archive can have either at any name.
 *
 * The calls are synchronous: each takes microseconds, and the way through the threads of Node ten times as long. Every
 * start of a run makes about a hundred.
 */
import { opendirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { readRegular } from '../../util/own-file.ts'
import type { Dir, Stats } from 'node:fs'

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

/** The most bytes of a file that names a folder of the repository, and of a reference. */
const LINK_LIMIT = 64 * KIB

/** Entries of a repository that are looked at: with more, those of the last folders are left to the time limit. */
const ENTRY_LIMIT = 20_000

/** Files that git reads into memory as a whole. */
const READ_WHOLE = /^refs\/|(?:^|\/)(?:HEAD|commondir|gitdir)$/

/** Folders of objects. Git opens single ones of them, and maps them into memory. */
const OBJECTS = /^objects\/[0-9a-f]{2}$/

/**
 * Return the reason why git must not be started in a folder: a file that it would read without an end.
 *
 * @param directory Absolute.
 */
export async function blockedReason(directory: string): Promise<string | undefined> {
  const repository = findRepository(directory)
  if (repository === undefined) return undefined
  const { root, entry } = repository
  const inTree = root === undefined ? undefined : firstBlocked(root, TREE_FILES)
  if (inTree !== undefined) return inTree
  if (infoOf(entry)?.isDirectory() === true) return blockedIn(entry)
  const text = await readRegular(entry, LINK_LIMIT).catch(() => undefined)
  if (text === undefined) return reasonFor(entry)
  const linked = /^gitdir: (.+)$/m.exec(text.toString())?.[1]
  return linked === undefined ? undefined : blockedIn(resolve(dirname(entry), linked))
}

/** Return the first file of a repository that git would read without an end, also in the one of which it is a work tree. */
async function blockedIn(folder: string): Promise<string | undefined> {
  const reason = firstBlocked(folder, FILES) ?? firstSpecial(folder)
  if (reason !== undefined) return reason
  const common = await readRegular(join(folder, 'commondir'), LINK_LIMIT).catch(() => undefined)
  const path = common?.toString().trim() ?? ''
  if (path === '') return undefined
  const main = resolve(folder, path)
  return firstBlocked(main, FILES) ?? firstSpecial(main)
}

/** A work tree with its entry `.git`, or a repository without one. */
interface Repository {
  readonly root?: string
  readonly entry: string
}

/** Find the repository of a folder as git does: in this one or the nearest above. */
function findRepository(directory: string): Repository | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    const entry = join(folder, '.git')
    if (infoOf(entry) !== undefined) return { root: folder, entry }
    const isBare = ['HEAD', 'objects', 'refs'].every((name) => infoOf(join(folder, name)) !== undefined)
    if (isBare) return { entry: folder }
    if (folder === dirname(folder)) return undefined
  }
}

/** Return what is at a path; `undefined` if it is missing or cannot be reached, which is git's to report. */
function infoOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    return undefined
  }
}

/** Open a folder; `undefined` if it is missing or cannot be read, which is git's to report. */
function folderAt(path: string): Dir | undefined {
  try {
    return opendirSync(path, { bufferSize: 256 })
  } catch {
    return undefined
  }
}

/** Return the first FIFO or device among the files of a repository, or file that is too long for what git does with it. */
function firstSpecial(folder: string): string | undefined {
  let remaining = ENTRY_LIMIT
  const waiting = ['']
  for (let below = waiting.shift(); below !== undefined; below = waiting.shift()) {
    const entries = folderAt(join(folder, below))
    if (entries === undefined) continue
    try {
      for (let entry = entries.readSync(); entry !== null; entry = entries.readSync()) {
        if (remaining-- === 0) return undefined
        const name = below === '' ? entry.name : `${below}/${entry.name}`
        if (entry.isDirectory()) {
          if (!OBJECTS.test(name)) waiting.push(name)
        } else if (!entry.isFile() || READ_WHOLE.test(name)) {
          const path = join(folder, name)
          // A link to nothing is git's to report.
          const info = infoOf(path)
          const isEndless =
            info?.isFIFO() === true || info?.isCharacterDevice() === true || info?.isBlockDevice() === true
          const isLong = READ_WHOLE.test(name) && info?.isFile() === true && info.size > LINK_LIMIT
          if (isEndless || isLong) return reasonFor(path)
        }
      }
    } finally {
      entries.closeSync()
    }
  }
  return undefined
}

function firstBlocked(
  folder: string,
  files: readonly (readonly [name: string, limit: number])[],
): string | undefined {
  for (const [name, limit] of files) {
    const path = join(folder, name)
    const info = infoOf(path)
    if (info === undefined || info.isDirectory() || (info.isFile() && info.size <= limit)) continue
    return reasonFor(path)
  }
  return undefined
}

function reasonFor(path: string): string {
  return `${path} is not a regular file of a repository, so git is not started: it would not end`
}
