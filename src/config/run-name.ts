/** The name of a run beside its experiment. */
import { LineaprintError } from '../core/errors.ts'
import { checkName } from '../json/copy.ts'

/**
 * Check the name of a run. It must not read as a reference to another run, nor as an option.
 *
 * @param field Where it was given, for errors.
 * @throws ERR_LINEAPRINT_ARGUMENT
 */
export function checkRunName(given: string, field: string): string {
  const name = checkName(given, field)
  if (!/^[@-]|~\d+$/.test(name)) return name
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid name of a run', {
    field,
    expected: 'a name that does not begin with "@" or "-", nor end in "~" and a number',
    received: JSON.stringify(name),
  })
}
