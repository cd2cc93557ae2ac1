/** Arguments of the tools: their schemas, which clients get as JSON Schema, and the check of what a client gives. */
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { nearest } from '../core/options.ts'
import { REFERENCE_HELP } from '../store/reference.ts'
import { ENGLISH } from '../util/schema.ts'

/** Bytes of an answer unless more are asked for. */
export const ANSWER_BYTES = 2048

/** Most bytes of an answer. */
const MOST_BYTES = 256 << 10

/** Least bytes of an answer: less has no room for what is said about a cut. */
const LEAST_BYTES = 1024

/** Longest text that an argument can be. */
const TEXT_LIMIT = 10_000

/** Return an argument that is a text. */
export function textArgument(description: string): z.ZodMiniString {
  return z.string().check(z.maxLength(TEXT_LIMIT), z.describe(description))
}

/** The argument that every tool has. */
export const BYTES: { readonly bytes: z.ZodMiniPrefault<z.ZodMiniNumberFormat> } = {
  bytes: z.prefault(
    z
      .int()
      .check(
        z.minimum(LEAST_BYTES),
        z.maximum(MOST_BYTES),
        z.describe('Most bytes of the answer; what does not fit is cut, and the answer says so'),
      ),
    ANSWER_BYTES,
  ),
}

/** The argument that reads on in a list. */
export const CURSOR: { readonly cursor: z.ZodMiniOptional<z.ZodMiniString> } = {
  cursor: z.optional(textArgument('The cursor of an earlier answer, to read on')),
}

/** Return an argument that names a run. */
export function runArgument(which: string): z.ZodMiniString {
  return textArgument(`${which}: ${REFERENCE_HELP}`)
}

/** Return an argument that is a list of texts. */
export function textsArgument(description: string, most: number, least = 0): z.ZodMiniArray<z.ZodMiniString> {
  return z
    .array(z.string().check(z.maxLength(TEXT_LIMIT)))
    .check(z.minLength(least), z.maxLength(most), z.describe(description))
}

/** Check the arguments that a client gave. @throws ERR_LINEAPRINT_ARGUMENT for an unknown or wrong one. */
export function parseArguments<S extends z.ZodMiniObject>(schema: S, given: unknown): z.infer<S> {
  const parsed = z.safeParse(schema, given ?? {}, ENGLISH)
  if (parsed.success) return parsed.data
  const { issues } = parsed.error
  const names = Object.keys(schema.shape)
  // A wrong name also leaves the right one out.
  const unknown = issues.find(({ code }) => code === 'unrecognized_keys')
  if (unknown?.code === 'unrecognized_keys') {
    const [key = ''] = unknown.keys
    const near = nearest(key, names)
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `unknown argument ${JSON.stringify(key.slice(0, 80))}`,
      {
        field: key.slice(0, 80),
        expected: names.join(', '),
        hint: near === undefined ? undefined : `did you mean ${near}?`,
      },
    )
  }
  const [issue] = issues
  const field = issue?.path.join('.') || 'arguments'
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} is not as it should be`, {
    field,
    expected: issue?.message,
    hint: 'tools/list has the schema of the arguments',
  })
}

/** Return the position that a cursor stands for. @throws ERR_LINEAPRINT_ARGUMENT if it is none. */
export function positionOf(cursor: string | undefined): number {
  if (cursor === undefined) return 0
  const position = /^\d{1,15}$/.test(cursor) ? Number(cursor) : NaN
  if (Number.isSafeInteger(position)) return position
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'no answer has this cursor', {
    field: 'cursor',
    received: JSON.stringify(cursor.slice(0, 80)),
    hint: 'leave it out to begin at the first',
  })
}
