/** `lineaprint list`: the runs of this store. Holds what the commands about runs share. */
import { Command } from 'commander'
import { resolveConfiguration } from '../experiment/configuration-sources.ts'
import { listRuns } from '../store/runs.ts'
import { storeIn } from '../store/store.ts'
import { wholeNumber } from './arguments.ts'
import { escapeText, isTerminal, paint, print, printError, printJson, table } from './output.ts'
import type { Configuration } from '../experiment/configuration.ts'
import type { RunStatus } from '../store/record.ts'
import type { ListedRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { CommandContext, CommonOptions } from './context.ts'

/** Options that say where the store is. */
export interface StoreOptions extends CommonOptions {
  readonly outputDir?: string
  readonly config?: string
}

/** Adds them to a command. */
export function storeOptions(target: Command): Command {
  return target
    .option(
      '--output-dir <folder>',
      'folder that holds the store .lineaprint (default: the working directory)',
    )
    .option('--config <file>', 'a configuration file instead of the one in the working directory')
}

/** The store that the options mean. */
export async function openStore({
  outputDir,
  config,
}: StoreOptions): Promise<{ store: Store; configuration: Configuration }> {
  const configuration = await resolveConfiguration({ outputDir }, { file: config })
  return { store: storeIn(configuration.outputDir), configuration }
}

/** A status in its colour. */
export function paintStatus(status: RunStatus): string {
  const styles = {
    finished: 'green',
    running: 'bold',
    failed: 'red',
    killed: 'yellow',
    lost: 'yellow',
  } as const
  return paint(styles[status], status)
}

/** A duration for people: `412 ms`, `3.2 s`, `4 min 05 s`, `2 h 04 min`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000
  if (seconds < 1) return `${Math.round(milliseconds)} ms`
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`
  return `${Math.floor(seconds / 3600)} h ${pad((seconds % 3600) / 60)} min`
}

function pad(value: number): string {
  return String(Math.floor(value)).padStart(2, '0')
}

/** The command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('list'))
    .option('-n, --limit <count>', 'only the newest', parseCount)
    .addHelpText('after', '\nExample:\n  lineaprint list --limit 10')
    .action((options: ListOptions) => list(options, context))
}

interface ListOptions extends StoreOptions {
  readonly limit?: number
}

function parseCount(text: string): number {
  return wholeNumber(1, 1_000_000)(text)
}

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const { store } = await openStore(options)
  const { runs: all, damaged } = await listRuns(store)
  const runs = options.limit === undefined ? all : all.slice(-options.limit)
  if (options.json === true) {
    printJson({
      runs: runs.map(describe),
      damaged: damaged.map(({ id, folder, error }) => ({
        id,
        path: folder,
        code: error.code,
        message: error.message,
      })),
    })
  } else if (runs.length > 0) {
    print(table(runs.map(row), ['id', 'name', 'status', 'started', 'took', 'tags']))
  } else if (damaged.length === 0) {
    printError(
      `lineaprint: there are no runs in ${escapeText(store.root)}; make one with "lineaprint run -- COMMAND"`,
    )
  }
  for (const { error } of damaged) printError(`lineaprint: ${escapeText(error.message)}`)
  if (damaged.length > 0) context.exit(3)
}

function describe({ folder, argv, ...run }: ListedRun): object {
  return { ...run, command: argv, path: folder }
}

function row({ id, name, status, startedAt, durationMs, tags }: ListedRun): string[] {
  const started = isTerminal() ? startedAt.slice(0, 16).replace('T', ' ') : startedAt
  return [
    id,
    escapeText(name),
    paintStatus(status),
    started,
    durationMs === null ? '' : isTerminal() ? duration(durationMs) : String(durationMs),
    escapeText(tags.join(', ')),
  ]
}
