/** Copies of untracked files. */
import { constants, mkdir, open, writeFile } from 'node:fs/promises'
import { LineaprintError } from '../../core/errors.ts'
import { hashStream } from '../../hash/stream.ts'
import { writeDigests } from '../../core/digest.ts'
import { findSecret } from '../../secrets/shapes.ts'
import { failed } from './content.ts'
import { absolutePath } from './paths.ts'
import type { Stats } from 'node:fs'
import type { Content, ContentOptions } from './content.ts'
import type { GitPath } from './paths.ts'

/** Options for copying. */
export interface CopyOptions extends ContentOptions {
  /** Folder for the copies; if absent, nothing is copied. */
  readonly copyTo?: string | undefined
  /** True if files that look like secrets are also copied. */
  readonly keepSecrets: boolean
}

/**
 * Copy one file. It is read once, so that the digest is that of the copy.
 *
 * @param stat The stat of the file when it was selected; it is read up to that length.
 * @returns The content, and the reason if it was not copied.
 */
export async function copyFile(
  path: GitPath,
  stat: Stats,
  options: CopyOptions,
): Promise<{ content: Content; reason?: string }> {
  let bytes: Buffer
  try {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
    await using handle = await open(absolutePath(options.root, path), flags)
    const before = await handle.stat()
    bytes = await readAll(handle, stat.size)
    const after = await handle.stat()
    const same =
      after.mtimeMs === before.mtimeMs && after.ctimeMs === before.ctimeMs && after.size === bytes.length
    if (!before.isFile() || !same) return { content: failed('it changed while it was read') }
  } catch (error) {
    return { content: failed((error as Error).message) }
  }
  // Hashed on this thread: starting the other threads costs more than hashing a small file.
  const { digests } = await hashStream([bytes], { algorithm: options.algorithm })
  const content: Content = { status: 'hashed', size: bytes.length, digests: writeDigests(digests) }
  const secret = options.keepSecrets ? undefined : findSecret(bytes.toString('latin1'))
  if (secret !== undefined) return { content, reason: `it may contain a secret (${secret})` }
  await store(absolutePath(options.copyTo ?? '', path), bytes, (stat.mode & 0o100) === 0 ? 0o644 : 0o755)
  return { content }
}

async function store(target: string | Buffer, bytes: Buffer, mode: number): Promise<void> {
  try {
    await mkdir(parent(target), { recursive: true })
    await writeFile(target, bytes, { flag: 'wx', mode })
  } catch (cause) {
    throw new LineaprintError('ERR_LINEAPRINT_STORE', 'an untracked file could not be copied', {
      path: target.toString(),
      cause,
    })
  }
}

/** Read a file up to a known length, so that a file that grows does not fill the memory. */
async function readAll(
  handle: { read: (buffer: Buffer, offset: number, length: number) => Promise<{ bytesRead: number }> },
  size: number,
): Promise<Buffer> {
  const buffer = Buffer.alloc(size)
  let done = 0
  while (done < size) {
    const { bytesRead } = await handle.read(buffer, done, size - done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return buffer.subarray(0, done)
}

function parent(path: string | Buffer): string | Buffer {
  if (typeof path === 'string') return path.slice(0, path.lastIndexOf('/'))
  return path.subarray(0, path.lastIndexOf(0x2f))
}
