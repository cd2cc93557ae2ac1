/**
 * Copies that the store keeps of what a run read or made. A copy that cannot be made is a warning of the run, and ends and
 * changes nothing.
 */
import { writeDigests } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { processOf } from '../../record/state.ts'
import { withWriterLease } from '../../store/objects/lease.ts'
import { freeBytes, keepObject } from '../../store/objects/write.ts'
import { errorText } from '../../util/error-text.ts'
import { listSourceFiles } from './source-files.ts'
import type { KeptCopy, KeptFile } from '../../record/overwritten.ts'
import type { TrackedRecord, TrackedSection } from '../../record/record.ts'
import type { KeptObject } from '../../store/objects/write.ts'
import type { RunWriter } from '../run-writer.ts'
import type { OutputReport } from '../read-output.ts'
import type { SourceFile } from './source-files.ts'

/** Most files of one copy: their names become part of the record. */
const FILES = 10_000

/** The files to copy. */
export interface KeepRequest {
  /** Absolute path of a file or folder. */
  readonly path: string
  /** Selects files by their path below it. @default all */
  readonly isPart?: ((path: string) => boolean) | undefined
  /** Most bytes of all files together. @default what fits on the disk */
  readonly limit?: number | undefined
  /** The contents that the files must have. @default any */
  readonly expected?: ExpectedFiles | undefined
  /** Called when all files are copied. Returns the reason why the copies are not the recorded content, if they are not. */
  readonly check?: (() => Promise<string | undefined>) | undefined
}

/** The contents of files by their path below what is copied. */
export type ExpectedFiles = ReadonlyMap<string, KeptObject>

/** Copy the files of an input or output into the store. Never rejects but for the signal. */
export async function keepFiles(
  writer: RunWriter,
  { path, isPart = () => true, limit = Infinity, expected, check }: KeepRequest,
  signal: AbortSignal | undefined,
): Promise<KeptCopy> {
  try {
    const all = await listSourceFiles(path, FILES)
    const sources = all?.filter((file) => file.path === '' || isPart(file.path))
    if (sources === undefined)
      return failedCopy(`it has more than ${FILES} files, or names that are not UTF-8`)
    const bytes = sizeOf(sources)
    if (bytes > limit) return failedCopy(`it has ${bytes} bytes, and at most ${limit} are kept`)
    if (expected !== undefined && !haveSamePaths(sources, expected)) return failedCopy(CHANGED)
    const { freeSpace } = writer.configuration.keep
    if (bytes + freeSpace > (await freeBytes(writer.store)))
      return failedCopy('the file system of the store has too little free space')
    const files: KeptFile[] = []
    for (const { path: below, source, isExecutable } of sources) {
      signal?.throwIfAborted()
      const { algorithm } = writer.configuration
      const options = { algorithm, expected: expected?.get(below), signal }
      const { size, digests } = await keepObject(writer.store, source, options)
      files.push({ path: below, size, isExecutable, digests: writeDigests(digests) })
    }
    const reason = await check?.()
    return reason === undefined ? { status: 'kept', files } : failedCopy(reason)
  } catch (error) {
    signal?.throwIfAborted()
    return failedCopy(LineaprintError.is(error) ? reasonOf(error) : errorText(error, 'first'))
  }
}

/** Return the contents of the files of an output as they were read; `undefined` if they are not known. */
export function expectedOf({ kind, bytes, digests, folder }: OutputReport): ExpectedFiles | undefined {
  if (kind === 'file') return new Map([['', { size: bytes, digests }]])
  if (folder === undefined) return undefined
  const files = new Map<string, KeptObject>()
  for (const { path, size = 0, digests: own } of folder.entries()) {
    if (own === undefined) return undefined
    files.set(path, { size, digests: own })
  }
  return files
}

/**
 * Make a copy, and record it with its entry.
 *
 * @param make Makes the copy. It can be called again.
 */
export async function recordCopy(
  writer: RunWriter,
  {
    section,
    name,
    process,
  }: { readonly section: TrackedSection; readonly name: string; readonly process?: number | undefined },
  label: string,
  make: () => Promise<KeptCopy>,
  signal: AbortSignal | undefined,
): Promise<KeptCopy> {
  const from = process === undefined ? {} : { process }
  const record = (kept: KeptCopy): Promise<void> =>
    writer.exclusive(async () => {
      const entry: TrackedRecord | undefined = writer.state.tracked[section].get(
        name,
        processOf(writer.state, process),
      )
      if (entry?.status === 'tracked')
        writer.append({ type: 'tracked', section, name, entry: { ...entry, kept }, ...from })
    })
  const copy = await copyUnderLease(writer, make, record, signal)
  if (copy.status === 'failed') {
    writer.append({ type: 'warning', message: `no copy of the ${label} was kept: ${copy.reason}` })
    await record(copy)
  }
  return copy
}

/**
 * Make a copy under a lease. What names its objects is in the journal, on disk, before the lease ends. An error is a copy that
 * failed, which the caller records.
 *
 * @param make Makes the copy. It can be called again.
 * @param record Records a copy that was made.
 * @throws The reason of the signal.
 */
export async function copyUnderLease(
  writer: RunWriter,
  make: () => Promise<KeptCopy>,
  record: (kept: KeptCopy) => void | Promise<void>,
  signal: AbortSignal | undefined,
): Promise<KeptCopy> {
  const work = async (): Promise<KeptCopy> => {
    const kept = await make()
    if (kept.status === 'failed') return kept
    await record(kept)
    await writer.flush()
    return kept
  }
  try {
    return await withWriterLease(writer.store, work, { signal })
  } catch (error) {
    signal?.throwIfAborted()
    return failedCopy(LineaprintError.is(error) ? reasonOf(error) : errorText(error, 'first'))
  }
}

/** Return the form of a copy that could not be made. */
export function failedCopy(reason: string): KeptCopy {
  return { status: 'failed', reason }
}

/** Reason why a copy is not the recorded content. */
export const CHANGED = 'it changed while it was read'

/** Return the bytes of all files together. */
export function sizeOf(files: readonly { readonly size: number }[]): number {
  return files.reduce((total, { size }) => total + size, 0)
}

function haveSamePaths(sources: readonly SourceFile[], expected: ExpectedFiles): boolean {
  return sources.length === expected.size && sources.every(({ path }) => expected.has(path))
}
