/** Writing of what a run kept into a folder. The record may be forged, so no name of it leaves the folder. */
import { lstat, mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { checkKnown, checkPath, checkText } from '../../core/options.ts'
import { safeFileName } from '../../core/run-id.ts'
import { isIndexPath } from '../../model/families.ts'
import { keptCopyOf } from '../../record/overwritten.ts'
import { TRACKED_SECTIONS } from '../../record/record.ts'
import { trackedPath } from '../../record/tracked.ts'
import { isRedacted } from '../../secrets/redact.ts'
import { errorCode, makeFolders, storeError } from '../../util/fs.ts'
import { nameList } from '../../util/name-list.ts'
import { checkRun } from '../read.ts'
import { storeOf } from '../store.ts'
import { contentOf, missingObject, piecesOf } from './layout.ts'
import { writeObject } from './read.ts'
import type { Progress } from '../../core/options.ts'
import type { KeptFile } from '../../record/overwritten.ts'
import type { TrackedRecord, TrackedSection } from '../../record/record.ts'
import type { StoredRun } from '../read.ts'
import type { ObjectContent } from './layout.ts'

/** Options of {@link getKept}. */
export interface GetOptions {
  /** The folder to write into, which is made if it does not exist. @default the working directory */
  readonly to?: string | undefined
  /** The section of the name; needed if several have it. */
  readonly section?: TrackedSection | undefined
  /** Paths below a folder; the others are left out. @default all */
  readonly files?: readonly string[] | undefined
  /** True if existing files are replaced. @default false */
  readonly replace?: boolean | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** The files that were written. */
export interface GottenFiles {
  readonly section: TrackedSection
  readonly name: string
  /** Absolute paths. */
  readonly files: readonly { readonly path: string; readonly size: number }[]
  readonly bytes: number
}

interface Target {
  readonly content: ObjectContent
  /** Segments below the folder. */
  readonly segments: readonly string[]
  readonly isExecutable: boolean
}

/**
 * Write a copy that a run kept: a file under its own name, a folder under its name with its files in it. Every file is
 * verified before it appears under its name.
 *
 * @throws ERR_LINEAPRINT_NOT_FOUND if nothing was kept under the name, or an object is missing; AMBIGUOUS if several
 * sections have it; RECORD for a name in the record that would leave the folder; STORE if a file exists.
 */
export async function getKept(run: StoredRun, name: string, options: GetOptions = {}): Promise<GottenFiles> {
  checkRun(run)
  checkText(name, 'name')
  checkKnown(options, ['to', 'section', 'files', 'replace', 'signal', 'onProgress'])
  const { replace = false, signal, onProgress } = options
  const to = checkPath(options.to ?? '.')
  const [section, entry] = entryOf(run, name, options.section)
  const targets = targetsOf(section, name, entry, options.files)
  const store = storeOf(run.folder)
  const folder = resolve(to)
  // Nothing is written unless everything can be.
  for (const { content, segments } of targets) {
    if ((await piecesOf(store, content)) === undefined) throw missingObject(store, content)
    if (!replace) await refuseExisting(join(folder, ...segments))
  }
  await makeFolders(folder).catch((cause: unknown) => {
    throw storeError(folder, 'the folder cannot be made', cause)
  })
  const files: { path: string; size: number }[] = []
  for (const { content, segments, isExecutable } of targets) {
    const path = await prepare(folder, segments)
    const mode = isExecutable ? 0o777 : 0o666
    await writeObject(store, content, path, { mode, replace, signal, onProgress })
    files.push({ path, size: content.size })
  }
  return { section, name, files, bytes: files.reduce((sum, { size }) => sum + size, 0) }
}

function entryOf(
  { record, folder }: StoredRun,
  name: string,
  wanted: TrackedSection | undefined,
): readonly [TrackedSection, TrackedRecord] {
  const matches = TRACKED_SECTIONS.flatMap((section) => {
    const entry = Object.hasOwn(record[section], name) ? record[section][name] : undefined
    return entry === undefined || (wanted !== undefined && wanted !== section)
      ? []
      : [[section, entry] as const]
  })
  const kept = matches.filter(([section, entry]) => keptCopyOf(section, name, entry)?.status === 'kept')
  const [first = matches[0]] = kept
  if (first === undefined) {
    const names = TRACKED_SECTIONS.flatMap((section) => keptNames(record[section], section))
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', `the run has no ${JSON.stringify(name)}`, {
      path: folder,
      field: 'name',
      hint: names.length === 0 ? 'it kept nothing' : `it kept ${nameList(names)}`,
    })
  }
  if (kept.length > 1)
    throw new LineaprintError(
      'ERR_LINEAPRINT_AMBIGUOUS',
      `${kept.length} kept items have the name ${JSON.stringify(name)}`,
      { field: 'name', hint: `choose with --section ${kept.map(([section]) => section).join(' or ')}` },
    )
  return first
}

