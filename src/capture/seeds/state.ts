/** The recorded state of a generator. */
import { LineaprintError } from '../../core/errors.ts'
import { checkSeed } from './seed.ts'

/** The complete state that determines the next values of a generator. */
export type GeneratorState = {
  /** Version of this form. */
  readonly version: 1
  readonly algorithm: 'xoroshiro128plus'
  /** The initial seed. */
  readonly seed: number
  /** The initial stream. */
  readonly stream: number
  /** 128 bits: the first and the second word of 64 bits, each as 16 hexadecimal digits. */
  readonly state: string
}

/** The largest stream number: each one costs a jump of about a microsecond. */
export const MAX_STREAM = 65_535

/**
 * Check a state from an external source.
 *
 * @throws ERR_LINEAPRINT_RECORD if it is not an object or a field is missing, ERR_LINEAPRINT_UNSUPPORTED if
 * its version or algorithm is not known, ERR_LINEAPRINT_FORMAT if a field has an impossible value.
 */
export function parseState(value: unknown, field = 'state'): GeneratorState {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', 'the state of a generator is not an object', {
      field,
      expected: 'an object',
      received: value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value,
    })
  }
  const fields = value as Readonly<Record<string, unknown>>
  for (const name of ['version', 'algorithm', 'seed', 'stream', 'state']) {
    if (!Object.hasOwn(fields, name)) {
      throw new LineaprintError('ERR_LINEAPRINT_RECORD', `the state of a generator lacks ${name}`, {
        field: `${field}.${name}`,
      })
    }
  }
  const { version, algorithm, seed, stream, state } = fields
  if (version !== 1) throw unsupported(`${field}.version`, '1', version)
  if (algorithm !== 'xoroshiro128plus') throw unsupported(`${field}.algorithm`, 'xoroshiro128plus', algorithm)
  if (typeof state !== 'string' || !/^[0-9a-f]{32}$/.test(state)) {
    throw corrupt(`${field}.state`, '32 hexadecimal digits in lower case', state)
  }
  // A state of zeros produces only zeros; no seed leads to it.
  if (/^0+$/.test(state)) throw corrupt(`${field}.state`, 'a state that is not all zeros', state)
  if (!isStream(stream)) throw corrupt(`${field}.stream`, `a whole number from 0 to ${MAX_STREAM}`, stream)
  return { version, algorithm, seed: parseSeed(seed, field), stream, state }
}

/** Return whether a value is a valid stream number. */
export function isStream(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_STREAM
}

function parseSeed(seed: unknown, field: string): number {
  try {
    return checkSeed(seed)
  } catch {
    throw corrupt(`${field}.seed`, 'a whole number from 0 to 9007199254740991', seed)
  }
}

function unsupported(field: string, expected: string, received: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', 'the state is for an unknown generator', {
    field,
    expected,
    received: JSON.stringify(received) ?? typeof received,
    hint: 'it may need a newer version of lineaprint',
  })
}

function corrupt(field: string, expected: string, received: unknown): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_FORMAT', 'the state of a generator is damaged', {
    field,
    expected,
    received: (JSON.stringify(received) ?? typeof received).slice(0, 80),
  })
}
