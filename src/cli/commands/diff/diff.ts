/** `lineaprint diff`: differences between two runs, models, tables, folders or files. */
import { realpath, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Command, Option } from 'commander'
import { diffTables } from '../../../dataset/table-diff.ts'
import { LineaprintError } from '../../../core/errors.ts'
import { REFERENCE_HELP } from '../../../store/reference.ts'
import { diffRuns } from '../../../diff/runs.ts'
import { diffListedTensors } from '../../../diff/listed-tensors.ts'
import { diffTrees } from '../../../hash/tree-diff.ts'
import { diffModels } from '../../../model/diff/diff.ts'
import { deriveModel } from '../../../model/derivation/derive.ts'
import { derivationStatement } from '../../../export/derivation.ts'
import { isFolder, writeAtomic } from '../../../util/fs.ts'
import { isInside } from '../../../util/paths.ts'
import { derivationLines } from './derive.ts'
import { encodeFloat } from '../../../json/special-floats.ts'
import {
  algorithmOption,
  collect,
  collectColumns,
  collectFields,
  threadsOption,
  weightsOption,
  wholeNumber,
} from '../../shared/arguments.ts'
import { tableFiles } from '../../../dataset/folder/table-files.ts'
import { takesSchema } from '../../../dataset/table-names.ts'
import { NO_TABLE } from '../../../dataset/describe-table.ts'
import { DIFF_KINDS, commonKind, readOperand } from './kinds.ts'
import { diffSeveral } from './several.ts'
import { runLines, writePatch, writePlot } from './runs.ts'
import { tableLines } from './tables.ts'
import { writeLayers } from './layers.ts'
import { listedLines, modelLines } from './models.ts'
import { treeLines } from './text.ts'
import { knownStore, openStore, storeOptions } from '../../shared/store.ts'
import { escapeText, print, printError, printJson } from '../../shared/output.ts'
import { pictureFormat } from '../../shared/picture.ts'
import { progressBar } from '../../shared/progress.ts'
import { readSchema, schemaOption } from '../../shared/table-schema.ts'
import type { TableDiff } from '../../../dataset/table-diff.ts'
import type { ListedTensorsDiff } from '../../../diff/listed-tensors.ts'
import type { RunDiff } from '../../../diff/runs.ts'
import type { TreeDiff } from '../../../hash/tree-diff.ts'
import type { ModelDiff } from '../../../model/diff/diff.ts'
import type { ModelDerivation } from '../../../model/derivation/report.ts'
import type { StoredRun } from '../../../store/runs.ts'
import type { HashArguments } from '../../shared/arguments.ts'
import type { CommandContext } from '../../shared/context.ts'
import type { DiffKind, Operand } from './kinds.ts'
import type { StoreOptions } from '../../shared/store.ts'

interface Options extends StoreOptions, HashArguments {
  readonly as?: DiffKind
  readonly values?: boolean
  readonly digests?: boolean
  readonly derive?: boolean
  readonly with?: string
  readonly map?: string
  readonly attest?: string
  readonly weights?: string
  readonly ignore: readonly string[]
  readonly outputIgnore: readonly string[]
  readonly check?: boolean
  readonly sameRun?: boolean
  readonly plot?: string
  readonly svg?: string
  readonly base?: string
  readonly columns?: readonly string[]
  readonly markdown?: boolean
  readonly patch?: string
  readonly all?: boolean
  readonly key?: readonly string[]
  readonly rows?: number
  readonly output?: string
  readonly schema?: string
}

