/** The work that `lineaprint run` starts before the rest of it is loaded. */
import { startEarlyProbe } from '../../../capture/environment/python/early.ts'
import { startEarlySnapshot } from '../../../capture/git/early.ts'
import { rankOf } from '../../../command/ranks/launch.ts'
import { redactArguments } from '../../../secrets/redact.ts'

/**
 * Names of the variables that disable the captures. A configuration file can do so as well; this early start is
 * wasted then.
 */
const SWITCHES = {
  environment: 'LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING',
  git: 'LINEAPRINT_ENABLE_GIT_TRACKING',
}

/**
 * Start the captures of a run early.
 *
 * @param argv Arguments of this process.
 */
export function beginRun(argv: readonly string[]): void {
  const at = argv.indexOf('--')
  const command = argv.slice(at + 1)
  if (at < 0 || command.length === 0) return
  const directory = process.cwd()
  // Arguments are redacted as in the record, because the capture receives them in that form too.
  if (isOn('environment'))
    startEarlyProbe({ directory, command: redactArguments(command), variables: process.env })
  // One of several ranks may have no captures of its own.
  if (isOn('git') && rankOf(process.env) === undefined) startEarlySnapshot(directory, process.env)
}

function isOn(capture: keyof typeof SWITCHES): boolean {
  return process.env[SWITCHES[capture]] !== 'false'
}
