/** The parsers of recorded seeds. */
import {
  boolean,
  damagedField,
  listOf,
  nullable,
  number,
  objectOf,
  oneOf,
  optional,
  parseMembers,
  recordOf,
  text,
} from '../../json/read-fields.ts'
import { parseState } from './state.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { FieldParser } from '../../json/read-fields.ts'
import type { GeneratorState } from './state.ts'
import type { PythonSeeds, RecordedGenerator, RecordedProgram, SeedsCapture } from './types.ts'

const seed: FieldParser<number> = (value, field) => {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw damagedField(field, 'a whole number from 0 to 9007199254740991', value)
}

const generator: FieldParser<RecordedGenerator> = objectOf({
  version: optional(number),
  algorithm: text,
  seed: optional(number),
  stream: optional(number),
  state: text,
})

const program: FieldParser<RecordedProgram> = objectOf({
  setSeeds: listOf(seed),
  number: optional(number),
  kind: optional(oneOf(['program', 'spawned', 'forked'])),
  pid: optional(number),
  script: optional(text),
  version: optional(text),
  implementation: optional(text),
  hashSeed: optional(nullable(text)),
  seed: optional(nullable(seed)),
  origin: optional(nullable(oneOf(['run', 'set_seeds', 'derived']))),
  deterministic: optional(boolean),
  targets: optional(listOf(objectOf({ name: text, status: text, detail: text }))),
  states: optional(listOf(text)),
  hasEnded: optional(boolean),
  path: optional(listOf(number)),
  rank: optional(number),
  used: optional(listOf(text)),
  ownSeeds: optional(listOf(objectOf({ name: text, seed: nullable(text) }))),
  loaders: optional(listOf(objectOf({ workers: number, seeds: listOf(text) }))),
  moreLoaders: optional(number),
})

const python: FieldParser<PythonSeeds<RecordedProgram>> = (value, field) => {
  const {
    status,
    programs,
    unlisted,
    reason = 'no reason is recorded',
  } = objectOf({
    status: oneOf(['reached', 'not-reached']),
    programs: listOf(program),
    unlisted: optional(number),
    reason: optional(text),
  })(value, field)
  if (status === 'not-reached') return { status, reason, programs }
  return { status, programs, ...(unlisted !== undefined && { unlisted }) }
}

/**
 * Parse a recorded seeds capture of this version or another.
 *
 * @param value The `value` of the capture.
 * @throws ERR_LINEAPRINT_RECORD naming the field whose recorded form is damaged.
 */
export function parseSeedsCapture(value: JsonObject): SeedsCapture {
  return parseMembers(
    {
      seed: nullable(seed),
      source: optional(nullable(oneOf(['setSeeds', 'LINEAPRINT_SEED']))),
      variables: recordOf(nullable(text)),
      generators: recordOf(generator),
      v8: optional(text),
      mathRandomSeed: optional(nullable(text)),
      unreachable: optional(listOf(text)),
      python: optional(python),
    },
    value,
    '',
  )
}

/** The state that a process can be restored to. */
export interface RestorableSeeds {
  readonly seed: number | null
  readonly generators: Readonly<Record<string, GeneratorState>>
}

/**
 * Parse the seed and the states of generators that can be restored.
 *
 * @throws ERR_LINEAPRINT_RECORD for a value that is not a capture, and the errors of {@link parseState}.
 */
export function parseRestorableSeeds(value: JsonObject): RestorableSeeds {
  // A missing seed differs from `null`, which means that no seed was set.
  const restorable = parseMembers(
    { generators: recordOf(parseState), seed: optional(nullable(seed)) },
    value,
    '',
  )
  if (!Object.hasOwn(value, 'seed')) throw damagedField('seed', 'a seed, or null', undefined)
  return { seed: restorable.seed ?? null, generators: restorable.generators }
}
