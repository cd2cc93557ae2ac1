/** `lineaprint dataset`: the content of a dataset. */
import { Command, Option } from 'commander'
import { listDigests } from '../../../core/digest.ts'
import { LineaprintError } from '../../../core/errors.ts'
import { readDataset } from '../../../dataset/read.ts'
import { TEXT_ENCODINGS } from '../../../dataset/table.ts'
import { isTableFile } from '../../../dataset/table-names.ts'
import { isArchiveFile } from '../../../hash/archive.ts'
import {
  algorithmOption,
  collect,
  collectColumns,
  threadsOption,
  wholeNumber,
} from '../../shared/arguments.ts'
import {
  bytes,
  count,
  escapeText,
  isTerminal,
  paint,
  print,
  printError,
  printJson,
  table,
} from '../../shared/output.ts'
import { statisticsText } from '../../shared/column-statistics.ts'
import { SAMPLE_HELP, addSampleOptions, sampleRows, toSample } from '../../shared/sample.ts'
import { progressBar } from '../../shared/progress.ts'
import { readSchema, schemaOption } from '../../shared/table-schema.ts'
import type { DatasetArchive } from '../../../dataset/describe-archive.ts'
import type { DatasetSequence } from '../../../dataset/describe-sequence.ts'
import type { DatasetTable } from '../../../dataset/describe-table.ts'
import type { DatasetSplits } from '../../../dataset/folder/splits-digest.ts'
import type { DatasetReport } from '../../../dataset/read.ts'
import type { StatedTerms } from '../../../dataset/stated.ts'
import type { TableOptions, TextEncoding } from '../../../dataset/table.ts'
import type { HashArguments } from '../../shared/arguments.ts'
import type { CommandContext, CommonOptions } from '../../shared/context.ts'
import type { SampleArguments } from '../../shared/sample.ts'

interface Options extends HashArguments, SampleArguments, CommonOptions {
  schema?: string
  delimiter?: string
  quote?: string
  encoding?: string
  table?: string
  statistics?: boolean
  unordered?: boolean
  leaks?: boolean
  text?: readonly string[]
  near?: boolean | number
  examples?: number
  licence: readonly string[]
  source: readonly string[]
  preprocessing: readonly string[]
}

/** Build the command. */
export function command(context: CommandContext): Command {
  return addSampleOptions(
    new Command('dataset')
      .argument('<paths...>', 'a file or a folder; with --leaks, splits as NAME=PATH')
      .addOption(algorithmOption()),
  )
    .addOption(threadsOption())
    .addOption(schemaOption())
    .option('--delimiter <character>', 'between the cells of CSV; `tab` for a tab')
    .option('--quote <character>', 'around cells of CSV that hold delimiters; `none` for none')
    .addOption(new Option('--encoding <name>', 'of CSV').choices(TEXT_ENCODINGS))
    .option('--table <name>', 'the table of a SQLite database')
    .option(
      '--no-statistics',
      'no statistics of columns, no counts of labels, no warnings about copies and empty files',
    )
    .option('--unordered', 'the rows of tables may be in any order')
    .option('--leaks', 'count the rows or files that are in several splits')
    .option('--text <columns>', 'with --leaks: compare these columns as normalised text', collectColumns)
    .addOption(
      new Option(
        '--near [similarity]',
        'with --text: count near duplicates as well (default: 0.8)',
      ).argParser(Number),
    )
    .addOption(
      new Option('--examples <count>', 'with --leaks: show this many (default: 10)').argParser(
        wholeNumber(0, 100_000),
      ),
    )
    .option('--licence <text>', 'state a licence of the data; repeatable', collect, [])
    .option('--source <text>', 'state where the data come from; repeatable', collect, [])
    .option('--preprocessing <text>', 'state a step of the preparation; repeatable', collect, [])
    .addHelpText('after', EXAMPLES)
    .action((paths: string[], options: Options) => start(paths, options, context))
}

const EXAMPLES = `${SAMPLE_HELP}

Examples:
  lineaprint dataset data/train
  lineaprint dataset data/train.parquet
  lineaprint dataset images.tar.gz
  lineaprint dataset shop.db --table orders
  lineaprint dataset old.csv --encoding windows-1252
  lineaprint dataset events.jsonl --schema '{"id":"int64","text":"utf8"}'
  lineaprint dataset data/train --sample 1%
  lineaprint dataset --leaks train=train.parquet test=test.parquet --text question
  lineaprint dataset --leaks train=train.parquet test=test.parquet --text question --near 0.9`

/** Read one dataset, or compare splits. */
async function start(paths: readonly string[], options: Options, context: CommandContext): Promise<void> {
  const { leaks, text, near, examples } = options
  if (leaks === true) {
    refuseUnused(options)
    const { printLeaks } = await import('./leaks.ts')
    await printLeaks(
      {
        splits: paths,
        text,
        near,
        examples,
        json: options.json === true,
        table: await tableArguments(options),
      },
      context,
    )
    return
  }
  for (const [field, given] of [
    ['--text', text],
    ['--near', near],
    ['--examples', examples],
  ] as const)
    if (given !== undefined)
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} needs --leaks`, { field })
  const [path, ...others] = paths
  if (path === undefined || others.length > 0)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'one dataset is read at a time', {
      expected: 'one path, or splits with --leaks',
      received: `${paths.length} paths`,
    })
  await dataset(path, options, context)
}

/** Refuse options that have no effect on splits. */
function refuseUnused({ sample, unordered, statistics, licence, source, preprocessing }: Options): void {
  for (const [field, given] of [
    ['--sample', sample !== undefined],
    ['--unordered', unordered === true],
    ['--no-statistics', statistics === false],
    ['--licence', licence.length > 0],
    ['--source', source.length > 0],
    ['--preprocessing', preprocessing.length > 0],
  ] as const)
    if (given)
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${field} has no effect with --leaks`, { field })
}

