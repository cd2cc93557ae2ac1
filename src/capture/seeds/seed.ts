/** What a seed is, and how programs of other languages are told one. */
import { LineaprintError } from '../../errors.ts'

/** Python takes 32 bits. */
const PYTHON_SEEDS = 2 ** 32

/** Options of {@link seedVariables}. */
export interface SeedVariableOptions {
  /**
   * Also asks GPU libraries for deterministic results, which costs speed: `CUBLAS_WORKSPACE_CONFIG=:4096:8` and
   * `TF_DETERMINISTIC_OPS=1`. @default false
   */
  readonly deterministic?: boolean | undefined
}

/**
 * A seed as a number.
 *
 * @param seed A whole number from 0 to 2^53 - 1: what a number, JSON and every language can hold exactly.
 * @throws ERR_LINEAPRINT_ARGUMENT for anything else; nothing is rounded, wrapped or made positive.
 */
export function checkSeed(seed: unknown): number {
  const value = typeof seed === 'bigint' && seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed
  // Adding 0 turns -0, which JSON cannot hold, into 0.
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value + 0
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a seed', {
    field: 'seed',
    expected: 'a whole number from 0 to 9007199254740991',
    received: typeof seed === 'number' || typeof seed === 'bigint' ? String(seed) : typeof seed,
  })
}

/** The value of `PYTHONHASHSEED` for a seed: the remainder of the division by 2^32. */
export function pythonHashSeed(seed: number): number {
  return seed % PYTHON_SEEDS
}

/**
 * Variables that tell a seed to child programs. They have to be there when the program starts: Python reads
 * `PYTHONHASHSEED` once, before its first line.
 *
 * - `PYTHONHASHSEED`: the seed modulo 2^32. It fixes the order of Python's sets, and nothing else.
 * - `LINEAPRINT_SEED`: the seed itself, for programs that seed their generators with it.
 *
 * @param seed A whole number from 0 to 2^53 - 1.
 */
export function seedVariables(
  seed: number | bigint,
  options: SeedVariableOptions = {},
): Record<string, string> {
  const checked = checkSeed(seed)
  return {
    PYTHONHASHSEED: String(pythonHashSeed(checked)),
    LINEAPRINT_SEED: String(checked),
    ...(options.deterministic === true && { CUBLAS_WORKSPACE_CONFIG: ':4096:8', TF_DETERMINISTIC_OPS: '1' }),
  }
}
