/** Errors as answers. */
import { LineaprintError } from '../core/errors.ts'
import { errorText } from '../util/error-text.ts'
import type { ErrorCode } from '../core/errors.ts'
import type { ErrorBody } from './api/types.ts'

/** The status of an answer about a failure. */
export type FailureStatus = 400 | 401 | 403 | 404 | 405 | 408 | 409 | 413 | 415 | 421 | 422 | 429 | 500 | 503

/** A request that is refused before anything is read. */
export class Refusal extends Error {
  readonly status: FailureStatus
  readonly body: ErrorBody

  constructor(status: FailureStatus, code: string, what: string, details: Partial<ErrorBody['error']> = {}) {
    super(what)
    this.status = status
    this.body = { error: { where: null, expected: null, received: null, do: null, ...details, code, what } }
  }
}

const STATUS: Readonly<Partial<Record<ErrorCode, FailureStatus>>> = {
  ERR_LINEAPRINT_ARGUMENT: 400,
  ERR_LINEAPRINT_CONFIGURATION: 400,
  ERR_LINEAPRINT_RUN: 404,
  ERR_LINEAPRINT_NOT_FOUND: 404,
  ERR_LINEAPRINT_AMBIGUOUS: 409,
  ERR_LINEAPRINT_STATE: 409,
  ERR_LINEAPRINT_CHANGED: 409,
  ERR_LINEAPRINT_RECORD: 422,
  ERR_LINEAPRINT_FORMAT: 422,
  ERR_LINEAPRINT_RANGE: 413,
  ERR_LINEAPRINT_SERVICE: 503,
}

/** An answer about a failure. */
export interface FailureAnswer {
  readonly status: FailureStatus
  readonly body: ErrorBody
  /** Further headers. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Return the status and the document that describe a failure. */
export function failureAnswer(error: unknown): FailureAnswer {
  if (error instanceof Refusal) return error
  if (LineaprintError.is(error)) {
    const { code, path, field, expected, received, hint } = error
    return {
      status: STATUS[code] ?? 500,
      body: {
        error: {
          code,
          what: cut(error.message),
          where: cutOrNull(field ?? path),
          expected: cutOrNull(expected),
          received: cutOrNull(received),
          do: cutOrNull(hint),
        },
      },
    }
  }
  return new Refusal(500, 'ERR_LINEAPRINT_INTERNAL', `a bug in lineaprint: ${errorText(error)}`, {
    do: 'report it with the output of "lineaprint ui" in the terminal',
  })
}

/** Characters of a text in an answer about a failure: it can name what a client sent. */
const TEXT_LIMIT = 2000

function cut(text: string): string {
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}…` : text
}

function cutOrNull(text: string | undefined): string | null {
  return text === undefined ? null : cut(text)
}
