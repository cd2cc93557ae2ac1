/**
 * Find the command, run it, and turn errors into one line and an exit code.
 *
 * Only the requested command is loaded, so that `--help` and short commands start fast.
 */
import { argv, exit, stderr, stdout } from 'node:process'
import { Command, CommanderError } from 'commander'
import { isIgnored } from '../command/launcher/inherited.ts'
import { errorText, joinLines } from '../util/error-text.ts'
import { VERSION } from '../core/version.ts'
import { LineaprintError } from '../core/errors.ts'
import { escapeText, printError } from './shared/output.ts'
import { checkNames } from './shared/utf8-names.ts'
import type { CommandContext, ExitCode } from './shared/context.ts'

type CommandModule = { command: (context: CommandContext) => Command }

const COMMANDS: Readonly<Record<string, { summary: string; load: () => Promise<CommandModule> }>> = {
  hash: { summary: 'compute digests of files and folders', load: () => import('./commands/hash/hash.ts') },
  manifest: {
    summary: 'list every file and tensor with its digest',
    load: () => import('./commands/manifest.ts'),
  },
  check: {
    summary: 'check files against a manifest or checksum file',
    load: () => import('./commands/check.ts'),
  },
  model: { summary: 'digests, tensors and metadata of a model', load: () => import('./commands/model.ts') },
  dataset: { summary: 'digest, rows and columns of a dataset', load: () => import('./commands/dataset.ts') },
  diff: {
    summary: 'compare two runs, models, tables, folders or files',
    load: () => import('./commands/diff/diff.ts'),
  },
  run: {
    summary: 'run any program as a tracked run',
    load: async () => {
      ;(await import('./commands/run/early.ts')).beginRun(argv)
      return import('./commands/run/run.ts')
    },
  },
  list: { summary: 'list the runs of the store', load: () => import('./commands/list.ts') },
  show: { summary: 'show one run', load: () => import('./commands/show/show.ts') },
  verify: {
    summary: 'check what a run recorded against the present',
    load: () => import('./commands/verify.ts'),
  },
  reproduce: {
    summary: 'run a recorded command again in a clean work tree and compare its outputs',
    load: () => import('./commands/reproduce.ts'),
  },
  export: {
    summary: 'export a run: JSON, YAML, SLSA, CycloneDX, W&B, MLflow',
    load: () => import('./commands/export.ts'),
  },
  capture: { summary: 'print one capture: env, git or seeds', load: () => import('./commands/capture.ts') },
  doctor: { summary: 'show what this machine supports', load: () => import('./commands/doctor.ts') },
}

/** Failures caused by wrong usage. */
const USAGE_CODES: ReadonlySet<string> = new Set(['ERR_LINEAPRINT_ARGUMENT', 'ERR_LINEAPRINT_CONFIGURATION'])

class Interrupted extends Error {}

const interrupt = new AbortController()
const context: CommandContext = {
  signal: interrupt.signal,
  exit: (code) => {
    process.exitCode = code
  },
}

// `lineaprint … | head`: a reader that closes the pipe early is no error.
stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') exit(0)
  printError(`lineaprint: the output cannot be written: ${error.message}`)
  exit(3)
})
// stderr is closed, so there is nowhere to report it; the exit code remains.
stderr.on('error', () => undefined)
if (!isIgnored('SIGINT')) process.once('SIGINT', () => interrupt.abort(new Interrupted()))

// `lineaprint help hash` needs the options of `hash` as much as `lineaprint hash --help` does.
try {
  checkNames(argv.slice(2))
  const program = await build(argv[2] === 'help' ? argv[3] : argv[2])
  await program.parseAsync(argv)
} catch (error) {
  process.exitCode = fail(error)
}

/** Build the whole program for help, with the options of one command if it is requested. */
async function build(name: string | undefined): Promise<Command> {
  const root = new Command('lineaprint')
    .description('Is this the same data, the same model? What exactly was this run? Can I get it again?')
    .version(VERSION, '-V, --version')
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .addHelpText(
      'after',
      '\nExample:\n  lineaprint hash model.safetensors data/\n\nExit codes: 0 done or equal, 1 a difference, 2 wrong usage, 3 could not be read or failed',
    )
  for (const [known, { summary, load }] of Object.entries(COMMANDS)) {
    if (known !== name) {
      root.addCommand(new Command(known).description(summary))
      continue
    }
    const { command } = await load()
    root.addCommand(
      command(context)
        .description(summary)
        .option('--json', 'print one JSON document on stdout')
        .option('--debug', 'print the stack trace of an error'),
    )
  }
  prepare(root)
  return root
}

/** Configure a command: Commander would exit by itself, with other exit codes. */
function prepare(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) =>
      write(`${escapeText(joinLines(text.replace(/^error: /, 'lineaprint: ').trim()))}\n`),
  })
  for (const child of command.commands) prepare(child)
}

function fail(error: unknown): ExitCode | 130 {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof Interrupted) {
    printError('lineaprint: interrupted')
    return 130
  }
  const debug = argv.includes('--debug')
  printError(`lineaprint: ${joinLines(errorText(error))}`)
  if (debug && error instanceof Error) printError(error.stack ?? '')
  const usage = LineaprintError.is(error) && USAGE_CODES.has(error.code)
  return usage ? 2 : 3
}
