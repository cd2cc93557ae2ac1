/** Keys in which the meaningful configurations of two models differ. */
import { parseJson } from '../../json/parse.ts'
import { canonicalJson } from '../../json/canonical.ts'
import type { ParsedJson } from '../../json/parse.ts'
import type { ModelConfig } from '../config.ts'

/** One key that differs. */
export interface ConfigDifference {
  /**
   * Path of the key, segments joined by `.`; a segment that contains a dot is written `["a.b"]`. Empty: the
   * whole.
   */
  readonly key: string
  /** Canonical JSON of the earlier value; absent if the key is new. */
  readonly before?: string
  /** Canonical JSON of the later value; absent if the key was removed. */
  readonly after?: string
}

/** Compare two configurations key by key; a missing configuration is one difference. */
export function diffConfigs(
  before: ModelConfig | undefined,
  after: ModelConfig | undefined,
): ConfigDifference[] {
  return diffDocuments(valueOf(before), valueOf(after))
}

/** Compare two documents key by key; a missing document is one difference. */
export function diffDocuments(
  before: ParsedJson | undefined,
  after: ParsedJson | undefined,
): ConfigDifference[] {
  const differences: ConfigDifference[] = []
  compare(before, after, '', differences)
  return differences
}

function valueOf(config: ModelConfig | undefined): ParsedJson | undefined {
  return config && parseJson(config.canonical).value
}

function compare(
  before: ParsedJson | undefined,
  after: ParsedJson | undefined,
  key: string,
  differences: ConfigDifference[],
): void {
  if (before instanceof Map && after instanceof Map) {
    for (const name of [...new Set([...before.keys(), ...after.keys()])].toSorted())
      compare(before.get(name), after.get(name), join(key, name), differences)
    return
  }
  // Arrays of objects, such as the layers of a model, are compared item by item; an array of numbers is one
  // value.
  if (isObjects(before) && isObjects(after) && before.length === after.length) {
    before.forEach((item, index) => compare(item, after[index], join(key, String(index)), differences))
    return
  }
  const [textBefore, textAfter] = [text(before), text(after)]
  if (textBefore === textAfter) return
  differences.push({
    key,
    ...(textBefore !== undefined && { before: textBefore }),
    ...(textAfter !== undefined && { after: textAfter }),
  })
}

function isObjects(value: ParsedJson | undefined): value is ParsedJson[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => item instanceof Map)
}

function text(value: ParsedJson | undefined): string | undefined {
  return value === undefined ? undefined : canonicalJson(value)
}

function join(path: string, name: string): string {
  const segment = name === '' || /[.[\]"]/.test(name) ? `[${JSON.stringify(name)}]` : name
  return path === '' || segment.startsWith('[') ? path + segment : `${path}.${segment}`
}
