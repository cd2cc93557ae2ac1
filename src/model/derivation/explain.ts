/** Explain every tensor of a model by tensors of another: find hypotheses, check them, and look around where they fail. */
import { compareUtf8 } from '../../util/text-order.ts'
import { noRule, rulesBetween, runChecks } from './checks.ts'
import { fromNames } from './hypotheses.ts'
import { conclude, explained, fileCounts, mergeWarnings } from './answers.ts'
import { companionsOf, fromCodes } from './codes.ts'
import { COPY, identityOf, isByDigest } from './attempts.ts'
import { short } from './numbers.ts'
import { isNear } from './packed.ts'
import { MOST_FORMS, search } from './search.ts'
import type { NativeDerivationOutcome } from '../../native/load.ts'
import type { TensorInfo } from '../read.ts'
import type { Attempt, Case, ExplainJob } from './attempts.ts'
import type { CheckRequest, DtypeRule } from './checks.ts'
import type { Search } from './search.ts'
import type { TensorDerivation } from './report.ts'

/** Explain all tensors of the second model, sorted by name. */
export async function explain(
  job: ExplainJob,
): Promise<{ readonly tensors: TensorDerivation[]; readonly warnings: string[] }> {
  const cases = job.after.report.tensors.map((target) => begin(target, job))
  await tryAll(cases, job)
  explainCompanions(cases)
  const open = cases.filter(({ answer }) => answer === undefined)
  const searched = await search(open, job)
  const ranks = await measureRanks(open, job, searched)
  for (const item of open)
    item.answer ??= conclude(item, searched.matches.get(item.target.name) ?? [], ranks.get(item), job)
  const tensors = cases.flatMap(({ answer }) => answer ?? [])
  return {
    tensors: tensors.toSorted((a, b) => compareUtf8(a.name, b.name)),
    warnings: [
      ...mergeWarnings(tensors, job),
      ...(searched.isComplete
        ? []
        : [`the search by content ended after ${MOST_FORMS} forms: a tensor without a match may have one`]),
    ],
  }
}

/** Collect what a tensor may follow from by its name, and answer at once where digests suffice. */
function begin(target: TensorInfo, job: ExplainJob): Case {
  const { before, after, maps, adapter } = job
  const { hypotheses, obstacles } = fromNames(target, before, after, maps)
  const item: Case = { target, attempts: [], obstacles: [...obstacles], failed: [] }
  const codes = fromCodes(target, before, after, maps)
  item.obstacles.push(...codes.obstacles)
  const attempts: Attempt[] = [...codes.attempts]
  for (const hypothesis of hypotheses) {
    const [source] = hypothesis.sources
    if (source === undefined) continue
    if (isByDigest(hypothesis, target) && source.digest.equals(target.digest)) {
      return { ...item, answer: explained(target, { hypothesis, rule: COPY }, fileCounts(job)) }
    }
    const pair = adapter?.pairs.get(source.name)
    if (pair !== undefined && hypothesis.arrangement === undefined && hypothesis.offset === undefined)
      attempts.push({ hypothesis, rule: ADAPTER, adapter: pair })
    const rules = rulesBetween(source.dtype, target.dtype, hypothesis.offset)
    if (rules.length === 0) item.obstacles.push(noRule(source.dtype, target.dtype))
    attempts.push(...rules.map((rule) => ({ hypothesis, rule })))
  }
  return { ...item, attempts }
}

const ADAPTER: DtypeRule = { native: 'adapter', words: [] }

/** Try the hypotheses of all tensors: the first of each, then the second of those that are left, and so on. */
async function tryAll(cases: readonly Case[], job: ExplainJob): Promise<void> {
  for (let round = 0; ; round++) {
    const remaining = cases.filter(({ answer, attempts }) => answer === undefined && round < attempts.length)
    if (remaining.length === 0) return
    const requests = remaining.flatMap(({ target, attempts }): CheckRequest[] => {
      const attempt = attempts[round]
      if (attempt === undefined) return []
      const { hypothesis, rule, adapter, codes } = attempt
      return [
        {
          target,
          hypothesis,
          rule: rule.native,
          ...(adapter && { adapter }),
          ...(codes && { codes }),
        },
      ]
    })
    const outcomes = await runChecks(job.files, requests, job.options, job.made)
    remaining.forEach((item, index) => {
      const [attempt, outcome] = [item.attempts[round], outcomes[index]]
      if (attempt === undefined || outcome === undefined) return
      if (outcome.kind === 'not-checked') item.obstacles.push(outcome.reason)
      else if (holds(outcome, attempt)) {
        item.answer = explained(item.target, attempt, fileCounts(job), outcome)
        item.by = attempt
      } else item.failed.push({ attempt, outcome })
    })
  }
}

/** Explain the scales, zero points and orders of tensors that were explained with them; say of others whose they are. */
function explainCompanions(cases: readonly Case[]): void {
  const byName = new Map(cases.map((item) => [item.target.name, item]))
  for (const { target, answer, attempts, by } of cases) {
    const codes = by?.codes ?? (answer === undefined ? attempts[0]?.codes : undefined)
    if (codes === undefined) continue
    for (const [name, noun] of companionsOf(codes)) {
      const item = byName.get(name)
      if (item === undefined || item.answer !== undefined) continue
      if (answer === undefined) {
        item.obstacles.push(`they are the ${noun} of ${target.name}, which does not follow`)
        continue
      }
      item.answer = {
        ...identityOf(item.target),
        verdict: 'quantised',
        sources: answer.sources,
        rule: [`the ${noun} of ${target.name}`],
        bound: `any ${noun} with which every element of it is within its bound`,
        findings: [],
      }
    }
  }
}

/** The largest share by which the scaling that fits best may differ from the stated one. */
const SCALING_TOLERANCE = 0.01

function holds(outcome: NativeDerivationOutcome, { adapter, hypothesis }: Attempt): boolean {
  if (outcome.kind === 'compared') return outcome.different === 0
  if (outcome.kind === 'scaled') return outcome.outside === 0
  if (outcome.kind === 'packed') return isNear(outcome, hypothesis)
  if (outcome.kind !== 'low-rank' || adapter === undefined) return false
  const { outside, telling, fitted } = outcome
  // Where rounding hides every change, nothing tells whether the adapter is in.
  return outside === 0 && telling > 0 && Math.abs(fitted / adapter.scaling - 1) <= SCALING_TOLERANCE
}

/** Tensors whose difference gets a rank, at most. */
const MOST_RANKS = 64

/** The sentence about a matrix that was packed after something was added: the error of its codes has every rank. */
const NO_RANK = 'the rank of the difference is not checked: rounding to codes hides it'

/** Measure the rank of what was added to matrices that changed throughout. Return a sentence about each. */
async function measureRanks(
  open: readonly Case[],
  { files, options }: ExplainJob,
  { matches }: Search,
): Promise<ReadonlyMap<Case, string>> {
  const ranks = new Map<Case, string>()
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
    ranks.set(item, `the difference has the numerical rank ${words} (tolerance ${short(tolerance)})`)
  })
  for (const item of open) {
    const outcome = item.failed.at(-1)?.outcome
    if (outcome?.kind === 'packed' && outcome.outside > 0 && !matches.has(item.target.name))
      ranks.set(item, NO_RANK)
  }
  return ranks
}
