/**
 * Checks of seeds. A program gets its seed when it starts, so a process that only verifies has none. The
 * caller can name a seed; the generator states that it would give are then compared.
 */
import { Generator, seedsCapture } from '../capture/seeds/capture.ts'
import { seedDigestFields } from '../capture/seeds/digest-fields.ts'
import { unreportedPython } from '../capture/seeds/capture.ts'
import { parseSeedsCapture } from '../capture/seeds/parse.ts'
import { pythonHashSeed } from '../capture/seeds/seed.ts'
import { toCaptured } from '../capture/to-captured.ts'
import { item } from '../compare/check-item.ts'
import type { Captured } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { SeedsCapture } from '../capture/seeds/types.ts'
import type { CheckedItem } from '../compare/check-item.ts'

/**
 * Compare seeds.
 *
 * @param current The seeds of this process.
 * @param seed The seed that a run would be given; if absent, the seed of this process.
 */
export function verifySeeds(
  before: Captured,
  current: Captured,
  seed: number | undefined,
  algorithm: AlgorithmChoice,
): CheckedItem[] {
  const { expected, actual, unknown } =
    seed === undefined
      ? { expected: before, actual: current, unknown: [] }
      : withSeed(before, current, seed, algorithm)
  const { status, reason, differences, notChecked = [] } = seedsCapture.compare(expected, actual)
  const generators = unknown.map((name) =>
    item('seeds', name, 'not-checked', 'the program starts this generator itself'),
  )
  if (status === 'not-checked')
    return [item('seeds', 'seeds', status, notChecked.length === 0 ? NO_SEED : reason), ...generators]
  const python = pythonReasons(before).map((detail) => item('seeds', 'python', 'not-checked', detail))
  const { seed: recorded, generators: recordedGenerators } = parseSeedsCapture(before.value)
  const isUnseeded = status === 'same' && recorded === null && Object.keys(recordedGenerators).length === 0
  const detail = isUnseeded ? 'neither the run nor this process has a seed' : reason
  return [item('seeds', 'seeds', status, detail, differences), ...generators, ...python]
}

const NO_SEED = 'this process has no seed, and no --seed was given'

/**
 * Return why seeds of Python programs cannot be checked: those that a program sets are known only while it runs,
 * and some programs did not report.
 */
function pythonReasons({ value }: Captured): string[] {
  const seeds = parseSeedsCapture(value)
  const isSet = seedDigestFields(seeds).python !== undefined
  return [...(isSet ? ['seeds that Python programs set'] : []), ...unreportedPython(seeds)]
}

/** Return both sides as they would be for a run with the seed. */
function withSeed(
  before: Captured,
  current: Captured,
  seed: number,
  algorithm: AlgorithmChoice,
): { expected: Captured; actual: Captured; unknown: string[] } {
  const [expected, actual] = [parseSeedsCapture(before.value), parseSeedsCapture(current.value)]
  const recorded = expected.generators
  const seeded = Object.hasOwn(recorded, 'default') ? { default: new Generator(seed).state() } : {}
  const generators = { ...seeded, ...actual.generators }
  // Other generators start in the program itself, so their states cannot be predicted here.
  const unknown = Object.keys(recorded).filter((name) => !Object.hasOwn(generators, name))
  const predictable = Object.fromEntries(Object.entries(recorded).filter(([name]) => !unknown.includes(name)))
  return {
    expected: captureOf({ ...expected, generators: predictable }, algorithm),
    actual: captureOf(
      { ...actual, seed, generators, variables: variablesOf(expected, actual, seed) },
      algorithm,
    ),
    unknown,
  }
}

/**
 * Return the variables of a run with the seed. It also sets the hash seed of Python, if the recorded run did.
 */
function variablesOf(expected: SeedsCapture, actual: SeedsCapture, seed: number): SeedsCapture['variables'] {
  const isGiven = hashSeedOf(expected) !== null && hashSeedOf(actual) === null
  return { ...actual.variables, ...(isGiven && { PYTHONHASHSEED: String(pythonHashSeed(seed)) }) }
}

function hashSeedOf(seeds: SeedsCapture): string | null {
  return seedDigestFields(seeds).pythonHashSeed
}

function captureOf(value: SeedsCapture, algorithm: AlgorithmChoice): Captured {
  return toCaptured('seeds', seedDigestFields(value), value, [], algorithm)
}