function keptNames(entries: Readonly<Record<string, TrackedRecord>>, section: TrackedSection): string[] {
  return Object.entries(entries).flatMap(([name, entry]) =>
    keptCopyOf(section, name, entry)?.status === 'kept' ? [name] : [],
  )
}

/** Return the files to write, with their paths. */
function targetsOf(
  section: TrackedSection,
  name: string,
  entry: TrackedRecord,
  wanted: readonly string[] | undefined,
): Target[] {
  const copy = keptCopyOf(section, name, entry)
  const field = `${section}.${name}`
  if (copy?.status !== 'kept')
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', `no copy of ${JSON.stringify(name)} was kept`, {
      field,
      hint: copy === undefined ? 'a run keeps its outputs with --keep' : `there was a reason: ${copy.reason}`,
    })
  const files = copy.files.filter(({ path }) => wanted?.includes(path) ?? true)
  const unknown = wanted?.filter((path) => !copy.files.some((file) => file.path === path)) ?? []
  if (unknown.length > 0)
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', `no such file was kept: ${nameList(unknown)}`, {
      field,
      hint: `it has ${nameList(copy.files.map(({ path }) => path))}`,
    })
  const top = topName(name, entry)
  const seen = new Set<string>()
  return files.map((file) => {
    const content = contentOf(file.digests, file.size)
    if (content === undefined)
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'a kept file has no plain digest', {
        field,
        received: JSON.stringify(file.digests),
      })
    const segments = [top, ...segmentsOf(file, field)]
    const key = segments.join('/')
    if (seen.has(key))
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'two kept files have the same path', {
        field,
        received: JSON.stringify(file.path),
      })
    seen.add(key)
    return { content, segments, isExecutable: file.isExecutable }
  })
}

/** Return the name under which an item is written: that which it had. */
function topName(name: string, entry: TrackedRecord): string {
  const path = trackedPath(entry) ?? ''
  const parts = (isIndexPath(path) ? dirname(path) : path).split(/[/\\]/)
  const last = parts.findLast((part) => part !== '') ?? ''
  return isSafeSegment(last) && !isRedacted(last) ? last : safeFileName(name)
}

/** Return the segments of the path of a file below its item. */
function segmentsOf({ path }: KeptFile, field: string): string[] {
  if (path === '') return []
  const segments = path.split('/')
  if (segments.every((segment) => isSafeSegment(segment))) return segments
  throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the record names a path that is not below its item', {
    field,
    expected: 'a relative path without ".."',
    received: JSON.stringify(path),
  })
}

/** Check that a text is the name of one entry of a folder, on every system. */
function isSafeSegment(text: string): boolean {
  if (['', '.', '..'].includes(text) || /[/\\\0]/.test(text) || text.length > 255) return false
  return process.platform !== 'win32' || !text.includes(':')
}

async function refuseExisting(path: string): Promise<void> {
  const isMissing = await lstat(path).then(
    () => false,
    (error: unknown) => {
      if (['ENOENT', 'ENOTDIR'].includes(errorCode(error) ?? '')) return true
      throw storeError(path, 'it cannot be examined', error)
    },
  )
  if (isMissing) return
  throw new LineaprintError('ERR_LINEAPRINT_STORE', 'a file exists there, and is not replaced', {
    path,
    hint: 'choose another folder with --to, or replace it with --force',
  })
}

/** Make the folders of a file. A link among them would lead out of the folder. */
async function prepare(root: string, segments: readonly string[]): Promise<string> {
  let folder = root
  for (const segment of segments.slice(0, -1)) {
    folder = join(folder, segment)
    try {
      await mkdir(folder)
    } catch (cause) {
      if (errorCode(cause) !== 'EEXIST') throw storeError(folder, 'the folder cannot be made', cause)
      if (!(await lstat(folder)).isDirectory())
        throw new LineaprintError(
          'ERR_LINEAPRINT_STORE',
          'a link or a file stands where a folder is needed',
          {
            path: folder,
            hint: 'choose another folder with --to',
          },
        )
    }
  }
  return join(root, ...segments)
}
