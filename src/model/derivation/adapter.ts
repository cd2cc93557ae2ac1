/** The matrices of a low-rank adapter of PEFT, and the scaling of their product. */
import { LineaprintError } from '../../core/errors.ts'
import { parseJson } from '../../json/parse.ts'
import type { ParsedJson } from '../../json/parse.ts'
import type { Opened } from './opened.ts'

/** The adapter of one tensor. */
export interface AdapterPair {
  readonly down: string
  readonly up: string
  readonly scaling: number
  readonly rank: number
}

/** An adapter. */
export interface AdapterFacts {
  /** By the name of the tensor that it changes. */
  readonly pairs: ReadonlyMap<string, AdapterPair>
  readonly warnings: readonly string[]
}

const DOWN = /^(?:base_model\.model\.)?(.+)\.lora_A(?:\.default)?\.weight$/

/**
 * Find the matrices of an adapter, and their scaling from `adapter_config.json`.
 *
 * @throws ERR_LINEAPRINT_UNSUPPORTED for an adapter that is more than a product of two matrices, or whose scaling is not
 * stated for all of them alike.
 */
export function readAdapter({ report, parts, byName }: Opened): AdapterFacts {
  const value = parts.config && parseJson(parts.config.canonical).value
  const refuse = (message: string, expected: string, received: string): never => {
    throw new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', message, {
      path: report.path,
      expected,
      received,
    })
  }
  if (!(value instanceof Map)) {
    return refuse(
      'the adapter has no adapter_config.json, so its scaling is not known',
      'a folder with adapter_config.json',
      'none',
    )
  }
  const config: ReadonlyMap<string, ParsedJson> = value
  for (const key of ['use_dora', 'fan_in_fan_out', 'lora_bias'])
    if (config.get(key) === true) refuse(`adapters with ${key} are not compared`, 'false', 'true')
  const bias = config.get('bias') ?? 'none'
  if (bias !== 'none') refuse('adapters with biases are not compared', 'none', JSON.stringify(bias))
  for (const key of ['alpha_pattern', 'rank_pattern']) {
    const pattern = config.get(key)
    if (pattern instanceof Map && pattern.size > 0)
      refuse(`adapters with a ${key} are not compared`, 'none', [...pattern.keys()].join(', '))
  }
  const alpha = config.get('lora_alpha')
  if (typeof alpha !== 'number' || !Number.isFinite(alpha))
    return refuse('the adapter does not state its lora_alpha', 'a number', 'none')
  const pairs = new Map<string, AdapterPair>()
  const unmatched = new Set(byName.keys())
  for (const [name, { shape }] of byName) {
    const module = DOWN.exec(name)?.[1]
    const up = name.replace('.lora_A.', '.lora_B.')
    const rank = shape[0] ?? 0
    if (module === undefined || !byName.has(up) || rank === 0) continue
    const scaling = alpha / (config.get('use_rslora') === true ? Math.sqrt(rank) : rank)
    pairs.set(`${module}.weight`, { down: name, up, scaling, rank })
    unmatched.delete(name)
    unmatched.delete(up)
  }
  const names = [...unmatched].slice(0, 4).join(', ')
  const warnings =
    unmatched.size === 0
      ? []
      : [`${unmatched.size} tensors of the adapter are not low-rank matrices: ${names}`]
  return { pairs, warnings }
}
