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

/** A command before its module is loaded. */
interface CommandEntry {
  readonly summary: string
  readonly load: () => Promise<CommandModule>
  /** Starts work that the command needs first, before its module is loaded. */
  readonly begin?: (argv: readonly string[]) => Promise<void>
  /** True for a command that programs start, not people. */
  readonly isHidden?: boolean
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
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
  dataset: {
    summary: 'digest, rows and columns of a dataset',
    load: () => import('./commands/dataset/dataset.ts'),
  },
  diff: {
    summary: 'compare two runs, models, tables, folders or files',
    load: () => import('./commands/diff/diff.ts'),
  },
  run: {
    summary: 'run any program as a tracked run',
    begin: async (argv) => (await import('./commands/run/early.ts')).beginRun(argv),
    load: () => import('./commands/run/run.ts'),
  },
  log: {
    summary: 'report a metric, parameter or tag to the run, from any program',
    load: () => import('./commands/log.ts'),
  },
  list: { summary: 'list the runs of the store', load: () => import('./commands/list/list.ts') },
  show: { summary: 'show one run', load: () => import('./commands/show/show.ts') },
  metrics: {
    summary: 'print every value of the metrics of runs',
    load: () => import('./commands/metrics.ts'),
  },
  plot: { summary: 'plot metrics of runs: terminal, SVG, PNG', load: () => import('./commands/plot.ts') },
  ui: { summary: 'open a page with the runs of the store', load: () => import('./commands/ui.ts') },
  mcp: {
    summary: 'answer questions of programs and agents about the runs of the store',
    load: () => import('./commands/mcp/mcp.ts'),
  },
  tree: { summary: 'show runs with their parents and children', load: () => import('./commands/tree.ts') },
  lineage: {
    summary: 'show what a dataset, model or run was made from, and what was made from it',
    load: () => import('./commands/lineage.ts'),
  },
  verify: {
    summary: 'check what a run recorded against the present',
    load: () => import('./commands/verify.ts'),
  },
  reproduce: {
    summary: 'run a recorded command again in a clean work tree and compare its outputs',
    load: () => import('./commands/reproduce.ts'),
  },
  get: { summary: 'write what a run kept into a folder', load: () => import('./commands/get.ts') },
  annotate: {
    summary: 'add tags, a note or a name to a run that has ended',
    load: () => import('./commands/annotate.ts'),
  },
  sync: {
    summary: 'add the runs of the store to a database in PostgreSQL',
    load: () => import('./commands/sync.ts'),
  },
  server: {
    summary: 'serve the runs of a team: the page, and what push and pull need',
    load: () => import('./commands/server.ts'),
  },
  push: {
    summary: 'send runs to the server of a team',
    load: () => import('./commands/push.ts'),
  },
  pull: {
    summary: 'take runs from the server of a team',
    load: () => import('./commands/pull.ts'),
  },
  token: {
    summary: 'make, list and revoke tokens of a server',
    load: () => import('./commands/token.ts'),
  },
  remove: { summary: 'remove runs', load: () => import('./commands/remove.ts') },
  gc: { summary: 'remove kept files that no run names', load: () => import('./commands/gc.ts') },
  export: {
    summary: 'export a run: JSON, YAML, SLSA, CycloneDX, W&B, MLflow',
    load: () => import('./commands/export.ts'),
  },
  capture: { summary: 'print one capture: env, git or seeds', load: () => import('./commands/capture.ts') },
  doctor: { summary: 'show what this machine supports', load: () => import('./commands/doctor.ts') },
  completion: {
    summary: 'print a script that completes commands in a shell',
    load: () => import('./commands/completion.ts'),
  },
  'record-program': {
    summary: 'record a program that called start_run',
    load: () => import('./commands/record-program.ts'),
    isHidden: true,
  },
  'hash-tensors': {
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
  for (const [name, entry] of Object.entries(COMMANDS)) {
    if (which === 'all' && entry.isHidden === true) continue
    const isWanted = which === 'all' || which === name
    root.addCommand(
      isWanted ? await loaded(name, entry, context) : new Command(name).description(entry.summary),
      { hidden: entry.isHidden ?? false },
    )
  }
  return root
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
Example:
  lineaprint hash model.safetensors data/

Exit codes: 0 done or equal, 1 a difference, 2 wrong usage, 3 could not be read or failed`
