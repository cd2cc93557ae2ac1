/** Hypotheses: which tensors a tensor may follow from, and where its elements lie in them. */
import { fillName, mapApplies, matchName, parameterOf } from './maps.ts'
import type { TensorInfo } from '../read.ts'
import type { NativeDerivationPart, NativeDerivationSources } from '../../native/load.ts'
import type { Facts, NameMap, NameRule, Numbers } from './maps.ts'

/** A way in which elements may lie. */
export type Arrangement = 'fused' | 'split' | 'transposed' | 'permuted'

/** The facts about a tensor that a hypothesis needs: the headers of files say it, so that it can be made before a digest is. */
export type TensorForm = Pick<TensorInfo, 'name' | 'dtype' | 'shape'>

/** One hypothesis. */
export interface Hypothesis<T extends TensorForm = TensorInfo> {
  readonly sources: readonly T[]
  readonly layout: NativeDerivationSources
  /** Absent if the elements lie in one tensor in the same order. */
  readonly arrangement?: Arrangement
  /** In plain words; empty without an arrangement. */
  readonly words: string
  readonly offset?: number
  /** Name of the map; absent for a hypothesis from the name or the elements of a tensor. */
  readonly map?: string
}

/** A model as the search for hypotheses sees it. */
export interface Side<T extends TensorForm = TensorInfo> {
  readonly byName: ReadonlyMap<string, T>
  readonly facts: Facts
}

const ofShape = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1)

/** Return a whole tensor as a part of another one. */
function whole(name: string, view: readonly number[], order?: readonly number[]): NativeDerivationPart {
  return {
    name,
    view: [...view],
    sliceAxis: -1,
    sliceStart: 0,
    sliceEnd: 0,
    order: [...(order ?? view.keys())],
  }
}

/** Return the axes counted in blocks, which lie along the last one. */
function inBlocks(shape: readonly number[], block: number): readonly number[] {
  if (block === 1) return shape
  return shape.map((length, axis) => (axis === shape.length - 1 ? length / block : length))
}

/** The hypothesis that a tensor has the elements of another one in the same order. */
export function unchangedOrder<T extends TensorForm>(
  source: T,
  target: TensorForm,
  block = 1,
): Hypothesis<T> {
  const view = inBlocks(target.shape, block)
  return {
    sources: [source],
    layout: { view: [...view], axis: 0, parts: [whole(source.name, view)] },
    words: '',
  }
}

/** The hypothesis that a matrix is the transpose of another one; `undefined` if the shapes do not fit. */
export function transposedOrder<T extends TensorForm>(
  source: T,
  target: TensorForm,
): Hypothesis<T> | undefined {
  const [rows, columns] = source.shape
  if (source.shape.length !== 2 || target.shape.length !== 2) return undefined
  if (rows !== target.shape[1] || columns !== target.shape[0]) return undefined
  return {
    sources: [source],
    layout: { view: [...target.shape], axis: 0, parts: [whole(source.name, source.shape, [1, 0])] },
    arrangement: 'transposed',
    words: 'its axes changed places',
  }
}

/** The hypothesis that a tensor is others joined along an axis. */
export function joined<T extends TensorForm>(
  sources: readonly T[],
  target: TensorForm,
  axis: number,
  block: number,
): Hypothesis<T> | undefined {
  const shapes = sources.map(({ shape }) => inBlocks(shape, block))
  const view = inBlocks(target.shape, block)
  const fits = shapes.every(
    (shape) =>
      shape.length === view.length && shape.every((length, at) => at === axis || length === view[at]),
  )
  const along = shapes.reduce((sum, shape) => sum + (shape[axis] ?? 0), 0)
  if (!fits || along !== view[axis] || !shapes.flat().every(Number.isInteger)) return undefined
  return {
    sources,
    layout: { view: [...view], axis, parts: sources.map(({ name }, at) => whole(name, shapes[at] ?? [])) },
    arrangement: 'fused',
    words: `joined along axis ${axis} from ${sources.length} tensors`,
  }
}

/** Hypotheses from maps for one tensor, and sentences about those that lack something. */
export interface Mapped<T extends TensorForm = TensorInfo> {
  readonly hypotheses: readonly Hypothesis<T>[]
  readonly obstacles: readonly string[]
}

/** Return the elements of a block of a dtype, which is what a layout counts; 1 for dtypes without blocks. */
export function blockOf(dtype: string): number {
  if (!dtype.startsWith('GGML_')) return 1
  if (/_K$|^GGML_IQ|^GGML_TQ/.test(dtype) && dtype !== 'GGML_IQ4_NL') return 256
  return { GGML_NVFP4: 64, GGML_Q1_0: 128, GGML_Q2_0: 64 }[dtype] ?? 32
}

