/**
 * The tree of all commands: the one source of the program, its help, its completions and its manual page.
 *
 * Only the requested command is loaded, so that `--help` and short commands start fast.
 */
import { Command, Help } from 'commander'
import { VERSION } from '../core/version.ts'
import type { Option } from 'commander'
import type { CommandContext } from './shared/context.ts'

type CommandModule = { command: (context: CommandContext) => Command }

/** Headings of the list of commands, in its order: by what a person wants to do. */
const GROUPS = {
  digests: 'Digests of data and models:',
  runs: 'Record runs:',
  reading: 'Look at runs:',
  checking: 'Check runs, and get them again:',
  keeping: 'Keep, describe and remove runs:',
  team: 'Share runs with a team:',
  machine: 'This machine:',
} as const

/** A command before its module is loaded. */
interface CommandEntry {
  readonly group: keyof typeof GROUPS
  readonly summary: string
  readonly load: () => Promise<CommandModule>
  /** Starts work that the command needs first, before its module is loaded. */
  readonly begin?: (argv: readonly string[]) => Promise<void>
  /** True for a command that programs start, not people. */
  readonly isHidden?: boolean
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  hash: {
    group: 'digests',
    summary: 'compute digests of files and folders',
    load: () => import('./commands/hash/hash.ts'),
  },
  manifest: {
    group: 'digests',
    summary: 'list every file and tensor with its digest',
    load: () => import('./commands/manifest.ts'),
  },
  check: {
    group: 'digests',
    summary: 'check files against a manifest or checksum file',
    load: () => import('./commands/check.ts'),
  },
  model: {
    group: 'digests',
    summary: 'print the digests, tensors and metadata of a model',
    load: () => import('./commands/model.ts'),
  },
  dataset: {
    group: 'digests',
    summary: 'print the digest, rows and columns of a dataset',
    load: () => import('./commands/dataset/dataset.ts'),
  },
  diff: {
    group: 'checking',
    summary: 'compare two runs, models, tables, folders or files',
    load: () => import('./commands/diff/diff.ts'),
  },
  run: {
    group: 'runs',
    summary: 'run any program and record the run',
    begin: async (argv) => (await import('./commands/run/early.ts')).beginRun(argv),
    load: () => import('./commands/run/run.ts'),
  },
  log: {
    group: 'runs',
    summary: 'report a metric, parameter, tag or note from inside a run, in any language',
    load: () => import('./commands/log.ts'),
  },
  list: {
    group: 'reading',
    summary: 'list the runs of the store',
    load: () => import('./commands/list/list.ts'),
  },
  show: { group: 'reading', summary: 'show one run', load: () => import('./commands/show/show.ts') },
  metrics: {
    group: 'reading',
    summary: 'print every value of the metrics of runs',
    load: () => import('./commands/metrics.ts'),
  },
  plot: {
    group: 'reading',
    summary: 'plot metrics of runs in the terminal, as SVG or PNG',
    load: () => import('./commands/plot.ts'),
  },
  ui: {
    group: 'reading',
    summary: 'open a page with the runs of the store',
    load: () => import('./commands/ui.ts'),
  },
  mcp: {
    group: 'reading',
    summary: 'answer questions of programs and agents about runs',
    load: () => import('./commands/mcp/mcp.ts'),
  },
  tree: {
    group: 'reading',
    summary: 'show runs with their parents and children',
    load: () => import('./commands/tree.ts'),
  },
  lineage: {
    group: 'checking',
    summary: 'show what a dataset, model or run was made from, and what was made from it',
    load: () => import('./commands/lineage.ts'),
  },
  verify: {
    group: 'checking',
    summary: 'compare a recorded run with the present',
    load: () => import('./commands/verify.ts'),
  },
  reproduce: {
    group: 'checking',
    summary: 'restore the work tree of a run, run its command again, and compare the outputs',
    load: () => import('./commands/reproduce.ts'),
  },
  get: {
    group: 'keeping',
    summary: 'write a file that a run kept into a folder',
    load: () => import('./commands/get.ts'),
  },
  annotate: {
    group: 'keeping',
    summary: 'add tags, a note or a name to a run that has ended',
    load: () => import('./commands/annotate.ts'),
  },
  sync: {
    group: 'team',
    summary: 'add the runs of the store to a PostgreSQL database',
    load: () => import('./commands/sync.ts'),
  },
  server: {
    group: 'team',
    summary: 'serve the page and the runs of a team',
    load: () => import('./commands/server.ts'),
  },
  push: {
    group: 'team',
    summary: 'send runs to the server of a team',
    load: () => import('./commands/push.ts'),
  },
  pull: {
    group: 'team',
    summary: 'get runs from the server of a team',
    load: () => import('./commands/pull.ts'),
  },
  token: {
    group: 'team',
    summary: 'create, list and revoke tokens of a server',
    load: () => import('./commands/token.ts'),
  },
  remove: { group: 'keeping', summary: 'remove runs', load: () => import('./commands/remove.ts') },
  gc: {
    group: 'keeping',
    summary: 'remove kept files that no run names',
    load: () => import('./commands/gc.ts'),
  },
  export: {
    group: 'keeping',
    summary: 'export a run to JSON, YAML, SLSA, CycloneDX, W&B or MLflow',
    load: () => import('./commands/export.ts'),
  },
  capture: {
    group: 'machine',
    summary: 'print one capture: the environment, git or seeds',
    load: () => import('./commands/capture.ts'),
  },
  doctor: {
    group: 'machine',
    summary: 'show what this machine supports',
    load: () => import('./commands/doctor.ts'),
  },
  completion: {
    group: 'machine',
    summary: 'print a script that completes commands in a shell',
    load: () => import('./commands/completion.ts'),
  },
  'record-program': {
    group: 'machine',
    summary: 'record a program that called start_run',
    load: () => import('./commands/record-program.ts'),
    isHidden: true,
  },
  'hash-tensors': {
    group: 'machine',
    summary: 'digest tensors in the memory of a Python program',
    load: () => import('./commands/hash-tensors.ts'),
    isHidden: true,
  },
}

