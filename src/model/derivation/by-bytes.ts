/** Derivation of a model whose tensors the names alone lead to, by their bytes: no digest of a tensor is computed. */
import { compareUtf8 } from '../../util/text-order.ts'
import { explained } from './answers.ts'
import { formOf, isByDigest } from './attempts.ts'
import { hashForms, rulesBetween, runChecks } from './checks.ts'
import { suffixesOf, underPrefix } from './expected.ts'
import { blockOf, fromNames, rowsOf, unchangedOrder } from './hypotheses.ts'
import { mapApplies, matchName, matchStar } from './maps.ts'
import type { JobOptions } from '../../core/options.ts'
import type { TensorEntry } from '../read.ts'
import type { Attempt } from './attempts.ts'
import type { DerivationFiles, Form } from './checks.ts'
import type { Hypothesis, Side } from './hypotheses.ts'
import type { NameMap } from './maps.ts'
import type { TensorDerivation } from './report.ts'

/** Two models of which only the headers were read. */
export interface ByBytesJob {
  readonly before: Side<TensorEntry>
  readonly after: Side<TensorEntry>
  readonly maps: readonly NameMap[]
  readonly files: DerivationFiles
  /** Number of files of each model. */
  readonly fileCounts: readonly [before: number, after: number]
  readonly options: JobOptions
}

/** The result: every tensor is explained, and none of the first model is left. */
export interface ExplainedByBytes {
  /** Sorted by name. */
  readonly tensors: TensorDerivation[]
  /** Names of tensors of the first model that a map leaves out. */
  readonly dropped: string[]
}

/** A tensor with the attempts that its name allows. */
interface Named {
  readonly target: TensorEntry
  readonly attempts: readonly Attempt<TensorEntry>[]
  /** True if no map and no equal name leads to the source: another one with the same bytes would explain as much. */
  readonly isByPrefix: boolean
  answer?: TensorDerivation
}

/**
 * Explain every tensor of the second model by the names of both and by their bytes.
 *
 * @returns Nothing where that leaves something open, so that digests have to be searched: a tensor without a name in the
 * first model or without a rule, one that does not follow, one that several explain, or one that is not used.
 */
export async function explainByBytes(job: ByBytesJob): Promise<ExplainedByBytes | undefined> {
  const { before, after, files, options } = job
  const bySuffix = suffixesOf(before)
  const named: Named[] = []
  for (const target of after.byName.values()) {
    const item = attemptsFor(target, bySuffix, job)
    if (item === undefined) return undefined
    named.push(item)
  }
  const possible = named.flatMap(({ attempts }) => attempts.flatMap(({ hypothesis }) => hypothesis.sources))
  // Before anything is read: what no name leads to is left in the end.
  if (droppedOf(new Set(possible.map(({ name }) => name)), job) === undefined) return undefined
  if (!(await areAlone(named, job))) return undefined
  for (let round = 0; ; round++) {
    const open = named.filter(({ answer }) => answer === undefined)
    if (open.length === 0) break
    const tried = open.flatMap((item) => {
      const attempt = item.attempts[round]
      return attempt === undefined ? [] : [{ item, attempt }]
    })
    if (tried.length < open.length) return undefined
    const requests = tried.map(({ item: { target }, attempt: { hypothesis, rule } }) => ({
      target,
      hypothesis,
      rule: rule.native,
    }))
    const outcomes = await runChecks(files, requests, options)
    for (const [at, { item, attempt }] of tried.entries()) {
      const outcome = outcomes[at]
      if (outcome?.kind === 'compared' && outcome.different === 0)
        item.answer = explained(item.target, attempt, job.fileCounts, outcome)
    }
  }
  const tensors = named.flatMap(({ answer }) => answer ?? [])
  const used = new Set(tensors.flatMap(({ sources }) => sources.map(({ name }) => name)))
  const dropped = droppedOf(used, job)
  return dropped && { tensors: tensors.toSorted((a, b) => compareUtf8(a.name, b.name)), dropped }
}

