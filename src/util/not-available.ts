/**
 * Errors for something that a capture or comparison needs and that is missing. They are recorded as a result
 * and not as a failure.
 */

/**
 * Error thrown inside a capture if something that it needs is missing; its message is the recorded reason.
 */
export class NotAvailable extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'NotAvailable', configurable: true })
  }
}

/** Error thrown if something is not captured on request: it causes no warning. */
export class NotRequested extends NotAvailable {}

/**
 * Error thrown if something was searched for and does not exist, for example no conda: it causes no warning, and
 * two captures without it are equal.
 */
export class NotApplicable extends NotAvailable {}
