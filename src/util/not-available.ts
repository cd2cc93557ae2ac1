/** Something that is missing where a capture or comparison needs it: a finding, and no failure. */

/** Thrown inside a capture where what it needs is missing; its message is the reason that is recorded. */
export class NotAvailable extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'NotAvailable', configurable: true })
  }
}

/** Thrown likewise where nothing was to be expected, such as no conda: it is no warning either. */
export class NotApplicable extends NotAvailable {}

/** Return the reason to record for anything thrown: the first line, without a stack. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.split('\n')[0] ?? message
}