/** Return what the name of a tensor lets try, equal bytes first; nothing where the digests have to be searched. */
function attemptsFor(
  target: TensorEntry,
  bySuffix: ReadonlyMap<string, TensorEntry | undefined>,
  { before, after, maps }: ByBytesJob,
): Named | undefined {
  if (isPacked(target, before, after, maps)) return undefined
  const { hypotheses, obstacles } = fromNames(target, before, after, maps)
  if (hypotheses.length === 0) {
    const prefixed = underPrefix(target, bySuffix)
    // Tensors without elements are all equal, so they identify nothing.
    if (prefixed === undefined || obstacles.length > 0 || target.shape.includes(0)) return undefined
    return { target, attempts: withRules(prefixed, target), isByPrefix: true }
  }
  const [copies, others] = [
    hypotheses.filter((hypothesis) => isByDigest(hypothesis, target)),
    hypotheses.filter((hypothesis) => !isByDigest(hypothesis, target)),
  ]
  const attempts = [...copies, ...others].flatMap((hypothesis) => withRules(hypothesis, target))
  return attempts.length === 0 ? undefined : { target, attempts, isByPrefix: false }
}

function withRules(hypothesis: Hypothesis<TensorEntry>, target: TensorEntry): Attempt<TensorEntry>[] {
  const from = hypothesis.sources[0]?.dtype ?? ''
  return rulesBetween(from, target.dtype, hypothesis.offset).map((rule) => ({ hypothesis, rule }))
}

/** Check whether a tensor may be codes that need other tensors. */
function isPacked(
  { name, dtype }: TensorEntry,
  before: Side<TensorEntry>,
  after: Side<TensorEntry>,
  maps: readonly NameMap[],
): boolean {
  if (!/^(?:F8_|[IU]\d)/.test(dtype)) return false
  return maps.some(
    (map) =>
      map.packed !== undefined &&
      matchStar(map.packed.codes, name) !== undefined &&
      mapApplies(map, before.facts, after.facts),
  )
}

/** Return the names of the tensors that maps leave out, if all others are used. */
function droppedOf(used: ReadonlySet<string>, { before, after, maps }: ByBytesJob): string[] | undefined {
  const patterns = maps.flatMap((map) => (mapApplies(map, before.facts, after.facts) ? map.dropped : []))
  const rest = [...before.byName.keys()].filter((name) => !used.has(name))
  const isDropped = (name: string): boolean =>
    patterns.some((pattern) => matchName(pattern, name) !== undefined)
  return rest.every(isDropped) ? rest.toSorted(compareUtf8) : undefined
}

/** Bytes of a tensor that is hashed whole to tell it from others. */
const SHORT = 1 << 20

/**
 * Check that no other tensor of the first model has the bytes of one that a prefix alone leads to. Their first rows tell
 * most of them apart.
 */
async function areAlone(named: readonly Named[], { before, files, options }: ByBytesJob): Promise<boolean> {
  const sources = named.flatMap(({ isByPrefix, attempts }) =>
    isByPrefix ? (attempts[0]?.hypothesis.sources ?? []) : [],
  )
  const forms = new Set(sources.map(formOf))
  const candidates = [...before.byName.values()].filter((tensor) => forms.has(formOf(tensor)))
  const beginnings: Form[] = []
  for (const tensor of candidates) {
    const { dtype, bytes } = tensor
    const hypothesis = bytes <= SHORT ? unchangedOrder(tensor, tensor, blockOf(dtype)) : rowsOf(tensor, 0, 1)
    if (hypothesis === undefined) return false
    beginnings.push({ hypothesis, rule: 'copy', dtype })
  }
  const digests = await hashForms(files, beginnings, 'blake3', options)
  const counts = new Map<string, number>()
  const keys = new Map<string, string>()
  for (const [at, tensor] of candidates.entries()) {
    const digest = digests[at]
    if (digest === undefined) return false
    const key = `${formOf(tensor)} ${digest}`
    keys.set(tensor.name, key)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return sources.every(({ name }) => counts.get(keys.get(name) ?? '') === 1)
}
