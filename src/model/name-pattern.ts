/** Names of tensors without the numbers in them: the layers of a model have one pattern. */
import { compareUtf8 } from '../util/text-order.ts'

/** The part of a tensor that its pattern depends on. */
interface PatternTensor {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: number
}

/** Tensors whose names differ only in numbers, with one dtype and shape. */
export interface LayerPattern {
  /** Their name; the numbers that differ stand in braces, as `{0..27}` or `{0,2,5}`. */
  readonly pattern: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly tensors: number
  /** Elements in all of them. */
  readonly parameters: number
  /** Bytes of all of them. */
  readonly bytes: number
}

/** A number that is a whole part of a name: parts end at `.`, `/`, `_`, `:` and `-`. */
const NUMBER = /(?<=^|[./_:-])[0-9]+(?=$|[./_:-])/g

/** Return a name with a pair of braces for each number that is a whole part of it. */
export function patternOf(name: string): string {
  return name.replace(NUMBER, '{}')
}

/** Group tensors by the pattern of their names, dtype and shape, in the order of their first names. */
export function layerPatterns(tensors: readonly PatternTensor[]): LayerPattern[] {
  const groups = new Map<string, PatternTensor[]>()
  for (const tensor of tensors) {
    // Neither a dtype nor a shape has a space.
    const key = `${tensor.dtype} ${tensor.shape.join('x')} ${patternOf(tensor.name)}`
    const group = groups.get(key)
    if (group) group.push(tensor)
    else groups.set(key, [tensor])
  }
  return [...groups.values()].map((group) => describeGroup(group))
}

function describeGroup(group: readonly PatternTensor[]): LayerPattern {
  const [{ dtype, shape, name } = { name: '', dtype: '', shape: [] }] = group
  const values: Set<string>[] = []
  // A group of one needs no second look at its name.
  if (group.length > 1)
    for (const tensor of group)
      for (const [position, digits] of (tensor.name.match(NUMBER) ?? []).entries())
        (values[position] ??= new Set()).add(digits)
  let position = 0
  const pattern = name.replace(NUMBER, (digits) => ranges([...(values[position++] ?? [digits])]))
  const elements = shape.reduce((product, length) => product * length, 1)
  const bytes = group.reduce((sum, tensor) => sum + tensor.bytes, 0)
  return { pattern, dtype, shape, tensors: group.length, parameters: elements * group.length, bytes }
}

/** Write numbers as ranges in braces; a single one as it is. */
function ranges(texts: readonly string[]): string {
  const [only = ''] = texts
  if (texts.length < 2) return only
  // A number with leading zeros, or one beyond what a double holds, has no place in a range.
  const decimals = texts.filter((text) => /^(?:0|[1-9][0-9]{0,14})$/.test(text))
  const others = texts.filter((text) => !decimals.includes(text))
  const numbers = decimals.map(Number).toSorted((a, b) => a - b)
  const spans: [first: number, last: number][] = []
  for (const number of numbers) {
    const open = spans.at(-1)
    if (open?.[1] === number - 1) open[1] = number
    else spans.push([number, number])
  }
  const written = spans.map(([first, last]) =>
    first === last ? String(first) : `${first}${last === first + 1 ? ',' : '..'}${last}`,
  )
  return `{${[...written, ...others.toSorted(compareUtf8)].join(',')}}`
}
