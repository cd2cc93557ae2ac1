/** Answers about tensors: what they follow from, or what differs from every hypothesis. */
import { compareUtf8 } from '../../util/text-order.ts'
import { blockOf } from './hypotheses.ts'
import { identityOf, sameForm, sizeOf } from './attempts.ts'
import { short } from './numbers.ts'
import { describePackedFailure, describePacking, packedBound } from './packed.ts'
import type { NativeDerivationOutcome } from '../../native/load.ts'
import type { TensorInfo } from '../read.ts'
import type { Attempt, Case, ExplainJob } from './attempts.ts'
import type { DerivedTensor, TensorDerivation, Verdict } from './report.ts'

/** Answer about a tensor of which an attempt holds. */
export function explained<T extends DerivedTensor>(
  target: T,
  { hypothesis, rule, adapter, codes }: Attempt<T>,
  [filesBefore, filesAfter]: readonly [number, number],
  outcome?: NativeDerivationOutcome,
): TensorDerivation {
  const { sources, arrangement, words, map } = hypothesis
  const sameName = sources.length === 1 && sources[0]?.name === target.name
  const unmoved: Verdict = !sameName
    ? 'renamed'
    : filesAfter > filesBefore
      ? 'sharded'
      : filesAfter < filesBefore
        ? 'merged'
        : 'identical'
  const verdict = adapter === undefined ? (rule.verdict ?? arrangement ?? unmoved) : 'low-rank'
  const reshaped =
    arrangement === undefined && codes === undefined && sources[0]?.shape.join(',') !== target.shape.join(',')
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
      ...(outcome?.kind === 'packed' ? [describePacking(outcome)] : []),
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
    ...(outcome?.kind === 'packed' && { bound: packedBound(outcome) }),
    ...(lowRank && {
      bound: `every element within its rounding of ${target.dtype}; the largest distance is ${short(lowRank.largest)}, its bound ${short(lowRank.bound)}; the scaling that fits best is ${short(lowRank.fitted)}`,
    }),
    findings: [],
  }
}

/** Return how many files each model has. */
export function fileCounts({ before, after }: ExplainJob): readonly [number, number] {
  return [before.report.files.length, after.report.files.length]
}

/** Answer about a tensor that no hypothesis explained. */
export function conclude(
  item: Case,
  matches: readonly Attempt[],
  rank: string | undefined,
  job: ExplainJob,
): TensorDerivation {
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
  const { map, sources } = expected
  const size = sizeOf(target)
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
    ...(outcome?.kind === 'packed' && {
      different: {
        count: outcome.farther,
        of: sources[0] ? sizeOf(sources[0]) : 0,
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
function byContent(target: TensorInfo, matches: readonly Attempt[], job: ExplainJob): TensorDerivation {
  const exact = matches.filter(({ hypothesis }) => sameForm(hypothesis.sources[0] ?? target, target))
  const pool = exact.length > 0 ? exact : matches
  const best = pool.find(
    ({ hypothesis }) => lastName(hypothesis.sources[0]?.name ?? '') === lastName(target.name),
  )
  const chosen = best ?? pool[0]
  if (chosen === undefined)
    return conclude({ target, attempts: [], obstacles: [], failed: [] }, [], undefined, job)
  const names = new Set(matches.flatMap(({ hypothesis }) => hypothesis.sources.map(({ name }) => name)))
  for (const { name } of chosen.hypothesis.sources) names.delete(name)
  return {
    ...explained(target, chosen, fileCounts(job)),
    ...(names.size > 0 && { alternatives: [...names].toSorted(compareUtf8) }),
  }
}

function describe({ hypothesis, rule }: Attempt): string {
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
  const size = sizeOf(target)
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
  if (outcome.kind === 'packed') return describePackedFailure(outcome, hypothesis)
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
export function mergeWarnings(tensors: readonly TensorDerivation[], { adapter }: ExplainJob): string[] {
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
