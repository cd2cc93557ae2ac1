/** Validation of seeds, and their forms for programs in other languages. */
import { existsSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { LineaprintError } from '../../core/errors.ts'
import type { Given, SeedsOptions } from '../../config/groups.ts'

/** Number of valid Python seeds: 32 bits. */
const PYTHON_SEEDS = 2 ** 32

/**
 * Parse a seed; `undefined` for invalid text. `Number` is not sufficient, because it accepts spaces and
 * hexadecimal.
 */
export function parseSeed(text: string): number | undefined {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  return Number.isSafeInteger(value) ? value : undefined
}

/**
 * Derive a seed from another and a path of numbers: the output function of SplitMix64 over the numbers of the
 * path, reduced to 53 bits. The Python side derives the seeds of child processes in the same way.
 */
export function deriveSeed(seed: number, path: readonly number[]): number {
  let word = BigInt(seed)
  for (const number of path) {
    word = BigInt.asUintN(64, word + BigInt(number + 1) * 0x9e37_79b9_7f4a_7c15n)
    word = BigInt.asUintN(64, (word ^ (word >> 30n)) * 0xbf58_476d_1ce4_e5b9n)
    word = BigInt.asUintN(64, (word ^ (word >> 27n)) * 0x94d0_49bb_1331_11ebn)
    word ^= word >> 31n
  }
  return Number(word >> 11n)
}

/**
 * Return a valid seed as a number.
 *
 * @param seed A whole number from 0 to 2^53 - 1: the range that a number, JSON and every language can
 * represent exactly.
 * @throws ERR_LINEAPRINT_ARGUMENT for anything else; nothing is rounded, wrapped or made positive.
 */
export function checkSeed(seed: unknown): number {
  const value = typeof seed === 'bigint' && seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed
  // Adding 0 turns -0, which JSON cannot represent, into 0.
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value + 0
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the seed is not valid', {
    field: 'seed',
    expected: 'a whole number from 0 to 9007199254740991',
    received: typeof seed === 'number' || typeof seed === 'bigint' ? String(seed) : typeof seed,
  })
}

/** Return the value of `PYTHONHASHSEED` for a seed: the remainder of the division by 2^32. */
export function pythonHashSeed(seed: number): number {
  return seed % PYTHON_SEEDS
}

/**
 * Return variables that pass a seed to child programs. They must be set before the program starts: Python
 * reads `PYTHONHASHSEED` once, before its first line.
 *
 * - `PYTHONHASHSEED`: the seed modulo 2^32. It determines the order of Python's sets, and nothing else.
 * - `LINEAPRINT_SEED`: the seed itself, for programs that seed their generators with it, and for the Python
 *   side of lineaprint, which seeds the generators of programs that `lineaprint run` starts.
 *
 * @param seed A whole number from 0 to 2^53 - 1.
 */
export function seedVariables(
  seed: number | bigint,
  options: Given<SeedsOptions> = {},
): Record<string, string> {
  const checked = checkSeed(seed)
  return {
    PYTHONHASHSEED: String(pythonHashSeed(checked)),
    LINEAPRINT_SEED: String(checked),
    ...(options.deterministic === true && deterministicVariables()),
    ...(options.replaceMathRandom === true && {
      NODE_OPTIONS: withPreload(process.env['NODE_OPTIONS'] ?? ''),
    }),
  }
}

/**
 * Return variables that request deterministic results from libraries. `LINEAPRINT_DETERMINISTIC` is for the
 * Python side of lineaprint, which then configures PyTorch.
 */
export function deterministicVariables(): Record<string, string> {
  return { CUBLAS_WORKSPACE_CONFIG: ':4096:8', TF_DETERMINISTIC_OPS: '1', LINEAPRINT_DETERMINISTIC: '1' }
}

/** Add the module that replaces `Math.random` to the options of Node, unless they already contain it. */
function withPreload(options: string): string {
  const own = import.meta.url as string | undefined
  const path = own === undefined ? undefined : fileURLToPath(own.replace(/[^/]*(\.\w+)$/, 'preload$1'))
  // With the path of a file that is not there, every program of Node would fail.
  if (path === undefined || !existsSync(path)) {
    throw new LineaprintError('ERR_LINEAPRINT_STATE', 'Math.random of other programs cannot be replaced', {
      hint: 'lineaprint is part of a bundle; leave it outside (docs/runtimes.md)',
    })
  }
  const added = `--import=${pathToFileURL(path).href}`
  return options.split(' ').includes(added) ? options : `${options} ${added}`.trim()
}
