/** The kind of the two arguments of `lineaprint diff`: runs, models, tables, folders or files. */
import { readdir, stat } from 'node:fs/promises'
import { errorCode, inputError, isMissing } from '../../../util/fs.ts'
import { listKindOf } from '../../../diff/listed-tensors.ts'
import { isTableFile } from '../../../dataset/table-names.ts'
import { isArchiveFile } from '../../../hash/archive.ts'
import { LineaprintError } from '../../../core/errors.ts'
import { hasCandidate, locateModel } from '../../../model/locate.ts'
import { findRun } from '../../../database/runs.ts'
import { readRun } from '../../../store/read.ts'
import { JOURNAL_FILE, RECORD_FILE } from '../../../store/store.ts'
import { familyOf, isIndexPath } from '../../../model/families.ts'
import { pipelineFolder } from '../../../model/pipeline.ts'
import { isReadAsModel } from '../../../model/weights.ts'
import type { JobOptions } from '../../../core/options.ts'
import type { LocateOptions } from '../../../model/locate.ts'
import type { StoredRun } from '../../../store/runs.ts'
import type { Store } from '../../../store/store.ts'

/** Kinds of operands that can be compared, the most specific first. */
export const DIFF_KINDS = ['run', 'model', 'tensors', 'table', 'folder', 'file'] as const

/** One of {@link DIFF_KINDS}. */
export type DiffKind = (typeof DIFF_KINDS)[number]

/** The kinds that an argument may have. */
export interface Operand {
  readonly text: string
  readonly kinds: readonly DiffKind[]
  /** The run, if it is one. */
  readonly run?: StoredRun
  /** The error of a folder that holds several models. It can be compared as a folder. */
  readonly ambiguous?: LineaprintError
}

/**
 * Classify an argument. An existing path is a path; everything else names a run of the store. A folder with
 * `run.json` and `events.jsonl` is a run anywhere.
 *
 * @param openStore Called only if the argument names a run; it reads the configuration.
 * @param knownStore The store that is known without a configuration, in which a run may have the name of a path.
 * @param options `weights`: the name that chooses among several models of a folder.
 * @throws ERR_LINEAPRINT_AMBIGUOUS if it is both, NOT_FOUND or RUN if it is neither.
 */
export async function readOperand(
  text: string,
  openStore: () => Promise<Store>,
  knownStore: Store,
  options: LocateOptions,
): Promise<Operand> {
  const path = text.startsWith('@') ? undefined : await kindOfPath(text)
  const isBareName = !/[/\\]/.test(text)
  if (path === undefined) {
    if (!isBareName || text.endsWith('.safetensors') || text.endsWith('.json'))
      throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no such file or folder', { path: text })
    return { text, kinds: ['run'], run: await findNamed(await openStore(), text) }
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
  if (path.kind === 'file' && (await listKindOf(text)) !== undefined)
    return { text, kinds: ['tensors', 'file'] }
  if (path.kind === 'file' && isArchiveFile(text)) return { text, kinds: ['folder', 'file'] }
  const model = await isModel(text, path.kind, options)
  if (LineaprintError.is(model)) return { text, kinds: [path.kind], ambiguous: model }
  return { text, kinds: model ? ['model', 'tensors', path.kind] : [path.kind] }
}

/** Find a run by a text that may as well be a misspelled path. */
async function findNamed(store: Store, text: string): Promise<StoredRun> {
  try {
    return await findRun(store, text)
  } catch (error) {
    if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_RUN' || text.startsWith('@')) throw error
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'there is no file, folder or run of this name', {
      path: text,
      hint: `runs are those of ${store.root}`,
      cause: error,
    })
  }
}

/**
 * Return the kind by which two operands are compared: the most specific one that both have.
 *
 * @param wanted The kind that the caller asks for.
 * @throws ERR_LINEAPRINT_ARGUMENT if there is none, AMBIGUOUS if one is a model and the other holds several.
 */
export function commonKind(a: Operand, b: Operand, wanted?: DiffKind): DiffKind {
  const ambiguous = a.ambiguous ?? b.ambiguous
  const hasModel = a.kinds.includes('model') || b.kinds.includes('model')
  if (ambiguous !== undefined && (wanted === 'model' || (wanted === undefined && hasModel))) throw ambiguous
  const common = DIFF_KINDS.filter((kind) => a.kinds.includes(kind) && b.kinds.includes(kind))
  const selected = wanted === undefined ? common[0] : common.find((kind) => kind === wanted)
  if (selected !== undefined) return selected
  const [first = '', second = ''] = [a, b].map(
    ({ text, kinds }) =>
      `${JSON.stringify(text)} is a ${kinds[0] === 'tensors' ? 'list of tensors' : kinds[0]}`,
  )
  throw new LineaprintError(
    'ERR_LINEAPRINT_ARGUMENT',
    wanted === undefined
      ? `the kinds differ: ${first}, ${second}`
      : `these cannot be compared as ${wanted === 'tensors' ? wanted : `${wanted}s`}: ${first}, ${second}`,
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

const RUN_CODES: ReadonlySet<string> = new Set([
  'ERR_LINEAPRINT_RUN',
  'ERR_LINEAPRINT_AMBIGUOUS',
  'ERR_LINEAPRINT_RECORD',
])

/** Return whether a file is one of weights. Names of other formats than safetensors are also those of other files. */
async function isWeightsPath(path: string, options: JobOptions): Promise<boolean> {
  if (path.endsWith('.safetensors') || isIndexPath(path)) return true
  return familyOf(path) !== undefined && (await isReadAsModel(path, options))
}

/** Return whether a path is a model; the error of a folder with several of them. */
async function isModel(
  path: string,
  kind: 'folder' | 'file',
  { weights, ...options }: LocateOptions,
): Promise<boolean | LineaprintError> {
  if (kind === 'file') return isWeightsPath(path, options)
  if (weights !== undefined && (await hasCandidate(path, weights))) return true
  if ((await pipelineFolder(path)) !== undefined) return true
  try {
    const { weights: files } = await locateModel(path, options)
    return files[0] !== undefined && (await isWeightsPath(files[0], options))
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    if (error.code === 'ERR_LINEAPRINT_AMBIGUOUS') return error
    // A folder without weights is treated as a folder.
    if (error.code === 'ERR_LINEAPRINT_NOT_FOUND') return false
    throw error
  }
}