/** Find what the maps say about a tensor of the second model, in either direction. */
export function fromMaps<T extends TensorForm>(
  target: TensorForm,
  before: Side<T>,
  after: Side<TensorForm>,
  maps: readonly NameMap[],
): Mapped<T> {
  const hypotheses: Hypothesis<T>[] = []
  const obstacles: string[] = []
  const take = (match: Hypothesis<T> | string | undefined, map: NameMap): void => {
    if (typeof match === 'string') obstacles.push(`${match} (map ${map.name})`)
    else if (match !== undefined) hypotheses.push({ ...match, map: map.name })
  }
  for (const map of maps) {
    if (mapApplies(map, before.facts, after.facts)) {
      for (const rule of map.rules) {
        const numbers = matchName(rule.to, target.name)
        if (numbers !== undefined) take(forward(rule, numbers, target, before, after, map), map)
      }
    }
    if (mapApplies(map, after.facts, before.facts)) {
      for (const rule of map.rules) {
        rule.from.forEach((pattern, part) => {
          const numbers = matchName(pattern, target.name)
          if (numbers !== undefined) take(backward(rule, part, numbers, target, before, after, map), map)
        })
      }
    }
  }
  return { hypotheses, obstacles }
}

function withOffset<T extends TensorForm>(
  match: Hypothesis<T> | string | undefined,
  offset: number | undefined,
): typeof match {
  return typeof match === 'object' && offset !== undefined ? { ...match, offset } : match
}

/** The target has the name that a rule leads to. */
function forward<T extends TensorForm>(
  rule: NameRule,
  numbers: Numbers,
  target: TensorForm,
  before: Side<T>,
  after: Side<TensorForm>,
  map: NameMap,
): Hypothesis<T> | string | undefined {
  const { from, stack, axis = 0 } = rule
  if (stack !== undefined) return stacked(from[0] ?? '', stack, numbers, target, before)
  const sources = from.flatMap((pattern) => before.byName.get(fillName(pattern, numbers)) ?? [])
  const [only] = sources
  if (only === undefined || sources.length !== from.length) return undefined
  const sides = [before.facts, after.facts]
  if (sources.length > 1 && rule.groups !== undefined) {
    const groups = parameterOf(map, rule.groups, sides)
    return typeof groups === 'string' ? groups : grouped(sources, target, groups)
  }
  const block = blockOf(only.dtype)
  if (sources.length > 1) return joined(sources, target, axis, block)
  return withOffset(single(rule, only, target, map, sides, block, 'forward'), rule.offset)
}

/** The target has a name that a rule starts from. */
function backward<T extends TensorForm>(
  rule: NameRule,
  part: number,
  numbers: Numbers,
  target: TensorForm,
  before: Side<T>,
  after: Side<TensorForm>,
  map: NameMap,
): Hypothesis<T> | string | undefined {
  const { from, stack, axis = 0 } = rule
  const source = before.byName.get(fillName(rule.to, numbers))
  if (source === undefined) return undefined
  const block = blockOf(source.dtype)
  if (stack !== undefined) {
    const index = Number(numbers[stack])
    const count = source.shape[0] ?? 0
    const view = inBlocks(source.shape, block)
    if (source.shape.length !== target.shape.length + 1 || index >= count) return undefined
    const own = [1, ...inBlocks(target.shape, block)]
    return slice(source, view, 0, index, index + 1, own, `element ${index} along axis 0`)
  }
  const sides = [before.facts, after.facts]
  if (from.length === 1) {
    const match = single(rule, source, target, map, sides, block, 'backward')
    return withOffset(match, rule.offset === undefined ? undefined : -rule.offset)
  }
  // The places of the parts follow from the shapes of the others, which the second model has too.
  const parts = from.map((pattern) => after.byName.get(fillName(pattern, numbers)))
  if (parts.includes(undefined)) return undefined
  const lengths = parts.map((tensor) => inBlocks(tensor?.shape ?? [], block)[axis] ?? 0)
  const start = lengths.slice(0, part).reduce((sum, length) => sum + length, 0)
  const own = inBlocks(target.shape, block)
  const view = inBlocks(source.shape, block)
  if (rule.groups !== undefined) {
    const groups = parameterOf(map, rule.groups, sides)
    if (typeof groups === 'string') return groups
    const rows = source.shape[0] ?? 0
    const columns = ofShape(source.shape.slice(1))
    const [first, length] = [start / groups, (lengths[part] ?? 0) / groups]
    if (![rows / groups, first, length].every(Number.isInteger)) return undefined
    const words = `rows ${first} to ${first + length} of each of ${groups} groups`
    return slice(
      source,
      [groups, rows / groups, columns],
      1,
      first,
      first + length,
      [groups, length, columns],
      words,
    )
  }
  const end = start + (lengths[part] ?? 0)
  return slice(source, view, axis, start, end, own, `elements ${start} to ${end} along axis ${axis}`)
}

/** Return the rows of a tensor as a tensor of their own; `undefined` where they are not whole blocks. */
export function rowsOf<T extends TensorForm>(
  source: T,
  start: number,
  end: number,
): Hypothesis<T> | undefined {
  const view = inBlocks(source.shape, blockOf(source.dtype))
  if (view.length === 0 || !view.every(Number.isInteger)) return undefined
  const own = [end - start, ...view.slice(1)]
  return slice(source, view, 0, start, end, own, `rows ${start} to ${end}`)
}

