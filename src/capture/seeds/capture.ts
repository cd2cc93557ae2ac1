/** The seeds capture, and the generators whose state it records. */
import { checkObject } from '../../core/options.ts'
import { versions } from 'node:process'
import { compareFields, flatten } from '../compare-fields.ts'
import { toCaptured } from '../to-captured.ts'
import { parseRecordedDigest } from '../../record/recorded-digest.ts'
import { Generator } from './generator.ts'
import { seedDigestFields } from './digest-fields.ts'
import { MATH_RANDOM } from './math-random.ts'
import { parseRestorableSeeds, parseSeedsCapture } from './parse.ts'
import { currentSeed, namedGenerators, restoreProcess } from './registry.ts'
import { parseSeed } from './seed.ts'
import { plural } from '../../util/plural.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { Captured, Comparison, Component } from '../../core/component.ts'
import type { SeedDigestFields } from './digest-fields.ts'
import type { CapturedSeeds, SeedsCapture } from './types.ts'

export { Generator } from './generator.ts'
export { createGenerator, currentSeed, defaultGenerator, releaseGenerator } from './registry.ts'
export { seedDigestFields } from './digest-fields.ts'
export { parseSeedsCapture } from './parse.ts'
export { setSeeds } from './report.ts'
export { deterministicVariables, seedVariables } from './seed.ts'
export type { Shuffleable } from './generator.ts'
export type { GeneratorOptions } from './registry.ts'
export type { SeedReport, SeedTarget } from './report.ts'
export type { GeneratorState } from './state.ts'

/** The seeds capture: the seed, and the complete state of every named generator. */
export const seedsCapture: Component = {
  name: 'seeds',
  capture: async ({ algorithm, signal }) => {
    signal?.throwIfAborted()
    const { value, warnings } = captureSeeds()
    return toCaptured('seeds', seedDigestFields(value), value, warnings, algorithm)
  },
  compare,
}

/**
 * Restore the seed and the named generators from a capture. Everything is checked first: a record with one
 * damaged state changes nothing.
 *
 * @param value The `value` of a capture of the seeds, also from JSON.
 * @throws The errors of {@link Generator.restore}, and ERR_LINEAPRINT_RECORD for a value that is not a
 * capture.
 */
export function restoreSeeds(value: JsonObject): void {
  checkObject(value, 'value')
  const { seed, generators } = parseRestorableSeeds(value)
  const states = Object.entries(generators).map(([name, state]) => [name, Generator.restore(state)] as const)
  restoreProcess(seed ?? undefined, new Map(states))
}

function captureSeeds(): { value: CapturedSeeds; warnings: string[] } {
  const warnings: string[] = []
  const { env } = process
  const { seed, source } = findSeed(warnings)
  return {
    value: {
      seed,
      source,
      variables: {
        PYTHONHASHSEED: env['PYTHONHASHSEED'] ?? null,
        LINEAPRINT_SEED: env['LINEAPRINT_SEED'] ?? null,
        CUBLAS_WORKSPACE_CONFIG: env['CUBLAS_WORKSPACE_CONFIG'] ?? null,
        TF_DETERMINISTIC_OPS: env['TF_DETERMINISTIC_OPS'] ?? null,
      },
      generators: Object.fromEntries(namedGenerators().map(([name, generator]) => [name, generator.state()])),
      v8: versions.v8,
      mathRandomSeed: mathRandomSeed(),
      // No program can read the state of these generators.
      unreachable: [...(isReplaced() ? [] : ['Math.random']), 'node:crypto'],
    },
    warnings,
  }
}

function isReplaced(): boolean {
  return namedGenerators().some(([name]) => name === MATH_RANDOM)
}

function findSeed(warnings: string[]): Pick<CapturedSeeds, 'seed' | 'source'> {
  const set = currentSeed()
  if (set !== undefined) return { seed: set, source: 'setSeeds' }
  const given = process.env['LINEAPRINT_SEED']
  if (given === undefined) return { seed: null, source: null }
  const seed = parseSeed(given)
  if (seed !== undefined) return { seed, source: 'LINEAPRINT_SEED' }
  warnings.push(`LINEAPRINT_SEED is not a valid seed: ${JSON.stringify(given.slice(0, 80))}`)
  return { seed: null, source: null }
}

/** Return the value of `--random-seed`, which determines `Math.random` within one version of V8. */
function mathRandomSeed(): string | null {
  const flags = process.execArgv.map((argument) => /^--random[-_]seed=(.*)$/.exec(argument)?.[1])
  return flags.findLast((flag) => flag !== undefined) ?? null
}

function compare(before: Captured, after: Captured): Comparison {
  const recorded = seedDigestFields(parseSeedsCapture(before.value))
  const current = seedDigestFields(parseSeedsCapture(after.value))
  if (recorded.python !== undefined && current.python === undefined) return compareOwn(before, after)
  if (isEmpty(current) && !isEmpty(recorded)) {
    return { status: 'not-checked', reason: 'no seed is set in this process', differences: [] }
  }
  const reasons = [before, after].flatMap(({ value }) => unreportedPython(parseSeedsCapture(value)))
  const notChecked = [...new Set(reasons)].map((reason) => ({ field: 'python', reason }))
  return compareFields(before, after, seedFieldMap(recorded), seedFieldMap(current), notChecked)
}

/** Return why seeds of Python programs are not known: programs that did not report, or that are not listed. */
export function unreportedPython({ python }: SeedsCapture): string[] {
  if (python === undefined) return []
  if (python.status === 'not-reached') return [`Python programs reported no seeds: ${python.reason}`]
  const { unlisted = 0 } = python
  return unlisted === 0 ? [] : [`the seeds of ${plural(unlisted, 'further Python program')} are not listed`]
}

/** Compare without the seeds of Python programs, which are known only after the programs have run. */
function compareOwn(before: Captured, after: Captured): Comparison {
  const { python: _, ...value } = before.value
  const { algorithm } = parseRecordedDigest(before.digest, 'captures.seeds.digest')
  const digestFields = seedDigestFields(parseSeedsCapture(value))
  return compare(toCaptured('seeds', digestFields, value, before.warnings, algorithm), after)
}

function isEmpty({ seed, generators }: SeedDigestFields): boolean {
  return seed === null && Object.keys(generators).length === 0
}

function seedFieldMap(fields: SeedDigestFields): Map<string, string> {
  return flatten(Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)))
}
