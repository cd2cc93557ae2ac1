/** The inputs of a run in the new tree: copied if git does not have them, and digested again. */
import { isReported } from '../record/reported-by.ts'
import { constants, copyFile, lstat, readdir, realpath, rm, stat } from 'node:fs/promises'
import { dirname, relative, sep } from 'node:path'
import { gitPath } from '../capture/git/paths.ts'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, isMissing, pathExists, storeError } from '../util/fs.ts'
import { isInside } from '../util/paths.ts'
import { keyOf } from '../manifest/names.ts'
import { readFileList } from '../record/file-list.ts'
import { verifyTracked } from '../compare/tracked.ts'
import { isOverwritten, keptCopyOf } from '../record/overwritten.ts'
import { parseTracked, trackedPath } from '../record/tracked.ts'
import { contentOf, piecesOf } from '../store/objects/layout.ts'
import { writeObject } from '../store/objects/read.ts'
import { storeOf } from '../store/store.ts'
import { preparePath } from './paths.ts'
import { item } from './types.ts'
import { isIndexPath } from '../model/families.ts'
import type { ReadLimits } from '../compare/tracked.ts'
import type { Stats } from 'node:fs'
import type { KeptFile } from '../record/overwritten.ts'
import type { TrackedRecord } from '../record/record.ts'
import type { ObjectContent } from '../store/objects/layout.ts'
import type { Store } from '../store/store.ts'
import type { StoredRun } from '../store/runs.ts'
import type { TreeMap } from './paths.ts'
import type { ReproduceItem, ReproduceVerdict } from './types.ts'

/** Sections with the inputs of a run. */
const SECTIONS = ['datasets', 'models', 'tokenizers'] as const

type InputSection = (typeof SECTIONS)[number]

const VERDICTS = {
  same: 'same',
  changed: 'different',
  missing: 'missing',
  'not-checked': 'not-compared',
} as const

/**
 * Digest every input again at the path where the command will find it.
 *
 * Files of an input inside the repository that are not in the new tree (data is often ignored) are first copied into
 * it. A link would let the command write into the repository.
 *
 * @param target Absolute path of the new tree.
 */
export async function checkInputs(
  run: StoredRun,
  map: TreeMap,
  target: string,
  limits: ReadLimits,
): Promise<ReproduceItem[]> {
  const { signal } = limits
  const sections: Record<string, Record<string, TrackedRecord>> = {}
  const copied = new Map<string, readonly string[]>()
  for (const section of SECTIONS) {
    const moved: (readonly [string, TrackedRecord])[] = []
    for (const [name, entry] of Object.entries(run.record[section])) {
      signal?.throwIfAborted()
      if (isReported(entry)) await moveReported(run, entry, map, target)
      else {
        const input = await moveInput(run, [section, name, entry], { map, target, signal })
        moved.push([name, input.entry])
        copied.set(`${section}.${name}`, input.copied)
      }
    }
    sections[section] = Object.fromEntries(moved)
  }
  const items = await verifyTracked({ ...run, record: { ...run.record, ...sections, outputs: {} } }, limits)
  return Promise.all(
    items.map(async ({ section, name, status, detail, differences }) => {
      const verdict: ReproduceVerdict = VERDICTS[status]
      if (verdict !== 'different' && verdict !== 'missing')
        return item(section, name, verdict, detail, differences)
      if (!isOverwritten(run.record, section, name)) return item(section, name, verdict, detail, differences)
      // The command must not resume from its own result.
      for (const file of copied.get(`${section}.${name}`) ?? []) await rm(file, { force: true })
      return item(section, name, 'not-restored', overwrittenReason(run, section, name), differences)
    }),
  )
}

function overwrittenReason({ record }: StoredRun, section: string, name: string): string {
  const entry = record[section as InputSection][name]
  const copy = entry === undefined ? undefined : keptCopyOf(section, name, entry)
  const reason =
    copy === undefined
      ? 'no copy was kept (run --keep keeps one)'
      : copy.status === 'failed'
        ? `no copy was kept: ${copy.reason}`
        : 'the kept copy is damaged or gone'
  return `the run wrote over it, and its recorded content is not at its path any more; ${reason}`
}

