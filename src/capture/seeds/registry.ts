/** The seed of this process and its named generators. Each worker thread has its own. */
import { checkObject } from '../../core/options.ts'
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
   * Name under which its state is recorded with every capture of the seeds, until {@link releaseGenerator}.
   * Without a name the state is not recorded.
   */
  readonly name?: string | undefined
}

const named = new Map<string, Generator>()
let current: number | undefined

/** Return the seed given to `setSeeds`, or `undefined`. */
export function currentSeed(): number | undefined {
  return current
}

/** Set the seed of this process and restart the default generator. */
export function seedProcess(seed: number | bigint): number {
  const checked = checkSeed(seed)
  const existing = named.get(DEFAULT_NAME)
  if (existing) existing.reseed(checked)
  else named.set(DEFAULT_NAME, new Generator(checked))
  current = checked
  return checked
}

/**
 * Return the generator that `setSeeds` seeded.
 *
 * @throws ERR_LINEAPRINT_STATE before that.
 */
export function defaultGenerator(): Generator {
  const generator = named.get(DEFAULT_NAME)
  if (generator) return generator
  throw new LineaprintError('ERR_LINEAPRINT_STATE', 'no seed has been set', { hint: 'call setSeeds first' })
}

/**
 * Create a generator.
 *
 * @param seed A whole number from 0 to 2^53 - 1.
 * @throws ERR_LINEAPRINT_ARGUMENT for an invalid seed, stream or name; ERR_LINEAPRINT_STATE if a generator
 * with that name exists, because the record can hold only one of them.
 */
export function createGenerator(seed: number | bigint, options: GeneratorOptions = {}): Generator {
  checkObject(options)
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

/**
 * Release a name: its generator keeps working but is no longer recorded. Return whether the name was in use.
 */
export function releaseGenerator(name: string): boolean {
  return named.delete(name)
}

/** Return the named generators, sorted by name. */
export function namedGenerators(): [string, Generator][] {
  return [...named].toSorted(([a], [b]) => (a < b ? -1 : 1))
}

/**
 * Restore named generators and the seed. The caller has checked every state, so that the restoration is
 * complete.
 *
 * @param seed The seed, or `undefined` if none had been set.
 * @param states A generator in the recorded state for each name. An existing generator of that name is set to
 * the state, so that its users continue from there; others keep their state.
 */
export function restoreProcess(seed: number | undefined, states: ReadonlyMap<string, Generator>): void {
  current = seed
  for (const [name, generator] of states) {
    const living = named.get(name)
    if (living) living.resume(generator.state())
    else named.set(name, generator)
  }
}
