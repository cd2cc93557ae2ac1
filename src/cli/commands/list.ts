/** `lineaprint list`: the runs of this store. */
import { stripVTControlCharacters } from 'node:util'
import { Command, InvalidArgumentError, Option } from 'commander'
import { nearest } from '../../core/options.ts'
import { FIELD_HELP } from '../../database/expression/fields.ts'
import { MOMENT_HELP, parseMoment } from '../../database/expression/moments.ts'
import { listRuns } from '../../database/runs.ts'
import { groupLaunches } from '../../store/launches.ts'
import { collect, collectFields, wholeNumber } from '../shared/arguments.ts'
import {
  NARROWEST_COLUMN,
  escapeText,
  isTerminal,
  lineWidth,
  paintStatus,
  print,
  printError,
  printJson,
  table,
} from '../shared/output.ts'
import { cellText, jsonValues, printCsv } from '../shared/csv.ts'
import { duration, localTime } from '../shared/time.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import { plural } from '../../util/plural.ts'
import type { RunStatus } from '../../record/record.ts'
import type { ColumnValue, RunOfList } from '../../database/runs.ts'
import type { ListedRun } from '../../store/runs.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

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
        .choices(['table', 'csv', 'json'])
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

interface ListOptions extends StoreOptions {
  readonly where?: string
  readonly sort?: readonly string[]
  readonly columns?: readonly string[]
  readonly format: 'table' | 'csv' | 'json'
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
  const { store } = await openStore(options)
  const { limit, name, status, tag, since, where, sort, columns } = options
  const conditions = { limit, name, tags: tag, since, where, sort, columns }
  const match = await listRuns(store, { ...conditions, ...(status.length > 0 && { status }) })
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
  } else if (options.format === 'csv') {
    printCsv(...valueRows(runs, match.columns ?? DEFAULT_FIELDS))
  } else if (runs.length > 0) {
    print(match.columns === undefined ? listing(runs) : valueTable(runs, match.columns))
  } else if (total > 0) {
    printError(`lineaprint: no run matches in ${escapeText(store.root)} (of ${plural(total, 'run')})`)
  } else if (damaged.length === 0) {
    printError(
      `lineaprint: no runs in ${escapeText(store.root)}; record one with "lineaprint run -- COMMAND"`,
    )
  }
  if (slow !== undefined && total >= MANY)
    printError(`lineaprint: warning: ${escapeText(slow)}; every record was read`)
  for (const { error } of damaged) printError(`lineaprint: ${escapeText(error.message)}`)
  if (damaged.length > 0) context.exit(3)
}

function describe({ folder, argv, values, ...run }: RunOfList): object {
  return { ...run, command: argv, path: folder, ...(values && { values: jsonValues(values) }) }
}

/** Columns of CSV if none were asked for. */
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

/** A column of the list. */
interface Column {
  readonly title: string
  readonly cell: (run: ListedRun) => string
  /** True if a narrow terminal may cut its texts. A part of a time or an id tells nothing. */
  readonly isCuttable?: boolean
}

const COLUMNS = {
  id: { title: 'id', cell: ({ id }) => id },
  name: { title: 'name', cell: ({ name }) => escapeText(name), isCuttable: true },
  runName: { title: 'run name', cell: ({ runName }) => escapeText(runName ?? ''), isCuttable: true },
  status: { title: 'status', cell: ({ status }) => paintStatus(status) },
  started: { title: 'started', cell: ({ startedAt }) => escapeText(localTime(startedAt)) },
  took: {
    title: 'run took',
    cell: ({ durationMs }) =>
      durationMs === null ? '' : isTerminal() ? duration(durationMs) : String(durationMs),
  },
  tags: { title: 'tags', cell: ({ tags }) => escapeText(tags.join(', ')), isCuttable: true },
  ranks: { title: 'ranks', cell: ({ launch }) => escapeText(describeRanks(launch)), isCuttable: true },
} as const satisfies Readonly<Record<string, Column>>

/** Columns that a terminal leaves out if no run has a value. A pipe always has the same columns. */
const OPTIONAL: ReadonlySet<Column> = new Set([COLUMNS.runName, COLUMNS.tags, COLUMNS.ranks])

/** Columns that a terminal without room for them leaves out, the first ones first. */
const DISPENSABLE: readonly Column[] = [
  COLUMNS.took,
  COLUMNS.ranks,
  COLUMNS.tags,
  COLUMNS.started,
  COLUMNS.runName,
  COLUMNS.name,
]

/** Describe which ranks a run has: `from 0 of 8 on node1`. */
function describeRanks(launch: ListedRun['launch']): string {
  if (launch === null) return ''
  const { rank, size, node } = launch
  return `from ${rank}${size === null ? '' : ` of ${size}`} on ${node}`
}

function listing(runs: readonly ListedRun[]): string {
  const all: readonly Column[] = Object.values(COLUMNS)
  const columns = isTerminal() ? fitting(all, runs) : all
  const cuttable = new Set(columns.flatMap(({ isCuttable }, index) => (isCuttable === true ? [index] : [])))
  const cells = runs.map((run) => columns.map(({ cell }) => cell(run)))
  const titles = columns.map(({ title }) => title)
  return table(cells, titles, cuttable)
}

/** Return the columns for which a line has room. */
function fitting(all: readonly Column[], runs: readonly ListedRun[]): readonly Column[] {
  const least = new Map(
    all.map((column) => {
      const width = runs.reduce(
        (most, run) => Math.max(most, stripVTControlCharacters(column.cell(run)).length),
        0,
      )
      const whole = Math.max(width, column.title.length)
      return [
        column,
        width === 0 ? 0 : column.isCuttable === true ? Math.min(whole, NARROWEST_COLUMN) : whole,
      ]
    }),
  )
  let shown = all.filter((column) => !OPTIONAL.has(column) || least.get(column) !== 0)
  const room = (): number => shown.reduce((sum, column) => sum + 2 + (least.get(column) ?? 0), -2)
  for (const column of DISPENSABLE)
    if (room() > lineWidth()) shown = shown.filter((other) => other !== column)
  return shown
}
