/** Something that is missing where a capture or comparison needs it: a finding, and no failure. */

/** Thrown inside a capture where what it needs is missing; its message is the reason that is recorded. */
export class NotAvailable extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'NotAvailable', configurable: true })
  }
}

/** Thrown likewise where nothing was to be expected, such as no conda: it is no warning either. */
export class NotApplicable extends NotAvailable {}
