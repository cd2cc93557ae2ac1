/** The inputs of a run in the new tree: brought along where git does not have them, and digested again. */
import { isReported } from '../record/reported-by.ts'
import { constants, cp, stat } from 'node:fs/promises'
import { relative, sep } from 'node:path'
import { gitPath } from '../capture/git/paths.ts'
import { LineaprintError } from '../core/errors.ts'
import { pathExists, storeError } from '../util/fs.ts'
import { verifyTracked } from '../compare/tracked.ts'
import { trackedPath } from '../record/tracked.ts'
import { preparePath } from './paths.ts'
import { item } from './types.ts'
import type { TrackedRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { TreeMap } from './paths.ts'
import type { ReproduceItem, ReproduceVerdict } from './types.ts'

/** Sections that hold what goes into a run. */
const SECTIONS = ['datasets', 'models', 'tokenizers'] as const

const VERDICTS = {
  same: 'same',
  changed: 'different',
  missing: 'missing',
  'not-checked': 'not-compared',
} as const

/**
 * Digests every input again, where the command will find it.
 *
 * One that lay in the repository but is none of its files (ignored, as data often is) is copied into the new tree
 * first: a link would let the command write into the repository.
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
      else moved.push([name, await moveInput(entry, map, target)])
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
 * Refuses to run with other inputs than the recorded ones.
 *
 * @throws ERR_LINEAPRINT_CHANGED or ERR_LINEAPRINT_NOT_FOUND naming the first of them.
 */
export function refuseOtherInputs(items: readonly ReproduceItem[]): void {
  const found = items.filter(({ verdict }) => verdict === 'different' || verdict === 'missing')
  const [first] = found
  if (first === undefined) return
  const { section, name, detail, verdict } = first
  const [difference] = first.differences
  const more = found.length > 1 ? `, and ${found.length - 1} more inputs differ` : ''
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

async function moveInput(entry: TrackedRecord, map: TreeMap, target: string): Promise<TrackedRecord> {
  const path = entry.status === 'tracked' ? trackedPath(entry) : undefined
  if (path === undefined || !map.covers(path)) return entry
  const place = map.path(path)
  if (!(await inputExists(place)) && (await inputExists(path))) await bringAlong(path, place, target)
  return { ...entry, path: place } as TrackedRecord
}

/**
 * Bring along what a program reported while it ran: it may be something that it read, or something that it made. Only
 * what lay there before the run began is copied. Nothing is refused here: what the program reports again is compared with it.
 */
async function moveReported(
  { record }: StoredRun,
  entry: TrackedRecord,
  map: TreeMap,
  target: string,
): Promise<void> {
  const path = entry.status === 'tracked' ? trackedPath(entry) : undefined
  if (path === undefined || !map.covers(path) || (await inputExists(map.path(path)))) return
  const info = await stat(path).catch(() => undefined)
  if (info !== undefined && info.mtimeMs < Date.parse(record.startedAt))
    await bringAlong(path, map.path(path), target)
}

async function bringAlong(path: string, place: string, target: string): Promise<void> {
  const below = relative(target, place).split(sep).join('/')
  try {
    const to = String(await preparePath(target, gitPath(Buffer.from(below))))
    // Digests follow links, so the copy holds what they lead to.
    await cp(path, to, {
      recursive: true,
      dereference: true,
      errorOnExist: true,
      force: false,
      mode: constants.COPYFILE_FICLONE,
    })
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw storeError(path, 'cannot be copied into the work tree', cause)
  }
}

/** Whether a path leads to something. @throws ERR_LINEAPRINT_STORE where it cannot be told. */
export async function inputExists(path: string): Promise<boolean> {
  return pathExists(path).catch((cause: unknown) => {
    throw storeError(path, 'cannot stat it', cause)
  })
}
