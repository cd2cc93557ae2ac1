/** `lineaprint reproduce`: repeat a run in a clean work tree, with a verdict. */
import { Command, InvalidArgumentError } from 'commander'
import { reproduceRun } from '../../reproduce/reproduce.ts'
import { encodeFloat } from '../../json/special-floats.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { findRun } from '../../database/runs.ts'
import { collect } from '../shared/arguments.ts'
import { reportStopped } from '../shared/stopped.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import {
  bytes,
  count as countText,
  escapeText,
  isTerminal,
  paint,
  print,
  printError,
  printJson,
  table,
} from '../shared/output.ts'
import { plural } from '../../util/plural.ts'
import { askYes } from '../shared/question.ts'
import { progressBar } from '../shared/progress.ts'
import type {
  FileTotal,
  ReproduceItem,
  ReproduceVerdict,
  Reproduction,
  ReproductionPlan,
} from '../../reproduce/reproduce.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

interface ReproduceArguments extends StoreOptions {
  readonly into?: string
  readonly run: boolean
  readonly rebuild?: boolean
  readonly yes?: boolean
  readonly allowRedacted?: boolean
  readonly tolerance?: number
  readonly outputIgnore: readonly string[]
}

const EXAMPLE = `
Restores the recorded work tree into a new folder, runs the recorded command there as a new run, and compares its
outputs and last metrics with the recorded ones. The repository is only read. The output of the command goes to
stderr. A run that this user did not make on this machine is shown first, and needs a yes on the terminal or --yes.
Exit codes: 0 reproduced, 1 not reproduced, 2 wrong usage or no approval, 3 the command could not be run.

Example:
  lineaprint reproduce @latest --into ../again`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('reproduce'))
    .argument('<run>', REFERENCE_HELP)
    .option(
      '--into <folder>',
      'folder for the work tree, new or empty (default: a temporary one, which is kept)',
    )
    .option('--no-run', 'only restore the work tree')
    .option('--allow-redacted', 'run the command although secrets in files of the work tree were replaced')
    .option(
      '--rebuild',
      'reinstall the recorded packages first (npm ci and similar, a new Python environment)',
    )
    .option(
      '-y, --yes',
      'do not ask before the command of a run that this user did not make on this machine is started',
    )
    .option(
      '--tolerance <number>',
      'largest absolute difference of numbers that still counts as reproduced',
      tolerance,
    )
    .option(
      '--output-ignore <glob>',
      'leave out matching files of output folders (gitignore syntax); repeatable',
      collect,
      [],
    )
    .addHelpText('after', EXAMPLE)
    .action((reference: string, options: ReproduceArguments) => reproduce(reference, options, context))
}

function tolerance(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('Expected a number of at least 0, for example 1e-6.')
}

async function reproduce(
  reference: string,
  options: ReproduceArguments,
  context: CommandContext,
): Promise<void> {
  const progress = progressBar('hashing')
  try {
    const { store } = await openStore(options)
    const run = await findRun(store, reference)
    const answer = await reproduceRun(run, {
      into: options.into,
      run: options.run,
      rebuild: options.rebuild,
      approve:
        options.yes === true ||
        (async (plan) => {
          progress.end()
          return approve(plan, context.signal)
        }),
      allowRedacted: options.allowRedacted,
      onStep: (step) => {
        progress.end()
        printError(`lineaprint: ${escapeText(step)}`)
      },
      tolerance: options.tolerance,
      outputIgnore: options.outputIgnore,
      onStart: (directory) => {
        progress.end()
        if (options.json !== true) printDirectory(directory)
      },
      onProgress: progress.onProgress,
    })
    progress.end()
    if (options.json === true) printJson(asJson(answer))
    else report(answer)
    finish(answer, context)
  } catch (error) {
    progress.end()
    reportStopped(error, context.signal, options.json === true)
  }
}

/** Characters of the longest command that is shown whole. */
const COMMAND_LIMIT = 8000

/** Show what a run would start and, on a terminal, ask once whether it may. */
async function approve(plan: ReproductionPlan, signal: AbortSignal): Promise<boolean> {
  for (const line of planLines(plan)) printError(escapeText(line))
  return askYes('Start this? Type yes to go on: ', signal)
}