const REFUSED: ReadonlySet<ReproduceVerdict> = new Set(['different', 'missing', 'not-restored'])

/**
 * Reject inputs that differ from the recorded ones.
 *
 * @throws ERR_LINEAPRINT_CHANGED or ERR_LINEAPRINT_NOT_FOUND with the first of them.
 */
export function refuseOtherInputs(items: readonly ReproduceItem[]): void {
  const changed = items.filter(({ verdict }) => REFUSED.has(verdict))
  const [first] = changed
  if (first === undefined) return
  const { section, name, detail, verdict } = first
  const [difference] = first.differences
  const more = changed.length > 1 ? `, and ${changed.length - 1} more inputs differ` : ''
  throw new LineaprintError(
    verdict === 'missing' ? 'ERR_LINEAPRINT_NOT_FOUND' : 'ERR_LINEAPRINT_CHANGED',
    verdict === 'not-restored'
      ? `the ${section.slice(0, -1)} ${JSON.stringify(name)} is not-restored: ${detail}${more}`
      : `the ${section.slice(0, -1)} ${JSON.stringify(name)} differs from the record: ${detail}${more}`,
    {
      field: `${section}.${name}`,
      expected: difference?.before,
      received: difference?.after,
      hint: 'use --no-run to restore only the work tree',
    },
  )
}

async function moveInput(
  { folder, record }: StoredRun,
  [section, name, entry]: readonly [InputSection, string, TrackedRecord],
  { map, target, signal }: Destination,
): Promise<{ entry: TrackedRecord; copied: readonly string[] }> {
  const path = entry.status === 'tracked' ? trackedPath(entry) : undefined
  if (entry.status !== 'tracked' || path === undefined || !map.covers(path)) return { entry, copied: [] }
  const moved = { ...entry, path: map.path(path) }
  const copy = keptCopyOf(section, name, entry)
  if (copy?.status === 'kept') {
    const copied = await restoreCopy(storeOf(folder), copy.files, path, { map, target, signal })
    // The copy of a model is a part of its folder, and beside it can be code that the command needs. Where the run wrote
    // over the input, the folder holds its results now.
    const isWhole = section !== 'models' || isOverwritten(record, section, name)
    if (copied !== undefined && isWhole) return { entry: moved, copied }
    if (copied !== undefined)
      return { entry: moved, copied: [...copied, ...(await copyMissing(path, map, target, () => true))] }
  }
  const recorded = parseTracked(section, name, entry)
  const files = 'filesFile' in recorded ? await readFileList(folder, recorded) : undefined
  const listed = files && new Set(files.map((file) => keyOf(file)))
  const copied = await copyMissing(path, map, target, (key) => listed?.has(key) ?? true)
  return { entry: moved, copied }
}

/** The new tree. */
interface Destination {
  readonly map: TreeMap
  /** Its absolute path. */
  readonly target: string
  readonly signal: AbortSignal | undefined
}

/**
 * Write the kept copy of an input into the new tree. Files that are there come from git, and are compared with the
 * record like all others.
 *
 * @returns The files that were written; `undefined` if the store does not have all of them.
 */
async function restoreCopy(
  store: Store,
  files: readonly KeptFile[],
  path: string,
  { map, target, signal }: Destination,
): Promise<string[] | undefined> {
  const contents: ObjectContent[] = []
  for (const { digests, size } of files) {
    const content = contentOf(digests, size)
    if (content === undefined || (await piecesOf(store, content)) === undefined) return undefined
    contents.push(content)
  }
  // A sharded model is the files in the folder of its index.
  const base = isIndexPath(path) ? dirname(path) : path
  const written: string[] = []
  for (const [index, content] of contents.entries()) {
    const { path: below = '', isExecutable = false } = files[index] ?? {}
    const to = map.path(base)
    const full = relative(target, below === '' ? to : `${to}/${below}`)
    const free = String(await preparePath(target, gitPath(Buffer.from(full.split(sep).join('/')))))
    if (await inputExists(free)) continue
    try {
      await writeObject(store, content, free, { mode: isExecutable ? 0o777 : 0o666, signal })
    } catch (error) {
      if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_CHANGED') throw error
      // The copy is damaged, and half of an input is none.
      for (const other of written) await rm(other, { force: true })
      return undefined
    }
    written.push(free)
  }
  return written
}

