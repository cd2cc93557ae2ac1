/**
 * A record as YAML that every reader parses alike: no tags, no aliases, nothing that YAML 1.1 reads
 * differently.
 */
import { stringify } from 'yaml'
import { decodeFloats } from '../json/special-floats.ts'
import { escapeYaml } from '../util/escape-text.ts'
import type { ScalarTag } from 'yaml'
import type { RunRecord } from '../record/record.ts'

/** YAML 1.1 readers, such as PyYAML, parse `1e+21` as text: they require a point before the exponent. */
const exponent: ScalarTag = {
  identify: (value) => typeof value === 'number' && /e/.test(String(value)),
  default: true,
  tag: 'tag:yaml.org,2002:float',
  test: /^[-+]?[0-9]+\.[0-9]+e[-+][0-9]+$/,
  resolve: (text) => Number(text),
  stringify: ({ value }) => {
    const text = String(value)
    return text.includes('.') ? text : text.replace('e', '.0e')
  },
}

/** Text that no reader parses as anything else, except for the words that `compat` knows. */
const HARMLESS = /^[A-Za-z_][\w./-]*(?: [\w./-]+)*$/

/** Any other text is a JSON string, which YAML 1.1 and 1.2 parse alike; line ends of YAML 1.1, and
 * characters that control a terminal, are escaped. */
const quoted: ScalarTag = {
  identify: (value) => typeof value === 'string' && !HARMLESS.test(value),
  default: true,
  tag: 'tag:yaml.org,2002:str',
  resolve: (text) => text,
  stringify: ({ value }) => escapeYaml(JSON.stringify(value)),
}

/** Format YAML without tags; `NaN` and the infinities are `.nan`, `.inf` and `-.inf`. */
export function toYaml(record: RunRecord): string {
  return stringify(decodeFloats(record), {
    aliasDuplicateObjects: false,
    // Quotes text that YAML 1.1 would parse as another type, such as `no`.
    compat: 'yaml-1.1',
    customTags: (tags) => [exponent, quoted, ...tags],
    lineWidth: 0,
  })
}