function slice<T extends TensorForm>(
  source: T,
  view: readonly number[],
  axis: number,
  start: number,
  end: number,
  own: readonly number[],
  words: string,
): Hypothesis<T> {
  const part = { ...whole(source.name, view), sliceAxis: axis, sliceStart: start, sliceEnd: end }
  return {
    sources: [source],
    layout: { view: [...own], axis: 0, parts: [part] },
    arrangement: 'split',
    words,
  }
}

/** One tensor that follows from one: in the same order, transposed, or with the rows of each head interleaved. */
function single<T extends TensorForm>(
  { permute, transpose }: NameRule,
  source: T,
  target: TensorForm,
  map: NameMap,
  sides: readonly Facts[],
  block: number,
  direction: 'forward' | 'backward',
): Hypothesis<T> | string | undefined {
  if (transpose === true) return transposedOrder(source, target)
  if (ofShape(source.shape) !== ofShape(target.shape)) return undefined
  if (permute === undefined) return unchangedOrder(source, target, block)
  const heads = parameterOf(map, permute.rotary, sides)
  return typeof heads === 'string' ? heads : rotary(source, heads, block, direction)
}

/** The hypothesis that the two halves of the rows of each head were interleaved, or taken apart again. */
export function rotary<T extends TensorForm>(
  source: T,
  heads: number,
  block: number,
  direction: 'forward' | 'backward',
): Hypothesis<T> | undefined {
  const rows = source.shape[0] ?? 0
  const half = rows / heads / 2
  const columns = ofShape(inBlocks(source.shape, block).slice(1))
  if (!Number.isInteger(half) || !Number.isInteger(columns)) return undefined
  const view = direction === 'forward' ? [heads, 2, half, columns] : [heads, half, 2, columns]
  const own = [view[0] ?? 0, view[2] ?? 0, view[1] ?? 0, columns]
  return {
    sources: [source],
    layout: { view: own, axis: 0, parts: [whole(source.name, view, [0, 2, 1, 3])] },
    arrangement: 'permuted',
    words:
      direction === 'forward'
        ? `the halves of the rows of each of ${heads} heads interleaved (rotary)`
        : `the rows of each of ${heads} heads taken apart into halves (rotary)`,
  }
}

/** Several tensors joined group by group of rows, as Megatron keeps the queries, the key and the value of a group together. */
function grouped<T extends TensorForm>(
  sources: readonly T[],
  target: TensorForm,
  groups: number,
): Hypothesis<T> | undefined {
  const columns = ofShape(target.shape.slice(1))
  const rows = (tensor: TensorForm): number => (tensor.shape[0] ?? 0) / groups
  if (![target, ...sources].every((tensor) => Number.isInteger(rows(tensor)))) return undefined
  if (sources.some(({ shape }) => ofShape(shape.slice(1)) !== columns)) return undefined
  return {
    sources,
    layout: {
      view: [groups, rows(target), columns],
      axis: 1,
      parts: sources.map((source) => whole(source.name, [groups, rows(source), columns])),
    },
    arrangement: 'fused',
    words: `joined from ${sources.length} tensors, group by group of ${groups}`,
  }
}

/** Tensors stacked along a new first axis. */
function stacked<T extends TensorForm>(
  pattern: string,
  placeholder: string,
  numbers: Numbers,
  target: TensorForm,
  before: Side<T>,
): Hypothesis<T> | undefined {
  const count = target.shape[0] ?? 0
  const sources: T[] = []
  for (let index = 0; index < count; index++) {
    const source = before.byName.get(fillName(pattern, { ...numbers, [placeholder]: String(index) }))
    if (source === undefined) return undefined
    sources.push(source)
  }
  const block = blockOf(sources[0]?.dtype ?? '')
  const unit = [1, ...inBlocks(target.shape.slice(1), block)]
  if (sources.length === 0 || sources.some(({ shape }) => ofShape(shape) !== ofShape(target.shape.slice(1))))
    return undefined
  return {
    sources,
    layout: {
      view: [...inBlocks(target.shape, block)],
      axis: 0,
      parts: sources.map(({ name }) => whole(name, unit)),
    },
    arrangement: 'fused',
    words: `${sources.length} tensors stacked along a new axis 0`,
  }
}

/**
 * Find the hypotheses about a tensor of the second model: that it is the tensor with its name, and what the maps say; and
 * sentences about those that lack something.
 */
export function fromNames<T extends TensorForm>(
  target: TensorForm,
  before: Side<T>,
  after: Side<TensorForm>,
  maps: readonly NameMap[],
): Mapped<T> {
  const hypotheses: Hypothesis<T>[] = []
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
  return { hypotheses: [...hypotheses, ...mapped.hypotheses], obstacles: mapped.obstacles }
}
