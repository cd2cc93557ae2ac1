/** Logs and patches of a run, as parts of their files. */
import { constants } from 'node:fs'
import { open, readdir, realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { gitOf } from '../capture/records.ts'
import { LineaprintError } from '../core/errors.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { lastingBytes } from '../store/log-lines.ts'
import { errorCode, storeError } from '../util/fs.ts'
import { SAFE } from '../util/own-file.ts'
import { isInside } from '../util/paths.ts'
import type { FileHandle } from 'node:fs/promises'
import type { RunRecord, StreamRecord } from '../record/record.ts'
import type { StoredRun } from '../store/read.ts'
import type { LogBody, LogOfRun, PatchBody } from './api/types.ts'

/** Names of the logs that the folder of a running run has. */
const LOG_NAME = /^std(?:out|err)\.log(?:\.end-[12])?$/

/** List the logs of a run. */
export async function logsOf({ folder, record, status }: StoredRun): Promise<LogOfRun[]> {
  const recorded = recordedLogs(record)
  if (status !== 'running' && status !== 'lost') return recorded
  const known = new Set(recorded.map(({ name }) => name))
  const names = await readdir(folder).catch(() => [])
  const written = names
    .filter((name) => LOG_NAME.test(name) && !known.has(name))
    .toSorted((a, b) => Number(b.startsWith('stdout')) - Number(a.startsWith('stdout')) || (a < b ? -1 : 1))
    .map((name) => ({ name, title: name.replace('.log', ''), bytes: null, keptBytes: null }))
  return [...recorded, ...written]
}

function recordedLogs({ command, launch }: RunRecord): LogOfRun[] {
  const streams: [string, StreamRecord | undefined][] = [
    ['stdout', command.stdout],
    ['stderr', command.stderr],
    ...(launch?.ranks ?? []).flatMap(({ rank, stdout, stderr }): [string, StreamRecord | undefined][] => [
      [`rank ${rank} stdout`, stdout],
      [`rank ${rank} stderr`, stderr],
    ]),
  ]
  return streams.flatMap(([title, stream]) =>
    stream?.status === 'captured'
      ? [{ name: stream.file, title, bytes: stream.bytes, keptBytes: stream.keptBytes }]
      : [],
  )
}

/** Bytes of a log in one answer. */
export const LOG_PART: number = 256 << 10

/**
 * Read a part of a log.
 *
 * @param name One of those that {@link logsOf} lists.
 * @param from Position of the first byte; by default the last part is read.
 * @throws ERR_LINEAPRINT_NOT_FOUND if the run has no such log.
 */
export async function readLog(run: StoredRun, name: string, from: number | undefined): Promise<LogBody> {
  await checkLog(run, name)
  await using file = await openBelow(run.folder, name)
  const { size } = await file.stat()
  const start = Math.min(from ?? Math.max(0, size - LOG_PART), size)
  const bytes = await readUpTo(file, start, LOG_PART)
  const isEnd = start + bytes.length >= size
  // A character that is cut at the end is read with the next part, one that is cut at the beginning is left out.
  const whole = isEnd ? bytes.length : wholeCharacters(bytes)
  const skipped = from === undefined && start > 0 ? continuationBytes(bytes) : 0
  const length = isEnd && run.status === 'running' ? Math.max(skipped, lastingBytes(bytes)) : whole
  return {
    text: bytes.toString('utf8', skipped, length),
    open: bytes.toString('utf8', length, whole),
    from: start + skipped,
    to: start + length,
    size,
  }
}

async function checkLog(run: StoredRun, name: string): Promise<void> {
  const logs = await logsOf(run)
  if (logs.some((log) => log.name === name)) return
  throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the run has no such log', {
    field: 'name',
    expected: logs.map((log) => log.name).join(', ') || 'no log: the run recorded none',
    received: JSON.stringify(name.slice(0, 80)),
  })
}

/** Bytes that are read at a time from a log that is sent whole. */
const BLOCK = 1 << 20