/**
 * Copy what a program reported during the run. It may be an input or a result of the program, so only files
 * that existed before the run are copied. Nothing is rejected here: the new report is compared with the
 * recorded one.
 */
async function moveReported(
  { record }: StoredRun,
  entry: TrackedRecord,
  map: TreeMap,
  target: string,
): Promise<void> {
  const path = entry.status === 'tracked' ? trackedPath(entry) : undefined
  if (path === undefined || !map.covers(path)) return
  const start = Date.parse(record.startedAt)
  const info = await stat(path).catch(() => undefined)
  if (info !== undefined && (info.isDirectory() || info.mtimeMs < start))
    await copyMissing(path, map, target, (_, { mtimeMs }) => mtimeMs < start)
}

/** Selects files of a folder by the bytes of their paths below it, one character per byte. */
type Selection = (key: string, info: Stats) => boolean

/** Entries that no digest covers. */
const SKIPPED: ReadonlySet<string> = new Set(['.git', '.lineaprint'])

/**
 * Copy a file, or the files of a folder, into the new tree, unless they are there already: git keeps some files of
 * many data folders and ignores the others. Links are followed, as digests follow them, so that the copy holds the
 * linked content. A link that is itself in the new tree stays, and what it leads to is copied.
 *
 * @returns The files that were written.
 */
async function copyMissing(
  path: string,
  map: TreeMap,
  target: string,
  isWanted: Selection,
): Promise<string[]> {
  const newPath = map.path(path)
  const copied: string[] = []
  try {
    await copyEntry(Buffer.from(path), Buffer.from(newPath), '', [])
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(path, 'cannot be copied into the work tree', cause)
  }
  return copied

  async function copyEntry(from: Buffer, to: Buffer, key: string, parents: readonly string[]): Promise<void> {
    const info = await statOf(from)
    if (info === undefined) return
    const existing = await lstatOf(to)
    if (existing?.isSymbolicLink() === true) {
      const real = await realpath(from)
      // A link to somewhere else leads there from the new tree as well.
      if (map.covers(real) && isInside(target, map.path(real)))
        await copyEntry(Buffer.from(real), Buffer.from(map.path(real)), key, parents)
      return
    }
    if (!info.isDirectory()) {
      if (existing === undefined && isWanted(key, info)) await copyOne(from, to)
      return
    }
    const identity = `${info.dev} ${info.ino}`
    // A folder inside itself has no digest, which the check of the input reports.
    if ((existing !== undefined && !existing.isDirectory()) || parents.includes(identity)) return
    for (const name of await readdir(from, { encoding: 'buffer' })) {
      if (SKIPPED.has(name.toString())) continue
      const below = key === '' ? name.toString('latin1') : `${key}/${name.toString('latin1')}`
      await copyEntry(joined(from, name), joined(to, name), below, [...parents, identity])
    }
  }

  async function copyOne(from: Buffer, to: Buffer): Promise<void> {
    const relativePath = to.subarray(Buffer.byteLength(target) + 1)
    const free = await preparePath(target, gitPath(sep === '/' ? relativePath : withSlashes(relativePath)))
    await copyFile(from, free, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    copied.push(String(free))
  }
}

function joined(folder: Buffer, name: Buffer): Buffer {
  return Buffer.concat([folder, Buffer.from(sep), name])
}

function withSlashes(path: Buffer): Buffer {
  return Buffer.from(path.toString().split(sep).join('/'))
}

async function statOf(path: Buffer): Promise<Stats | undefined> {
  return stat(path).catch(absent)
}

async function lstatOf(path: Buffer): Promise<Stats | undefined> {
  return lstat(path).catch(absent)
}

function absent(error: unknown): undefined {
  if (isMissing(error) || errorCode(error) === 'ELOOP') return undefined
  throw error
}

/** Check whether a path exists. @throws ERR_LINEAPRINT_STORE if that cannot be determined. */
export async function inputExists(path: string): Promise<boolean> {
  return pathExists(path).catch((cause: unknown) => {
    throw storeError(path, 'cannot stat it', cause)
  })
}
