/** `lineaprint list`: the runs of this store. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { nearest } from '../../../core/options.ts'
import { FIELD_HELP } from '../../../database/expression/fields.ts'
import { MOMENT_HELP, parseMoment } from '../../../database/expression/moments.ts'
import { listRuns } from '../../../database/runs.ts'
import { groupLaunches } from '../../../store/launches.ts'
import { collect, collectFields, wholeNumber } from '../../shared/arguments.ts'
import { escapeText, isTerminal, print, printError, printJson, table } from '../../shared/output.ts'
import { cellText, jsonValues, printCsv } from '../../shared/csv.ts'
import { databaseOption, fromDatabase } from '../../shared/database.ts'
import { printParquet } from '../../shared/parquet.ts'
import { openStore, storeOptions } from '../../shared/store.ts'
import { listing } from './listing.ts'
import { isSweep, sweepTable } from './sweep.ts'
import { plural } from '../../../util/plural.ts'
import type { RunStatus } from '../../../record/record.ts'
import type { ColumnValue, RunFilter, RunList, RunOfList } from '../../../database/runs.ts'
import type { CommandContext } from '../../shared/context.ts'
import type { DatabaseOptions } from '../../shared/database.ts'

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('list'))
    .option(
      '--where <expression>',
      'only runs of which it is true, as \'metrics.loss < 0.3 and tags has "base"\'',
    )
    .option(
      '--sort <fields>',
      'order by these fields, each descending after a minus, as -metrics.loss',
      collectFields,
    )
    .option(
      '--columns <fields>',
      'columns, as id,params.lr,metrics.loss.min; auto: the parameters and metrics that differ',
      collectFields,
    )
    .addOption(
      new Option('--format <format>', 'form of the output')
        .choices(['table', 'csv', 'json', 'parquet'])
        .default('table'),
    )
    .option('-n, --limit <count>', 'only the newest runs, with --sort the first', parseCount)
    .option('--name <experiment>', 'only runs of this experiment')
    .addOption(
      new Option('--status <status>', 'only runs of this status; repeatable')
        .choices(STATUSES)
        .argParser(collectStatus)
        .default([], 'all'),
    )
    .option('--tag <tag>', 'only runs with this tag; repeatable', collect, [])
    .option('--since <when>', 'only runs started since: a date, or an age such as 90m, 12h, 7d', parseSince)
    .addOption(databaseOption())
    .addHelpText(
      'after',
      `
Fields: ${FIELD_HELP}

Examples:
  lineaprint list --status finished --tag baseline --since 7d --limit 10
  lineaprint list --where 'metrics.loss < 0.3 and params.lr = 0.01' --sort -metrics.accuracy --columns auto`,
    )
    .action((options: ListOptions) => list(options, context))
}

interface ListOptions extends DatabaseOptions {
  readonly where?: string
  readonly sort?: readonly string[]
  readonly columns?: readonly string[]
  readonly format: 'table' | 'csv' | 'json' | 'parquet'
  readonly limit?: number
  readonly name?: string
  readonly status: readonly RunStatus[]
  readonly tag: readonly string[]
  readonly since?: Date
}

const STATUSES: readonly RunStatus[] = ['running', 'finished', 'failed', 'killed', 'lost']

function parseCount(text: string): number {
  return wholeNumber(1, 1_000_000)(text)
}

function collectStatus(text: string, before: readonly RunStatus[]): RunStatus[] {
  const status = STATUSES.find((known) => known === text)
  if (status !== undefined) return [...before, status]
  const near = nearest(text, STATUSES)
  throw new InvalidArgumentError(
    near === undefined ? `Expected one of ${STATUSES.join(', ')}.` : `Did you mean ${near}?`,
  )
}

function parseSince(text: string): Date {
  const time = parseMoment(text)
  if (time !== undefined) return new Date(time)
  throw new InvalidArgumentError(`Expected ${MOMENT_HELP}.`)
}

/** Smallest number of runs for which a missing index causes a warning. */
const MANY = 100

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  // The store is not looked for if a database answers.
  const { limit, name, status, tag, since, where, sort, columns } = options
  const conditions = { limit, name, tags: tag, since, where, sort, columns }
  const filter = { ...conditions, ...(status.length > 0 && { status }) }
  const asked = await fromDatabase(options, async (database) => ({
    location: database.address,
    match: await database.list(filter),
  }))
  const { location, match } = asked ?? (await listed(options, filter))
  const { damaged, total, slow } = match
  const runs = sort === undefined ? groupLaunches(match.runs) : match.runs
  if (options.json === true || options.format === 'json') {
    printJson({
      runs: runs.map(describe),
      damaged: damaged.map(({ id, folder, error }) => ({
        id,
        path: folder,
        code: error.code,
        message: error.message,
      })),
    })
  } else if (options.format === 'parquet') {
    const { runsAsParquet } = await import('../../../export/parquet.ts')
    const [titles, rows] = valueRows(runs, match.columns ?? DEFAULT_FIELDS)
    const named = rows.map((row) =>
      Object.fromEntries(row.map((value, index) => [titles[index] ?? '', value])),
    )
    await printParquet(runsAsParquet(titles, named), context.signal)
  } else if (options.format === 'csv') {
    printCsv(...valueRows(runs, match.columns ?? DEFAULT_FIELDS))
  } else if (runs.length > 0) {
    if (match.columns !== undefined) print(valueTable(runs, match.columns))
    else if (isTerminal() && isSweep(runs)) await printSweep(options, filter, runs)
    else print(listing(runs))
  } else if (total > 0) {
    printError(`lineaprint: no run matches in ${escapeText(location)} (of ${plural(total, 'run')})`)
  } else if (damaged.length === 0) {
    printError(`lineaprint: no runs in ${escapeText(location)}; record one with "lineaprint run -- COMMAND"`)
  }
  if (slow !== undefined && total >= MANY)
    printError(`lineaprint: warning: ${escapeText(slow)}; every record was read`)
  for (const { error } of damaged) printError(`lineaprint: ${escapeText(error.message)}`)
  if (damaged.length > 0) context.exit(3)
}

