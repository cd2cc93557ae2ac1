/** `lineaprint list`: the runs of this store. */
import { stripVTControlCharacters } from 'node:util'
import { Command, InvalidArgumentError, Option } from 'commander'
import { nearest } from '../../core/options.ts'
import { listRuns } from '../../store/runs.ts'
import { groupLaunches } from '../../store/select.ts'
import { collect, wholeNumber } from '../shared/arguments.ts'
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
import { duration, localTime } from '../shared/time.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import { plural } from '../../util/plural.ts'
import type { RunStatus } from '../../record/record.ts'
import type { ListedRun } from '../../store/runs.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('list'))
    .option('-n, --limit <count>', 'show only the newest runs', parseCount)
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
      '\nExample:\n  lineaprint list --status finished --tag baseline --since 7d --limit 10',
    )
    .action((options: ListOptions) => list(options, context))
}

interface ListOptions extends StoreOptions {
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

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

function parseSince(text: string): Date {
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  // Date.parse accepts many other forms, and they differ between runtimes.
  const isDate = /^\d{4}-\d{2}-\d{2}(?:T[\d:.]+(?:Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
  // A day begins at midnight of this zone, as a time without a zone is one of this zone.
  const time = isDate
    ? Date.parse(text.includes('T') ? text : `${text}T00:00`)
    : Date.now() - Number(count) * (UNITS[unit ?? ''] ?? NaN)
  if (Number.isFinite(time)) return new Date(time)
  throw new InvalidArgumentError(
    'Expected a date such as 2025-01-31 or 2025-01-31T12:00Z, or 90m, 12h or 7d.',
  )
}

/** Smallest number of runs for which a missing index causes a warning. */
const MANY = 100

async function list(options: ListOptions, context: CommandContext): Promise<void> {
  const { store } = await openStore(options)
  const { limit, name, status, tag, since } = options
  const filter = { limit, name, tags: tag, since, ...(status.length > 0 && { status }) }
  const { runs: inOrder, damaged, total, slow } = await listRuns(store, filter)
  const runs = groupLaunches(inOrder)
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
    print(listing(runs))
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

function describe({ folder, argv, ...run }: ListedRun): object {
  return { ...run, command: argv, path: folder }
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
