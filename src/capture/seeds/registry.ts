/** The seed of this process and its named generators. Each worker thread has its own. */
import { LineaprintError } from '../../core/errors.ts'
import { Generator } from './generator.ts'
import { checkSeed } from './seed.ts'

/** The name of the generator that `setSeeds` seeds. */
export const DEFAULT_NAME = 'default'

/** Options of {@link createGenerator}. */
export interface GeneratorOptions {
  /** One for each worker, from 0 to 65,535: streams of one seed do not overlap. @default 0 */
  readonly stream?: number | undefined
  /**
   * Under this name its state is recorded with every capture of the seeds, until {@link releaseGenerator}.
   * Without a name it is not recorded.
   */
  readonly name?: string | undefined
}

const named = new Map<string, Generator>()
let current: number | undefined

/** The seed given to `setSeeds`, or `undefined`. */
export function currentSeed(): number | undefined {
  return current
}

/** Sets the seed of this process and begins the default generator again. */
export function seedProcess(seed: number | bigint): number {
  const checked = checkSeed(seed)
  const existing = named.get(DEFAULT_NAME)
  if (existing) existing.reseed(checked)
  else named.set(DEFAULT_NAME, new Generator(checked))
  current = checked
  return checked
}

/** The generator that `setSeeds` seeded. Throws ERR_LINEAPRINT_STATE before that. */
export function defaultGenerator(): Generator {
  const generator = named.get(DEFAULT_NAME)
  if (generator) return generator
  throw new LineaprintError('ERR_LINEAPRINT_STATE', 'no seed has been set', { hint: 'call setSeeds first' })
}

/**
 * Makes a generator.
 *
 * @param seed A whole number from 0 to 2^53 - 1.
 * @throws ERR_LINEAPRINT_ARGUMENT for a seed, stream or name that is none; ERR_LINEAPRINT_STATE if a generator of that
 *   name lives: the record could hold only one of them.
 */
export function createGenerator(seed: number | bigint, options: GeneratorOptions = {}): Generator {
  const { stream = 0, name } = options
  if (name === '') {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the name of a generator is empty', {
      field: 'name',
    })
  }
  if (name !== undefined && named.has(name)) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_STATE',
      `a generator named ${JSON.stringify(name)} already exists`,
      {
        field: 'name',
        hint: 'use the existing generator, or release its name first',
      },
    )
  }
  const generator = new Generator(seed, stream)
  if (name !== undefined) named.set(name, generator)
  return generator
}

/** Gives a name free: that generator goes on, but is no longer recorded. Whether there was one. */
export function releaseGenerator(name: string): boolean {
  return named.delete(name)
}

/** The named generators, sorted by name. */
export function namedGenerators(): [string, Generator][] {
  return [...named].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/**
 * Puts named generators and the seed back. Every state was checked before: what is restored is restored whole.
 *
 * @param seed The seed, or `undefined` if none had been set.
 * @param states A generator in the right state for each name. One that lives under the name is set to that state,
 *   so that whoever holds it goes on from there; others keep their state.
 */
export function restoreProcess(seed: number | undefined, states: ReadonlyMap<string, Generator>): void {
  current = seed
  for (const [name, generator] of states) {
    const living = named.get(name)
    if (living) living.resume(generator.state())
    else named.set(name, generator)
  }
}
