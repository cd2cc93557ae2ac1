/** Differences between two models whose tensors are compared byte by byte: no digest of all elements is computed. */
import { primary } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { formOf } from '../derivation/attempts.ts'
import { hashForms } from '../derivation/checks.ts'
import { blockOf, unchangedOrder } from '../derivation/hypotheses.ts'
import { listForBytes, verifyUnchanged } from '../headers.ts'
import { readOwnTokenizer } from '../read.ts'
import { diffConfigs } from './config.ts'
import { changeByLayer } from './layers.ts'
import { diffTensors } from './tensors.ts'
import { diffTokenizers, tokenizersEqual } from './tokenizer.ts'
import { SHAPES_DIFFER, compareBytesAndValues } from './values.ts'
import type { Digest } from '../../core/digest.ts'
import type { JobOptions } from '../../core/options.ts'
import type { ListedModel } from '../headers.ts'
import type { ModelHeaders, ModelOptions, TensorEntry } from '../read.ts'
import type { ModelDiff, ModelSide, TensorChange } from './report.ts'
import type { BytesAndValues } from './values.ts'

/**
 * Compare two models and the values of the tensors that changed.
 *
 * @returns Nothing where digests have to be computed, also for an error that the full read explains.
 */
export async function diffByBytes(
  [a, b]: readonly [string, string],
  [first, second]: readonly [ModelOptions, ModelOptions],
): Promise<ModelDiff | undefined> {
  try {
    const [left, right] = [await listForBytes(a, first), await listForBytes(b, second)]
    if (left === undefined || right === undefined) return undefined
    const { signal, threads, onProgress } = first
    const contents = await contentsOf(left.headers, right.headers, { signal, threads, onProgress })
    if (contents === undefined) return undefined
    const sides = [await sideOf(a, left, first), await sideOf(b, right, second)] as const
    return await describe([left, right], sides, contents)
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return undefined
  }
}

/** Contents of the tensors of two models. */
interface Contents {
  /** A text for each tensor: those of both models are equal where the bytes are. */
  readonly before: ReadonlyMap<string, string>
  readonly after: ReadonlyMap<string, string>
  /** The comparison of each tensor that both models have. */
  readonly compared: ReadonlyMap<string, BytesAndValues>
}

/** Compare the tensors of equal names, and hash those that may be renamed; nothing where one cannot be hashed alone. */
async function contentsOf(
  before: ModelHeaders,
  after: ModelHeaders,
  options: JobOptions,
): Promise<Contents | undefined> {
  const [inFirst, inSecond] = [before, after].map(({ tensors }) => new Set(tensors.map(({ name }) => name)))
  const names = before.tensors.flatMap(({ name }) => (inSecond?.has(name) === true ? [name] : []))
  const compared = await compareBytesAndValues(
    { files: before.paths, names },
    { files: after.paths, names },
    options,
  )
  const contents = {
    before: new Map<string, string>(),
    after: new Map<string, string>(),
    compared: new Map<string, BytesAndValues>(),
  }
  for (const [at, name] of names.entries()) {
    const result = compared[at]
    if (result === undefined) return undefined
    contents.compared.set(name, result)
    contents.before.set(name, `of both ${at}`)
    contents.after.set(name, result.same ? `of both ${at}` : `of the second ${at}`)
  }
  const removed = before.tensors.filter(({ name }) => inSecond?.has(name) !== true)
  const added = after.tensors.filter(({ name }) => inFirst?.has(name) !== true)
  const [hashedBefore, hashedAfter] = [
    await hashLike(removed, added, before.paths, options),
    await hashLike(added, removed, after.paths, options),
  ]
  if (hashedBefore === undefined || hashedAfter === undefined) return undefined
  for (const [name, content] of hashedBefore) contents.before.set(name, content)
  for (const [name, content] of hashedAfter) contents.after.set(name, content)
  return contents
}

