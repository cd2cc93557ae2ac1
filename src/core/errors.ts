/**
 * The one error class of lineaprint. Branch on `code`, never on the message or the class: two copies of a
 * package can be loaded side by side.
 */

/** Every code there is. A new failure gets a new code only if callers would act differently on it. */
export const ERROR_CODES = [
  /** No binary of the addon fits this platform, or it is of another version. */
  'ERR_LINEAPRINT_ADDON',
  /** An argument or option is of the wrong kind. */
  'ERR_LINEAPRINT_ARGUMENT',
  /** A configuration file, variable or option does not parse. */
  'ERR_LINEAPRINT_CONFIGURATION',
  /** Two files could be meant. */
  'ERR_LINEAPRINT_AMBIGUOUS',
  /** A file changed while it was read. */
  'ERR_LINEAPRINT_CHANGED',
  /** A command could not be started. */
  'ERR_LINEAPRINT_COMMAND',
  /** Two digests of different kinds, versions or algorithms were compared. */
  'ERR_LINEAPRINT_INCOMPARABLE',
  /** A file breaks the rules of its format. */
  'ERR_LINEAPRINT_FORMAT',
  /** A bug of lineaprint. */
  'ERR_LINEAPRINT_INTERNAL',
  /** A symbolic link that leads nowhere, into itself, or that the caller refuses. */
  'ERR_LINEAPRINT_LINK',
  /** Nothing has that path. */
  'ERR_LINEAPRINT_NOT_FOUND',
  /** It is not a regular file, or not a folder. */
  'ERR_LINEAPRINT_NOT_REGULAR',
  /** A range or part does not fit its file, or parts do not fit together. */
  'ERR_LINEAPRINT_RANGE',
  /** The record of a run is damaged or of an unknown version. */
  'ERR_LINEAPRINT_RECORD',
  /** No run of that name, or several. */
  'ERR_LINEAPRINT_RUN',
  /** A service that a run was to be sent to cannot be reached, failed or refused it. */
  'ERR_LINEAPRINT_SERVICE',
  /** A call that the state of the tracker does not allow. */
  'ERR_LINEAPRINT_STATE',
  /** The store cannot be written or read. */
  'ERR_LINEAPRINT_STORE',
  /** The system refused to open or read it. */
  'ERR_LINEAPRINT_UNREADABLE',
  /** It is known but not supported. */
  'ERR_LINEAPRINT_UNSUPPORTED',
] as const

/** A stable code to branch on. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** What an error is about, as fields. All are optional but the message. */
export interface ErrorDetails {
  /** The file or folder it is about. */
  readonly path?: string | undefined
  /** The tensor it is about. */
  readonly tensor?: string | undefined
  /** The option, key or field it is about. */
  readonly field?: string | undefined
  /** What was demanded. */
  readonly expected?: string | undefined
  /** What was there. */
  readonly received?: string | undefined
  /** What to do about it, one sentence. */
  readonly hint?: string | undefined
  /** The error behind it. */
  readonly cause?: unknown
}

const FIELDS = ['path', 'tensor', 'field', 'expected', 'received', 'hint'] as const

/** Thrown by everything in lineaprint, except that cancelled work rethrows the reason of its signal. */
export class LineaprintError extends Error {
  readonly code: ErrorCode
  declare readonly path?: string
  declare readonly tensor?: string
  declare readonly field?: string
  declare readonly expected?: string
  declare readonly received?: string
  declare readonly hint?: string

  /**
   * @param code What kind of failure.
   * @param message One plain sentence without the path; the path is put before it.
   * @param details What it is about.
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(compose(message, details), 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    // Only what is known becomes a field, so that a printed error shows no row of `undefined`.
    for (const key of FIELDS) {
      if (details[key] !== undefined) Object.assign(this, { [key]: details[key] })
    }
  }

  static {
    // On the prototype, so that it does not show up as a field of every error.
    Object.defineProperty(this.prototype, 'name', { value: 'LineaprintError', configurable: true })
  }

  /** Whether `value` is an error of lineaprint, of this copy or another. */
  static is(value: unknown): value is LineaprintError {
    return value instanceof Error && 'code' in value && String(value.code).startsWith('ERR_LINEAPRINT_')
  }
}

function compose(message: string, { path, tensor, expected, received, hint }: ErrorDetails): string {
  const place = [path, tensor === undefined ? undefined : `tensor ${JSON.stringify(tensor)}`]
  const head = [...place.filter((part) => part !== undefined), message].join(': ')
  const fact =
    expected !== undefined && received !== undefined ? ` (expected ${expected}, received ${received})` : ''
  return head + fact + (hint === undefined ? '' : `; ${hint}`)
}
