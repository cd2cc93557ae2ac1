/**
 * The error class of lineaprint. Branch on `code`, never on the message or the class: two copies of a package
 * can be loaded at once.
 */

/** All error codes. A new failure gets a new code only if callers would handle it differently. */
export const ERROR_CODES = [
  /** No binary of the addon fits this platform, or it is of another version. */
  'ERR_LINEAPRINT_ADDON',
  /** An argument or option is of the wrong kind. */
  'ERR_LINEAPRINT_ARGUMENT',
  /** A configuration file, variable or option does not parse. */
  'ERR_LINEAPRINT_CONFIGURATION',
  /** The argument matches several files or runs. */
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
  /** A tensor that was loaded is not the one of its manifest; only the Python package raises it. */
  'ERR_LINEAPRINT_MISMATCH',
  /** Nothing exists at that path. */
  'ERR_LINEAPRINT_NOT_FOUND',
  /** The path is not a regular file, or not a folder. */
  'ERR_LINEAPRINT_NOT_REGULAR',
  /** A range or part does not fit its file, or parts do not fit together. */
  'ERR_LINEAPRINT_RANGE',
  /** The record of a run is damaged or of an unknown version. */
  'ERR_LINEAPRINT_RECORD',
  /** No run matches, or several do. */
  'ERR_LINEAPRINT_RUN',
  /** The service that a run is sent to is unreachable, failed or refused it. */
  'ERR_LINEAPRINT_SERVICE',
  /** There is no space left for temporary files, or for the file that is written. */
  'ERR_LINEAPRINT_SPACE',
  /** The state of the tracker does not allow the call. */
  'ERR_LINEAPRINT_STATE',
  /** The store cannot be written or read. */
  'ERR_LINEAPRINT_STORE',
  /** The system refused to open or read the file. */
  'ERR_LINEAPRINT_UNREADABLE',
  /** The format or feature is known but not supported. */
  'ERR_LINEAPRINT_UNSUPPORTED',
] as const

/** A stable code to branch on. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** The fields of an error. All but the message are optional. */
export interface ErrorDetails {
  /** The file or folder concerned. */
  readonly path?: string | undefined
  /** The tensor concerned. */
  readonly tensor?: string | undefined
  /** The option, key or field concerned. */
  readonly field?: string | undefined
  /** The value that was required. */
  readonly expected?: string | undefined
  /** The value that was received. */
  readonly received?: string | undefined
  /** The remedy, in one sentence. */
  readonly hint?: string | undefined
  /** The underlying error. */
  readonly cause?: unknown
}

const FIELDS = ['path', 'tensor', 'field', 'expected', 'received', 'hint'] as const

/**
 * The error that every function of lineaprint throws. Cancelled work rethrows the reason of its signal
 * instead.
 */
export class LineaprintError extends Error {
  readonly code: ErrorCode
  declare readonly path?: string
  declare readonly tensor?: string
  declare readonly field?: string
  declare readonly expected?: string
  declare readonly received?: string
  declare readonly hint?: string

  /**
   * @param code The kind of failure.
   * @param message One sentence without the path; the path is prepended.
   * @param details The fields of the error.
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(compose(message, details), 'cause' in details ? { cause: details.cause } : undefined)
    this.code = code
    // Set only known fields, so that a printed error shows no `undefined`.
    for (const key of FIELDS) {
      if (details[key] !== undefined) Object.assign(this, { [key]: details[key] })
    }
  }

  static {
    // Defined on the prototype, so that it is not printed as a field of every error.
    Object.defineProperty(this.prototype, 'name', { value: 'LineaprintError', configurable: true })
  }

  /** Check whether `value` is an error of lineaprint, of this copy of the package or another. */
  static is(value: unknown): value is LineaprintError {
    return value instanceof Error && 'code' in value && String(value.code).startsWith('ERR_LINEAPRINT_')
  }

  /**
   * Check whether `value` is an error of lineaprint about what was read or asked for, which a caller can report as
   * a finding. A bug of lineaprint says nothing about the data: it is an error everywhere.
   */
  static isFinding(value: unknown): value is LineaprintError {
    return LineaprintError.is(value) && value.code !== 'ERR_LINEAPRINT_INTERNAL'
  }
}

function compose(message: string, { path, tensor, expected, received, hint }: ErrorDetails): string {
  const subject = [path, tensor === undefined ? undefined : `tensor ${JSON.stringify(tensor)}`]
  const head = [...subject.filter((part) => part !== undefined), message].join(': ')
  const fact =
    expected !== undefined && received !== undefined ? ` (expected ${expected}, received ${received})` : ''
  return head + fact + (hint === undefined ? '' : `; ${hint}`)
}
