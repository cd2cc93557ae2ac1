/** Explain every tensor of a model by tensors of another: find hypotheses, check them, and look around where they fail. */
import { compareUtf8 } from '../../util/text-order.ts'
import { hashForms, noRule, rulesBetween, runChecks } from './checks.ts'
import { blockOf, fromMaps, joined, rotary, transposedOrder, unchangedOrder } from './hypotheses.ts'
import { parameterOf } from './maps.ts'
import type { JobOptions } from '../../core/options.ts'
import type { NativeDerivationOutcome } from '../../native/load.ts'
import type { TensorInfo } from '../read.ts'
import type { AdapterFacts } from './adapter.ts'
import type { CheckRequest, DerivationFiles, DtypeRule, Form } from './checks.ts'
import type { Opened } from './opened.ts'
import type { Hypothesis } from './hypotheses.ts'
import type { NameMap } from './maps.ts'
import type { DerivedTensor, TensorDerivation, Verdict } from './report.ts'

/** Two models and what may connect them. */
export interface ExplainJob {
  readonly before: Opened
  readonly after: Opened
  readonly maps: readonly NameMap[]
  readonly files: DerivationFiles
  readonly algorithm: 'blake3' | 'sha256'
  readonly options: JobOptions
  readonly adapter?: AdapterFacts
}

/** One hypothesis with one rule. */
interface Attempt {
  readonly hypothesis: Hypothesis
  readonly rule: DtypeRule
  readonly adapter?: {
    readonly down: string
    readonly up: string
    readonly scaling: number
    readonly rank: number
  }
  /** Name of the tensor of the second model with the scales of the codes. */
  readonly scales?: string
}

/** A tensor that is being explained. */
interface Case {
  readonly target: TensorInfo
  readonly attempts: readonly Attempt[]
  /** Reasons why a hypothesis could not be tried. */
  readonly obstacles: string[]
  /** Results of attempts that failed, in the order of the attempts. */
  readonly failed: { readonly attempt: Attempt; readonly outcome: NativeDerivationOutcome }[]
  answer?: TensorDerivation
}

/** Explain all tensors of the second model, sorted by name. */
export async function explain(
  job: ExplainJob,
): Promise<{ readonly tensors: TensorDerivation[]; readonly warnings: string[] }> {
  const cases = job.after.report.tensors.map((target) => begin(target, job))
  await tryAll(cases, job)
  explainScales(cases, job)
  const open = cases.filter(({ answer }) => answer === undefined)
  const matches = await search(open, job)
  await measureRanks(open, job, matches)
  for (const item of open) item.answer ??= conclude(item, matches.get(item.target.name) ?? [], job)
  const tensors = cases.flatMap(({ answer }) => answer ?? [])
  return {
    tensors: tensors.toSorted((a, b) => compareUtf8(a.name, b.name)),
    warnings: mergeWarnings(tensors, job),
  }
}

function identityOf({ name, dtype, shape, digest }: DerivedTensor): DerivedTensor {
  return { name, dtype, shape, digest }
}

function sameForm(a: DerivedTensor, b: DerivedTensor): boolean {
  return a.dtype === b.dtype && a.shape.join(',') === b.shape.join(',')
}

