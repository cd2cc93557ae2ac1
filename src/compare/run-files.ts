/** Checks of the record's seal and of the files in the run's folder. */
import { lstat, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { EXPORT_FILES, exportNames, formatExport } from '../export/files.ts'
import { hashFiles } from '../hash/file.ts'
import { errorCode, isReadError } from '../util/fs.ts'
import { readRegular } from '../util/own-file.ts'
import { RECORD_LIMIT, checkSeal, formatRecord } from '../record/seal.ts'
import { reasonOf } from '../record/failure.ts'
import { findFiles } from '../store/run-files.ts'
import { isSafeRelativePath } from '../util/paths.ts'
import { item, unreadable } from './check-item.ts'
import type { JobOptions } from '../core/options.ts'
import type { Stats } from 'node:fs'
import type { ExportFormat, CopyOptions } from '../export/files.ts'
import type { FileHash } from '../hash/file.ts'
import type { FileRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { CheckedItem } from './check-item.ts'

/** Check the seal, and that `run.json` is byte for byte as it was written. */
export function verifyRecord({ record, recordBytes, status, journal }: StoredRun): CheckedItem[] {
  if (record.seal === null) {
    const problems = [
      ...(journal?.problems ?? []),
      ...(journal?.tornBytes ? ['the last line of the journal is incomplete'] : []),
    ]
    const notes = problems.length > 0 ? `; ${problems.join(', ')}` : ''
    const sentence =
      status === 'running'
        ? 'the run is still running and has no seal yet'
        : 'the run never finished and has no seal'
    return [item('record', 'seal', 'not-checked', sentence + notes)]
  }
  if (checkSeal(record) === 'broken')
    return [item('record', 'seal', 'changed', 'the record does not match its seal')]
  const written = Buffer.from(formatRecord(record)).equals(recordBytes)
  // The seal covers the content. Other bytes of equal content are harmless, but lineaprint did not write
  // them.
  return [
    written
      ? item('record', 'seal', 'same')
      : item('record', 'seal', 'changed', 'the seal matches, but the bytes of run.json changed'),
  ]
}

/** Check every file that the record lists, and report those that it does not list. */
export async function verifyFiles(
  { record, folder }: StoredRun,
  { signal, onProgress }: Pick<JobOptions, 'signal' | 'onProgress'>,
): Promise<CheckedItem[]> {
  if (record.seal === null) return []
  const copies = record.configuration as unknown as CopyOptions
  const [listed, unusable] = partition(record.files, ({ path }) => isSafeRelativePath(path))
  const items = unusable.map(({ path }) =>
    item('files', path, 'changed', 'the record names a path outside the folder of the run'),
  )
  const infos = await Promise.all(listed.map(({ path }) => lstat(join(folder, path)).catch(() => undefined)))
  // A file of another length differs whatever it holds, and may be too long to read. A link is not followed.
  const read = listed.filter(
    (file, index) =>
      'size' in file &&
      otherSize(file, infos[index]) === undefined &&
      infos[index]?.isSymbolicLink() !== true,
  )
  const hashes = await hashFiles(
    read.map(({ path }) => join(folder, path)),
    { algorithm: 'both', signal, onProgress },
  )
  const hashOf = new Map(read.map((file, index) => [file, hashes[index]]))
  for (const [index, file] of listed.entries()) {
    const size = otherSize(file, infos[index])
    items.push(
      size === undefined || 'link' in file
        ? await compareFile(folder, file, hashOf.get(file), signal)
        : item('files', file.path, 'changed', `it had ${file.size} bytes and has ${size}`, [
            { field: 'size', before: String(file.size), after: String(size) },
          ]),
    )
  }
  for (const format of ['json', 'yaml'] as const) {
    if (exportNames(copies).includes(EXPORT_FILES[format]))
      items.push(await verifyExport(record, folder, format))
  }
  return [...items, ...(await verifyOthers({ record, folder }))]
}

/** Return the size of a regular file if it is not the recorded one. */
function otherSize(file: FileRecord, info: Stats | undefined): number | undefined {
  return 'size' in file && info?.isFile() === true && info.size !== file.size ? info.size : undefined
}

/** The words about a file in the folder of a run that its record does not list. */
export const NOT_LISTED = 'not listed in the record'

/**
 * Return the paths in the folder of a run that has ended that its record does not list: files that were added later, such as
 * notes or a `.DS_Store`. The seal says nothing of them.
 *
 * @throws ERR_LINEAPRINT_STORE if the folder cannot be read.
 */
export async function unlistedFiles({
  record,
  folder,
}: Pick<StoredRun, 'record' | 'folder'>): Promise<string[]> {
  if (record.seal === null) return []
  const known = new Set(record.files.map(({ path }) => path))
  const copies = exportNames(record.configuration as unknown as CopyOptions)
  return (await findFiles(folder, copies)).map(({ path }) => path).filter((path) => !known.has(path))
}

/** Report files that the record does not list. They do not affect the recorded data. */
async function verifyOthers(run: Pick<StoredRun, 'record' | 'folder'>): Promise<CheckedItem[]> {
  try {
    return (await unlistedFiles(run)).map((path) => item('files', path, 'not-checked', NOT_LISTED))
  } catch (error) {
    if (!isReadError(error)) throw error
    return [item('files', '.', 'changed', reasonOf(error))]
  }
}

async function compareFile(
  folder: string,
  file: FileRecord,
  hash: FileHash | LineaprintError | undefined,
  signal: AbortSignal | undefined,
): Promise<CheckedItem> {
  const target = await readLink(join(folder, file.path))
  if ('link' in file) {
    if (target === file.link) return item('files', file.path, 'same')
    return item('files', file.path, target === null ? 'missing' : 'changed', 'the link target differs')
  }
  if (target !== undefined && target !== null)
    return item('files', file.path, 'changed', 'replaced by a link')
  if (hash === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'no result', { path: file.path })
  if (hash instanceof LineaprintError) return unreadable('files', file.path, hash, signal)
  const differences = (['blake3', 'sha256'] as const).flatMap((algorithm) => {
    const [before, after] = [file[algorithm], String(hash.digests[algorithm])]
    return before === after ? [] : [{ field: algorithm, before, after }]
  })
  if (differences.length === 0) return item('files', file.path, 'same')
  return item('files', file.path, 'changed', 'its content differs', differences)
}

/** Return the target of a link; `undefined` for another kind of file, `null` if nothing exists. */
async function readLink(path: string): Promise<string | undefined | null> {
  try {
    return await readlink(path)
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? null : undefined
  }
}

/** The most bytes of a copy of a record in YAML, which quotes and indents more than JSON. */
const EXPORT_LIMIT = 4 * RECORD_LIMIT

async function verifyExport(
  record: StoredRun['record'],
  folder: string,
  format: ExportFormat,
): Promise<CheckedItem> {
  const name = EXPORT_FILES[format]
  try {
    const same =
      (await readRegular(join(folder, name), EXPORT_LIMIT)).toString() ===
      (await formatExport(record, format))
    return same
      ? item('files', name, 'same')
      : item('files', name, 'changed', 'its content differs from the record')
  } catch (error) {
    if (!isReadError(error)) throw error
    const gone = errorCode(error) === 'ENOENT'
    return item('files', name, gone ? 'missing' : 'changed', gone ? 'there is no such file' : String(error))
  }
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((entry) => !test(entry))]
}
