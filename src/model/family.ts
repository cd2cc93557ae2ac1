/** The `family` digest: what models that differ only in dimensions and in the number of layers have in common. */
import { canonicalJson } from '../json/canonical.ts'
import { jsonDigest } from '../json/digest.ts'
import { compareUtf8 } from '../util/text-order.ts'
import { FAMILY_RULES } from './config-rules.ts'
import { patternOf } from './name-pattern.ts'
import type { AlgorithmChoice, Digests } from '../core/digest.ts'
import type { ParsedJson } from '../json/parse.ts'

/** The part of a tensor that counts in the family of its model. */
interface FamilyTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
}

/** A pattern of names, the class of elements and the number of axes. */
type Kind = readonly [pattern: string, elements: string, rank: number]

/**
 * Compute the `family` digest (section 3 of `docs/format.md`).
 *
 * @param tensors The tensors of the model.
 * @param config The meaningful configuration; absent if there is none.
 */
export function familyDigest(
  tensors: readonly FamilyTensor[],
  config: ParsedJson | undefined,
  algorithm: AlgorithmChoice,
): Digests {
  const kinds = new Map<string, Kind>()
  for (const { name, dtype, shape } of tensors) {
    const kind = [patternOf(name), classOf(dtype), shape.length] as const
    kinds.set(kind.join('\0'), kind)
  }
  const sorted = [...kinds.values()].toSorted(
    ([nameA, classA, rankA], [nameB, classB, rankB]) =>
      compareUtf8(nameA, nameB) || compareUtf8(classA, classB) || rankA - rankB,
  )
  return jsonDigest(
    'family',
    { config: config === undefined ? null : sizeless(config), tensors: sorted },
    algorithm,
  )
}

/** Return what the elements of a dtype are, whatever their width. */
function classOf(dtype: string): string {
  if (dtype.startsWith('OPAQUE')) return 'opaque'
  if (dtype === 'BOOL') return 'bool'
  if (/^[UI][0-9]/.test(dtype)) return 'int'
  return dtype.startsWith('C') ? 'complex' : 'float'
}

/** Leave out the sizes of a configuration, at every depth. */
function sizeless(value: ParsedJson): ParsedJson {
  if (Array.isArray(value)) return value.map((item) => sizeless(item))
  if (!(value instanceof Map)) return value
  const kept = new Map<string, ParsedJson>()
  for (const [key, member] of value) {
    if (FAMILY_RULES.sizes.has(key)) continue
    const inner = sizeless(member)
    if (!FAMILY_RULES.layers.has(key)) kept.set(key, inner)
    // A number of layers is a size.
    else if (Array.isArray(inner)) kept.set(key, distinct(inner))
  }
  return kept
}

/** Return the distinct items of an array, in the order of the UTF-8 bytes of their canonical JSON. */
function distinct(items: readonly ParsedJson[]): ParsedJson[] {
  const byText = new Map(items.map((item) => [canonicalJson(item), item]))
  return [...byText].toSorted(([a], [b]) => compareUtf8(a, b)).map(([, item]) => item)
}