/** Collect what a tensor may follow from by its name, and answer at once where digests suffice. */
function begin(target: TensorInfo, job: ExplainJob): Case {
  const { before, after, maps, adapter } = job
  const hypotheses: Hypothesis[] = []
  const namesake = before.byName.get(target.name)
  if (namesake !== undefined) {
    const block = blockOf(namesake.dtype)
    if (namesake.shape.join(',') === target.shape.join(','))
      hypotheses.push(unchangedOrder(namesake, target, block))
    else {
      const transposed = transposedOrder(namesake, target)
      if (transposed !== undefined) hypotheses.push(transposed)
    }
  }
  const mapped = fromMaps(target, before, after, maps)
  hypotheses.push(...mapped.hypotheses)
  const item: Case = { target, attempts: [], obstacles: [...mapped.obstacles], failed: [] }
  const attempts: Attempt[] = []
  for (const hypothesis of hypotheses) {
    const [source] = hypothesis.sources
    if (source === undefined) continue
    if (isByDigest(hypothesis, target) && source.digest.equals(target.digest)) {
      return { ...item, answer: explained(target, { hypothesis, rule: COPY }, job) }
    }
    const pair = adapter?.pairs.get(source.name)
    if (pair !== undefined && hypothesis.arrangement === undefined && hypothesis.offset === undefined)
      attempts.push({ hypothesis, rule: ADAPTER, adapter: pair })
    const scales = /^F8_E[45]M[23]$/.test(target.dtype) ? scalesOf(target, after) : undefined
    if (scales !== undefined && hypothesis.arrangement === undefined)
      attempts.push({
        hypothesis,
        rule: scaleRule(source.dtype, target.dtype, scales.name),
        scales: scales.name,
      })
    const rules = rulesBetween(source.dtype, target.dtype, hypothesis.offset)
    if (rules.length === 0) item.obstacles.push(noRule(source.dtype, target.dtype))
    attempts.push(...rules.map((rule) => ({ hypothesis, rule })))
  }
  return { ...item, attempts }
}

/** The names that scales of a tensor have beside it: of compressed-tensors, of DeepSeek, and of others. */
const SCALE_SUFFIXES = ['_scale', '_scale_inv']

/** Find the tensor with the scales of a tensor of codes. */
function scalesOf({ name }: TensorInfo, { byName }: Opened): TensorInfo | undefined {
  return SCALE_SUFFIXES.map((suffix) => byName.get(name + suffix)).find((tensor) => tensor !== undefined)
}

function scaleRule(from: string, to: string, scales: string): DtypeRule {
  return {
    native: 'scale',
    verdict: 'quantised',
    words: [`quantised ${from} to ${to} with the scales of ${scales}`],
  }
}

const COPY: DtypeRule = { native: 'copy', words: [] }
const ADAPTER: DtypeRule = { native: 'adapter', words: [] }

/** Check whether equal digests alone prove a hypothesis. */
function isByDigest({ sources, arrangement, offset }: Hypothesis, target: TensorInfo): boolean {
  const [source] = sources
  return (
    sources.length === 1 &&
    arrangement === undefined &&
    offset === undefined &&
    source !== undefined &&
    source.dtype === target.dtype
  )
}

/** Try the hypotheses of all tensors: the first of each, then the second of those that are left, and so on. */
async function tryAll(cases: readonly Case[], { files, options, ...job }: ExplainJob): Promise<void> {
  for (let round = 0; ; round++) {
    const remaining = cases.filter(({ answer, attempts }) => answer === undefined && round < attempts.length)
    if (remaining.length === 0) return
    const requests = remaining.flatMap(({ target, attempts }): CheckRequest[] => {
      const attempt = attempts[round]
      if (attempt === undefined) return []
      const { hypothesis, rule, adapter, scales } = attempt
      return [
        {
          target,
          hypothesis,
          rule: rule.native,
          ...(adapter && { adapter }),
          ...(scales !== undefined && { scales }),
        },
      ]
    })
    const outcomes = await runChecks(files, requests, options)
    remaining.forEach((item, index) => {
      const [attempt, outcome] = [item.attempts[round], outcomes[index]]
      if (attempt === undefined || outcome === undefined) return
      if (outcome.kind === 'not-checked') item.obstacles.push(outcome.reason)
      else if (holds(outcome, attempt))
        item.answer = explained(item.target, attempt, { files, options, ...job }, outcome)
      else item.failed.push({ attempt, outcome })
    })
  }
}

/** Explain the scales of tensors that were explained with them. */
function explainScales(cases: readonly Case[], { after }: ExplainJob): void {
  const byName = new Map(cases.map((item) => [item.target.name, item]))
  for (const { target, answer } of cases) {
    const scales = scalesOf(target, after)
    if (answer?.bound === undefined || scales === undefined) continue
    const item = byName.get(scales.name)
    if (item === undefined || item.answer !== undefined) continue
    item.answer = {
      ...identityOf(scales),
      verdict: 'quantised',
      sources: answer.sources,
      rule: [`the scales of ${target.name}`],
      bound: 'any scales with which every element of it is within its bound',
      findings: [],
    }
  }
}

