/** The meaningful part of a model's configuration. */
import { readFile } from 'node:fs/promises'
import { systemReason } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { canonicalBytes } from '../json/canonical.ts'
import { parseJson } from '../json/parse.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { ParsedJson } from '../json/parse.ts'
import { CONFIG_RULES } from './config-rules.ts'

/** What was read of a configuration. */
export interface ModelConfig {
  /** Canonical JSON of what is left, as UTF-8. */
  readonly canonical: Uint8Array
  /** Paths of the keys that were left out, in the order they stand. */
  readonly ignored: readonly string[]
  /** Integers whose digits a double does not keep. */
  readonly lossyIntegers: readonly string[]
}

/**
 * Reads `config.json` or `adapter_config.json` and leaves out what does not change the model: where it was
 * loaded from, by which version, and the dtype, which the tensors say themselves. Arrays that are sets by
 * meaning are sorted, because Python writes them in any order.
 */
export async function readConfig(path: string): Promise<ModelConfig> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw new LineaprintError('ERR_LINEAPRINT_UNREADABLE', `cannot read it: ${systemReason(cause)}`, {
      path,
      cause,
    })
  })
  const { value, lossyIntegers } = parseJson(bytes, path)
  const ignored: string[] = []
  return { canonical: canonicalBytes(meaningful(value, '', ignored)), ignored, lossyIntegers }
}

/**
 * What is left of a configuration without the keys that do not make it another one.
 *
 * @param path Of `value` within the document, with a dot behind it; empty for the whole.
 * @param ignored Takes the paths of what was left out.
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
