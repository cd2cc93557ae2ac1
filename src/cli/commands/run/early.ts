/** What `lineaprint run` begins before the rest of it is loaded. */
import { beginEarly } from '../../../capture/environment/python/early.ts'
import { redactArguments } from '../../../secrets/redact.ts'

/** Switches the capture off that would ask. A configuration file may as well; then the look is for nothing. */
const SWITCH = 'LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING'

/** @param argv Of this process. */
export function beginRun(argv: readonly string[]): void {
  const at = argv.indexOf('--')
  const command = argv.slice(at + 1)
  if (at < 0 || command.length === 0 || process.env[SWITCH] === 'false') return
  // As the record holds it, which is what the capture is told.
  const question = { directory: process.cwd(), command: redactArguments(command), variables: process.env }
  beginEarly(question)
}