/** The largest share by which the scaling that fits best may differ from the stated one. */
const SCALING_TOLERANCE = 0.01

function holds(outcome: NativeDerivationOutcome, { adapter }: Attempt): boolean {
  if (outcome.kind === 'compared') return outcome.different === 0
  if (outcome.kind === 'scaled') return outcome.outside === 0
  if (outcome.kind !== 'low-rank' || adapter === undefined) return false
  const { outside, telling, fitted } = outcome
  // Where rounding hides every change, nothing tells whether the adapter is in.
  return outside === 0 && telling > 0 && Math.abs(fitted / adapter.scaling - 1) <= SCALING_TOLERANCE
}

function explained(
  target: TensorInfo,
  { hypothesis, rule, adapter }: Attempt,
  { before, after }: ExplainJob,
  outcome?: NativeDerivationOutcome,
): TensorDerivation {
  const { sources, arrangement, words, map } = hypothesis
  const sameName = sources.length === 1 && sources[0]?.name === target.name
  const [filesBefore, filesAfter] = [before.report.files.length, after.report.files.length]
  const unmoved: Verdict = !sameName
    ? 'renamed'
    : filesAfter > filesBefore
      ? 'sharded'
      : filesAfter < filesBefore
        ? 'merged'
        : 'identical'
  const verdict = adapter === undefined ? (rule.verdict ?? arrangement ?? unmoved) : 'low-rank'
  const reshaped =
    arrangement === undefined && sources[0]?.shape.join(',') !== target.shape.join(',')
      ? [`viewed as [${target.shape.join(', ')}]`]
      : []
  const otherNan =
    outcome?.kind === 'compared' && outcome.otherNan > 0
      ? [`NaN kept in ${outcome.otherNan} elements, in other bits`]
      : []
  const lowRank = outcome?.kind === 'low-rank' && adapter !== undefined ? outcome : undefined
  return {
    ...identityOf(target),
    verdict,
    sources: sources.map(identityOf),
    rule: [
      ...(words === '' ? [] : [words]),
      ...reshaped,
      ...rule.words,
      ...(adapter === undefined
        ? []
        : [`an adapter of rank ${adapter.rank} added, times ${adapter.scaling}`]),
      ...otherNan,
    ],
    ...(map !== undefined && { map }),
    ...(outcome?.kind === 'scaled' && {
      bound: `every element within half a step of ${target.dtype} times its scale; the farthest is at ${short(outcome.worst)} of its bound`,
    }),
    ...(outcome?.kind === 'compared' &&
      rule.bound !== undefined && {
        bound: `the error of each block at most ${rule.bound * 100} % of its length, as vectors; the largest is ${short(outcome.worst * 100)} %`,
      }),
    ...(lowRank && {
      bound: `every element within its rounding of ${target.dtype}; the largest distance is ${short(lowRank.largest)}, its bound ${short(lowRank.bound)}; the scaling that fits best is ${short(lowRank.fitted)}`,
    }),
    findings: [],
  }
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)))
}

/** A tensor of the first model that a tensor of the second follows from, whatever their names. */
type Match = Attempt

/** Rules that give every byte, so that a digest finds what they give. */
const GIVES_BYTES: ReadonlySet<string> = new Set([
  'copy',
  'cast',
  'cast-through-single',
  'offset',
  'offset-narrow',
  'quantise',
  'quantise-fused',
  'dequantise',
])

/** Forms that are hashed in one search, at most. */
const MOST_FORMS = 20_000

/**
 * Look for the elements of tensors that no hypothesis explained, by their digests: among the tensors of the first model, and
 * among what those of a fitting shape would become. Every form of a tensor is computed once, whoever looks for it.
 */