type Answer = RunDiff | ModelDiff | ListedTensorsDiff | ModelDerivation | TableDiff | TreeDiff

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('diff'))
    .argument('<a>', 'a run, a model, a manifest or tensor list, a table, a folder or a file')
    .argument('<b>', 'the second item, of the same kind')
    .argument('[others...]', 'more runs: each is compared with the first, or with that of --base')
    .addOption(new Option('--as <kind>', 'compare both as this kind').choices([...DIFF_KINDS]))
    .option('--values', 'models: compare changed tensors as numbers')
    .option('--digests', 'with --values or --derive: compute the digests of all tensors too')
    .option('--svg <file>', 'models: draw the change of each layer, with --values')
    .option('--derive', 'models: say how each tensor of the second follows from the first')
    .option('--with <adapter>', 'with --derive: an adapter that may have been merged')
    .option('--map <file>', 'with --derive: maps between names, in JSON')
    .option('--attest <file>', 'with --derive: write the derivation as an in-toto statement')
    .addOption(weightsOption())
    .option(
      '--ignore <pattern>',
      'runs: ignore matching fields (* and ?); folders: ignore matching files (gitignore syntax); repeatable',
      collect,
      [],
    )
    .option(
      '--output-ignore <glob>',
      'runs: leave out matching files of output folders (gitignore syntax); repeatable',
      collect,
      [],
    )
    .option('--check', 'runs: treat fields that could not be compared as differences')
    .option('--same-run', 'runs: compare a run with itself')
    .option('--plot <file>', 'runs: plot the metrics to an SVG file')
    .option('--base <run>', 'runs: compare all of them with this one')
    .option('--columns <fields>', 'runs: a table with these values of each, as of list', collectFields)
    .option('--markdown', 'runs: a report in Markdown')
    .option('--patch <file>', 'runs: write the code changes as a patch for git apply')
    .option('--key <columns>', 'tables: columns that identify a row, separated by commas', collectColumns)
    .addOption(
      new Option('--rows <count>', 'tables: list this many rows that differ, with their cells').argParser(
        wholeNumber(0, 100_000),
      ),
    )
    .option('--output <file>', 'tables: write all rows that differ to a Parquet file')
    .addOption(schemaOption())
    .option('--all', 'show every difference on a terminal')
    .addOption(algorithmOption())
    .addOption(threadsOption())
    .addHelpText('after', EXAMPLES)
    .action((a: string, b: string, others: string[], options: Options) =>
      isSeveral(others, options)
        ? diffMany([a, b, ...others], options, context)
        : diff(a, b, options, context),
    )
}

const EXAMPLES = `
Name a run by its folder, or by:
${REFERENCE_HELP}.
An existing path is taken as a path. Differences of runs are sorted by how likely they explain a different result.
Exit codes: 0 the same, 1 a difference, 2 wrong usage, 3 something could not be read.

Examples:
  lineaprint diff baseline @latest
  lineaprint diff baseline @latest --ignore 'environment.npm.*' --check
  lineaprint diff baseline @latest --plot loss.svg --patch code.patch
  lineaprint diff sweep sweep~1 sweep~2 --base baseline --columns auto --markdown > report.md
  lineaprint diff before.safetensors after.safetensors --values --svg change.svg
  lineaprint diff model/ model.gguf --derive
  lineaprint diff model.manifest.json model.safetensors
  lineaprint diff release/ checkpoint/ --weights model.safetensors
  lineaprint diff train-old.parquet train-new.parquet
  lineaprint diff train-old.parquet train-new.parquet --key id --rows 20 --output changes.parquet
  lineaprint diff shards-old/ shards-new/ --as table
  lineaprint diff old.jsonl new.jsonl --schema '{"id":"int64","text":"utf8"}' --key id
  lineaprint diff data-2025/ data-2026/`

function isSeveral(others: readonly string[], { base, columns, markdown }: Options): boolean {
  return others.length > 0 || base !== undefined || columns !== undefined || markdown === true
}

