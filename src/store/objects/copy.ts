/** Copies of the bytes of a file, whole or in parts, hashed in the same read. */
import { existsSync } from 'node:fs'
import { constants, chmod, copyFile, rm, stat } from 'node:fs/promises'
import { toDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { hashFile } from '../../hash/file.ts'
import { hashStream } from '../../hash/stream.ts'
import { fromFailure, isFailure, runJob } from '../../native/job.ts'
import { native } from '../../native/load.ts'
import { stampText } from '../../util/file-stamp.ts'
import { commit, temporaryIn } from './commit.ts'
import { PART_SIZE, contentOfDigests } from './layout.ts'
import { blocksOf } from './read.ts'
import type { FileHandle } from 'node:fs/promises'
import type { AlgorithmChoice, Digests } from '../../core/digest.ts'
import type { NativeCopiedPart, NativePart } from '../../native/load.ts'
import type { Store } from '../store.ts'
import type { ObjectContent } from './layout.ts'

/** An open file that is copied. */
export interface OpenSource {
  readonly file: FileHandle
  /** Absolute path. */
  readonly source: string
  readonly size: number
}

/** Options of copies. */
export interface CopyOptions {
  readonly algorithm: AlgorithmChoice
  readonly signal?: AbortSignal | undefined
}

/** Parts that become durable while the next one is copied. */
const PENDING = 4

/**
 * Copy a file to a path at which nothing stands.
 *
 * @returns The digests of the copy.
 * @throws ERR_LINEAPRINT_CHANGED if it changed meanwhile.
 */
export async function copyWhole(from: OpenSource, target: string, options: CopyOptions): Promise<Digests> {
  const { source, size } = from
  // Of the systems that share blocks, macOS does so for whole files only.
  if (process.platform === 'linux')
    return toDigests((await copyRange(from, 0, size, target, options)).digests)
  await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
  // The copy has the mode of the file, and may be read-only already.
  await chmod(target, 0o600)
  const copy = await hashFile(target, options)
  if (copy.size !== size) throw changed(source)
  return copy.digests
}

/**
 * Write the parts of a file into the store. While the next one is copied, those before it become durable.
 *
 * @returns The parts in order, and the digests of the whole: of the bytes of the parts, not of another read.
 * @throws ERR_LINEAPRINT_CHANGED if it changed meanwhile. Parts that were written stay.
 */
export async function writeParts(
  store: Store,
  from: OpenSource,
  options: CopyOptions,
): Promise<{ readonly parts: readonly ObjectContent[]; readonly digests: Digests }> {
  const { size } = from
  const before = await stampOf(from)
  const parts: ObjectContent[] = []
  const nodes: NativePart[] = []
  const pending: Promise<void>[] = []
  try {
    for (let start = 0; start < size; start += PART_SIZE) {
      if (pending.length >= PENDING) await pending.shift()
      const end = Math.min(start + PART_SIZE, size)
      const temporary = temporaryIn(store)
      const { digests, part } = await copyRange(from, start, end, temporary, options)
      const content = contentOfDigests(toDigests(digests), end - start)
      parts.push(content)
      nodes.push(part)
      pending.push(commitPart(store, temporary, content))
    }
  } finally {
    // Nothing goes on after an error. The first rejection is the one to report, below or that of the loop.
    await Promise.allSettled(pending)
  }
  await Promise.all(pending)
  if ((await stampOf(from)) !== before) throw changed(from.source)
  return { parts, digests: await digestsOfWhole(store, parts, nodes, options) }
}

async function commitPart(store: Store, temporary: string, content: ObjectContent): Promise<void> {
  try {
    await commit(store, temporary, content)
  } finally {
    await rm(temporary, { force: true })
  }
}

/** Return the digests of parts one after the other. */
async function digestsOfWhole(
  store: Store,
  parts: readonly ObjectContent[],
  nodes: NativePart[],
  { algorithm, signal }: CopyOptions,
): Promise<Digests> {
  // SHA-256 has no parts that merge.
  if (algorithm !== 'blake3') return (await hashStream(blocksOf(store, parts), { algorithm, signal })).digests
  const merged = native.mergeParts(nodes)
  if (isFailure(merged)) throw fromFailure(merged)
  return toDigests(merged.digests)
}

/** Copy a range to a path at which nothing stands. A copy that fails is removed. */
async function copyRange(
  { file, source, size }: OpenSource,
  start: number,
  end: number,
  target: string,
  { algorithm, signal }: CopyOptions,
): Promise<NativeCopiedPart> {
  try {
    return await runJob({ signal }, (job, threads) =>
      native.copyPart(job, pathOf(file, source), size, start, end, target, algorithm, threads),
    )
  } catch (cause) {
    await rm(target, { force: true })
    if (!LineaprintError.isFinding(cause)) throw cause
    if (cause.code === 'ERR_LINEAPRINT_CHANGED') throw changed(source)
    throw new LineaprintError(
      'ERR_LINEAPRINT_STORE',
      `it cannot be copied into the store: ${cause.message}`,
      {
        path: source,
        cause,
      },
    )
  }
}

/**
 * Return a path by which the open file can be read, whatever stands at its own path by then: a FIFO there would never
 * end.
 */
function pathOf(file: FileHandle, source: string): string {
  return hasDescriptors() ? `/proc/self/fd/${file.fd}` : source
}

/** Return whether the open files of a process have paths. Deno throws where it may not look. */
function hasDescriptors(): boolean {
  try {
    return process.platform === 'linux' && existsSync('/proc/self/fd')
  } catch {
    return false
  }
}

/** Return what changes with the file that is copied, or with the file at its path where that is what is read. */
async function stampOf({ file, source }: OpenSource): Promise<string> {
  return stampText(await stat(pathOf(file, source), { bigint: true }))
}

function changed(source: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_CHANGED', 'it changed while it was copied', { path: source })
}