async function search(open: readonly Case[], job: ExplainJob): Promise<ReadonlyMap<string, Match[]>> {
  const bySize = new Map<number, TensorInfo[]>()
  for (const tensor of job.before.report.tensors) {
    const size = tensor.shape.reduce((product, length) => product * length, 1)
    const list = bySize.get(size)
    if (list) list.push(tensor)
    else bySize.set(size, [tensor])
  }
  const byDigest = Map.groupBy(job.before.report.tensors, ({ digest }) => digest.hex)
  const matches = new Map<string, Match[]>()
  const add = (name: string, match: Match): void => {
    const list = matches.get(name)
    if (list) list.push(match)
    else matches.set(name, [match])
  }
  const forms = new Map<
    string,
    { readonly form: Form; readonly match: Match; readonly wanted: TensorInfo[] }
  >()
  const want = (key: string, hypothesis: Hypothesis, rule: DtypeRule, target: TensorInfo): void => {
    if (!GIVES_BYTES.has(rule.native)) return
    const known = forms.get(key)
    if (known) known.wanted.push(target)
    else if (forms.size < MOST_FORMS) {
      const form = { hypothesis, rule: rule.native, dtype: target.dtype }
      forms.set(key, { form, match: { hypothesis, rule }, wanted: [target] })
    }
  }
  for (const { target, failed } of open) {
    if (target.shape.includes(0)) continue
    for (const source of byDigest.get(target.digest.hex) ?? []) {
      if (sameForm(source, target))
        add(target.name, { hypothesis: unchangedOrder(source, target, blockOf(target.dtype)), rule: COPY })
    }
    // What is there as it is needs no form of anything, each of which costs a read.
    if (matches.has(target.name)) continue
    const size = target.shape.reduce((product, length) => product * length, 1)
    for (const source of bySize.get(size) ?? []) {
      const sameShape = source.shape.join(',') === target.shape.join(',')
      const transposed = transposedOrder(source, target)
      for (const rule of rulesBetween(source.dtype, target.dtype, undefined)) {
        const key = `${source.name}\0${target.dtype}\0${rule.native}`
        if (sameShape && rule.native !== 'copy')
          want(key, unchangedOrder(source, target, blockOf(source.dtype)), rule, target)
        if (transposed && blockOf(source.dtype) === 1) want(`${key}\0transposed`, transposed, rule, target)
      }
    }
    for (const [key, variant] of variants(
      target,
      failed.map(({ attempt }) => attempt),
      job,
    ))
      want(key, variant.hypothesis, variant.rule, target)
  }
  const list = [...forms.values()]
  const digests = await hashForms(
    job.files,
    list.map(({ form }) => form),
    job.algorithm,
    job.options,
  )
  list.forEach(({ match, wanted }, index) => {
    for (const target of wanted) if (digests[index] === target.digest.hex) add(target.name, match)
  })
  return matches
}

/** The largest number of parts whose orders are all tried. */
const MOST_PARTS = 4

/** Return what a fault may have made of a failed hypothesis: parts in another order, heads permuted that should not be. */
function variants(target: TensorInfo, failed: readonly Attempt[], job: ExplainJob): [string, Attempt][] {
  const matched: [string, Attempt][] = []
  for (const { hypothesis, rule } of failed) {
    const { sources, layout } = hypothesis
    const block = blockOf(sources[0]?.dtype ?? '')
    const orders = sources.length > 1 && sources.length <= MOST_PARTS ? permutations([...sources]) : []
    for (const order of orders) {
      const other = joined(order, target, layout.axis, block)
      const names = order.map(({ name }) => name).join('\0')
      if (other)
        matched.push([`${names}\0${target.dtype}\0${rule.native}\0joined`, { hypothesis: other, rule }])
    }
    const [only] = sources.length === 1 ? sources : []
    if (only === undefined || !/[qk]/.test(target.name) || rule.native === 'adapter') continue
    const heads = new Set(
      job.maps
        .flatMap((map) =>
          Object.keys(map.parameters).map((name) =>
            parameterOf(map, name, [job.before.facts, job.after.facts]),
          ),
        )
        .filter((value) => typeof value === 'number'),
    )
    for (const count of heads) {
      for (const direction of ['forward', 'backward'] as const) {
        const permuted = rotary(only, count, block, direction)
        const key = `${only.name}\0${target.dtype}\0${rule.native}\0rotary\0${count}\0${direction}`
        if (permuted && rule.verdict !== 'offset') matched.push([key, { hypothesis: permuted, rule }])
      }
    }
  }
  return matched
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length < 2) return [[...items]]
  return items.flatMap((item, index) =>
    permutations(items.filter((_, other) => other !== index)).map((rest) => [item, ...rest]),
  )
}