/** List the runs of the store. */
async function listed(
  options: ListOptions,
  filter: RunFilter,
): Promise<{ location: string; match: RunList }> {
  const { store } = await openStore(options)
  return { location: store.root, match: await listRuns(store, filter) }
}

/** Print runs of one experiment by what varies in them. A pipe gets the same columns whatever varies. */
async function printSweep(
  options: ListOptions,
  filter: RunFilter,
  runs: readonly RunOfList[],
): Promise<void> {
  const wanted = { ...filter, columns: ['auto'] }
  const asked = await fromDatabase(options, (database) => database.list(wanted))
  const varying = asked ?? (await listed(options, wanted)).match
  if (varying.columns === undefined || varying.columns.length === 0 || !isSweep(varying.runs))
    return print(listing(runs))
  const { text, omitted } = sweepTable(varying.runs, varying.columns)
  print(text)
  if (omitted > 0)
    printError(`lineaprint: no room for ${plural(omitted, 'more column')}; choose some with --columns`)
}

function describe({ folder, argv, values, ...run }: RunOfList): object {
  // Runs of a database are in no folder.
  return {
    ...run,
    command: argv,
    path: folder === '' ? null : folder,
    ...(values && { values: jsonValues(values) }),
  }
}

/** Columns of CSV and Parquet if none were asked for. */
const DEFAULT_FIELDS = ['id', 'name', 'run_name', 'status', 'started', 'duration', 'tags'] as const

/** Return the titles and the cells of columns. */
function valueRows(runs: readonly RunOfList[], columns: readonly string[]): [string[], ColumnValue[][]] {
  return [
    [...columns],
    runs.map((run) => {
      const own: Readonly<Record<string, ColumnValue>> = {
        id: run.id,
        name: run.name,
        run_name: run.runName,
        status: run.status,
        started: run.startedAt,
        duration: run.durationMs === null ? null : run.durationMs / 1000,
        tags: run.tags,
      }
      return columns.map((column) => (run.values ?? own)[column] ?? null)
    }),
  ]
}

/** Format the values of columns, with the id before them if it was not asked for. */
function valueTable(runs: readonly RunOfList[], columns: readonly string[]): string {
  const titles = columns.includes('id') ? columns : ['id', ...columns]
  const rows = runs.map((run) =>
    titles.map((title) =>
      title === 'id' ? run.id : escapeText(cellText(run.values?.[title] ?? null, isTerminal())),
    ),
  )
  const cuttable = new Set(titles.flatMap((title, index) => (title === 'id' ? [] : [index])))
  return table(rows, titles.map(escapeText), cuttable)
}
