/** `lineaprint doctor`: the features available on this machine. */
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Command } from 'commander'
import { runtimeVersion } from '../../capture/environment/javascript/node.ts'
import { findLauncher } from '../../command/launcher/find.ts'
import { withAbsolutePath } from '../../subprocess/search-path.ts'
import { errorCode, systemReason } from '../../util/fs.ts'
import { platformName } from '../../native/platform.ts'
import { VERSION } from '../../core/version.ts'
import { failureOf } from '../shared/failure.ts'
import { paint, print, printJson, table } from '../shared/output.ts'
import type { CommandContext, CommonOptions } from '../shared/context.ts'

/** One finding. `state` is `ok`, `absent` (harmless, but something is not captured) or `problem`. */
interface Finding {
  readonly name: string
  readonly state: 'ok' | 'absent' | 'problem'
  readonly detail: string
}

/** Build the command. */
export function command(context: CommandContext): Command {
  return new Command('doctor')
    .addHelpText(
      'after',
      '\nExit code 1 if a required part does not work.\n\nExample:\n  lineaprint doctor --json',
    )
    .action(async (options: CommonOptions) => {
      const findings = await examine(context.signal)
      if (findings.some(({ state }) => state === 'problem')) context.exit(1)
      if (options.json === true) return printJson(findings)
      print(table(findings.map(({ name, state, detail }) => [name, paint(COLOURS[state], state), detail])))
    })
}

const COLOURS = { ok: 'green', absent: 'dim', problem: 'red' } as const

async function examine(signal: AbortSignal): Promise<Finding[]> {
  const programs = await Promise.all([
    program('git', ['--version'], 'commits and changes are not captured', signal),
    program('python3', ['--version'], 'Python packages are not captured', signal),
    program('conda', ['--version'], 'conda packages are not captured', signal),
    program('uv', ['--version'], 'needed only by reproduce --rebuild for uv.lock', signal),
    program(
      'nvidia-smi',
      ['--query-gpu=name,driver_version', '--format=csv,noheader'],
      'no NVIDIA GPU is captured',
      signal,
    ),
  ])
  return [...(await addon()), launcher(), ...programs, await store()]
}

/** Load the addon, as every other command does first, and ask it. */
async function addon(): Promise<Finding[]> {
  const node: Finding = { name: 'node', state: 'ok', detail: runtimeVersion() }
  try {
    const { native } = await import('../../native/load.ts')
    const sets = native.instructionSets()
    return [
      { name: 'lineaprint', state: 'ok', detail: `${VERSION}, addon for ${platformName()}` },
      node,
      { name: 'threads', state: 'ok', detail: String(native.defaultThreads()) },
      {
        name: 'processor',
        state: sets.length > 0 ? 'ok' : 'absent',
        detail: sets.length > 0 ? sets.join(', ') : 'no vector instructions for hashing',
      },
    ]
  } catch (error) {
    const detail = `${VERSION}, no command but this works: ${failureOf(error).message}`
    return [{ name: 'lineaprint', state: 'problem', detail }, node]
  }
}

/** Check whether the program that starts commands is there. */
function launcher(): Finding {
  const path = findLauncher()
  return path === undefined
    ? {
        name: 'launcher',
        state: 'absent',
        detail: 'not found: run starts commands by Node, which resets signals and limits (docs/run.md)',
      }
    : { name: 'launcher', state: 'ok', detail: path }
}

async function program(name: string, args: string[], without: string, signal: AbortSignal): Promise<Finding> {
  try {
    const { stdout, stderr } = await promisify(execFile)(name, args, {
      timeout: 5000,
      signal,
      env: withAbsolutePath(process.env),
    })
    const detail = (stdout || stderr).trim().split('\n')[0] ?? ''
    return { name, state: 'ok', detail }
  } catch (error) {
    signal.throwIfAborted()
    const { code, killed } = error as { code?: unknown; killed?: boolean }
    const reason =
      code === 'ENOENT'
        ? 'not found'
        : killed === true
          ? 'no answer in 5 s'
          : `failed (${systemReason(error)})`
    return { name, state: 'absent', detail: `${reason}: ${without}` }
  }
}

/** Check whether runs can be written below this folder. */
async function store(): Promise<Finding> {
  const wanted = resolve('.lineaprint')
  for (const folder of [join(wanted, 'runs'), wanted, dirname(wanted)]) {
    try {
      await access(folder, constants.W_OK | constants.X_OK)
      return { name: 'store', state: 'ok', detail: wanted }
    } catch (error) {
      if (errorCode(error) === 'ENOENT') continue
      return {
        name: 'store',
        state: 'problem',
        detail: `${folder} cannot be written (${systemReason(error)})`,
      }
    }
  }
  return { name: 'store', state: 'problem', detail: `${wanted} cannot be created` }
}
