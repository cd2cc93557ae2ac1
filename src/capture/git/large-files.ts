/** Files of Git LFS: whether the work tree holds their content or only the pointer. */
import { plural } from '../../util/plural.ts'
import { constants, open } from 'node:fs/promises'
import { mapConcurrently } from '../../util/concurrency.ts'
import { absolutePath, gitPath, writePath } from './paths.ts'
import { splitNul } from './status.ts'
import type { Git } from './command.ts'
import type { GitPath } from './paths.ts'
import type { LargeFile, LargeFiles } from './types.ts'

/** Limit of the size of a pointer in bytes, according to the specification. */
const POINTER_LIMIT = 1024
/** Limit of the listed files; all files are counted. */
const LISTED = 1000
const AT_ONCE = 8

/**
 * Describe the files that attributes assign to Git LFS. Git is not called unless an attribute file mentions
 * LFS.
 *
 * @param attributes The `.gitattributes` files of the index.
 * @param warnings Gets a message if the content of files is missing.
 */
export async function describeLargeFiles(
  git: Git,
  root: string,
  attributes: readonly GitPath[],
  warnings: string[],
): Promise<LargeFiles> {
  const texts = await mapConcurrently(attributes, AT_ONCE, (path) => readStart(root, path, 1 << 20))
  const isUsed = texts.some((text) => text?.includes('filter=lfs') === true)
  if (!isUsed) return { count: 0, pointers: 0, files: [] }
  const output = await git(['ls-files', '-z', '--', ':(top,attr:filter=lfs)'])
  const paths = splitNul(output).map((bytes) => gitPath(Buffer.from(bytes)))
  const files = await mapConcurrently(paths, AT_ONCE, async (path): Promise<LargeFile> => {
    const pointer = parsePointer(await readStart(root, path, POINTER_LIMIT))
    return {
      ...writePath(path),
      ...(pointer === undefined ? { content: true } : { content: false, ...pointer }),
    }
  })
  const pointers = files.filter(({ content }) => !content).length
  if (pointers > 0)
    warnings.push(
      `${plural(pointers, 'Git LFS file is a pointer', 'Git LFS files are pointers')}: the work tree does not hold their content`,
    )
  return { count: files.length, pointers, files: files.slice(0, LISTED) }
}

/** Parse the text of a Git LFS pointer; `undefined` for any other text. */
export function parsePointer(text: string | undefined): { oid: string; size: number } | undefined {
  if (text?.startsWith('version https://git-lfs.github.com/spec/') !== true) return undefined
  const [, oid, size] = /\noid (sha256:[0-9a-f]{64})\nsize (\d+)\n/.exec(text) ?? []
  return oid === undefined ? undefined : { oid, size: Number(size) }
}

/** Return the text of a small file; `undefined` for a larger one, and for a path that is not a file. */
export async function readStart(root: string, path: GitPath, limit: number): Promise<string | undefined> {
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    await using handle = await open(absolutePath(root, path), flags)
    const stat = await handle.stat()
    if (!stat.isFile() || stat.size > limit) return undefined
    return (await handle.readFile()).toString()
  } catch {
    // The file is not in the work tree, for example in a sparse checkout.
    return undefined
  }
}