/** Tensors whose difference gets a rank, at most. */
const MOST_RANKS = 64

const RANKS = new WeakMap<Case, string>()

/** Measure the rank of what was added to matrices that changed throughout. */
async function measureRanks(
  open: readonly Case[],
  { files, options }: ExplainJob,
  matches: ReadonlyMap<string, Match[]>,
): Promise<void> {
  const changed = open.filter(({ target, failed }) => {
    const outcome = failed.at(-1)?.outcome
    const many = outcome?.kind === 'low-rank' || (outcome?.kind === 'compared' && outcome.different > 1)
    const [only] = failed[0]?.attempt.hypothesis.sources ?? []
    return (
      many &&
      !matches.has(target.name) &&
      only !== undefined &&
      failed[0]?.attempt.hypothesis.arrangement === undefined &&
      only.shape.length === 2 &&
      !target.dtype.startsWith('GGML_')
    )
  })
  const measured = changed.slice(0, MOST_RANKS)
  const requests = measured.flatMap(({ target, failed }): CheckRequest[] => {
    const hypothesis = failed[0]?.attempt.hypothesis
    return hypothesis ? [{ target, hypothesis, rule: 'rank' }] : []
  })
  const outcomes = await runChecks(files, requests, options)
  measured.forEach((item, index) => {
    const outcome = outcomes[index]
    if (outcome?.kind !== 'rank') return
    const { rank, most, tolerance } = outcome
    const words = rank > most ? `more than ${most}` : String(rank)
    RANKS.set(item, `the difference has the numerical rank ${words} (tolerance ${short(tolerance)})`)
  })
}

/** Answer about a tensor that no hypothesis explained. */
function conclude(item: Case, matches: readonly Match[], job: ExplainJob): TensorDerivation {
  const { target, failed, obstacles } = item
  const [first] = failed
  const expected = first?.attempt.hypothesis ?? item.attempts[0]?.hypothesis
  if (expected === undefined && obstacles.length === 0 && matches.length > 0)
    return byContent(target, matches, job)
  const matched = matches.slice(0, 3).map((match) => `its elements are those of ${describe(match)}`)
  if (matches.length > 3) matched.push(`and of ${matches.length - 3} others: they do not identify a source`)
  if (expected === undefined) {
    const nothing =
      'no tensor of the first model has its name or its elements, in any form that is looked for'
    const reasons = [...new Set(obstacles), ...matched]
    return {
      ...identityOf(target),
      verdict: 'unexplained',
      sources: [],
      rule: [],
      findings: reasons.length === 0 ? [nothing] : reasons,
    }
  }
  const rank = RANKS.get(item)
  const { map, sources } = expected
  const size = target.shape.reduce((product, length) => product * length, 1)
  const outcome = first?.outcome
  return {
    ...identityOf(target),
    verdict: first === undefined ? 'unexplained' : 'changed',
    sources: sources.map(identityOf),
    rule: [],
    ...(map !== undefined && { map }),
    ...(outcome?.kind === 'compared' && {
      different: {
        count: outcome.different,
        of: size / blockOf(target.dtype),
        first: outcome.first,
      },
    }),
    ...((outcome?.kind === 'low-rank' || outcome?.kind === 'scaled') && {
      different: { count: outcome.outside, of: size, first: outcome.first },
    }),
    findings: [
      ...(first === undefined ? [] : describeFailure(target, first.attempt, first.outcome)),
      ...matched,
      ...(rank === undefined ? [] : [rank]),
      ...new Set(obstacles),
    ],
  }
}

function lastName(name: string): string {
  return name.split('.').slice(-2).join('.')
}

