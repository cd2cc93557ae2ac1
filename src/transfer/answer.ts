/** Answers of a server: read up to a limit, checked, and errors that may be gone the next time. */
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { errorText, joinLines } from '../util/error-text.ts'
import type { ErrorDetails } from '../core/errors.ts'

/** Errors that may be gone the next time. */
const PASSING = new WeakSet<Error>()

/** Check whether what failed may succeed later: the server could not be reached, was busy, or failed. */
export function isPassing(error: unknown): boolean {
  return error instanceof Error && PASSING.has(error)
}

/** Return an error that may be gone the next time. */
export function passing(message: string, details: ErrorDetails): LineaprintError {
  const error = new LineaprintError('ERR_LINEAPRINT_SERVICE', message, details)
  PASSING.add(error)
  return error
}

/** Return the reason of an error of `fetch`. */
export function fetchReason(error: unknown): string {
  // fetch has the reason as the cause of an error that tells nothing.
  const { cause } = error as { cause?: unknown }
  return joinLines(errorText(cause ?? error))
}

/** Read the text of an answer. @throws ERR_LINEAPRINT_SERVICE if it has more bytes than the limit. */
export async function textOf(response: Response, limit: number): Promise<string> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of bodyOf(response)) {
    length += chunk.length
    if (length > limit)
      throw new LineaprintError('ERR_LINEAPRINT_SERVICE', 'the answer of the server is too long', {
        expected: `at most ${limit} bytes`,
      })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

/** Return the bytes of an answer; one that is empty has none. */
export function bodyOf({ body }: Response): ReadableStream<Uint8Array> {
  return (body ?? new Blob([]).stream()) as ReadableStream<Uint8Array>
}

/** Parse a text; `undefined` if it is no JSON. */
export function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/**
 * Read an answer, and check that it is what the server should send.
 *
 * @param limit Bytes of the longest answer that is read: a server may be hostile.
 */
export async function parsed<T>(
  schema: () => z.ZodMiniType<T>,
  response: Response,
  limit: number,
): Promise<T> {
  let text: string
  try {
    text = await textOf(response, limit)
  } catch (cause) {
    if (LineaprintError.is(cause)) throw cause
    throw passing(`the answer was cut off: ${fetchReason(cause)}`, { cause })
  }
  const answer = z.safeParse(schema(), jsonOf(text))
  if (answer.success) return answer.data
  throw new LineaprintError('ERR_LINEAPRINT_SERVICE', 'the server sent an answer that is none', {
    path: new URL(response.url || 'http://unknown').origin,
    hint: 'it may be of another version of lineaprint',
  })
}
