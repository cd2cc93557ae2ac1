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

/** Tensors of one dtype and shape whose names have one pattern. */
export interface TensorGroup {
  /** The first name. */
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly tensors: number
  /** Bytes of all of them. */
  readonly bytes: number
  /** The numbers that occur at each position of the names; empty for a group of one, whose name has them. */
  readonly numbers: readonly Numbers[]
}

/** Numbers at one position of names. */
interface Numbers {
  /** Numbers that a range could write back, in the order of the names; some more than once. */
  readonly decimals: number[]
  /** Numbers with leading zeros, and numbers beyond what a double holds. */
  readonly others: Set<string>
}

/** Return the first index and the one past the last of each number that is a whole part of a name, in turn. */
function numbersIn(name: string): number[] {
  const bounds: number[] = []
  findNumbers(name, bounds)
  return bounds
}

/** Write the bounds of {@link numbersIn} over the items of `bounds`; return how many there are. */
function findNumbers(name: string, bounds: number[]): number {
  let count = 0
  for (let at = 0; at < name.length; at++) {
    if (!isDigit(name.charCodeAt(at)) || (at > 0 && !SEPARATORS.has(name.charCodeAt(at - 1)))) continue
    const start = at
    while (at < name.length && isDigit(name.charCodeAt(at))) at++
    if (at < name.length && !SEPARATORS.has(name.charCodeAt(at))) continue
    bounds[count++] = start
    bounds[count++] = at
  }
  return count
}

/** The parts of a name end at these. */
const SEPARATORS: ReadonlySet<number> = new Set(Array.from('./_:-', (character) => character.charCodeAt(0)))

function isDigit(unit: number): boolean {
  return unit >= 0x30 && unit <= 0x39
}

/** Return a name with a pair of braces for each number that is a whole part of it. */
export function patternOf(name: string): string {
  return replaceNumbers(name, numbersIn(name), () => '{}')
}

function replaceNumbers(
  name: string,
  bounds: readonly number[],
  replacement: (position: number) => string,
): string {
  let text = ''
  let end = 0
  for (let at = 0; at < bounds.length; at += 2) {
    text += name.slice(end, bounds[at]) + replacement(at / 2)
    end = bounds[at + 1] ?? end
  }
  return end === 0 ? name : text + name.slice(end)
}

/** Group tensors by the pattern of their names, dtype and shape, in the order of their first names. */
export function groupTensors(tensors: Iterable<PatternTensor>): TensorGroup[] {
  const groups = new Map<string, OpenGroup>()
  let last: OpenGroup | undefined
  // The numbers in the present name. An array for each of a million names would fill the memory until it is collected.
  const present: number[] = []
  for (const tensor of tensors) {
    const { name, dtype, shape, bytes } = tensor
    const count = findNumbers(name, present)
    // Layers repeat, so what came behind this group the last time mostly comes again. This saves building its key.
    let open = last?.next
    if (open === undefined || !belongs(open, tensor, present, count)) {
      const bounds = present.slice(0, count)
      // Neither a dtype nor a shape has a space.
      const key = `${dtype} ${shape.join('x')} ${replaceNumbers(name, bounds, () => '{}')}`
      open = groups.get(key)
      if (open === undefined) {
        const group = { name, dtype, shape, tensors: 0, bytes: 0, numbers: [] }
        open = { group, bounds, next: undefined }
        groups.set(key, open)
      }
    }
    const { group } = open
    // A group of one keeps no numbers: its name has them.
    if (group.tensors === 1) addNumbers(group.numbers, group.name, open.bounds, open.bounds.length)
    if (group.tensors > 0) addNumbers(group.numbers, name, present, count)
    group.tensors++
    group.bytes += bytes
    if (last !== undefined) last.next = open
    last = open
  }
  return Array.from(groups.values(), ({ group }) => group)
}

interface OpenGroup {
  readonly group: { -readonly [K in keyof TensorGroup]: TensorGroup[K] } & { readonly numbers: Numbers[] }
  /** The numbers in the first name. */
  readonly bounds: readonly number[]
  /** The group of the tensor that followed the last one of this group. */
  next: OpenGroup | undefined
}

/** Check whether a tensor, with the numbers in its name, has the pattern, dtype and shape of a group. */
function belongs(
  { group, bounds: others }: OpenGroup,
  { name, dtype, shape }: PatternTensor,
  bounds: readonly number[],
  count: number,
): boolean {
  if (
    dtype !== group.dtype ||
    count !== others.length ||
    shape.length !== group.shape.length ||
    !shape.every((length, axis) => length === group.shape[axis])
  )
    return false
  let [own, other] = [0, 0]
  for (let at = 0; at <= count; at += 2) {
    const end = (at < count ? bounds[at] : undefined) ?? name.length
    if (end - own !== (others[at] ?? group.name.length) - other) return false
    for (; own < end; own++, other++) if (name.charCodeAt(own) !== group.name.charCodeAt(other)) return false
    if (at === count) break
    own = bounds[at + 1] ?? own
    other = others[at + 1] ?? other
  }
  return true
}

function addNumbers(numbers: Numbers[], name: string, bounds: readonly number[], count: number): void {
  for (let at = 0; at < count; at += 2) {
    const [start = 0, end = 0] = [bounds[at], bounds[at + 1]]
    const { decimals, others } = (numbers[at / 2] ??= { decimals: [], others: new Set() })
    if (end - start > 15 || (end - start > 1 && name[start] === '0')) {
      others.add(name.slice(start, end))
      continue
    }
    let number = 0
    for (let digit = start; digit < end; digit++) number = number * 10 + name.charCodeAt(digit) - 0x30
    // Names are sorted, so most repetitions follow each other.
    if (decimals.at(-1) !== number) decimals.push(number)
  }
}

/** Describe a group: its pattern with the numbers that occur. */
export function describeGroup({ name, dtype, shape, tensors, bytes, numbers }: TensorGroup): LayerPattern {
  const bounds = numbersIn(name)
  const pattern = replaceNumbers(name, bounds, (position) => {
    const several = numbers[position]
    return several === undefined
      ? name.slice(bounds[2 * position], bounds[2 * position + 1])
      : ranges(several)
  })
  const elements = shape.reduce((product, length) => product * length, 1)
  return { pattern, dtype, shape, tensors, parameters: elements * tensors, bytes }
}

/** Write numbers as ranges in braces; a single one as it is. */
function ranges({ decimals, others }: Numbers): string {
  const spans: [first: number, last: number][] = []
  for (const number of Float64Array.from(decimals).toSorted()) {
    const open = spans.at(-1)
    if (open && number <= open[1] + 1) open[1] = number
    else spans.push([number, number])
  }
  const written = spans.map(([first, last]) =>
    first === last ? String(first) : `${first}${last === first + 1 ? ',' : '..'}${last}`,
  )
  const all = [...written, ...[...others].toSorted(compareUtf8)]
  const isOne = all.length === 1 && spans.every(([first, last]) => first === last)
  return isOne ? all.join('') : `{${all.join(',')}}`
}
