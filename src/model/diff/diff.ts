/** What differs between two models: configuration, tokenizer, and tensor by tensor. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { systemReason } from '../../util/fs.ts'
import { LineaprintError } from '../../core/errors.ts'
import { matchRenames } from '../../hash/tree-diff.ts'
import { checkKeys } from '../../core/options.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import { readConfig } from '../config.ts'
import { diffConfigs } from './config.ts'
import { compareValues } from './values.ts'
import { locateModel } from '../locate.ts'
import { readModel } from '../read.ts'
import type { Digest } from '../../core/digest.ts'
import type { HashOptions } from '../../core/options.ts'
import type { ModelConfig } from '../config.ts'
import type { ConfigDifference } from './config.ts'
import type { ValueComparison } from './values.ts'
import type { ModelReport, TensorInfo } from '../read.ts'

export type { ConfigDifference } from './config.ts'
export type { ValueComparison } from './values.ts'

/** Options of {@link diffModels}. */
export interface ModelDiffOptions extends HashOptions {
  /** Also compare changed tensors of equal shape as numbers, which reads them a second time. @default false */
  readonly values?: boolean | undefined
}

/** One tensor that differs. `renamed`: equal bits, dtype and shape stand under another name. */
export interface TensorChange {
  readonly status: 'added' | 'removed' | 'changed' | 'renamed'
  /** Name in the second model; of a removed tensor in the first. */
  readonly name: string
  /** Name in the first model; only of a renamed tensor. */
  readonly from?: string
  readonly before?: TensorInfo
  readonly after?: TensorInfo
  /** Which of dtype, shape and data differ; only of a changed tensor. */
  readonly differs?: readonly ('dtype' | 'shape' | 'data')[]
  /** Only of a changed tensor, and where `values` was asked for. */
  readonly values?: ValueComparison
}

/** One side of a comparison. */
export interface ModelSide {
  /** Absolute path. */
  readonly path: string
  readonly architecture: Digest
  readonly weights: Digest
  readonly tokenizer?: Digest
  readonly tensorCount: number
  readonly parameters: number
}

/** The answer of {@link diffModels}. */
export interface ModelDiff {
  readonly kind: 'model'
  /** Whether architecture, weights and tokenizer are the same. Sharding and metadata of the files do not count. */
  readonly same: boolean
  readonly before: ModelSide
  readonly after: ModelSide
  readonly sameArchitecture: boolean
  readonly sameWeights: boolean
  /** `undefined` if neither side is a folder with a tokenizer. */
  readonly sameTokenizer: boolean | undefined
  /** Keys of the meaningful configuration that differ. */
  readonly config: readonly ConfigDifference[]
  /** Sorted by name. */
  readonly tensors: readonly TensorChange[]
  readonly counts: Readonly<Record<TensorChange['status'], number>>
  readonly warnings: readonly string[]
}

/**
 * Compares two models.
 *
 * Cost: one read of both; with `values` a second one of the tensors that changed.
 *
 * @param a A safetensors file, a shard index, or a folder with either; `b` likewise.
 * @throws What {@link readModel} throws, and ERR_LINEAPRINT_CHANGED if a file changed between the two reads.
 */
export async function diffModels(a: string, b: string, options: ModelDiffOptions = {}): Promise<ModelDiff> {
  const { values, ...shared } = options
  checkKeys(shared)
  const [first, second] = [await load(a, shared), await load(b, shared)]
  const [before, after] = [first.report, second.report]
  const sameArchitecture = before.architecture.equals(after.architecture)
  const sameWeights = before.weights.equals(after.weights)
  const sameTokenizer = tokenizersEqual(before, after)
  const changes = sameWeights ? [] : diffTensors(before.tensors, after.tensors)
  const tensors = values === true ? await withValues(changes, first, second, shared.signal) : changes
  const counts = { added: 0, removed: 0, changed: 0, renamed: 0 }
  for (const { status } of tensors) counts[status]++
  return {
    kind: 'model',
    same: sameArchitecture && sameWeights && sameTokenizer !== false,
    before: sideOf(before),
    after: sideOf(after),
    sameArchitecture,
    sameWeights,
    sameTokenizer,
    config: sameArchitecture ? [] : diffConfigs(first.config, second.config),
    tensors,
    counts,
    warnings: [...before.warnings, ...after.warnings],
  }
}

