/** Steps that somebody declares: what was made, from what, and how. */
import { resolve } from 'node:path'
import { checkKnown, checkObject } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { hashBytes } from '../hash/bytes.ts'
import { checkName, checkText, copyAsJson } from '../json/copy.ts'
import type { Algorithm, AlgorithmChoice } from '../core/digest.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { DerivationRecord, StepCode } from '../record/record.ts'
import type { RunState } from '../record/state.ts'

/** The source of a function, under the name of that function. */
export interface NamedSource {
  readonly name: string
  readonly source: string
}

/** The code of a step: the path of a file, a function, or the source of one in another language. */
export type StepSource = string | ((...given: never[]) => unknown) | NamedSource

/** Sources of a step, and how it made something from them. */
export interface DeriveOptions {
  /** Names of datasets, models, tokenizers or outputs of the run, at least one. */
  readonly from: string | readonly string[]
  /** Words for what was done. @default not recorded */
  readonly step?: string | undefined
  /** Parameters of the step: anything with a JSON form. @default none */
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /** Files and functions that did it; the record has their digests. @default none */
  readonly code?: StepSource | readonly StepSource[] | undefined
}

/** A declared step that was checked, and whose values are copies. */
export interface CheckedDerivation {
  readonly name: string
  readonly from: readonly string[]
  readonly step?: string
  readonly params?: JsonObject
  readonly code: readonly (string | NamedSource)[]
}

const NAMES_LIMIT = 10_000
const CODE_LIMIT = 1000
/** Most characters of the source of a function. */
export const SOURCE_LIMIT: number = 1 << 20

/**
 * Check a declared step, and copy what the caller may change later.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT naming the option that cannot be used.
 */
export function checkDerivation(name: string, options: DeriveOptions): CheckedDerivation {
  checkObject(options)
  checkKnown(options, ['from', 'step', 'params', 'code'])
  const { from, step, params, code } = options
  return {
    name: checkName(name, 'the name of what was derived'),
    from: checkSources(from),
    ...(step !== undefined && { step: checkText(step, 'step') }),
    ...(params !== undefined && { params: copyAsJson(params, 'params') }),
    code: checkCode(code),
  }
}

function checkSources(from: unknown): string[] {
  const names: readonly unknown[] = Array.isArray(from) ? from : [from]
  if (names.length === 0 || names.length > NAMES_LIMIT)
    throw refusal('from', `1 to ${NAMES_LIMIT} names`, String(names.length))
  return [...new Set(names.map((name) => checkName(name, 'a name in from')))]
}

function checkCode(code: DeriveOptions['code']): (string | NamedSource)[] {
  if (code === undefined) return []
  const parts = Array.isArray(code) ? (code as readonly unknown[]) : [code]
  if (parts.length > CODE_LIMIT) throw refusal('code', `at most ${CODE_LIMIT} parts`, String(parts.length))
  return parts.map((part) => {
    if (typeof part === 'string') return checkText(part, 'a path in code')
    const named =
      typeof part === 'function' ? { name: part.name, source: Function.prototype.toString.call(part) } : part
    if (!isNamedSource(named)) throw refusal('code', 'paths of files, or functions', typeof part)
    const { name, source } = named
    if (source.length > SOURCE_LIMIT)
      throw refusal('code', `a source of at most ${SOURCE_LIMIT} characters`, String(source.length))
    if (!source.isWellFormed())
      throw refusal('code', 'a source without half of a surrogate pair', 'one that UTF-8 cannot hold')
    return { name: checkText(name, 'the name of a function', { empty: true }), source }
  })
}

function isNamedSource(value: unknown): value is NamedSource {
  if (typeof value !== 'object' || value === null) return false
  const { name, source } = value as Partial<NamedSource>
  return typeof name === 'string' && typeof source === 'string'
}

function refusal(field: string, expected: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `the option ${field} of derive cannot be used`, {
    field,
    expected,
    received,
  })
}

/**
 * Digest the code of a step, and return its recorded form.
 *
 * @param directory Absolute path of the folder against which relative paths are resolved.
 * @throws The errors of {@link hashFile}.
 */
export async function describeDerivation(
  { code, ...declared }: CheckedDerivation,
  {
    directory,
    algorithm: choice,
    signal,
  }: {
    readonly directory: string
    readonly algorithm: AlgorithmChoice
    readonly signal?: AbortSignal | undefined
  },
): Promise<Omit<DerivationRecord, 'process'>> {
  // One digest is enough to recognise code, and the record has one field for it.
  const algorithm: Algorithm = choice === 'sha256' ? 'sha256' : 'blake3'
  const parts: StepCode[] = []
  // Loaded when it is wanted: few runs declare steps.
  const { hashFile } = await import('../hash/file.ts')
  for (const part of code) {
    if (typeof part === 'string') {
      const path = resolve(directory, part)
      const { size, digest } = await hashFile(path, { algorithm, signal })
      parts.push({ kind: 'file', path, bytes: size, digest: digest.toString() })
    } else {
      const { size, digest } = await hashBytes(Buffer.from(part.source, 'utf8'), { algorithm, signal })
      parts.push({ kind: 'source', name: part.name, bytes: size, digest: digest.toString() })
    }
  }
  return { ...declared, ...(parts.length > 0 && { code: parts }) }
}

/** Most names that one warning lists. */
const SHOWN = 5

/** Return a warning for each declared step that names what the run did not track, or its own result. */
export function unknownNames({ derivations, tracked }: RunState): string[] {
  if (derivations.size === 0) return []
  const sections = Object.values(tracked).map((entries) => new Set([...entries].map(([name]) => name)))
  const known = new Set(sections.flatMap((names) => [...names]))
  // A step can go on from what an earlier one made, which need not be a file.
  for (const { name } of derivations.values()) known.add(name)
  const made = new Set<string>()
  return [...derivations.values()].flatMap(({ name, from }) => {
    const called = JSON.stringify(name)
    // An output and a dataset can have one name; then the step leads from one to the other.
    const isOwn = from.includes(name) && !made.has(name) && !isOfTwo(name, sections)
    made.add(name)
    const own = isOwn ? [`${called} is declared to be made from itself: no other item has this name`] : []
    const missing = from.filter((source) => !known.has(source))
    if (missing.length === 0) return own
    const shown = missing.slice(0, SHOWN).map((source) => JSON.stringify(source))
    const rest = missing.length > SHOWN ? ` and ${missing.length - SHOWN} more` : ''
    return [
      ...own,
      `${called} is declared to be made from ${shown.join(', ')}${rest}, which the run did not track`,
    ]
  })
}

/** Check whether a name stands for two items of a run. */
function isOfTwo(name: string, sections: readonly ReadonlySet<string>[]): boolean {
  return sections.filter((names) => names.has(name)).length > 1
}
