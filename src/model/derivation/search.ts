/** Search for the elements of tensors that no hypothesis explained, by their digests, whatever their names. */
import { hashForms, rulesBetween } from './checks.ts'
import { searchFused } from './fused.ts'
import { blockOf, joined, rotary, transposedOrder, unchangedOrder } from './hypotheses.ts'
import { parameterOf } from './maps.ts'
import { COPY, sameForm, sizeOf } from './attempts.ts'
import type { TensorInfo } from '../read.ts'
import type { Attempt, Case, ExplainJob } from './attempts.ts'
import type { DtypeRule, Form } from './checks.ts'
import type { Hypothesis } from './hypotheses.ts'

/** The result of a search. */
export interface Search {
  /** For the name of a tensor, what its elements follow from. */
  readonly matches: ReadonlyMap<string, readonly Attempt[]>
  /** False if forms were left out because there were too many. */
  readonly isComplete: boolean
}

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
export const MOST_FORMS = 20_000

/**
 * Look for the elements of tensors that no hypothesis explained, by their digests: among the tensors of the first model, and
 * among what those of a fitting shape would become; then among those joined one behind the other. Every form of a tensor is
 * computed once, whoever looks for it.
 */
export async function search(open: readonly Case[], job: ExplainJob): Promise<Search> {
  const bySize = new Map<number, TensorInfo[]>()
  for (const tensor of job.before.report.tensors) {
    const size = sizeOf(tensor)
    const list = bySize.get(size)
    if (list) list.push(tensor)
    else bySize.set(size, [tensor])
  }
  const byDigest = Map.groupBy(job.before.report.tensors, ({ digest }) => digest.hex)
  const matches = new Map<string, Attempt[]>()
  let isComplete = true
  const add = (name: string, match: Attempt): void => {
    const list = matches.get(name)
    if (list) list.push(match)
    else matches.set(name, [match])
  }
  const forms = new Map<
    string,
    { readonly form: Form; readonly match: Attempt; readonly wanted: TensorInfo[] }
  >()
  const want = (key: string, hypothesis: Hypothesis, rule: DtypeRule, target: TensorInfo): void => {
    if (!GIVES_BYTES.has(rule.native)) return
    const known = forms.get(key)
    if (known) known.wanted.push(target)
    else if (forms.size >= MOST_FORMS) isComplete = false
    else {
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
    const size = sizeOf(target)
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
  // A tensor that a name leads to another one is not joined from parts of other names.
  const nameless = open.filter(({ target, attempts }) => attempts.length === 0 && !matches.has(target.name))
  const rest = nameless.map(({ target }) => target)
  const fused = await searchFused(rest, job)
  for (const [name, attempts] of fused.matches) for (const attempt of attempts) add(name, attempt)
  isComplete &&= fused.isComplete
  return { matches, isComplete }
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
