/**
 * Checks seeds. A seed is told to a program when it starts, so a process that only verifies has none. It can be said
 * instead, as it is to a run: then the generator that it would give is compared.
 */
import { Generator, seedsCapture, seedDigestFields } from '../capture/seeds/capture.ts'
import { pythonHashSeed } from '../capture/seeds/seed.ts'
import { asObject, toCaptured } from '../capture/fields.ts'
import { item } from '../compare/check-item.ts'
import type { Captured } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { FoundItem } from '../compare/check-item.ts'

/**
 * Compares seeds.
 *
 * @param now The seeds of this process.
 * @param seed The seed that a run would be told; absent, that of this process counts.
 */
export function verifySeeds(
  before: Captured,
  now: Captured,
  seed: number | undefined,
  algorithm: AlgorithmChoice,
): FoundItem {
  const { was, is, unknown } =
    seed === undefined ? { was: before, is: now, unknown: [] } : told(before, now, seed, algorithm)
  const { status, reason, differences } = seedsCapture.compare(was, is)
  if (status === 'not-checked') return item('seeds', 'seeds', status, UNTOLD)
  const left = [...unknown, ...(isSetByPython(before) ? ['seeds that Python programs set'] : [])]
  const detail = reason ?? (left.length === 0 ? '' : `not checked: ${left.join(', ')}`)
  return item('seeds', 'seeds', status, detail, differences)
}

const UNTOLD = 'no seed is set in this process, and none was given to compare with'

/** Known once such a program has run, and so not at all here. */
function isSetByPython({ value }: Captured): boolean {
  return seedDigestFields(value)['python'] !== undefined
}

/** Both sides as they would be if a run were told the seed. */
function told(
  before: Captured,
  now: Captured,
  seed: number,
  algorithm: AlgorithmChoice,
): { was: Captured; is: Captured; unknown: string[] } {
  const living = asObject(now.value['generators'], 'generators')
  const recorded = asObject(before.value['generators'], 'generators')
  const seeded: JsonObject = Object.hasOwn(recorded, 'default')
    ? { default: new Generator(seed).state() }
    : {}
  const generators = { ...seeded, ...living }
  // Others begin when the program does, and nobody can say here where they would stand.
  const unknown = Object.keys(recorded).filter((name) => !Object.hasOwn(generators, name))
  const kept = Object.fromEntries(Object.entries(recorded).filter(([name]) => !unknown.includes(name)))
  return {
    was: captureOf({ ...before.value, generators: kept }, algorithm),
    is: captureOf({ ...now.value, seed, generators, variables: variablesOf(before, now, seed) }, algorithm),
    unknown,
  }
}

/** A run that is told a seed is told that of Python's hash as well, if the program that recorded it was. */
function variablesOf(before: Captured, now: Captured, seed: number): JsonObject {
  const [was, is] = [before, now].map(({ value }) => asObject(value['variables'], 'variables'))
  const isTold = typeof was?.['PYTHONHASHSEED'] === 'string' && typeof is?.['PYTHONHASHSEED'] !== 'string'
  return { ...is, ...(isTold && { PYTHONHASHSEED: String(pythonHashSeed(seed)) }) }
}

function captureOf(value: JsonObject, algorithm: AlgorithmChoice): Captured {
  return toCaptured('seeds', seedDigestFields(value), value, [], algorithm)
}
