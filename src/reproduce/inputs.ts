/** The inputs of a run in the new tree: copied if git does not have them, and digested again. */
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

/** Sections with the inputs of a run. */
const SECTIONS = ['datasets', 'models', 'tokenizers'] as const

const VERDICTS = {
  same: 'same',
  changed: 'different',
  missing: 'missing',
  'not-checked': 'not-compared',
} as const

/**
 * Digest every input again at the path where the command will find it.
 *
 * An input inside the repository that is not one of its files (data is often ignored) is first copied into
 * the new tree. A link would let the command write into the repository.
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

async function moveInput(entry: TrackedRecord, map: TreeMap, target: string): Promise<TrackedRecord> {
  const path = entry.status === 'tracked' ? trackedPath(entry) : undefined
  if (path === undefined || !map.covers(path)) return entry
  const newPath = map.path(path)
  if (!(await inputExists(newPath)) && (await inputExists(path))) await copyIntoTree(path, newPath, target)
  return { ...entry, path: newPath } as TrackedRecord
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
  if (path === undefined || !map.covers(path) || (await inputExists(map.path(path)))) return
  const info = await stat(path).catch(() => undefined)
  if (info !== undefined && info.mtimeMs < Date.parse(record.startedAt))
    await copyIntoTree(path, map.path(path), target)
}

async function copyIntoTree(path: string, newPath: string, target: string): Promise<void> {
  const relativePath = relative(target, newPath).split(sep).join('/')
  try {
    const to = String(await preparePath(target, gitPath(Buffer.from(relativePath))))
    // Digests follow links, so the copy contains the linked content.
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

/** Check whether a path exists. @throws ERR_LINEAPRINT_STORE if that cannot be determined. */
export async function inputExists(path: string): Promise<boolean> {
  return pathExists(path).catch((cause: unknown) => {
    throw storeError(path, 'cannot stat it', cause)
  })
}
