/** Digests of work tree content: raw bytes of files, targets of links. */
import { constants, lstat, open, readlink } from 'node:fs/promises'
import { hashFiles } from '../../hash/file.ts'
import { hashStream } from '../../hash/stream.ts'
import { LineaprintError } from '../../core/errors.ts'
import { mapConcurrently } from '../../util/concurrency.ts'
import { absolutePath } from './paths.ts'
import { writeDigests } from '../../core/digest.ts'
import type { AlgorithmChoice, WrittenDigests } from '../../core/digest.ts'
import type { GitPath } from './paths.ts'

/** Options for hashing. */
export interface ContentOptions {
  readonly root: string
  readonly algorithm: AlgorithmChoice
  readonly signal?: AbortSignal | undefined
}

/** The digests of a path, or the reason why it could not be hashed. */
export type Content =
  | { readonly status: 'hashed'; readonly size: number; readonly digests: WrittenDigests }
  | { readonly status: 'failed'; readonly reason: string }

/**
 * Hash files of the work tree; those with UTF-8 names as one job on all threads.
 *
 * @param paths Regular files; a link that replaced one is a failure and never followed.
 */
export async function hashContents(paths: readonly GitPath[], options: ContentOptions): Promise<Content[]> {
  const contents: Content[] = []
  const jobFiles: { readonly index: number; readonly file: string }[] = []
  await mapConcurrently(paths, 8, async (path, index) => {
    const file = absolutePath(options.root, path)
    const failure = await checkRegular(file)
    if (failure !== undefined) contents[index] = failure
    else if (typeof file === 'string') jobFiles.push({ index, file })
    else contents[index] = await hashByHandle(file, options)
  })
  const { algorithm, signal } = options
  const results = await hashFiles(
    jobFiles.map(({ file }) => file),
    { algorithm, signal },
  )
  for (const [position, result] of results.entries()) {
    const { index } = jobFiles[position] ?? { index: -1 }
    contents[index] =
      result instanceof LineaprintError
        ? failed(result.message)
        : { status: 'hashed', size: result.size, digests: writeDigests(result.digests) }
  }
  return contents
}

/** Hash the target of a link, which is the content that git stores for it. */
export async function hashLink(
  path: GitPath,
  options: ContentOptions,
): Promise<Content & { target?: Buffer }> {
  try {
    const target = await readlink(absolutePath(options.root, path), 'buffer')
    const { digests } = await hashStream([target], { algorithm: options.algorithm })
    return { status: 'hashed', size: target.length, digests: writeDigests(digests), target }
  } catch (error) {
    return failed((error as Error).message)
  }
}

/** Return a failure with its reason. */
export function failed(reason: string): Content {
  return { status: 'failed', reason }
}

async function checkRegular(file: string | Buffer): Promise<Content | undefined> {
  try {
    const stat = await lstat(file)
    return stat.isFile() ? undefined : failed('it is not a regular file')
  } catch (error) {
    return failed((error as Error).message)
  }
}

/** Hash a file whose name is not UTF-8, which cannot be passed to the addon. */
async function hashByHandle(file: Buffer, options: ContentOptions): Promise<Content> {
  const { algorithm, signal } = options
  try {
    await using handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    const before = await handle.stat({ bigint: true })
    const { size, digests } = await hashStream(
      handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>,
      { algorithm, signal },
    )
    const after = await handle.stat({ bigint: true })
    if (
      after.mtimeNs !== before.mtimeNs ||
      after.ctimeNs !== before.ctimeNs ||
      BigInt(size) !== before.size
    ) {
      return failed('it changed while it was read')
    }
    return { status: 'hashed', size, digests: writeDigests(digests) }
  } catch (error) {
    signal?.throwIfAborted()
    return failed((error as Error).message)
  }
}
