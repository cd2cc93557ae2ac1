/** Setting of seeds, and a report of the random sources that they affect. */
import { MATH_RANDOM, replaceMathRandom } from './math-random.ts'
import { pythonHashSeed, seedVariables } from './seed.ts'
import { DEFAULT_NAME, namedGenerators, seedProcess } from './registry.ts'
import type { Given, SeedsOptions } from '../../config/groups.ts'

/** The effect of a seed on one source of randomness. */
export interface SeedTarget {
  readonly name: string
  /**
   * `seeded`; `own-seed`: a generator that was created with its own seed and keeps it; `through-variables`:
   * only for programs started with the variables of the report; `unreachable`: not affected.
   */
  readonly status: 'seeded' | 'own-seed' | 'through-variables' | 'unreachable'
  /** The reason, and possible actions. */
  readonly detail: string
}

/** The result of {@link setSeeds}. */
export interface SeedReport {
  readonly seed: number
  readonly targets: readonly SeedTarget[]
  /** Variables for programs that this process starts. They are not set in this process. */
  readonly variables: Readonly<Record<string, string>>
  /** Adjustments that were made, for example for a seed too large for Python. */
  readonly notes: readonly string[]
}

/**
 * Set the seed of this process: seed the default generator and report which other sources the seed affects.
 *
 * @param seed A whole number from 0 to 2^53 - 1; anything else is ERR_LINEAPRINT_ARGUMENT.
 * @param options Options that determine the variables of the report, and whether `Math.random` is also
 * replaced in this thread.
 */
export function setSeeds(seed: number | bigint, options: Given<SeedsOptions> = {}): SeedReport {
  const checked = seedProcess(seed)
  const variables = seedVariables(checked, options)
  const others = namedGenerators().filter(([name]) => name !== DEFAULT_NAME)
  const hashSeed = pythonHashSeed(checked)
  return {
    seed: checked,
    targets: [
      { name: 'lineaprint', status: 'seeded', detail: 'the generator returned by defaultGenerator()' },
      ...others
        .filter(([name]) => name !== MATH_RANDOM)
        .map(([name, generator]) => ({
          name: `lineaprint ${name}`,
          status: 'own-seed' as const,
          detail: `made with the seed ${generator.seed}, stream ${generator.stream}`,
        })),
      mathRandomTarget(checked, options),
      { name: 'node:crypto', status: 'unreachable', detail: 'it is random by design' },
      {
        name: 'Python hash',
        status: 'through-variables',
        detail: 'PYTHONHASHSEED, which Python reads before its first line',
      },
      ...['random', 'numpy', 'torch', 'tensorflow', 'jax'].map((name) => ({
        name: `Python ${name}`,
        status: 'through-variables' as const,
        detail:
          'LINEAPRINT_SEED: lineaprint run seeds it in Python programs; elsewhere the program must seed it',
      })),
    ],
    variables,
    notes:
      hashSeed === checked
        ? []
        : [`PYTHONHASHSEED takes 32 bits: it is ${hashSeed}, the remainder of the seed divided by 2^32`],
  }
}

function mathRandomTarget(seed: number, { replaceMathRandom: isWanted }: Given<SeedsOptions>): SeedTarget {
  if (isWanted !== true) {
    return {
      name: MATH_RANDOM,
      status: 'unreachable',
      detail:
        'Math.random of a running process cannot be seeded; set replaceMathRandom, start Node with --random-seed=<seed>, or use a generator',
    }
  }
  const { stream } = replaceMathRandom(seed)
  const detail = `replaced by a generator, stream ${stream}; worker threads started with eval: true and other vm realms are not affected`
  return { name: MATH_RANDOM, status: 'seeded', detail }
}
