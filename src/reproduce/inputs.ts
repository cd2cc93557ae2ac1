/** The inputs of a run in the new tree: copied if git does not have them, and digested again. */
import { isReported } from '../record/reported-by.ts'
import { constants, copyFile, lstat, readdir, realpath, stat } from 'node:fs/promises'
import { sep } from 'node:path'
import { gitPath } from '../capture/git/paths.ts'
import { LineaprintError } from '../core/errors.ts'
import { errorCode, isMissing, pathExists, storeError } from '../util/fs.ts'
import { isInside } from '../util/paths.ts'
import { keyOf } from '../manifest/names.ts'
import { readFileList } from '../record/file-list.ts'
import { verifyTracked } from '../compare/tracked.ts'
import { parseTracked, trackedPath } from '../record/tracked.ts'
import { preparePath } from './paths.ts'
import { item } from './types.ts'
import type { Stats } from 'node:fs'
import type { TrackedRecord } from '../record/record.ts'
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
  signal: AbortSignal | undefined,
): Promise<ReproduceItem[]> {
  const sections: Record<string, Record<string, TrackedRecord>> = {}
  for (const section of SECTIONS) {
    const moved: (readonly [string, TrackedRecord])[] = []
    for (const [name, entry] of Object.entries(run.record[section])) {
      signal?.throwIfAborted()
      if (isReported(entry)) await moveReported(run, entry, map, target)
      else moved.push([name, await moveInput(run, [section, name, entry], map, target)])
    }
    sections[section] = Object.fromEntries(moved)
  }
  const items = await verifyTracked({ ...run, record: { ...run.record, ...sections, outputs: {} } }, signal)
  return items.map(({ section, name, status, detail, differences }) => {
    const verdict: ReproduceVerdict = VERDICTS[status]
    return item(section, name, verdict, detail, differences)
  })
}

/**
 * Reject inputs that differ from the recorded ones.
 *
 * @throws ERR_LINEAPRINT_CHANGED or ERR_LINEAPRINT_NOT_FOUND with the first of them.
 */
export function refuseOtherInputs(items: readonly ReproduceItem[]): void {
  const changed = items.filter(({ verdict }) => verdict === 'different' || verdict === 'missing')
  const [first] = changed
  if (first === undefined) return
  const { section, name, detail, verdict } = first
  const [difference] = first.differences
  const more = changed.length > 1 ? `, and ${changed.length - 1} more inputs differ` : ''
  throw new LineaprintError(
    verdict === 'missing' ? 'ERR_LINEAPRINT_NOT_FOUND' : 'ERR_LINEAPRINT_CHANGED',
    `the ${section.slice(0, -1)} ${JSON.stringify(name)} differs from the record: ${detail}${more}`,
    {
      field: `${section}.${name}`,
      expected: difference?.before,
      received: difference?.after,
      hint: 'use --no-run to restore only the work tree',
    },
  )
}

async function moveInput(
  { folder }: StoredRun,
  [section, name, entry]: readonly [InputSection, string, TrackedRecord],
  map: TreeMap,
  target: string,
): Promise<TrackedRecord> {
  const path = entry.status === 'tracked' ? trackedPath(entry) : undefined
  if (entry.status !== 'tracked' || path === undefined || !map.covers(path)) return entry
  const recorded = parseTracked(section, name, entry)
  const files = 'filesFile' in recorded ? await readFileList(folder, recorded) : undefined
  const listed = files && new Set(files.map((file) => keyOf(file)))
  await copyMissing(path, map, target, (key) => listed?.has(key) ?? true)
  return { ...entry, path: map.path(path) }
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
 */
async function copyMissing(path: string, map: TreeMap, target: string, isWanted: Selection): Promise<void> {
  const newPath = map.path(path)
  try {
    await copyEntry(Buffer.from(path), Buffer.from(newPath), '', [])
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(path, 'cannot be copied into the work tree', cause)
  }

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
