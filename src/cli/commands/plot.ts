/** `lineaprint plot`: the metrics of runs as lines, in the terminal, as SVG or as PNG. */
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { figureOf } from '../../export/plot/figure.ts'
import { plotSvg } from '../../export/plot/svg.ts'
import { textPanel } from '../../export/plot/terminal.ts'
import { readMetrics } from '../../store/metrics/series.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { collect } from '../shared/arguments.ts'
import {
  escapeText,
  isTerminal,
  lineWidth,
  paint,
  print,
  printBytes,
  printError,
  printJson,
  table,
} from '../shared/output.ts'
import { pictureFormat } from '../shared/picture.ts'
import { storeOptions } from '../shared/store.ts'
import { writeWithFolders } from './diff/runs.ts'
import { findRuns, printReplaced } from './metrics.ts'
import type { Figure } from '../../export/plot/figure.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { PictureFormat } from '../shared/picture.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

interface PlotOptions extends StoreOptions {
  readonly metric: readonly string[]
  readonly continued: boolean
  readonly log?: boolean
  readonly smooth?: number
  readonly output?: string
  readonly format?: PictureFormat
}

/** Build the command. */
export function command({ signal }: CommandContext): Command {
  return storeOptions(new Command('plot'))
    .addArgument(new Argument('<run...>', `the runs: ${REFERENCE_HELP}`))
    .option(
      '--metric <pattern>',
      'only metrics of these names, * for any characters; repeatable',
      collect,
      [],
    )
    .option('--no-continued', 'leave out the values of runs that these continue')
    .option('--log', 'logarithmic vertical axes; values that are not above zero are left out')
    .option(
      '--smooth <weight>',
      'weight of earlier values in a moving average, from 0 to below 1',
      parseWeight,
    )
    .option('-o, --output <file>', 'write an SVG or, if its name ends in .png, a PNG instead')
    .addOption(
      new Option('--format <format>', 'write a picture, without --output to stdout').choices(['svg', 'png']),
    )
    .addHelpText(
      'after',
      "\nExamples:\n  lineaprint plot @latest --metric 'loss*'\n  lineaprint plot sweep sweep~1 sweep~2 --log --smooth 0.9 --output sweep.svg",
    )
    .action(async (references: string[], options: PlotOptions) => {
      const runs = await findRuns(references, options)
      const { series, warnings } = await readMetrics(runs, {
        signal,
        continued: options.continued,
        ...(options.metric.length > 0 && { metric: options.metric }),
      })
      const ids = runs.map(({ id }) => id)
      const figure = figureOf(ids, series, options.smooth ?? 0)
      const scale = options.log === true ? 'log' : 'linear'
      const format = formatOf(options)
      const picture = format === undefined ? '' : await pictureOf(svgOf(runs, figure, scale), format, signal)
      if (options.output !== undefined) await writeWithFolders(options.output, picture)
      if (options.json === true) printJson({ runs: ids, ...contentOf(figure), file: options.output ?? null })
      else if (options.output === undefined) {
        if (format === undefined) printFigure(runs, figure, scale)
        else await printBytes(Buffer.from(picture), signal)
      }
      if (figure.panels.length === 0 && figure.single.length === 0)
        printError('lineaprint: the runs have no metrics, or none that matches --metric')
      printReplaced(series)
      for (const warning of warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
      if (figure.omitted.length > 0)
        printError(`lineaprint: no room for ${figure.omitted.length} more metrics; choose some with --metric`)
    })
}

/** Return the format of the picture; `undefined` if none is asked for. */
function formatOf({ output, format, json }: PlotOptions): PictureFormat | undefined {
  if (output !== undefined) return format ?? pictureFormat(output, '--output', ['svg', 'png'])
  if (format === 'png' && json !== true && isTerminal())
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'a PNG is not for a terminal', {
      field: '--format',
      expected: '--output FILE, or a file or a pipe as stdout',
      received: 'a terminal',
    })
  return json === true ? undefined : format
}

async function pictureOf(
  svg: string,
  format: PictureFormat,
  signal: AbortSignal,
): Promise<string | Uint8Array> {
  if (format === 'svg') return svg
  const { plotPng } = await import('../../export/plot/png.ts')
  return plotPng(svg, signal)
}

function parseWeight(text: string): number {
  const weight = /^(?:0?\.\d+|0)$/.test(text) ? Number(text) : NaN
  if (weight >= 0 && weight < 1) return weight
  throw new InvalidArgumentError('Expected a number from 0 to below 1, such as 0.9.')
}

function contentOf({ panels, single, omitted }: Figure): object {
  return { panels: panels.map(({ title }) => title), single: single.map(([name]) => name), omitted }
}

function svgOf(runs: readonly StoredRun[], { panels, single }: Figure, scale: 'linear' | 'log'): string {
  const names = new Set(runs.map(({ record }) => record.name))
  return plotSvg({
    title: [...names].join(', '),
    xLabel: 'step',
    legend: runs.map(legendOf),
    panels,
    scale,
    rows: single.length === 0 ? [] : singleRows(runs, single),
    nothing: 'The runs have no such metric.',
  })
}

function legendOf({ id, record }: StoredRun): string {
  const name = record.runName === undefined ? id : `${record.runName}  ${id}`
  return record.continues === undefined ? name : `${name} (continues ${record.continues})`
}

/** Return a table with a row for each metric that has one value, and a column for each run. */
function singleRows(runs: readonly StoredRun[], single: Figure['single']): string[][] {
  return [
    ['metric', ...runs.map(({ id }) => id)],
    ...single.map(([name, ...values]) => [
      name,
      ...values.map((value) => (value === null ? '' : String(Number(value.toPrecision(6))))),
    ]),
  ]
}

const STYLES = ['blue', 'yellow', 'green', 'magenta', 'cyan', 'red'] as const

/** Height of a panel in lines. */
const ROWS = 12

/** Widest panel, for a pipe and for wide terminals. */
const WIDEST = 100

function styled(text: string, series: number): string {
  return paint(STYLES[series % STYLES.length] ?? 'bold', text)
}

function printFigure(runs: readonly StoredRun[], { panels, single }: Figure, scale: 'linear' | 'log'): void {
  if (panels.length > 0)
    print(runs.map((run, index) => `${styled('⠒⠒', index)} ${escapeText(legendOf(run))}`).join('\n'))
  for (const panel of panels) {
    const gutter = 11
    const columns = Math.max(20, Math.min(WIDEST, lineWidth()) - gutter - 1)
    const { labels, lines, from, to } = textPanel(panel, { columns, rows: ROWS, scale })
    print(`\n${paint('bold', escapeText(panel.title))}`)
    lines.forEach((cells, row) => {
      const text = cells
        .map(({ character, series }) => (series === undefined ? character : styled(character, series)))
        .join('')
      print(`${(labels[row] ?? '').padStart(gutter - 1)} │${text.trimEnd()}`)
    })
    print(`${' '.repeat(gutter)}└${'─'.repeat(columns)}`)
    print(`${' '.repeat(gutter + 1)}${from}${to.padStart(Math.max(1, columns - from.length))}`)
  }
  const [head, ...rows] = singleRows(runs, single)
  if (rows.length > 0) {
    if (panels.length > 0) print('')
    print(
      table(
        rows.map((row) => row.map(escapeText)),
        head?.map(escapeText),
      ),
    )
  }
}