/** Answer about a tensor without a name in the first model whose elements were found there. */
function byContent(target: TensorInfo, matches: readonly Match[], job: ExplainJob): TensorDerivation {
  const exact = matches.filter(({ hypothesis }) => sameForm(hypothesis.sources[0] ?? target, target))
  const pool = exact.length > 0 ? exact : matches
  const best = pool.find(
    ({ hypothesis }) => lastName(hypothesis.sources[0]?.name ?? '') === lastName(target.name),
  )
  const chosen = best ?? pool[0]
  if (chosen === undefined) return conclude({ target, attempts: [], obstacles: [], failed: [] }, [], job)
  const names = new Set(matches.flatMap(({ hypothesis }) => hypothesis.sources.map(({ name }) => name)))
  for (const { name } of chosen.hypothesis.sources) names.delete(name)
  return {
    ...explained(target, chosen, job),
    ...(names.size > 0 && { alternatives: [...names].toSorted(compareUtf8) }),
  }
}

function describe({ hypothesis, rule }: Match): string {
  const names = hypothesis.sources.map(({ name }) => name).join(' + ')
  const words = [...(hypothesis.words === '' ? [] : [hypothesis.words]), ...rule.words]
  return words.length === 0 ? names : `${names} (${words.join('; ')})`
}

/** Say what differs from what the rule gives. */
function describeFailure(
  target: TensorInfo,
  { rule, hypothesis, adapter }: Attempt,
  outcome: NativeDerivationOutcome,
): string[] {
  const size = target.shape.reduce((product, length) => product * length, 1)
  if (outcome.kind === 'low-rank') {
    const { outside, first, fitted, telling, rank } = outcome
    const stated = adapter?.scaling ?? 0
    return [
      outside > 0
        ? `${outside} of ${size} elements are not the base plus the adapter of rank ${rank} times ${stated}, the first is ${first}`
        : `every element is within the rounding of the base plus the adapter`,
      telling === 0
        ? 'the rounding is larger than the adapter everywhere, so that nothing tells whether it is in'
        : `the scaling that fits best is ${short(fitted)}, stated is ${stated}`,
    ]
  }
  if (outcome.kind === 'scaled')
    return [
      `${outcome.outside} of ${size} elements are not their code times their scale, the first is ${outcome.first}`,
    ]
  if (outcome.kind !== 'compared') return []
  const { different, first, cutOff, scales, largest, least, greatest } = outcome
  const expected = [...(hypothesis.words === '' ? [] : [hypothesis.words]), ...rule.words].join('; ')
  const block = blockOf(target.dtype)
  const noun = block > 1 ? 'blocks' : 'elements'
  const count = size / block
  const findings = [
    `${different} of ${count} ${noun} differ${expected === '' ? '' : ` from what the rule gives (${expected})`}, the first is ${block > 1 ? 'that of element' : 'element'} ${first}`,
  ]
  if (scales > 0) findings.push(`in ${scales} blocks only the scale differs`)
  if (cutOff > 0 && cutOff === different)
    findings.push('each of them is cut off where it is to be rounded up')
  if (
    different > 1 &&
    Number.isFinite(least) &&
    greatest - least <= Math.abs(least) * 1e-3 &&
    different === size
  )
    findings.push(
      `the difference is the constant ${Number(((least + greatest) / 2).toPrecision(6))} within rounding`,
    )
  else if (Number.isFinite(largest) && largest > 0 && rule.verdict !== 'quantised')
    findings.push(`the largest distance is ${short(largest)}`)
  return findings
}

/** Say where an adapter was named and did not come in. */
function mergeWarnings(tensors: readonly TensorDerivation[], { adapter }: ExplainJob): string[] {
  if (adapter === undefined) return []
  const merged = new Set(
    tensors.flatMap(({ verdict, sources }) =>
      verdict === 'low-rank' ? sources.map(({ name }) => name) : [],
    ),
  )
  const remaining = [...adapter.pairs.keys()].filter((name) => !merged.has(name))
  if (remaining.length === 0) return []
  return [
    `the adapter of ${remaining.length} tensors was not matched in the second model: ${remaining.slice(0, 4).join(', ')}`,
  ]
}
