/** Digests of JSON files without their volatile fields. */
import { join } from 'node:path'
import { hashBytes } from '../hash/bytes.ts'
import { canonicalBytes } from '../json/canonical.ts'
import { parseJson, toObjects } from '../json/parse.ts'
import { pathMatcher } from '../util/path-pattern.ts'
import { isReadError } from '../util/fs.ts'
import { readRegular } from '../util/own-file.ts'
import { VOLATILE_FIELDS } from './volatile-files.ts'
import type { Digests } from '../core/digest.ts'
import type { PathMatcher } from '../util/path-pattern.ts'
import type { StableFields } from '../record/tracked.ts'

/** A larger file is compared by its bytes. */
const SIZE_LIMIT = 64 * 1024 * 1024

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
 * Digest a file without its volatile fields: the plain BLAKE3 of its canonical JSON.
 *
 * @param file Absolute path.
 * @returns `undefined` if it has none, is not JSON, is larger than 64 MiB, or has changed since it was digested:
 * its bytes count then.
 */
export async function stableDigest(
  file: string,
  { path, size, digests }: DigestedFile,
): Promise<string | undefined> {
  const rule = RULES.find(({ matches }) => matches(path))
  if (rule === undefined || size > SIZE_LIMIT) return undefined
  try {
    const bytes = await readRegular(file, SIZE_LIMIT)
    if (bytes.length !== size) return undefined
    if (!(await isUnchanged(bytes, digests))) return undefined
    const { value, lossyIntegers } = parseJson(bytes, file)
    // Two different integers of many digits could have the same canonical form.
    if (lossyIntegers.length > 0) return undefined
    const stable = rule.fields.reduce((rest, field) => without(rest, field), toObjects(value))
    return String((await hashBytes(canonicalBytes(stable))).blake3)
  } catch (error) {
    if (isReadError(error)) return undefined
    throw error
  }
}

async function isUnchanged(bytes: Uint8Array, { blake3, sha256 }: Digests): Promise<boolean> {
  const known = blake3 ?? sha256
  if (known === undefined) return false
  const computed = await hashBytes(bytes, { algorithm: known.algorithm })
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
    const digest = await stableDigest(join(root, file.path), file)
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