/** Return the options of tables. */
async function tableArguments({
  threads,
  schema,
  delimiter,
  quote,
  encoding,
  table: name,
}: Options): Promise<
  Pick<TableOptions, 'threads' | 'schema' | 'delimiter' | 'quote' | 'encoding' | 'table'>
> {
  return {
    threads,
    schema: await readSchema(schema),
    delimiter: delimiter === 'tab' ? '\t' : delimiter,
    quote: quote === 'none' ? '' : quote,
    encoding: encoding as TextEncoding | undefined,
    table: name,
  }
}

async function dataset(path: string, options: Options, context: CommandContext): Promise<void> {
  const progress = progressBar('hashing')
  const { algorithm } = options
  const report = await readDataset(path, {
    algorithm,
    ...(await tableArguments(options)),
    signal: context.signal,
    onProgress: progress.onProgress,
    sample: toSample(options),
    statistics: options.statistics,
    unordered: options.unordered,
    stated: {
      licenses: options.licence,
      sources: options.source,
      preprocessing: options.preprocessing,
    },
  }).finally(progress.end)
  if (hasUnreadContent(report)) context.exit(3)
  if (options.json === true) return printJson(report)
  for (const warning of report.warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
  print(
    table([
      ...listDigests(report.digests).map((digest) => [paint('bold', 'digest'), digest.toString()]),
      ['kind', report.kind],
      ['path', escapeText(report.path ?? '')],
      ['size', isTerminal() ? bytes(report.bytes) : String(report.bytes)],
      ...(report.files === undefined
        ? []
        : [
            ['files', count(report.files)],
            ['folders', count(report.folders ?? 0)],
          ]),
      ...(report.declared?.licenses ?? []).map((licence) => ['licence', escapeText(licence)]),
      ...(report.declared?.sources ?? []).map((source) => ['source', escapeText(source)]),
      ...statedRows(report.stated),
      ...(report.archive === undefined ? [] : archiveRows(report.archive)),
      ...(report.labels ?? []).map(({ label, split, files }) => [
        'label',
        `${escapeText(split === undefined ? label : `${split}/${label}`)}  ${count(files)}`,
      ]),
      ...(report.table === undefined ? [] : tableRows(report.table)),
      ...(report.sequence === undefined ? [] : sequenceRows(report.sequence)),
      ...(report.splits === undefined ? [] : splitRows(report.splits)),
      ...sampleRows(report.sample),
    ]),
  )
}

/** Return what the caller stated, said to be that. */
function statedRows({ licenses = [], sources = [], preprocessing = [] }: StatedTerms = {}): string[][] {
  return [
    ...licenses.map((text) => ['licence', `${escapeText(text)}  (stated, not checked)`]),
    ...sources.map((text) => ['source', `${escapeText(text)}  (stated, not checked)`]),
    ...preprocessing.map((text) => ['preprocessing', `${escapeText(text)}  (stated, not checked)`]),
  ]
}

/** Check whether a file with the name of a table, of records or of an archive was read in full and is none that could be read. */
function hasUnreadContent({
  kind,
  path = '',
  sample,
  table: readTable,
  archive,
  warnings,
}: DatasetReport): boolean {
  if (kind !== 'file' || sample !== undefined) return false
  // Databases and `--table` are known by the warning: their names are not those of tables.
  const isTable = isTableFile(path) || warnings.some((warning) => warning.startsWith('no table digest'))
  const isSequence = warnings.some((warning) => warning.startsWith('no sequence digest'))
  return (isTable && !readTable) || (isArchiveFile(path) ? !archive : isSequence)
}

/** Return what is in an archive: its digest and totals. */
function archiveRows({ digests, format, bytes: size, files, folders }: DatasetArchive): string[][] {
  return [
    ...listDigests(digests).map((digest) => [paint('bold', 'archive'), digest.toString()]),
    ['archive format', format],
    ['archive size', isTerminal() ? bytes(size) : String(size)],
    ['archive files', count(files)],
    ['archive folders', count(folders)],
  ]
}

/** Return the table in a file: its digest, and a line for each column. */
function tableRows({ digests, format, rows, columns, files }: DatasetTable): string[][] {
  return [
    ...listDigests(digests).map((digest) => [paint('bold', 'table'), digest.toString()]),
    ['format', format],
    ...(files === undefined ? [] : [['table files', count(files)]]),
    ['rows', count(rows)],
    ['columns', count(columns.length)],
    ...columns.map(({ name, type, statistics }) => {
      const figures = statistics === undefined ? '' : statisticsText(statistics, type)
      return ['column', [escapeText(name), escapeText(type), ...(figures === '' ? [] : [figures])].join('  ')]
    }),
  ]
}

/** Return the records of files: their digest and number. */
function sequenceRows({ digests, format, records, files }: DatasetSequence): string[][] {
  return [
    ...listDigests(digests).map((digest) => [paint('bold', 'sequence'), digest.toString()]),
    ['format', format],
    ...(files === undefined ? [] : [['sequence files', count(files)]]),
    ['records', count(records)],
  ]
}

/** Return the splits of a folder: their digest, and the table of each. */
function splitRows({ digests, list }: DatasetSplits): string[][] {
  return [
    ...listDigests(digests).map((digest) => [paint('bold', 'splits'), digest.toString()]),
    ...list.flatMap(({ name, table: own, sequence }) => [
      [paint('bold', 'split'), escapeText(name)],
      ...(own === undefined ? sequenceRows(sequence) : tableRows(own)).map(([title = '', ...values]) => [
        `  ${title}`,
        ...values,
      ]),
    ]),
  ]
}
