/** Copies of untracked files. */
import { constants, mkdir, open, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { modesIn } from '../../util/modes.ts'
import { LineaprintError } from '../../core/errors.ts'
import { hashStream } from '../../hash/stream.ts'
import { writeDigests } from '../../core/digest.ts'
import { REDACTED, redactCode } from '../../secrets/redact.ts'
import { failed } from './content.ts'
import { absolutePath } from './paths.ts'
import type { Stats } from 'node:fs'
import type { Content, ContentOptions } from './content.ts'
import type { GitPath } from './paths.ts'

/** A file, its copy, or the reason why there is none. */
export interface CopiedFile {
  readonly content: Content
  readonly reason?: string
  /** Number of secrets that were replaced in the copy; absent if there are none. */
  readonly redacted?: number
}

/** Options for copying. */
export interface CopyOptions extends ContentOptions {
  /** Folder for the copies; if absent, nothing is copied. */
  readonly copyTo?: string | undefined
  /** True if files are copied with their secrets. */
  readonly keepSecrets: boolean
}

/**
 * Copy one file, without secrets of a known shape. It is read once, so that the digest is that of the copied content.
 *
 * @param stat The stat of the file when it was selected; it is read up to that length.
 */
export async function copyFile(path: GitPath, stat: Stats, options: CopyOptions): Promise<CopiedFile> {
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
  // Latin-1 maps every byte to one character and back; all secrets that can be recognised are ASCII.
  const text = options.keepSecrets ? '' : bytes.toString('latin1')
  const clean = redactCode(text)
  if (clean !== text && bytes.includes(0)) return { content, reason: 'it may contain a secret' }
  const copy = clean === text ? bytes : Buffer.from(clean, 'latin1')
  await store(options.copyTo ?? '', path, copy)
  if (clean === text) return { content }
  return { content, redacted: Math.max(1, countOf(clean) - countOf(text)) }
}

function countOf(text: string): number {
  return text.split(REDACTED).length - 1
}

/** Store a copy. The record has the mode of the file; nothing in a run is executed. */
async function store(folder: string, path: GitPath, bytes: Buffer): Promise<void> {
  const target = absolutePath(folder, path)
  const modes = modesIn(dirname(folder))
  try {
    await mkdir(parent(target), { recursive: true, mode: modes.folder })
    await writeFile(target, bytes, { flag: 'wx', mode: modes.file })
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
