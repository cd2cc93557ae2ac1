/**
 * Checks of seeds. A program gets its seed when it starts, so a process that only verifies has none. The
 * caller can name a seed; the generator states that it would give are then compared.
 */
import { Generator, seedsCapture } from '../capture/seeds/capture.ts'
import { seedDigestFields } from '../capture/seeds/digest-fields.ts'
import { parseSeedsCapture } from '../capture/seeds/parse.ts'
import { pythonHashSeed } from '../capture/seeds/seed.ts'
import { toCaptured } from '../capture/to-captured.ts'
import { item } from '../compare/check-item.ts'
import type { Captured } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { SeedsCapture } from '../capture/seeds/types.ts'
import type { FoundItem } from '../compare/check-item.ts'

/**
 * Compare seeds.
 *
 * @param now The seeds of this process.
 * @param seed The seed that a run would be given; if absent, the seed of this process.
 */
export function verifySeeds(
  before: Captured,
  now: Captured,
  seed: number | undefined,
  algorithm: AlgorithmChoice,
): FoundItem {
  const { was, is, unknown } =
    seed === undefined ? { was: before, is: now, unknown: [] } : withSeed(before, now, seed, algorithm)
  const { status, reason, differences } = seedsCapture.compare(was, is)
  if (status === 'not-checked') return item('seeds', 'seeds', status, UNTOLD)
  const left = [...unknown, ...(isSetByPython(before) ? ['seeds that Python programs set'] : [])]
  const detail = reason ?? (left.length === 0 ? '' : `not checked: ${left.join(', ')}`)
  return item('seeds', 'seeds', status, detail, differences)
}

const UNTOLD = 'this process has no seed, and no --seed was given'

/**
 * Check whether Python programs set seeds. These are known only while such a program runs, so they cannot be
 * checked here.
 */
function isSetByPython({ value }: Captured): boolean {
  return seedDigestFields(parseSeedsCapture(value)).python !== undefined
}

/** Return both sides as they would be for a run with the seed. */
function withSeed(
  before: Captured,
  now: Captured,
  seed: number,
  algorithm: AlgorithmChoice,
): { was: Captured; is: Captured; unknown: string[] } {
  const [was, is] = [parseSeedsCapture(before.value), parseSeedsCapture(now.value)]
  const recorded = was.generators
  const seeded = Object.hasOwn(recorded, 'default') ? { default: new Generator(seed).state() } : {}
  const generators = { ...seeded, ...is.generators }
  // Other generators start in the program itself, so their states cannot be predicted here.
  const unknown = Object.keys(recorded).filter((name) => !Object.hasOwn(generators, name))
  const kept = Object.fromEntries(Object.entries(recorded).filter(([name]) => !unknown.includes(name)))
  return {
    was: captureOf({ ...was, generators: kept }, algorithm),
    is: captureOf({ ...is, seed, generators, variables: variablesOf(was, is, seed) }, algorithm),
    unknown,
  }
}

/**
 * Return the variables of a run with the seed. It also sets the hash seed of Python, if the recorded run did.
 */
function variablesOf(was: SeedsCapture, is: SeedsCapture, seed: number): SeedsCapture['variables'] {
  const isGiven = hashSeedOf(was) !== null && hashSeedOf(is) === null
  return { ...is.variables, ...(isGiven && { PYTHONHASHSEED: String(pythonHashSeed(seed)) }) }
}

function hashSeedOf(seeds: SeedsCapture): string | null {
  return seedDigestFields(seeds).pythonHashSeed
}

function captureOf(value: SeedsCapture, algorithm: AlgorithmChoice): Captured {
  return toCaptured('seeds', seedDigestFields(value), value, [], algorithm)
}
