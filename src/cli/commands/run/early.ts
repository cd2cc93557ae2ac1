/** The work that `lineaprint run` starts before the rest of it is loaded. */
import { startEarlyProbe } from '../../../capture/environment/python/early.ts'
import { startEarlySnapshot } from '../../../capture/git/early.ts'
import { mayHaveOptions } from '../../../config/files.ts'
import { rankOf } from '../../../command/ranks/launch.ts'
import { redactArguments } from '../../../secrets/redact.ts'

/**
 * Names of the variables that disable the captures. A configuration file can do so as well; the early start of Python
 * is wasted then.
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
  if (isGitSure(argv.slice(0, at), directory)) startEarlySnapshot(directory, process.env)
}

function isOn(capture: keyof typeof SWITCHES): boolean {
  const value = process.env[SWITCHES[capture]]
  return value === undefined || value === 'true'
}

/** Return whether the run will capture git in a folder: no program is started for a capture that is off. */
function isGitSure(argv: readonly string[], directory: string): boolean {
  // One of several ranks may have no captures of its own.
  if (!isOn('git') || rankOf(process.env) !== undefined) return false
  return !argv.some((word) => word.startsWith('--config')) && !mayHaveOptions(directory)
}
