/** The kind of the two arguments of `lineaprint diff`: runs, models, tables, folders or files. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, inputError, isMissing } from '../../../util/fs.ts'
import { isTableFile } from '../../../dataset/read.ts'
import { LineaprintError } from '../../../core/errors.ts'
import { locateModel } from '../../../model/locate.ts'
import { findRun, readRun } from '../../../store/runs.ts'
import { JOURNAL_FILE, RECORD_FILE } from '../../../store/store.ts'
import type { StoredRun } from '../../../store/runs.ts'
import type { Store } from '../../../store/store.ts'

/** Kinds of things that can be compared, the most specific first. */
export const DIFF_KINDS = ['run', 'model', 'table', 'folder', 'file'] as const

/** One of {@link DIFF_KINDS}. */
export type DiffKind = (typeof DIFF_KINDS)[number]

/** The kinds that an argument may have. */
export interface Operand {
  readonly text: string
  readonly kinds: readonly DiffKind[]
  /** The run, if it is one. */
  readonly run?: StoredRun
}

/**
 * Classify an argument. An existing path is a path; everything else names a run of the store. A folder with
 * `run.json` and `events.jsonl` is a run anywhere.
 *
 * @param openStore Called only if the argument names a run; it reads the configuration.
 * @param knownStore The store that is known without a configuration, in which a run may have the name of a path.
 * @throws ERR_LINEAPRINT_AMBIGUOUS if it is both, NOT_FOUND or RUN if it is neither.
 */
export async function readOperand(
  text: string,
  openStore: () => Promise<Store>,
  knownStore: Store,
): Promise<Operand> {
  const path = text.startsWith('@') ? undefined : await kindOfPath(text)
  const isBareName = !/[/\\]/.test(text)
  if (path === undefined) {
    if (!isBareName || text.endsWith('.safetensors') || text.endsWith('.json'))
      throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such file or folder', { path: text })
    return { text, kinds: ['run'], run: await findRun(await openStore(), text) }
  }
  if (isBareName && text !== '.' && text !== '..' && (await namesRun(text, knownStore))) {
    const hint = `write ./${text} for the ${path.kind}, or the id of the run`
    throw new LineaprintError('ERR_LINEAPRINT_AMBIGUOUS', `there is a ${path.kind} and a run of that name`, {
      path: text,
      hint,
    })
  }
  if (path.kind === 'folder' && path.isRun)
    return { text, kinds: ['run', 'folder'], run: await readRun(text) }
  if (path.kind === 'file' && isTableFile(text)) return { text, kinds: ['table', 'file'] }
  return { text, kinds: (await isModel(text, path.kind)) ? ['model', path.kind] : [path.kind] }
}

/**
 * Return the kind by which two things are compared: the first that both have.
 *
 * @param wanted The kind that the caller asks for.
 * @throws ERR_LINEAPRINT_ARGUMENT if there is none.
 */
export function commonKind(a: Operand, b: Operand, wanted?: DiffKind): DiffKind {
  const common = DIFF_KINDS.filter((kind) => a.kinds.includes(kind) && b.kinds.includes(kind))
  const selected = wanted === undefined ? common[0] : common.find((kind) => kind === wanted)
  if (selected !== undefined) return selected
  const [first = '', second = ''] = [a, b].map(
    ({ text, kinds }) => `${JSON.stringify(text)} is a ${kinds[0]}`,
  )
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    wanted === undefined
      ? `the kinds differ: ${first}, ${second}`
      : `these cannot be compared as ${wanted}s: ${first}, ${second}`,
    { hint: 'give two runs, two models, two tables, two folders or two files' },
  )
}

interface PathKind {
  readonly kind: 'folder' | 'file'
  readonly isRun: boolean
}

async function kindOfPath(path: string): Promise<PathKind | undefined> {
  try {
    const info = await stat(path)
    if (!info.isDirectory()) return { kind: 'file', isRun: false }
    const names = await readdir(path)
    return { kind: 'folder', isRun: names.includes(RECORD_FILE) && names.includes(JOURNAL_FILE) }
  } catch (cause) {
    if (isMissing(cause) || errorCode(cause) === 'ENAMETOOLONG') return undefined
    throw inputError(path, 'stat', cause)
  }
}

async function namesRun(text: string, store: Store): Promise<boolean> {
  try {
    await findRun(store, text)
    return true
  } catch (error) {
    // Usually no run has that name. One that cannot be read is not a candidate either.
    if (LineaprintError.is(error) && RUN_CODES.has(error.code)) return false
    throw error
  }
}

const RUN_CODES: ReadonlySet<string> = new Set(['ERR_LINEAPRINT_RUN', 'ERR_LINEAPRINT_RECORD'])

async function isModel(path: string, kind: 'folder' | 'file'): Promise<boolean> {
  if (kind === 'file') return path.endsWith('.safetensors') || path.endsWith('.safetensors.index.json')
  try {
    return (await locateModel(join(path))).weights.length > 0
  } catch (error) {
    // A folder without weights, or with several models, is treated as a folder.
    const code = LineaprintError.is(error) ? error.code : undefined
    if (code === 'ERR_LINEAPRINT_NOT_FOUND' || code === 'ERR_LINEAPRINT_AMBIGUOUS') return false
    throw error
  }
}
