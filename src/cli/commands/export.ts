/** `lineaprint export`: a run in the format of another tool. */
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, resolve } from 'node:path'
import { stdout } from 'node:process'
import { Command, Option } from 'commander'
import { LineaprintError } from '../../core/errors.ts'
import { cyclonedxBill } from '../../export/cyclonedx.ts'
import { formatExport } from '../../export/files.ts'
import { exportToMlflow } from '../../export/mlflow/send.ts'
import { slsaStatement } from '../../export/slsa.ts'
import { sourceOf } from '../../export/source.ts'
import { exportToWandb } from '../../export/wandb/folder.ts'
import { writeAtomic } from '../../util/fs.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { findRun } from '../../database/runs.ts'
import { checkSeal } from '../../record/seal.ts'
import { findProgram } from '../../config/sources.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import { escapeText, print, printError, printJson, printJsonText } from '../shared/output.ts'
import type { MlflowOptions, WandbOptions } from '../../config/outputs.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { CommandContext } from '../shared/context.ts'
import type { StoreOptions } from '../shared/store.ts'

type Format = 'json' | 'yaml' | 'slsa' | 'cyclonedx' | 'wandb' | 'mlflow'

interface Options extends StoreOptions {
  readonly format: Format
  readonly to?: string
  readonly project?: string
  readonly entity?: string
}

const FORMATS: readonly Format[] = ['json', 'yaml', 'slsa', 'cyclonedx', 'wandb', 'mlflow']

const EXAMPLES = `
json, yaml  the record; --to is a file (default: stdout)
slsa        provenance of the outputs: an in-toto statement, unsigned; --to as
            above
cyclonedx   a bill of materials: models, datasets, outputs and Python packages;
            --to as above
wandb       a folder for "wandb sync"; --to is the folder of all such runs
            (default: wandb in the store). Nothing is sent
mlflow      sends the run to a server; --to is its address (default:
            MLFLOW_TRACKING_URI). Credentials come from MLFLOW_TRACKING_USERNAME
            and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN. A run that
            was sent before is updated

Examples:
  lineaprint export @latest --format yaml --to run.yaml
  lineaprint export baseline --format wandb
  lineaprint export baseline --format mlflow --to http://127.0.0.1:5000`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('export'))
    .argument('<run>', REFERENCE_HELP)
    .addOption(new Option('-f, --format <name>', 'output format').choices(FORMATS).makeOptionMandatory())
    .option('--to <target>', 'a file, a folder or an address; see below')
    .option('--project <name>', "W&B's project or MLflow's experiment (default: the name of the experiment)")
    .option('--entity <name>', "W&B's user or team (default: that of the account that syncs)")
    .addHelpText('after', EXAMPLES)
    .action((reference: string, options: Options) => exportRun(reference, options, context))
}

async function exportRun(reference: string, options: Options, context: CommandContext): Promise<void> {
  refuseUnused(options)
  const { store, configuration } = await openStore(options)
  const run = await findRun(store, reference)
  if (checkSeal(run.record) === 'broken')
    printError('lineaprint: warning: the record does not match its seal: it was changed after the run')
  const { format } = options
  const { saveToWandb, saveToMlflow } = configuration
  const program = options.config === undefined ? await findProgram('.') : undefined
  if (program !== undefined && (format === 'wandb' || format === 'mlflow'))
    printError(
      `lineaprint: warning: ${escapeText(program)} was not executed: its options of ${format} are not used (--config ${escapeText(basename(program))} executes it)`,
    )
  if (format === 'wandb') return exportWandb(run, options, optionsOf(saveToWandb), context)
  if (format === 'mlflow') return exportMlflow(run, options, optionsOf(saveToMlflow), context)
  return exportText(run, format, options)
}

/** Return the configuration of an output; empty if it is only enabled. */
function optionsOf<T extends object>(option: boolean | T): Partial<T> {
  return typeof option === 'object' ? option : {}
}

function refuseUnused({ format, project, entity }: Options): void {
  const unused = [
    ['--project', project !== undefined && format !== 'wandb' && format !== 'mlflow'],
    ['--entity', entity !== undefined && format !== 'wandb'],
  ] as const
  for (const [option, isUnused] of unused) {
    if (!isUnused) continue
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${option} does not apply to ${format}`, {
      hint: 'leave it out',
    })
  }
}

type TextFormat = Exclude<Format, 'wandb' | 'mlflow'>

async function exportText(run: StoredRun, format: TextFormat, options: Options): Promise<void> {
  const { text, warnings } = await textOf(run, format)
  const { to } = options
  if (to === undefined || to === '-') {
    for (const warning of warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
    // With --json, stdout is for one JSON document, whatever the format.
    if (options.json === true && format === 'yaml') printJson({ run: run.id, format, text })
    // YAML is escaped where it is formatted.
    else if (format === 'yaml') stdout.write(text)
    else printJsonText(text)
    return
  }
  const path = await outputPath(to)
  await writeAtomic(path, text)
  printResult(options, { run: run.id, format, to: path, warnings }, [`${run.id} written to ${path}`])
}

async function textOf(
  run: StoredRun,
  format: TextFormat,
): Promise<{ text: string; warnings: readonly string[] }> {
  const source = sourceOf(run)
  if (format === 'cyclonedx') return { text: jsonText(cyclonedxBill(source.record)), warnings: [] }
  if (format !== 'slsa') return { text: await formatExport(source.record, format), warnings: [] }
  const { statement, warnings } = slsaStatement(source)
  return { text: jsonText(statement), warnings }
}

function jsonText(value: object): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

/** Resolve the path to write to. A link stays, and its target is replaced. */
async function outputPath(to: string): Promise<string> {
  const path = await realpath(to).catch(() => resolve(to))
  const info = await stat(path).catch(() => undefined)
  const folder = await stat(dirname(path)).catch(() => undefined)
  if ((info === undefined || info.isFile()) && folder?.isDirectory() === true) return path
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the run cannot be written to this path', {
    path: to,
    field: '--to',
    expected: 'a file in an existing folder',
    received: info?.isDirectory() === true ? 'a folder' : info ? 'a device or a pipe' : 'no such folder',
    hint: 'leave out --to to write to stdout',
  })
}

async function exportWandb(
  run: StoredRun,
  options: Options,
  configured: WandbOptions,
  { signal }: CommandContext,
): Promise<void> {
  const { to, project, entity } = options
  const report = await exportToWandb(run, {
    directory: to ?? configured.directory,
    project: project ?? configured.project,
    entity: entity ?? configured.entity,
    signal,
  })
  const { folder, files, values, warnings } = report
  printResult(options, { run: run.id, format: 'wandb', to: folder, values, files, warnings }, [
    `${run.id} written to ${folder}`,
    `to send it: wandb sync ${folder}`,
  ])
}

async function exportMlflow(
  run: StoredRun,
  options: Options,
  configured: MlflowOptions,
  { signal }: CommandContext,
): Promise<void> {
  const report = await exportToMlflow(run, {
    trackingUri: options.to ?? configured.trackingUri,
    experiment: options.project ?? configured.experiment,
    signal,
  })
  const { trackingUri: to, ...rest } = report
  printResult(options, { run: run.id, format: 'mlflow', to, ...rest }, [`${run.id} sent to ${report.url}`])
}

function printResult(
  { json }: Options,
  report: { readonly warnings: readonly string[] } & Record<string, unknown>,
  lines: readonly string[],
): void {
  for (const warning of report.warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
  if (json === true) printJson(report)
  else for (const line of lines) print(escapeText(line))
}
