/** The work that `lineaprint run` starts before the rest of it is loaded. */
import { startEarlyProbe } from '../../../capture/environment/python/early.ts'
import { redactArguments } from '../../../secrets/redact.ts'

/**
 * Name of the variable that disables the capture. A configuration file can do so as well; this early start is
 * wasted then.
 */
const SWITCH = 'LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING'

/**
 * Start the capture of a run early.
 *
 * @param argv Arguments of this process.
 */
export function beginRun(argv: readonly string[]): void {
  const at = argv.indexOf('--')
  const command = argv.slice(at + 1)
  if (at < 0 || command.length === 0 || process.env[SWITCH] === 'false') return
  // Arguments are redacted as in the record, because the capture receives them in that form too.
  const question = { directory: process.cwd(), command: redactArguments(command), variables: process.env }
  startEarlyProbe(question)
}
