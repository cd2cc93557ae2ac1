/** The digest fields of `seeds`. */
import type { RecordedGenerator, SeedsCapture } from './types.ts'

/** The digest fields of `seeds`. */
export type SeedDigestFields = {
  readonly seed: number | null
  readonly pythonHashSeed: string | null
  readonly generators: Readonly<Record<string, Pick<RecordedGenerator, 'algorithm' | 'state'>>>
  readonly python?: readonly number[]
}

/**
 * Return the digest fields of `seeds`: an object of
 *
 * - `seed`: the seed, a whole number from 0 to 2^53 - 1, or `null` if none was set.
 * - `pythonHashSeed`: the value of the variable `PYTHONHASHSEED` of the process, as text, or `null`.
 * - `generators`: an object with the name of each named generator and, for each, an object of `algorithm`
 *   (`"xoroshiro128plus"`) and `state`: 32 lower-case hexadecimal digits, the two words of 64 bits of the
 *   generator, the first word first, each with its highest digit first.
 * - `python`: an array of the seeds that Python programs of the run set with `lineaprint.set_seeds`, without
 *   duplicates, in ascending order; only if there are any.
 *
 * The digest does not cover the origin of the seed, the initial seeds and streams of generators, and the
 * version of V8.
 */
export function seedDigestFields({ seed, variables, generators, python }: SeedsCapture): SeedDigestFields {
  const seeds = (python?.programs ?? []).flatMap(({ setSeeds }) => setSeeds)
  return {
    seed,
    pythonHashSeed: variables['PYTHONHASHSEED'] ?? null,
    generators: Object.fromEntries(
      Object.entries(generators).map(([name, { algorithm, state }]) => [name, { algorithm, state }]),
    ),
    ...(seeds.length > 0 && { python: [...new Set(seeds)].toSorted((a, b) => a - b) }),
  }
}