/** Open a log as it is now. @throws ERR_LINEAPRINT_NOT_FOUND if the run has no such log. */
export async function openLog(
  run: StoredRun,
  name: string,
): Promise<{ readonly size: number; readonly blocks: (stop: AbortSignal) => AsyncGenerator<Uint8Array> }> {
  await checkLog(run, name)
  await using opened = await openBelow(run.folder, name)
  const { size } = await opened.stat()
  return {
    size,
    blocks: async function* (stop) {
      await using file = await openBelow(run.folder, name)
      for (let at = 0; at < size;) {
        stop.throwIfAborted()
        const bytes = await readUpTo(file, at, Math.min(BLOCK, size - at))
        if (bytes.length === 0)
          throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'the log was cut while it was read', {
            path: join(run.folder, name),
          })
        at += bytes.length
        yield bytes
      }
    },
  }
}

/** Bytes of a patch that the page shows. */
const PATCH_PART = 2 << 20

function none(...reasons: string[]): PatchBody {
  return { text: null, bytes: 0, truncated: false, reasons }
}

/** Read the uncommitted changes of a run. */
export async function readPatch(run: StoredRun): Promise<PatchBody> {
  const git = unlessDamaged(() => gitOf(run.record))
  if (git === undefined) return none('the state of the repository was not recorded')
  if (!git.available) return none(git.reason)
  const { patches } = git
  if (patches === null || patches === undefined)
    return none(git.clean === true ? 'nothing was changed since the commit' : 'the changes were not kept')
  const { diff } = patches
  const lacks = patches.left.map(({ path, reason }) => `${path} is not in it: ${reason ?? 'it is too large'}`)
  if (diff.status === 'empty') return none('no tracked file was changed', ...lacks)
  if (diff.status === 'absent') return none(diff.reason, ...lacks)
  // A name that does not come from the record.
  await using file = await unlessUnsent(run, openBelow(run.folder, 'git/diff.patch'))
  if (file === undefined)
    return none('the changes are not here: a server gets them when the run has ended', ...lacks)
  const { size } = await file.stat()
  const bytes = await readUpTo(file, 0, PATCH_PART)
  const secrets =
    diff.redactedLines > 0 ? [`secrets were replaced in ${diff.redactedLines} of its lines`] : []
  return {
    text: bytes.toString(),
    bytes: size,
    truncated: bytes.length < size,
    reasons: [...secrets, ...lacks],
  }
}

/** Return a file; `undefined` if it is missing of a run without a seal, whose growing files alone are sent to a server. */
async function unlessUnsent<T>({ record }: StoredRun, file: Promise<T>): Promise<T | undefined> {
  try {
    return await file
  } catch (error) {
    if (record.seal === null && LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_NOT_FOUND')
      return undefined
    throw error
  }
}

/** Open a file of a run. The record is untrusted: neither a name nor a link may lead out of the folder. */
async function openBelow(folder: string, name: string): Promise<FileHandle & AsyncDisposable> {
  const path = join(folder, name)
  try {
    const [root, parent] = [await realpath(folder), await realpath(dirname(path))]
    if (name.includes('\0') || !isInside(root, parent))
      throw Object.assign(new Error('it is outside the folder of the run'), { code: 'OUTSIDE' })
    const file = await open(path, constants.O_RDONLY | SAFE)
    if ((await file.stat()).isFile()) return file
    await file.close()
    throw Object.assign(new Error('it is not a regular file'), { code: 'NOT_REGULAR' })
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT')
      throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'the file is gone', { path, cause })
    throw storeError(path, 'the file cannot be read', cause)
  }
}

async function readUpTo(file: FileHandle, start: number, limit: number): Promise<Buffer> {
  const bytes = Buffer.alloc(limit)
  let length = 0
  while (length < limit) {
    const { bytesRead } = await file.read(bytes, length, limit - length, start + length)
    if (bytesRead === 0) break
    length += bytesRead
  }
  return bytes.subarray(0, length)
}

/** Return the length without a UTF-8 character that is cut at the end. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(4, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if ((byte & 0xc0) === 0x80) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1
    return length > back ? bytes.length - back : bytes.length
  }
  return bytes.length
}

/** Return the number of bytes that belong to a character before them. */
function continuationBytes(bytes: Buffer): number {
  let count = 0
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) count++
  return count
}
