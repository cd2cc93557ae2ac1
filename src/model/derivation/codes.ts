/** Hypotheses about codes: that tensors of the second model are a quantised matrix of the first. */
import { fromNames } from './hypotheses.ts'
import { mapApplies, matchStar } from './maps.ts'
import type { TensorInfo } from '../read.ts'
import type { Attempt } from './attempts.ts'
import type { CodesBy, DtypeRule } from './checks.ts'
import type { Side, TensorForm } from './hypotheses.ts'
import type { Facts, NameMap, PackedNames } from './maps.ts'

/** Attempts to explain codes, and sentences about what they lack. */
export interface FromCodes {
  readonly attempts: readonly Attempt[]
  readonly obstacles: readonly string[]
}

/** Find what the maps say about codes: the matrix that they stand for, and the tensors that they need. */
export function fromCodes(
  target: TensorInfo,
  before: Side,
  after: Side,
  maps: readonly NameMap[],
): FromCodes {
  const attempts: Attempt[] = []
  const obstacles: string[] = []
  for (const map of maps) {
    const { packed } = map
    const star = packed && matchStar(packed.codes, target.name)
    if (packed === undefined || star === undefined || !mapApplies(map, before.facts, after.facts)) continue
    const fitting =
      packed.as === 'scaled' ? eightBits(target, packed, star, after) : fewBits(target, packed, star, after)
    if (fitting === undefined) continue
    const { matrix, codes, rules } = fitting
    const { hypotheses } = fromNames(matrix, before, after, maps)
    const kept = hypotheses.filter(
      ({ arrangement, offset }) => arrangement === undefined && offset === undefined,
    )
    if (kept.length === 0 && packed.as !== 'scaled')
      obstacles.push(
        `no tensor of the first model leads to ${matrix.name} [${matrix.shape.join(', ')}] (map ${map.name})`,
      )
    for (const hypothesis of kept) {
      const dtype = hypothesis.sources[0]?.dtype ?? ''
      for (const rule of rules)
        attempts.push({ hypothesis: { ...hypothesis, map: map.name }, rule: rule(dtype), codes })
    }
  }
  return { attempts, obstacles }
}

/** Codes whose names fit, with the matrix that they stand for. */
interface Fitting {
  readonly matrix: TensorForm
  readonly codes: CodesBy
  /** The rules to try in this order, for the dtype of the matrix. */
  readonly rules: readonly ((dtype: string) => DtypeRule)[]
}

const nameOf = (pattern: string, star: string): string => pattern.replace('*', () => star)

function eightBits(
  target: TensorInfo,
  { matrix, scales }: PackedNames,
  star: string,
  { byName }: Side,
): Fitting | undefined {
  const name = nameOf(scales, star)
  if (!/^F8_E[45]M[23]$/.test(target.dtype) || !byName.has(name)) return undefined
  const rule = (from: string): DtypeRule => ({
    native: 'scale',
    verdict: 'quantised',
    words: [`quantised ${from} to ${target.dtype} with the scales of ${name}`],
  })
  return { matrix: { ...target, name: nameOf(matrix, star) }, codes: { scales: name }, rules: [rule] }
}

function fewBits(target: TensorInfo, packed: PackedNames, star: string, after: Side): Fitting | undefined {
  const { byName, facts } = after
  const [scales, zeros] = [packed.scales, packed.zeros ?? ''].map((name) => byName.get(nameOf(name, star)))
  const order = packed.order === undefined ? undefined : byName.get(nameOf(packed.order, star))
  const [rows, columns] = target.shape
  const outputs = scales?.shape[1]
  if (scales === undefined || zeros === undefined || target.dtype !== 'I32') return undefined
  if (rows === undefined || columns === undefined || outputs === undefined) return undefined
  // Codes of GPTQ share words along the inputs, and those of AWQ along the outputs.
  const as = columns === outputs ? 'gptq' : 'awq'
  const method = facts.get('quantization_config.quant_method') ?? as
  if (packed.as !== as || method !== as) return undefined
  const bits = statedNumber(facts, 'bits')
  const group = statedNumber(facts, 'group_size')
  const inputs =
    as === 'awq'
      ? rows
      : (order?.shape[0] ??
        Math.floor((rows * 32) / (bits ?? Math.floor(((zeros.shape[1] ?? 0) * 32) / outputs))))
  const codes: CodesBy = {
    scales: scales.name,
    zeros: zeros.name,
    ...(order && { order: order.name }),
    ...(bits !== undefined && { bits }),
    ...(group !== undefined && { group }),
  }
  const rules = {
    awq: [ruleOf('packed-awq', 'words of AWQ, dequantised and compared')],
    gptq: [
      ruleOf('packed-gptq', 'words of GPTQ (zero points stored minus one), dequantised and compared'),
      ruleOf('packed-gptq-zeros', 'words of GPTQ (zero points stored as they are), dequantised and compared'),
    ],
  }[as]
  // If the configuration says how zero points are stored, the other way is not tried.
  const format = as === 'gptq' ? facts.get('quantization_config.checkpoint_format') : undefined
  const stated = format === 'gptq_v2' ? rules.slice(1) : format === undefined ? rules : rules.slice(0, 1)
  return {
    matrix: { name: nameOf(packed.matrix, star), dtype: 'F32', shape: [outputs, inputs] },
    codes,
    rules: stated,
  }
}

/** Return the rule for a dtype: the check of it, in the words for what the matrix became. */
function ruleOf(native: DtypeRule['native'], words: string): (from: string) => DtypeRule {
  return (from) => ({ native, verdict: 'quantised', words: [`quantised ${from} to ${words}`] })
}

/** Return a number of the configuration that is above zero. */
function statedNumber(facts: Facts, key: string): number | undefined {
  const value = Number(facts.get(`quantization_config.${key}`))
  return Number.isSafeInteger(value) && value > 0 && value < 2 ** 31 ? value : undefined
}

/** Return the tensors beside codes, each with what it holds. */
export function companionsOf({
  scales,
  zeros,
  order,
}: CodesBy): readonly (readonly [name: string, noun: string])[] {
  return [
    [scales, 'scales'],
    ...(zeros === undefined ? [] : [[zeros, 'zero points'] as const]),
    ...(order === undefined ? [] : [[order, 'groups of the inputs'] as const]),
  ]
}
