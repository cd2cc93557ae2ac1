/** The part of a model's configuration that determines its architecture. */
import { systemReason } from '../util/fs.ts'
import { readRegular } from '../util/own-file.ts'
import { LineaprintError } from '../core/errors.ts'
import { canonicalBytesOfFile } from '../json/canonical.ts'
import { parseJson } from '../json/parse.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { ParsedJson } from '../json/parse.ts'
import { refuseDisguised } from './disguised.ts'
import { CONFIG_RULES } from './config-rules.ts'

/** The result of reading a configuration. */
export interface ModelConfig {
  /** Canonical JSON of the remaining keys, as UTF-8. */
  readonly canonical: Uint8Array
  /** Paths of the removed keys, in document order. */
  readonly ignored: readonly string[]
  /** Paths of integers whose digits exceed a double. */
  readonly lossyIntegers: readonly string[]
  /** Paths of NaN and infinities, which Python writes and JSON does not have. */
  readonly specialFloats: readonly string[]
  /** True if the document is an object, as loaders require. */
  readonly isObject: boolean
}

/** The most bytes of a configuration. */
const CONFIG_LIMIT = 256 << 20

/**
 * Read `config.json` or `adapter_config.json` and remove what does not change the model: its origin, the
 * version that wrote it, and the dtype, which the tensors state themselves. Arrays that represent sets are
 * sorted, because Python writes them in arbitrary order.
 */
export async function readConfig(path: string): Promise<ModelConfig> {
  const bytes = await readRegular(path, CONFIG_LIMIT).catch((cause: unknown) => {
    throw new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot read it: ${systemReason(cause)}`, {
      path,
      cause,
    })
  })
  await refuseDisguised([path], 'JSON')
  return parseConfig(bytes, path)
}

/** Do the same with a configuration in memory. */
export function parseConfig(bytes: Uint8Array, path?: string): ModelConfig {
  const { value, lossyIntegers } = parseJson(bytes, path)
  const ignored: string[] = []
  const canonical = canonicalBytesOfFile(meaningful(value, '', ignored), path)
  const specialFloats = specialFloatsOf(value)
  return { canonical, ignored, lossyIntegers, specialFloats, isObject: value instanceof Map }
}

/** Return the paths of numbers that are not finite. */
function specialFloatsOf(value: ParsedJson, path: string = ''): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [path]
  const members = Array.isArray(value) ? value.entries() : value instanceof Map ? value.entries() : []
  return [...members].flatMap(([key, member]) =>
    specialFloatsOf(member, path === '' ? String(key) : `${path}.${key}`),
  )
}

/**
 * Remove the keys that do not change the model from a configuration.
 *
 * @param path Path of `value` within the document, with a trailing dot; empty for the root.
 * @param ignored Receives the paths of the removed keys.
 */
export function meaningful(value: ParsedJson, path: string = '', ignored: string[] = []): ParsedJson {
  if (Array.isArray(value)) return value.map((item, index) => meaningful(item, `${path}${index}.`, ignored))
  if (!(value instanceof Map)) return value
  const kept = new Map<string, ParsedJson>()
  for (const [key, member] of value) {
    if (CONFIG_RULES.ignoredKeys.includes(key)) {
      ignored.push(path + key)
      continue
    }
    const inner = meaningful(member, `${path}${key}.`, ignored)
    kept.set(key, CONFIG_RULES.sets.includes(key) && isTextArray(inner) ? inner.toSorted(compareUtf8) : inner)
  }
  return kept
}

function isTextArray(value: ParsedJson): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
