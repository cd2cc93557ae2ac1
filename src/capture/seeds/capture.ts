/** The seeds capture, and the generators whose state it records. */
import { versions } from 'node:process'
import { asArray, asObject, asText, compareFields, damaged, flatten, toCaptured } from '../fields.ts'
import { Generator } from './generator.ts'
import { Digest } from '../../core/digest.ts'
import { currentSeed, namedGenerators, restoreProcess } from './registry.ts'
import { MATH_RANDOM } from './math-random.ts'
import { parseSeed } from './seed.ts'
import { parseState } from './state.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'
import type { Captured, Comparison, Component } from '../../core/component.ts'

export { Generator } from './generator.ts'
export { createGenerator, currentSeed, defaultGenerator, releaseGenerator } from './registry.ts'
export { setSeeds } from './report.ts'
export { deterministicVariables, seedVariables } from './seed.ts'
export type { Shuffleable } from './generator.ts'
export type { GeneratorOptions } from './registry.ts'
export type { SeedReport, SeedTarget } from './report.ts'
export type { GeneratorState } from './state.ts'

/** The seeds capture: the seed, and the whole state of every named generator. */
export const seedsCapture: Component = {
  name: 'seeds',
  capture: async ({ algorithm, signal }) => {
    signal?.throwIfAborted()
    const { value, warnings } = look()
    return toCaptured('seeds', stableSeedFields(value), value, warnings, algorithm)
  },
  compare,
}

/**
 * The stable fields of `seeds`, which its digest covers: an object of
 *
 * - `seed`: the seed, a whole number from 0 to 2^53 - 1, or `null` if none was set.
 * - `pythonHashSeed`: the value of the variable `PYTHONHASHSEED` of the process, as text, or `null`.
 * - `generators`: an object with the name of each named generator and, for each, an object of `algorithm`
 *   (`"xoroshiro128plus"`) and `state`: 32 lower-case hexadecimal digits, the two words of 64 bits of the generator,
 *   the first word first, each with its highest digit first.
 * - `python`: an array of the seeds that Python programs of the run set with `lineaprint.set_seeds`, each once, in
 *   ascending order; only where there are any.
 *
 * Where the seed came from, the seeds and streams that generators began with, and the version of V8 do not count.
 *
 * @param value What was captured.
 */
export function stableSeedFields(value: JsonObject): JsonObject {
  const generators = Object.entries(asObject(value['generators'], 'generators')).map(([name, recorded]) => {
    const { algorithm, state } = asObject(recorded, `generators.${name}`)
    return [name, { algorithm: asText(algorithm, 'algorithm'), state: asText(state, 'state') }] as const
  })
  const python = pythonSeeds(value['python'])
  return {
    seed: value['seed'] ?? null,
    pythonHashSeed: asObject(value['variables'], 'variables')['PYTHONHASHSEED'] ?? null,
    generators: Object.fromEntries(generators),
    ...(python.length > 0 && { python }),
  }
}

/** The seeds that Python programs of a run set themselves: each once, in ascending order, whoever came first. */
function pythonSeeds(python: JsonValue | undefined): number[] {
  if (python === undefined) return []
  const programs = asArray(asObject(python, 'python')['programs'], 'python.programs')
  const seeds = programs.flatMap((program) =>
    asArray(asObject(program, 'python.programs')['setSeeds'], 'python.programs.setSeeds').map((seed) => {
      if (typeof seed === 'number' && Number.isSafeInteger(seed) && seed >= 0) return seed
      throw damaged('python.programs.setSeeds', 'whole numbers from 0 to 9007199254740991', seed)
    }),
  )
  return [...new Set(seeds)].toSorted((a, b) => a - b)
}

/**
 * Puts the seed and the named generators back as a capture recorded them.
 *
 * Everything is checked first: a record with one damaged state changes nothing.
 *
 * @param value The `value` of a capture of the seeds, also from JSON.
 * @throws What {@link Generator.restore} throws, and ERR_LINEAPRINT_RECORD for a value that is no capture.
 */
export function restoreSeeds(value: JsonObject): void {
  const states = new Map<string, Generator>()
  for (const [name, state] of Object.entries(asObject(value['generators'], 'generators'))) {
    states.set(name, Generator.restore(parseState(state, `generators.${name}`)))
  }
  restoreProcess(recordedSeed(value['seed']), states)
}

function recordedSeed(seed: JsonValue | undefined): number | undefined {
  if (seed === null) return undefined
  if (typeof seed === 'number' && Number.isSafeInteger(seed) && seed >= 0) return seed
  throw damaged('seed', 'a whole number from 0 to 9007199254740991, or null', seed)
}

const VARIABLES = ['PYTHONHASHSEED', 'LINEAPRINT_SEED', 'CUBLAS_WORKSPACE_CONFIG', 'TF_DETERMINISTIC_OPS']

function look(): { value: JsonObject; warnings: string[] } {
  const warnings: string[] = []
  const variables = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name] ?? null]))
  const { seed, source } = findSeed(warnings)
  return {
    value: {
      seed,
      source,
      variables,
      generators: Object.fromEntries(namedGenerators().map(([name, generator]) => [name, generator.state()])),
      v8: versions.v8,
      mathRandomSeed: mathRandomSeed(),
      // Nothing can read their state, here or in any other program.
      unreachable: [...(isReplaced() ? [] : ['Math.random']), 'node:crypto'],
    },
    warnings,
  }
}

function isReplaced(): boolean {
  return namedGenerators().some(([name]) => name === MATH_RANDOM)
}

function findSeed(warnings: string[]): { seed: number | null; source: string | null } {
  const set = currentSeed()
  if (set !== undefined) return { seed: set, source: 'setSeeds' }
  const given = process.env['LINEAPRINT_SEED']
  if (given === undefined) return { seed: null, source: null }
  const seed = parseSeed(given)
  if (seed !== undefined) return { seed, source: 'LINEAPRINT_SEED' }
  warnings.push(`the variable LINEAPRINT_SEED is no seed: ${JSON.stringify(given.slice(0, 80))}`)
  return { seed: null, source: null }
}

/** What `--random-seed` was given, which fixes `Math.random` within one version of V8. */
function mathRandomSeed(): string | null {
  const flags = process.execArgv.map((argument) => /^--random[-_]seed=(.*)$/.exec(argument)?.[1])
  return flags.findLast((flag) => flag !== undefined) ?? null
}

function compare(before: Captured, after: Captured): Comparison {
  const [was, is] = [stableSeedFields(before.value), stableSeedFields(after.value)]
  if (was['python'] !== undefined && is['python'] === undefined) return compareOwn(before, after)
  if (isEmpty(is) && !isEmpty(was)) {
    return { status: 'not-checked', reason: 'no seed is set in this process', differences: [] }
  }
  return compareFields(before, after, seedFieldMap(was), seedFieldMap(is))
}

/** What Python programs said is known once they have run: without it, the rest is compared. */
function compareOwn(before: Captured, after: Captured): Comparison {
  const { python: _, ...value } = before.value
  const { algorithm } = Digest.parse(before.digest)
  const own = toCaptured('seeds', stableSeedFields(value), value, before.warnings, algorithm)
  return compare(own, after)
}

function isEmpty(stable: JsonObject): boolean {
  return stable['seed'] === null && Object.keys(asObject(stable['generators'], 'generators')).length === 0
}

function seedFieldMap(stable: JsonObject): Map<string, string> {
  const given = Object.entries(stable).filter(([, value]: [string, JsonValue]) => value !== null)
  return flatten(Object.fromEntries(given))
}
