/** Errors of parts of a dataset in memory, with the part that they are of. */
import { LineaprintError } from '../../core/errors.ts'

/** Return an error with a part before its message, and all of its fields. */
export function within(part: string, field: string, cause: LineaprintError): LineaprintError {
  const { code, message, expected, received, hint } = cause
  const error = new LineaprintError(code, `${part}: ${message}`, { field: cause.field ?? field, cause })
  // The message has them already.
  for (const [name, value] of Object.entries({ expected, received, hint }))
    if (value !== undefined) Object.assign(error, { [name]: value })
  return error
}
