/** Find the command, run it, and turn errors into one line, a JSON document if it is wanted, and an exit code. */
import { argv, exit, stderr, stdout } from 'node:process'
import { CommanderError } from 'commander'
import { isIgnored } from '../command/launcher/inherited.ts'
import { Interrupted, failureOf, isUsage, printFailure } from './shared/failure.ts'
import { hasFlag } from './shared/flags.ts'
import { wrapHelp } from './shared/help.ts'
import { dropOutput, printError } from './shared/output.ts'
import { checkNames } from './shared/utf8-names.ts'
import { beginCommand, buildProgram } from './tree.ts'
import type { Command } from 'commander'
import type { CommandContext, ExitCode } from './shared/context.ts'

const interrupt = new AbortController()
const context: CommandContext = {
  signal: interrupt.signal,
  exit: (code) => {
    process.exitCode = code
  },
  program: (which) => buildProgram(which, context),
}

/** Commands whose exit code is an answer, such as 1 for a difference. */
const ANSWERING: ReadonlySet<string | undefined> = new Set([
  'check',
  'dataset',
  'diff',
  'doctor',
  'lineage',
  'reproduce',
  'verify',
])

// `lineaprint … | head`: a reader that closes the pipe early is no error. An answer is still to be found: 0 would be one.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE' && ANSWERING.has(argv[2])) {
    dropOutput()
    return
  }
  if (error.code === 'EPIPE') exit(process.exitCode ?? 0)
  printError(`lineaprint: the output cannot be written: ${error.message}`)
  exit(3)
})
// stderr is closed, so there is nowhere to report it; the exit code remains.
stderr.on('error', () => undefined)
if (!isIgnored('SIGINT')) process.once('SIGINT', () => interrupt.abort(new Interrupted()))

// `lineaprint help hash` needs the options of `hash` as much as `lineaprint hash --help` does.
const name = argv[2] === 'help' ? argv[3] : argv[2]
/** The command that the arguments name; `undefined` until it is built, and for a name that none has. */
let command: Command | undefined
/** The command that refused its arguments. */
let refusing: Command | undefined

/** Run the command that the arguments name, and set the exit code. */
export async function main(): Promise<void> {
  // A process ends when nothing is left to wait for, also before the work is done. That is never a success.
  process.once('beforeExit', endUnfinished)
  try {
    checkNames(argv.slice(2))
    await beginCommand(name, argv)
    const program = await buildProgram(name, context)
    command = program.commands.find((child) => child.name() === name)
    prepare(program)
    await program.parseAsync(argv)
  } catch (error) {
    process.exitCode = fail(error)
  }
  process.off('beforeExit', endUnfinished)
}

function endUnfinished(): never {
  printError('lineaprint: a bug in lineaprint: it would have ended before its work was done')
  exit(3)
}

/** Configure a command: Commander would print and exit by itself, in other words and with other exit codes. */
function prepare(target: Command): void {
  const output = target.configureOutput()
  target.exitOverride().configureOutput({
    writeOut: (text) => stdout.write(wrapHelp(text, output.getOutHelpWidth?.() ?? 80)),
    writeErr: (text) => stderr.write(wrapHelp(text, output.getOutHelpWidth?.() ?? 80)),
    outputError: () => {
      refusing = target
    },
  })
  for (const child of target.commands) prepare(child)
}

function fail(error: unknown): ExitCode | 130 {
  // Help was asked for, or is what the call without a command gets.
  if (error instanceof CommanderError && refusing === undefined) return error.exitCode === 0 ? 0 : 2
  const failure = failureOf(error)
  const words = argv.slice(command === undefined ? 2 : 3)
  const hint = isUsage(error) ? `see "${helpOf(refusing ?? command)}"` : undefined
  printError(`lineaprint: ${failure.message}${hint === undefined ? '' : `; ${hint}`}`)
  printFailure({ ...failure, hint: failure.hint ?? hint }, hasFlag('--json', words, command))
  if (error instanceof Interrupted) return 130
  if (hasFlag('--debug', words, command) && error instanceof Error) printError(error.stack ?? '')
  return isUsage(error) ? 2 : 3
}

function helpOf(target: Command | undefined): string {
  const path: string[] = []
  for (let at: Command | null = target ?? null; at !== null; at = at.parent) path.unshift(at.name())
  return `${path.join(' ') || 'lineaprint'} --help`
}
