/** Statements of a caller about a dataset: its licence, its source, and what was done to it before. Nothing is checked. */
import { LineaprintError } from '../core/errors.ts'
import { checkKnown } from '../core/options.ts'

/** The statements of a caller about a dataset. They are kept as they are, and no digest covers them. */
export interface StatedTerms {
  /** Names of licences. */
  readonly licenses?: readonly string[] | undefined
  /** Names or addresses of what it was made of. */
  readonly sources?: readonly string[] | undefined
  /** The steps of its preparation, in their order. */
  readonly preprocessing?: readonly string[] | undefined
}

const FIELDS = ['licenses', 'sources', 'preprocessing'] as const

/** The most texts of one kind, and the most characters of one. */
const MOST = 100
const LENGTH = 2000

/**
 * Check the statements of a caller.
 *
 * @returns Those that say something; `undefined` if none does.
 * @throws ERR_LINEAPRINT_ARGUMENT for anything but short lists of texts.
 */
export function checkStated(given: StatedTerms | undefined): StatedTerms | undefined {
  if (given === undefined) return undefined
  checkKnown(given, FIELDS)
  const stated = FIELDS.flatMap((field) => {
    const value: unknown = given[field]
    if (value === undefined) return []
    const isList =
      Array.isArray(value) &&
      value.length <= MOST &&
      value.every((text) => typeof text === 'string' && text.trim() !== '' && text.length <= LENGTH)
    if (!isList)
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} must be a list of texts`, {
        field,
        expected: `at most ${MOST} texts of 1 to ${LENGTH} characters`,
        received: (JSON.stringify(value) ?? 'nothing').slice(0, 80),
      })
    return value.length === 0 ? [] : [[field, [...value]] as const]
  })
  return stated.length === 0 ? undefined : Object.fromEntries(stated)
}