/** Start the work that a command needs before its module is loaded. */
export async function beginCommand(name: string | undefined, argv: readonly string[]): Promise<void> {
  const entry = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name]
  await entry?.begin?.(argv)
}

/**
 * Build the program.
 *
 * @param which The command that gets its options, or `all` for all that people start. The others have their name and
 * summary.
 */
export async function buildProgram(which: string | undefined, context: CommandContext): Promise<Command> {
  const root = new Command('lineaprint')
    .description('Is this the same data, the same model? What exactly was this run? Can I get it again?')
    .version(VERSION, '-V, --version')
    .showSuggestionAfterError()
    .enablePositionalOptions()
    .configureHelp({ minWidthToWrap: NARROW })
    .addHelpText('after', HELP)
  // The first command of a group gives its heading its position.
  const inOrder = Object.keys(GROUPS).flatMap((group) =>
    Object.entries(COMMANDS).filter(([, entry]) => entry.group === group),
  )
  for (const [name, entry] of inOrder) {
    if (which === 'all' && entry.isHidden === true) continue
    const isWanted = which === 'all' || which === name
    const command = isWanted
      ? await loaded(name, entry, context)
      : new Command(name).description(entry.summary)
    root.addCommand(command.helpGroup(GROUPS[entry.group]), { hidden: entry.isHidden ?? false })
  }
  return root.commandsGroup(GROUPS.machine).helpCommand('help [command]', 'show the help of a command')
}

/** Build a command with its options and those of every command. */
async function loaded(
  name: string,
  { summary, load }: CommandEntry,
  context: CommandContext,
): Promise<Command> {
  const { command } = await load()
  return command(context)
    .name(name)
    .description(summary)
    .configureHelp({ optionDescription: describeOption, minWidthToWrap: NARROW })
    .option('--json', 'print one JSON document on stdout, also about a failure')
    .option('--debug', 'print the stack trace of an error')
}

/** Descriptions of options are wrapped down to this width, on a terminal of forty columns, too. */
const NARROW = 12

/** Describe an option. An option that collects values has an empty list as its default, which tells nothing. */
function describeOption(option: Option): string {
  return new Help().optionDescription(option).replace(/ \(default: \[\]\)$|, default: \[\](?=\)$)/, '')
}

const HELP = `
"lineaprint COMMAND --help" shows the options of a command, with examples.

Examples:
  lineaprint run --output model=model.safetensors -- python train.py
  lineaprint diff @previous @latest
  lineaprint verify @latest

Exit codes: 0 done or equal, 1 a difference, 2 wrong usage, 3 could not be read or failed`
