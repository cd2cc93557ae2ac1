/** Checks that the headers of two models let expect, to be made while their tensors are hashed. */
import { rulesBetween } from './checks.ts'
import { blockOf, fromNames, unchangedOrder } from './hypotheses.ts'
import type { CheckRequest } from './checks.ts'
import type { Hypothesis, Side, TensorForm } from './hypotheses.ts'
import type { NameMap } from './maps.ts'

/**
 * Return one check for each tensor of the second model that a name leads to: of the first hypothesis with its first rule.
 *
 * A wrong expectation costs nothing but time: the tensors are hashed all the same, and what a digest or another check finds
 * counts.
 */
export function expectedChecks(
  before: Side<TensorForm>,
  after: Side<TensorForm>,
  maps: readonly NameMap[],
): CheckRequest[] {
  const bySuffix = suffixesOf(before)
  return [...after.byName.values()].flatMap((target): CheckRequest[] => {
    const [first] = fromNames(target, before, after, maps).hypotheses
    const hypothesis = first ?? underPrefix(target, bySuffix)
    const [source] = hypothesis?.sources ?? []
    if (hypothesis === undefined || source === undefined) return []
    const [rule] = rulesBetween(source.dtype, target.dtype, hypothesis.offset)
    return rule === undefined ? [] : [{ target, hypothesis, rule: rule.native }]
  })
}

/** Segments of a name that a prefix may have, such as `base_model.model.`. */
const PREFIX_SEGMENTS = 3

/** Return the tensors by the ends of their names, without up to so many segments; a name that several have is left out. */
export function suffixesOf<T extends TensorForm>({ byName }: Side<T>): ReadonlyMap<string, T | undefined> {
  const bySuffix = new Map<string, T | undefined>()
  for (const tensor of byName.values())
    for (const suffix of endsOf(tensor.name)) bySuffix.set(suffix, bySuffix.has(suffix) ? undefined : tensor)
  return bySuffix
}

function endsOf(name: string): string[] {
  const segments = name.split('.')
  const most = Math.min(PREFIX_SEGMENTS, segments.length - 1)
  return Array.from({ length: most + 1 }, (_, cut) => segments.slice(cut).join('.'))
}

/** Return the hypothesis that a tensor has another prefix than before. Its digest decides; the check only shares its read. */
export function underPrefix<T extends TensorForm>(
  target: TensorForm,
  bySuffix: ReadonlyMap<string, T | undefined>,
): Hypothesis<T> | undefined {
  const source = endsOf(target.name)
    .map((suffix) => bySuffix.get(suffix))
    .find((tensor) => tensor !== undefined)
  if (source === undefined || source.dtype !== target.dtype) return undefined
  if (source.shape.join(',') !== target.shape.join(',')) return undefined
  return unchangedOrder(source, target, blockOf(source.dtype))
}