function planLines(plan: ReproductionPlan): string[] {
  const { id, host, argv, directory, patches, untracked, bundle, managers } = plan
  const whole = argv?.map(quoted).join(' ') ?? ''
  const hidden = whole.length - COMMAND_LIMIT
  const shown =
    hidden > 0 ? `${whole.slice(0, COMMAND_LIMIT)}… and ${countText(hidden)} more characters` : whole
  const changes = [
    total(patches, 'patch', 'patches'),
    total(untracked, 'untracked file', 'untracked files'),
    ...(bundle.count > 0 ? [`commits (${bytes(bundle.bytes)})`] : []),
  ]
  return [
    `lineaprint: this user is not known to have made the run ${id} on this machine; its record names the machine ${host}. It would`,
    ...(argv === undefined
      ? []
      : [`  start:   ${shown}`, `  in:      ${directory === '' ? '.' : directory}`]),
    `  restore: ${changes.join(', ')}`,
    ...(managers.length === 0 ? [] : [`  install: ${managers.join(', ')}`]),
  ]
}

function total(what: FileTotal, noun: string, nouns: string): string {
  return `${plural(what.count, noun, nouns)} (${bytes(what.bytes)})`
}

/** Quote an argument for a shell, so that its limits are visible. */
function quoted(argument: string): string {
  return /^[\w%+,./:=@-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", String.raw`'\''`)}'`
}

/** Convert for JSON, which has no infinity: it would become null. */
function asJson({ items, ...answer }: Reproduction): object {
  return {
    ...answer,
    items: items.map(({ maxDifference, ...item }) => ({
      ...item,
      ...(maxDifference !== undefined && { maxDifference: encodeFloat(maxDifference) }),
    })),
  }
}

function finish({ run, reproduced, items }: Reproduction, context: CommandContext): void {
  if (run?.status === 'killed') {
    printError('lineaprint: the command was ended by a signal')
    process.exitCode = run.exitCode
    return
  }
  const isTree = items.every(({ section, verdict }) => section !== 'code' || verdict !== 'different')
  context.exit((reproduced ?? isTree) ? 0 : 1)
}

const STYLES: Readonly<Record<ReproduceVerdict, 'green' | 'red' | 'yellow' | 'dim'>> = {
  same: 'green',
  'same-tensors': 'green',
  'same-table': 'green',
  'within-tolerance': 'green',
  different: 'red',
  missing: 'red',
  rebuilt: 'green',
  'not-restored': 'yellow',
  'not-compared': 'dim',
}

function report(answer: Reproduction): void {
  const { items, run, reproduced, directory, runName } = answer
  const original = runName === undefined ? answer.id : `${answer.id} (${escapeText(runName)})`
  print(lines(items))
  if (run === undefined) printDirectory(directory)
  else printError(`lineaprint: run ${run.id}, a reproduction of ${original}`)
  if (reproduced === null || !isTerminal()) return
  print(`\n${reproduced ? paint('green', 'reproduced') : paint('red', 'not reproduced')}`)
}

function printDirectory(directory: string): void {
  printError(`lineaprint: the work tree is ${escapeText(directory)}`)
}

/**
 * Format items. On a terminal, details are on a line below their item, so that the columns fit 80 characters.
 */
function lines(items: readonly ReproduceItem[]): string {
  const all = items.flatMap(rows)
  if (!isTerminal()) return table(all)
  const heads = table(all.map((cells) => cells.slice(0, -1))).split('\n')
  return all.flatMap((cells, index) => [heads[index] ?? '', ...words(cells)]).join('\n')
}

function words(cells: readonly string[]): string[] {
  const text = cells.at(-1) ?? ''
  return text === '' ? [] : [`    ${text}`]
}

/** Largest number of differences shown per item: an environment can have thousands. `--json` has all. */
const SHOWN = 10

/** Return one line for the item; differences of code and environment by package and field below it. */
function rows({ section, name, verdict, detail, differences }: ReproduceItem): string[][] {
  const byField = section === 'environment' || (section === 'code' && verdict === 'different')
  const count = plural(differences.length, 'field differs', 'fields differ')
  const shownDetail = detail === '' && differences.length > 0 ? count : detail
  const head = [paint(STYLES[verdict], verdict), section, escapeText(name), escapeText(shownDetail)]
  if (!byField) return [head]
  const fields = differences.slice(0, SHOWN).map(({ field, before, after }) => {
    const change = `${before ?? 'absent'} → ${after ?? 'gone'}`
    return [paint(STYLES[verdict], verdict), section, escapeText(field), escapeText(change)]
  })
  const hidden = differences.length - fields.length
  return [
    head,
    ...fields,
    ...(hidden > 0 ? [['', section, '…', `and ${hidden} more; --json lists all`]] : []),
  ]
}