/** Hash those of some tensors that have the form of one of others; the contents of the rest are of their own. */
async function hashLike(
  tensors: readonly TensorEntry[],
  others: readonly TensorEntry[],
  files: readonly string[],
  options: JobOptions,
): Promise<ReadonlyMap<string, string> | undefined> {
  const forms = new Set(others.map(formOf))
  const alike = tensors.filter((tensor) => forms.has(formOf(tensor)) && !tensor.shape.includes(0))
  const digests = await hashForms(
    { before: files, after: [], adapter: [], lenient: false },
    alike.map((tensor) => ({
      hypothesis: unchangedOrder(tensor, tensor, blockOf(tensor.dtype)),
      rule: 'copy' as const,
      dtype: tensor.dtype,
    })),
    'blake3',
    options,
  )
  const contents = new Map(tensors.map(({ name }) => [name, `alone ${name}`]))
  for (const [at, { name }] of alike.entries()) {
    const digest = digests[at]
    if (digest === undefined) return undefined
    contents.set(name, digest)
  }
  return contents
}

async function describe(
  [left, right]: readonly [ListedModel, ListedModel],
  [before, after]: readonly [ModelSide, ModelSide],
  contents: Contents,
): Promise<ModelDiff> {
  const [first, second] = [left.headers, right.headers]
  const changes = diffTensors(
    first.tensors.map((tensor) => ({ ...tensor, digest: contents.before.get(tensor.name) ?? '' })),
    second.tensors.map((tensor) => ({ ...tensor, digest: contents.after.get(tensor.name) ?? '' })),
  )
  const byName = [first, second].map(({ tensors }) => new Map(tensors.map((tensor) => [tensor.name, tensor])))
  const tensors = changes.map(({ before: old, after: changed, ...change }): TensorChange => {
    const entries = [old && byName[0]?.get(old.name), changed && byName[1]?.get(changed.name)] as const
    const values = change.differs?.includes('shape')
      ? SHAPES_DIFFER
      : contents.compared.get(change.name)?.values
    return {
      ...change,
      ...(entries[0] && { before: entries[0] }),
      ...(entries[1] && { after: entries[1] }),
      ...(change.differs && values && { values }),
    }
  })
  const sameArchitecture = before.architecture.equals(after.architecture)
  const sameTokenizer = tokenizersEqual(before, after)
  const tokenizer =
    sameTokenizer === false
      ? await diffTokenizers(before.tokenizer && left.folder, after.tokenizer && right.folder)
      : { differences: [], warnings: [] }
  for (const side of [left, right]) await verifyUnchanged(side)
  const counts = { added: 0, removed: 0, changed: 0, renamed: 0 }
  for (const { status } of tensors) counts[status]++
  const sameWeights = tensors.length === 0
  return {
    kind: 'model',
    same: sameArchitecture && sameWeights && sameTokenizer !== false,
    digests: false,
    before,
    after,
    sameArchitecture,
    sameWeights,
    sameFamily: before.family && after.family && before.family.equals(after.family),
    sameGraph: undefined,
    samePipeline: undefined,
    components: [],
    sameTokenizer,
    config: sameArchitecture ? [] : diffConfigs(first.config, second.config),
    tokenizer: tokenizer.differences,
    tensors,
    counts,
    ...(!sameWeights && {
      layers: changeByLayer(
        second.tensors.map(({ name }) => name),
        tensors,
      ),
    }),
    warnings: [...first.warnings, ...second.warnings, ...tokenizer.warnings],
  }
}

async function sideOf(given: string, { headers }: ListedModel, options: ModelOptions): Promise<ModelSide> {
  const { path, digests, tensorCount, parameters } = headers
  const tokenizer: Digest | undefined = await readOwnTokenizer(given, options)
  const [architecture, family] = [digests?.architecture, digests?.family]
  if (architecture === undefined || family === undefined)
    throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'headers without digests were compared', { path })
  return {
    path,
    architecture: primary(architecture),
    family: primary(family),
    ...(tokenizer && { tokenizer }),
    tensorCount,
    parameters,
  }
}