interface Loaded {
  readonly report: ModelReport
  readonly folder: string
  readonly config: ModelConfig | undefined
  /** What the system says of each weights file, from before it was read. */
  readonly looks: ReadonlyMap<string, string>
}

async function load(path: string, options: HashOptions): Promise<Loaded> {
  const { folder, weights, config } = await locateModel(path)
  const looks = new Map<string, string>()
  for (const file of weights) looks.set(file, await look(file))
  const report = await readModel(path, options)
  return { report, folder, looks, config: config === undefined ? undefined : await readConfig(config) }
}

/** Changes whenever the file does. What cannot be looked at is told by the read itself. */
async function look(path: string): Promise<string> {
  return stat(path, { bigint: true }).then(
    ({ dev, ino, size, mtimeNs }) => `${dev} ${ino} ${size} ${mtimeNs}`,
    systemReason,
  )
}

function sideOf({ path, architecture, weights, tokenizer, tensorCount, parameters }: ModelReport): ModelSide {
  return { path, architecture, weights, ...(tokenizer && { tokenizer }), tensorCount, parameters }
}

function tokenizersEqual(
  { tokenizer: was }: ModelReport,
  { tokenizer: is }: ModelReport,
): boolean | undefined {
  if (was === undefined && is === undefined) return undefined
  return was !== undefined && is !== undefined && was.equals(is)
}

/** What tells one tensor from another, in either form of its digest. */
export interface ComparableTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly digest: { toString(): string }
}

/** The tensors in which two lists differ, sorted by name. */
export function diffTensors<T extends ComparableTensor>(
  before: readonly T[],
  after: readonly T[],
): (Omit<TensorChange, 'before' | 'after'> & { readonly before?: T; readonly after?: T })[] {
  const now = new Map(after.map((tensor) => [tensor.name, tensor]))
  const removed: T[] = []
  const changes: ReturnType<typeof diffTensors<T>> = []
  for (const tensor of before) {
    const other = now.get(tensor.name)
    now.delete(tensor.name)
    if (other === undefined) removed.push(tensor)
    else {
      const differs = differences(tensor, other)
      if (differs.length > 0)
        changes.push({ status: 'changed', name: tensor.name, before: tensor, after: other, differs })
    }
  }
  const { pairs, onlyBefore, onlyAfter } = matchRenames(removed, [...now.values()], {
    // Tensors without elements are all equal and say nothing.
    content: (tensor) => (tensor.shape.includes(0) ? undefined : identity(tensor)),
    lastName: ({ name }) => name.split('.').slice(-2).join('.'),
  })
  for (const [was, is] of pairs)
    changes.push({ status: 'renamed', name: is.name, from: was.name, before: was, after: is })
  for (const tensor of onlyBefore) changes.push({ status: 'removed', name: tensor.name, before: tensor })
  for (const tensor of onlyAfter) changes.push({ status: 'added', name: tensor.name, after: tensor })
  return changes.toSorted((x, y) => compareUtf8(x.name, y.name))
}

function differences(was: ComparableTensor, is: ComparableTensor): ('dtype' | 'shape' | 'data')[] {
  const pairs = { dtype: [was.dtype, is.dtype], shape: [was.shape, is.shape], data: [was.digest, is.digest] }
  return (['dtype', 'shape', 'data'] as const).filter(
    (what) => String(pairs[what][0]) !== String(pairs[what][1]),
  )
}

function identity({ dtype, shape, digest }: ComparableTensor): string {
  return `${dtype} ${shape.join('x')} ${digest.toString()}`
}

async function withValues(
  changes: readonly TensorChange[],
  first: Loaded,
  second: Loaded,
  signal: AbortSignal | undefined,
): Promise<TensorChange[]> {
  const compared: TensorChange[] = []
  for (const change of changes) {
    const { before, after, differs } = change
    if (before === undefined || after === undefined || differs === undefined) compared.push(change)
    else if (differs.includes('shape'))
      compared.push({ ...change, values: { status: 'not-compared', reason: 'the shapes differ' } })
    else {
      const places = [
        { path: join(first.folder, before.file), tensor: before },
        { path: join(second.folder, after.file), tensor: after },
      ] as const
      compared.push({ ...change, values: await compareValues(...places, signal) })
    }
  }
  for (const [path, was] of [...first.looks, ...second.looks]) {
    if ((await look(path)) !== was)
      throw new LineaprintError('ERR_LINEAPRINT_CHANGED', 'the file changed while it was compared', { path })
  }
  return compared
}
