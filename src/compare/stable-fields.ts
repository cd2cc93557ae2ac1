/** Digests of JSON, YAML and text files without what is volatile in them. */
import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { digestBytes } from '../hash/bytes.ts'
import { canonicalBytes } from '../json/canonical.ts'
import { parseJson, toObjects } from '../json/parse.ts'
import { pathMatcher } from '../util/path-pattern.ts'
import { isReadError } from '../util/fs.ts'
import { readRegular } from '../util/own-file.ts'
import { stableMembers } from './torch-file.ts'
import { VOLATILE_FIELDS, VOLATILE_LINES, VOLATILE_PATHS } from './volatile-files.ts'
import type { Digests } from '../core/digest.ts'
import type { PathMatcher } from '../util/path-pattern.ts'
import type { StableFields } from '../record/tracked.ts'

/** A larger file is compared by its bytes. */
const SIZE_LIMIT = 64 * 1024 * 1024

/** A larger YAML file is compared by its bytes: the parser takes much memory. */
const YAML_LIMIT = 1024 * 1024

/** At most this many files of an output get such a digest; the others are compared by their bytes. */
const COUNT_LIMIT = 10_000

interface Rule {
  readonly matches: PathMatcher
  readonly fields: readonly (readonly PathMatcher[])[]
}

const RULES: readonly Rule[] = VOLATILE_FIELDS.map(({ files, fields }) => ({
  matches: pathMatcher(files),
  fields: fields.map((field) => field.split('.').map((name) => pathMatcher([name]))),
}))

const isLog: PathMatcher = pathMatcher(VOLATILE_LINES.files)
const holdsPaths: PathMatcher = pathMatcher(VOLATILE_PATHS)

/** A file that was digested as a whole. */
export interface DigestedFile {
  /** Path below the output, or the name of an output that is a file. */
  readonly path: string
  /** The raw bytes of the path in base64, only if they are not UTF-8. */
  readonly pathBytes?: string
  readonly size: number
  readonly digests: Digests
}

/**
 * Digest a file without its volatile parts: the plain BLAKE3 of its canonical JSON, of its text, or of the list of its
 * members with their digests.
 *
 * @param root Absolute path of the folder that the path of the file begins at.
 * @returns `undefined` if it has none, cannot be read as JSON, YAML or UTF-8, is larger than 64 MiB (YAML: 1 MiB), or
 * has changed since it was digested: its bytes count then.
 */
export async function stableDigest(
  root: string,
  { path, size, digests }: DigestedFile,
): Promise<string | undefined> {
  const file = join(root, path)
  const rule = RULES.find(({ matches }) => matches(path))
  if ((rule === undefined && !isLog(path) && !holdsPaths(path)) || size > SIZE_LIMIT) return undefined
  try {
    const bytes = await readRegular(file, SIZE_LIMIT)
    if (bytes.length !== size) return undefined
    if (!(await isUnchanged(bytes, digests))) return undefined
    const stable =
      rule !== undefined
        ? await stableValue(rule, path, bytes)
        : isLog(path)
          ? stableLines(bytes)
          : await stableTorch(root, bytes)
    return stable && String((await digestBytes(stable)).blake3)
  } catch (error) {
    if (isReadError(error)) return undefined
    throw error
  }
}

/** Return the digests of the members of a file of `torch.save`, without the paths in it. */
async function stableTorch(root: string, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const members = stableMembers(bytes, [root, await realpath(root)])
  if (members === undefined) return undefined
  const listed: string[][] = []
  for (const member of members) listed.push([member.name, String((await digestBytes(member.bytes)).blake3)])
  return canonicalBytes(listed)
}

/** Return the canonical form of a JSON or YAML file without its volatile fields. */
async function stableValue(rule: Rule, path: string, bytes: Uint8Array): Promise<Uint8Array | undefined> {
  const parsed = /\.ya?ml$/i.test(path) ? await parseYaml(bytes) : parseExactJson(bytes, path)
  return parsed && canonicalBytes(rule.fields.reduce((rest, field) => without(rest, field), parsed.value))
}

function parseExactJson(bytes: Uint8Array, path: string): { readonly value: unknown } | undefined {
  const { value, lossyIntegers } = parseJson(bytes, path)
  // Two different integers of many digits could have the same canonical form.
  return lossyIntegers.length > 0 ? undefined : { value: toObjects(value) }
}

/** Parse YAML whose values have an exact form in JSON. Return `undefined` for other files. */
async function parseYaml(bytes: Uint8Array): Promise<{ readonly value: unknown } | undefined> {
  const text = utf8(bytes)
  if (text === undefined || bytes.length > YAML_LIMIT) return undefined
  const { parseDocument } = await import('yaml')
  try {
    const document = parseDocument(text, { intAsBigInt: true, logLevel: 'silent' })
    if (document.errors.length > 0 || document.warnings.length > 0) return undefined
    return { value: exact(document.toJS({ mapAsMap: true, maxAliasCount: 0 })) }
  } catch {
    // Aliases, values without a form in JSON, and nesting that exceeds the stack: the bytes count.
    return undefined
  }
}

/** Return a value of YAML as one of JSON. Throw for one that has no exact form. */
function exact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => exact(item))
  if (value instanceof Map) {
    const entries = [...(value as Map<unknown, unknown>)]
    // The number 1 and the text "1" are two keys.
    if (entries.some(([key]) => typeof key !== 'string')) throw new TypeError('a key that is not text')
    return Object.fromEntries(entries.map(([key, member]) => [key as string, exact(member)]))
  }
  const number = typeof value === 'bigint' ? Number(value) : value
  if (typeof value === 'bigint' && !Number.isSafeInteger(number)) throw new RangeError('a large integer')
  if (typeof number === 'number' && !Number.isFinite(number)) throw new RangeError('not a finite number')
  if (number === null || ['string', 'number', 'boolean'].includes(typeof number)) return number
  throw new TypeError('a value of another type')
}

/** Return a text without the times at the start of its lines. */
function stableLines(bytes: Uint8Array): Uint8Array | undefined {
  const text = utf8(bytes)
  // The mark must not occur in the text itself.
  return text === undefined || text.includes('\0')
    ? undefined
    : Buffer.from(text.replaceAll(VOLATILE_LINES.start, '\0'))
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

async function isUnchanged(bytes: Uint8Array, { blake3, sha256 }: Digests): Promise<boolean> {
  const known = blake3 ?? sha256
  if (known === undefined) return false
  const computed = await digestBytes(bytes, { algorithm: known.algorithm })
  return computed[known.algorithm]?.equals(known) === true
}

/**
 * Digest all files of a folder that have volatile fields.
 *
 * @param root Absolute path of the folder.
 */
export async function stableFieldsOf(root: string, files: Iterable<DigestedFile>): Promise<StableFields[]> {
  const digested: StableFields[] = []
  for (const file of files) {
    // The text of a path that is not UTF-8 names another file.
    if (file.pathBytes !== undefined) continue
    if (digested.length >= COUNT_LIMIT) break
    const digest = await stableDigest(root, file)
    if (digest !== undefined) digested.push({ path: file.path, digest })
  }
  return digested
}

/** Return a copy of a value without a field. */
function without(value: unknown, [matches, ...rest]: readonly PathMatcher[]): unknown {
  if (matches === undefined || typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown, index) => {
      if (!matches(String(index))) return [item]
      return rest.length === 0 ? [] : [without(item, rest)]
    })
  }
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
      // A name with a slash is not a path.
      if (name === '' || !matches(name.replaceAll('/', '_'))) return [[name, member]]
      return rest.length === 0 ? [] : [[name, without(member, rest)]]
    }),
  )
}
