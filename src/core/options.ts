/** Options of the public functions. They are parsed once, at the entry point; an unknown key is an error. */
import { LineaprintError } from './errors.ts'
import type { AlgorithmChoice } from './digest.ts'

/** The progress of a job. Totals grow while a folder is still being walked. */
export interface Progress {
  readonly bytesDone: number
  readonly bytesTotal: number
  readonly filesDone: number
  readonly filesTotal: number
}

/** Options of everything that runs on the addon's threads. */
export interface JobOptions {
  /** Stops the work itself, within a block of 256 KiB per thread; the call then throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** Called at most ten times a second, and once at the end. An error thrown by it ends the work. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
  /**
   * Threads to use.
   *
   * @default one per core available to this process; on Linux more if the data is not in memory, and one for
   * a rotational disk
   */
  readonly threads?: number | undefined
}

/** Options of everything that hashes. */
export interface HashOptions<A extends AlgorithmChoice = AlgorithmChoice> extends JobOptions {
  /** Hash function; `both` costs one read of the data, not two. @default 'blake3' */
  readonly algorithm?: A | undefined
}

const JOB_KEYS = ['algorithm', 'signal', 'onProgress', 'threads'] as const

/**
 * Throw if an option is unknown, and suggest the nearest known one.
 *
 * @param options The caller's options.
 * @param known Keys of this function, in addition to those of every hashing function.
 */
export function checkKeys(options: object, known: readonly string[] = []): void {
  checkKnown(options, [...JOB_KEYS, ...known])
  const { signal, onProgress } = options as { readonly signal?: unknown; readonly onProgress?: unknown }
  if (signal !== undefined && !isSignal(signal)) throw wrongType('signal', 'an AbortSignal', signal)
  if (onProgress !== undefined && typeof onProgress !== 'function')
    throw wrongType('onProgress', 'a function', onProgress)
}

/**
 * Throw if options are not an object: `null` is not "none".
 *
 * @param field The name of another argument that must be an object.
 */
export function checkObject(value: unknown, field = 'options'): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return
  throw wrongType(field, 'an object', value)
}

/** Return an argument that must be an array. */
export function checkArray<T>(value: readonly T[], field: string): readonly T[] {
  if (Array.isArray(value)) return value
  throw wrongType(field, 'an array', value)
}

/** Throw if an argument is neither text nor, if they are allowed, bytes. */
export function checkText(
  value: unknown,
  field: string,
  { orBytes = false }: { orBytes?: boolean } = {},
): void {
  if (typeof value === 'string' || (orBytes && value instanceof Uint8Array)) return
  throw wrongType(field, orBytes ? 'a text or its bytes' : 'a text', value)
}

function isSignal(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && 'throwIfAborted' in value && 'addEventListener' in value
  )
}

function wrongType(field: string, expected: string, received: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not ${expected}`, {
    field,
    expected,
    received: received === null ? 'null' : Array.isArray(received) ? 'an array' : typeof received,
  })
}

/** Check a list of paths. A text is iterable, too, so it would be a list of its letters. */
export function checkPaths(paths: unknown): string[] {
  if (!Array.isArray(paths)) throw wrongType('paths', 'an array of paths', paths)
  // `Array.from` visits the holes of a sparse array.
  return Array.from(paths, (path: unknown) => checkPath(path))
}

/**
 * Throw if a key is not among `known`, and suggest the nearest one.
 *
 * @param within Prefix of the key in messages, for options inside an option.
 */
export function checkKnown(options: object, known: readonly string[], within = ''): void {
  checkObject(options)
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `unknown option ${JSON.stringify(within + key)}`, {
      field: within + key,
      hint: near === undefined ? `known: ${known.join(', ')}` : `did you mean ${near}?`,
    })
  }
}

/** Return the algorithm, BLAKE3 by default. An unknown one is an error. */
export function checkAlgorithm(algorithm: AlgorithmChoice | undefined): AlgorithmChoice {
  return checkChoice('algorithm', algorithm ?? 'blake3', ['blake3', 'sha256', 'both'])
}

/** Check that a value is one of the choices. The error lists them. */
export function checkChoice<T extends string>(field: string, value: T, choices: readonly T[]): T {
  if (choices.includes(value)) return value
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `unknown ${field}`, {
    field,
    expected: choices.join(', '),
    received: JSON.stringify(value),
  })
}

/** Check a path given as text: a NUL would truncate it in system calls. */
export function checkPath(path: unknown): string {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return path
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a path', {
    field: 'path',
    expected: 'a non-empty string without NUL',
    received: typeof path === 'string' ? JSON.stringify(path) : typeof path,
  })
}

/** Return the entry of `known` nearest to a mistyped `word`, if one is near enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3))
    ? best.candidate
    : undefined
}

/** Compute the Levenshtein distance of two words. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 0; i < a.length; i++) {
    const current = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replace = (previous[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      current.push(Math.min(replace, (previous[j + 1] ?? 0) + 1, (current[j] ?? 0) + 1))
    }
    previous = current
  }
  return previous[b.length] ?? 0
}
