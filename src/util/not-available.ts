/** Something that is not there, which is a finding and no failure. */

/** Thrown inside a capture where what it looks for is absent; its message is the reason that is recorded. */
export class Absent extends Error {
  static {
    Object.defineProperty(this.prototype, 'name', { value: 'Absent', configurable: true })
  }
}

/** The same where nothing was to be expected, such as no conda: it is no warning either. */
export class NotThere extends Absent {}
