/** The part of a model's configuration that determines its architecture. */
import { basename } from 'node:path'
import { systemReason } from '../util/fs.ts'
import { nameList } from '../util/name-list.ts'
import { readRegular } from '../util/own-file.ts'
import { LineaprintError } from '../core/errors.ts'
import { canonicalBytesOfFile } from '../json/canonical.ts'
import { parseJson } from '../json/parse.ts'
import { compareUtf8 } from '../util/text-order.ts'
import type { ParsedDocument, ParsedJson } from '../json/parse.ts'
import { refuseDisguised } from './disguised.ts'
import { CONFIG_RULES } from './config-rules.ts'

/** The result of reading a configuration. */
export interface ModelConfig {
  /** The members that count. */
  readonly value: ParsedJson
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

/** The configuration of a model in the memory of a program, which has no folder. */
export interface GivenConfig {
  /** Name of its source, in place of that of a file. */
  readonly name: string
  /** JSON. */
  readonly text: string
  /** Keys that were left out of it before. */
  readonly ignored: readonly string[]
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
  return configOf(value, lossyIntegers, path)
}

/** Return the configuration that is given, else that of the folder of the model, with its name. `path` is its file. */
export async function siblingConfig(
  path: string | undefined,
  given: GivenConfig | undefined,
): Promise<(ModelConfig & { readonly name: string }) | undefined> {
  if (given !== undefined) {
    const config = parseConfig(new TextEncoder().encode(given.text))
    return { ...config, name: given.name, ignored: [...given.ignored, ...config.ignored] }
  }
  return path === undefined ? undefined : { ...(await readConfig(path)), name: basename(path) }
}

/**
 * The text in a model file that is its configuration, by format. Of TensorFlow.js it is a member of it, where a converter
 * wrote the file; TensorFlow.js itself saves the configuration in its place.
 */
const EMBEDDED: Readonly<Partial<Record<string, readonly [key: string, member?: string]>>> = {
  keras: ['config.json'],
  hdf5: ['model_config'],
  tfjs: ['modelTopology', 'model_config'],
}

/**
 * Return the configuration that a model file holds itself, without what Keras writes anew with each save.
 *
 * @param format The format of the file.
 * @param metadata Keys and values of the text in the file.
 * @param path The file, for errors.
 * @throws ERR_LINEAPRINT_FORMAT if it is not JSON.
 */
export function embeddedConfig(
  format: string,
  metadata: ReadonlyMap<string, string>,
  path: string,
): ModelConfig | undefined {
  const [key, member] = EMBEDDED[format] ?? []
  const text = key === undefined ? undefined : metadata.get(key)
  if (key === undefined || text === undefined) return undefined
  const { value, lossyIntegers } = parseEmbedded(text, key, path)
  if (member === undefined) return configOf(value, lossyIntegers, path, CONFIG_RULES.embeddedKeys)
  if (!(value instanceof Map)) return undefined
  const inner = value.get(member) ?? (value.has('class_name') ? value : undefined)
  return inner === undefined ? undefined : configOf(inner, lossyIntegers, path, CONFIG_RULES.embeddedKeys)
}

function parseEmbedded(text: string, key: string, path: string): ParsedDocument {
  try {
    return parseJson(text)
  } catch (cause) {
    if (!LineaprintError.is(cause)) throw cause
    const { expected, received } = cause
    const message = `its ${key} is not JSON with a canonical form`
    throw new LineaprintError('ERR_LINEAPRINT_FORMAT', message, { path, expected, received, cause })
  }
}

function configOf(
  value: ParsedJson,
  lossyIntegers: readonly string[],
  path: string | undefined,
  moreIgnored?: readonly string[],
): ModelConfig {
  const ignored: string[] = []
  const kept = meaningful(value, '', ignored, moreIgnored)
  const canonical = canonicalBytesOfFile(kept, path)
  const specialFloats = specialFloatsOf(value)
  return { value: kept, canonical, ignored, lossyIntegers, specialFloats, isObject: value instanceof Map }
}

/** Return the paths of numbers that are not finite. */
function specialFloatsOf(value: ParsedJson, path: string = ''): string[] {
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [path]
  const members = Array.isArray(value) ? value.entries() : value instanceof Map ? value.entries() : []
  return [...members].flatMap(([key, member]) =>
    specialFloatsOf(member, path === '' ? String(key) : `${path}.${key}`),
  )
}

/** Return warnings about a configuration that loaders may read in another way, or not at all. */
export function configWarnings({ lossyIntegers, specialFloats, isObject }: ModelConfig): string[] {
  return [
    ...(isObject ? [] : ['the configuration is not a JSON object, so no loader can use it']),
    ...(lossyIntegers.length > 0
      ? [`the configuration has integers that a double cannot represent: ${nameList(lossyIntegers)}`]
      : []),
    ...(specialFloats.length > 0
      ? [`the configuration has NaN or Infinity, which is not JSON: ${nameList(specialFloats)}`]
      : []),
  ]
}

/**
 * Remove the keys that do not change the model from a configuration.
 *
 * @param path Path of `value` within the document, with a trailing dot; empty for the root.
 * @param ignored Receives the paths of the removed keys.
 * @param moreIgnored Keys that do not change the model either.
 */
export function meaningful(
  value: ParsedJson,
  path: string = '',
  ignored: string[] = [],
  moreIgnored: readonly string[] = [],
): ParsedJson {
  if (Array.isArray(value))
    return value.map((item, index) => meaningful(item, `${path}${index}.`, ignored, moreIgnored))
  if (!(value instanceof Map)) return value
  const kept = new Map<string, ParsedJson>()
  for (const [key, member] of value) {
    if (CONFIG_RULES.ignoredKeys.includes(key) || moreIgnored.includes(key)) {
      ignored.push(path + key)
      continue
    }
    const inner = meaningful(member, `${path}${key}.`, ignored, moreIgnored)
    kept.set(key, CONFIG_RULES.sets.includes(key) && isTextArray(inner) ? inner.toSorted(compareUtf8) : inner)
  }
  return kept
}

function isTextArray(value: ParsedJson): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string')
}