/** Compare runs with the base, or with the first of them. */
async function diffMany(texts: readonly string[], options: Options, context: CommandContext): Promise<void> {
  const { base, columns, markdown, ignore, outputIgnore, config, json, all } = options
  checkUse('run', options)
  for (const [name, given] of [
    ['--plot', options.plot],
    ['--patch', options.patch],
    ['--check', options.check],
  ] as const)
    if (given !== undefined)
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${name} applies to two runs`, { field: name })
  const { store, configuration } = await openStore(options)
  const runs: StoredRun[] = []
  for (const text of base === undefined ? texts : [base, ...texts]) {
    const operand = await readOperand(text, async () => store, store, { signal: context.signal })
    if (!operand.kinds.includes('run')) {
      const hint = 'models, tables, folders and files are compared two at a time'
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a run', { path: text, hint })
    }
    runs.push(runOf(operand))
  }
  const [first, ...others] = runs
  if (first === undefined) return
  const same = await diffSeveral(first, others, {
    columns: columns ?? ['auto'],
    format: json === true ? 'json' : markdown === true ? 'markdown' : 'text',
    all: all === true,
    ignore,
    outputIgnore,
    trackers: config === undefined ? [] : configuration.trackers,
    signal: context.signal,
  })
  context.exit(same ? 0 : 1)
}

async function diff(a: string, b: string, options: Options, context: CommandContext): Promise<void> {
  const open = async (): ReturnType<typeof openStore> => openStore(options)
  const store = async (): Promise<Awaited<ReturnType<typeof openStore>>['store']> => (await open()).store
  const { weights, threads } = options
  const locating = { weights, threads, signal: context.signal }
  const known = knownStore(options)
  const [first, second] = [
    await readOperand(a, store, known, locating),
    await readOperand(b, store, known, locating),
  ]
  const wanted = options.as ?? (usesRows(options) ? 'table' : undefined)
  const hasSchema = options.schema !== undefined
  // Any file can be a model: an archive of arrays is one here, and a file elsewhere.
  const paths = [first, second].every(({ kinds }) => !kinds.includes('run') && !kinds.includes('table'))
  const kind =
    options.derive === true && options.as === undefined && paths
      ? 'model'
      : commonKind(asTable(first, wanted, hasSchema), asTable(second, wanted, hasSchema), wanted)
  checkUse(kind, options)
  if (options.svg !== undefined && options.values !== true) throw needsValues()
  if (first.ambiguous !== undefined && second.ambiguous !== undefined && options.as === undefined) {
    const reason = escapeText(first.ambiguous.message)
    printError(`lineaprint: warning: compared as folders, not as models: ${reason}`)
  }
  if (options.derive === true) {
    await derive(a, b, options, context)
    return
  }
  if (kind === 'run') {
    const [before, after] = [runOf(first), runOf(second)]
    if (options.sameRun !== true) await refuseSameRun(a, b, before, after)
    // Only a program can define trackers, and it is executed only if it is named.
    const trackers = options.config === undefined ? [] : (await open()).configuration.trackers
    const answer = await diffRuns(before, after, {
      ignore: options.ignore,
      outputIgnore: options.outputIgnore,
      trackers,
      signal: context.signal,
    })
    if (options.plot !== undefined) await writePlot(options.plot, before, after, context.signal)
    const patch = async (): Promise<void> => {
      if (options.patch !== undefined) await writePatch(options.patch, before, after, context.signal)
    }
    // The one document is about the failure, if the patch cannot be made.
    if (options.json === true) await patch()
    show(answer, runLines, options)
    if (options.json !== true) await patch()
    const unsure = options.check === true && answer.notCompared.length > 0
    if (unsure) printNotCompared(answer)
    context.exit(answer.same && !unsure ? 0 : 1)
    return
  }
  const compared = await diffContents(kind, a, b, options, context)
  const answer = (await isSamePath(a, b))
    ? withWarning(compared, `${a} and ${b} are the same ${kind}`)
    : compared
  if (answer.kind === 'model') {
    if (options.svg !== undefined) await writeLayers(options.svg, answer)
    show(answer, modelLines, options)
  } else if (answer.kind === 'tensors') show(answer, listedLines, options)
  else if (answer.kind === 'table') show(answer, tableLines, options)
  else show(answer, treeLines, options)
  context.exit(answer.same ? 0 : 1)
}

/** Return whether an option applies to the rows of tables. */
function usesRows({ key, rows, output, schema }: Options): boolean {
  return key !== undefined || rows !== undefined || output !== undefined || schema !== undefined
}

/**
 * Let a folder be a table, if tables are asked for: its table files are one, in natural order. Under a schema, a file of
 * JSON lines is one as well.
 */
function asTable(operand: Operand, wanted: DiffKind | undefined, hasSchema: boolean): Operand {
  const { text, kinds } = operand
  const isTable = kinds.includes('folder') || (hasSchema && kinds.includes('file') && takesSchema(text))
  if (wanted !== 'table' || kinds.includes('table') || !isTable) return operand
  return { ...operand, kinds: [...kinds, 'table'] }
}

/** Say how the second model follows from the first, and write the statement that was asked for. */
async function derive(a: string, b: string, options: Options, context: CommandContext): Promise<void> {
  const { algorithm, threads, weights, with: adapter, map, attest, digests } = options
  const progress = progressBar('comparing')
  let answer: ModelDerivation
  try {
    answer = await deriveModel(a, b, {
      algorithm,
      threads,
      weights,
      map,
      with: adapter,
      files: attest !== undefined,
      // The statement names them.
      digests: digests === true || attest !== undefined ? true : undefined,
      signal: context.signal,
      onProgress: progress.onProgress,
    })
  } finally {
    progress.end()
  }
  if (attest !== undefined)
    await writeAtomic(attest, `${JSON.stringify(derivationStatement(answer), null, 2)}\n`)
  show(
    (await isSamePath(a, b)) ? withWarning(answer, `${a} and ${b} are the same model`) : answer,
    derivationLines,
    options,
  )
  context.exit(answer.explained ? 0 : 1)
}

async function diffContents(
  kind: Exclude<DiffKind, 'run'>,
  a: string,
  b: string,
  options: Options,
  { signal }: CommandContext,
): Promise<ModelDiff | ListedTensorsDiff | TableDiff | TreeDiff> {
  const { algorithm, threads, values, digests, weights, ignore, as, key, rows, output } = options
  const progress = progressBar('comparing')
  const shared = { algorithm, threads, signal, onProgress: progress.onProgress }
  try {
    if (kind === 'model') return await diffModels(a, b, { ...shared, values, digests, weights })
    if (kind === 'tensors')
      return await diffListedTensors(a, b, { threads, weights, signal, onProgress: progress.onProgress })
    if (kind === 'table') {
      try {
        if (output !== undefined) await refuseInside(output, [a, b])
        const schema = await readSchema(options.schema)
        const hasSchema = schema !== undefined
        const [first, second] = [await tableFiles(a, hasSchema), await tableFiles(b, hasSchema)]
        return await diffTables(first, second, { ...shared, key, rows, output, schema })
      } catch (error) {
        // A file's extension may be wrong; an error is reported only if the user asked for tables.
        if (as !== undefined || usesRows(options) || !LineaprintError.is(error) || !NO_TABLE.has(error.code))
          throw error
        printError(`lineaprint: warning: compared as files, not as tables: ${escapeText(error.message)}`)
      }
    }
    return await diffTrees(a, b, { ...shared, ...(kind === 'folder' && { ignore }) })
  } finally {
    progress.end()
  }
}

/** Refuse to write rows into a folder that is compared: they would be a part of its table afterwards. */
async function refuseInside(output: string, operands: readonly string[]): Promise<void> {
  const target = await realpath(dirname(resolve(output))).catch(() => undefined)
  // A folder that is not there is an error when the file is written.
  if (target === undefined) return
  for (const path of operands) {
    if ((await isFolder(path)) && isInside(await realpath(path), target))
      throw new LineaprintError(
        'ERR_LINEAPRINT_ARGUMENT',
        'the output would be a part of a table that is compared',
        {
          path: output,
          field: 'output',
          expected: 'a path outside of both folders',
          received: `one in ${path}`,
        },
      )
  }
}

/** Add a warning to an answer. */
function withWarning<T extends { readonly warnings: readonly string[] }>(answer: T, warning: string): T {
  return { ...answer, warnings: [...answer.warnings, warning] }
}

/** Check whether two paths lead to one file or folder. */
async function isSamePath(a: string, b: string): Promise<boolean> {
  const [before, after] = [await stat(a, { bigint: true }), await stat(b, { bigint: true })]
  return before.dev === after.dev && before.ino === after.ino
}

/**
 * Refuse two names of one run: a name such as `@latest` can stand for the run that it is compared with, and the
 * comparison would always find no difference.
 */
async function refuseSameRun(a: string, b: string, before: StoredRun, after: StoredRun): Promise<void> {
  // A copy of a run has its id.
  if (before.id !== after.id && !(await isSamePath(before.folder, after.folder))) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'both arguments name the same run', {
    path: before.folder,
    expected: 'two runs',
    received: `${JSON.stringify(a)} and ${JSON.stringify(b)}, both the run ${before.id}`,
    hint: 'name another run, for example by its id; --same-run compares a run with itself',
  })
}

/** Name what `--check` counts as a difference, where the runs have no other. */
function printNotCompared({ same, notCompared }: RunDiff): void {
  if (!same) return
  const fields = [...new Set(notCompared.map(({ field }) => field))]
  const names = fields.slice(0, NAMES_SHOWN).map(escapeText).join(', ')
  const more = fields.length > NAMES_SHOWN ? ` and ${fields.length - NAMES_SHOWN} more` : ''
  printError(`lineaprint: not everything could be compared: ${names}${more}`)
}

const NAMES_SHOWN = 5

function runOf({ run, text }: Operand): StoredRun {
  if (run !== undefined) return run
  throw new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'the run was not read', { path: text })
}

function needsValues(): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_ARGUMENT', '--svg draws what --values computes', {
    field: '--svg',
    hint: 'add --values',
  })
}

/** Refuse options that have no effect on this kind. */
function checkUse(
  kind: DiffKind,
  {
    values,
    digests,
    svg,
    derive: derived,
    with: adapter,
    map,
    attest,
    weights,
    plot,
    patch,
    check,
    sameRun,
    ignore,
    outputIgnore,
    key,
    rows,
    output,
    schema,
  }: Options,
): void {
  const uses: readonly (readonly [string, boolean, readonly DiffKind[]])[] = [
    ['--values', values === true, ['model']],
    ['--svg', svg !== undefined, ['model']],
    ['--derive', derived === true, ['model']],
    ['--weights', weights !== undefined, ['model', 'tensors']],
    ['--plot', plot !== undefined, ['run']],
    ['--patch', patch !== undefined, ['run']],
    ['--check', check === true, ['run']],
    ['--same-run', sameRun === true, ['run']],
    ['--key', key !== undefined, ['table']],
    ['--rows', rows !== undefined, ['table']],
    ['--output', output !== undefined, ['table']],
    ['--schema', schema !== undefined, ['table']],
    ['--output-ignore', outputIgnore.length > 0, ['run']],
    ['--ignore', ignore.length > 0, ['run', 'folder']],
  ]
  if (plot !== undefined) pictureFormat(plot, '--plot', ['svg'])
  if (svg !== undefined) pictureFormat(svg, '--svg', ['svg'])
  const needing = [['--with', adapter] as const, ['--map', map] as const, ['--attest', attest] as const]
  for (const [name, given] of needing) {
    if (given === undefined || derived === true) continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${name} needs --derive`, { field: name })
  }
  if (digests === true && values !== true && derived !== true) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', '--digests needs --values or --derive', {
      field: '--digests',
      hint: 'without them the digests are computed anyway',
    })
  }
  if (values === true && derived === true) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', '--values and --derive exclude each other', {
      field: '--values',
    })
  }
  for (const [name, given, kinds] of uses) {
    if (!given || kinds.includes(kind)) continue
    const words = kinds.map(plurals).join(' and ')
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `${name} applies to ${words}, not to ${plurals(kind)}`,
      {
        field: name,
      },
    )
  }
}

function plurals(noun: DiffKind): string {
  return noun === 'tensors' ? 'lists of tensors' : `${noun}s`
}

function show<T extends Answer>(
  answer: T,
  lines: (answer: T, all: boolean) => readonly string[],
  { json, all }: Options,
): void {
  if (json === true) return printJson(jsonForm(answer))
  for (const warning of answer.warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
  const shown = lines(answer, all === true)
  if (shown.length > 0) print(shown.join('\n'))
}

/** Convert an answer for JSON, which would write `null` for NaN and the infinities. */
function jsonForm(answer: Answer): unknown {
  return JSON.parse(
    JSON.stringify(answer, (key, value: unknown) => {
      if (key === 'pathBytes') return undefined
      return typeof value === 'number' ? encodeFloat(value) : value
    }),
  )
}
