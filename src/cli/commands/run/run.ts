/** `lineaprint run`: any program as a tracked run. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { LineaprintError } from '../../../core/errors.ts'
import { runCommand } from '../../../command/run-command.ts'
import { INTERVAL_BOUNDS } from '../../../config/system-metrics.ts'
import { collect, wholeNumber } from '../../shared/arguments.ts'
import { describeMetricFiles, describeReported } from '../../../record/reported-summary.ts'
import { plural } from '../../../util/plural.ts'
import { duration } from '../../shared/time.ts'
import { escapeText, printError, printJson } from '../../shared/output.ts'
import { reportStopped } from '../../shared/stopped.ts'
import { storeOptions } from '../../shared/store.ts'
import { progressBar } from '../../shared/progress.ts'
import { nameList } from '../../../util/name-list.ts'
import type { NamedDataset } from '../../../command/declared.ts'
import type { CommandOutcome, NamedPath } from '../../../command/run-command.ts'
import type { RankOutcome } from '../../../command/ranks/run-as-rank.ts'
import type { SeedUse } from '../../../command/python-bridge/bridge.ts'
import type { CommandContext } from '../../shared/context.ts'
import type { StoreOptions } from '../../shared/store.ts'

/** A text about the dataset of a name. */
interface NamedText {
  readonly name: string
  readonly text: string
}

interface RunOptions extends StoreOptions {
  readonly name?: string
  readonly runName?: string
  readonly continues?: string
  readonly dataset: readonly NamedPath[]
  readonly table: readonly NamedText[]
  readonly licence: readonly NamedText[]
  readonly source: readonly NamedText[]
  readonly preprocessing: readonly NamedText[]
  readonly model: readonly NamedPath[]
  readonly output: readonly NamedPath[]
  readonly from: readonly string[]
  readonly metrics: readonly string[]
  readonly outputs?: 'auto' | 'declared'
  readonly keep?: boolean
  readonly keepModel?: boolean
  readonly allowMissing?: boolean
  readonly seed?: number
  readonly deterministic?: boolean
  readonly replaceMathRandom?: boolean
  readonly bundle?: boolean
  readonly redact?: boolean
  readonly capture?: boolean
  readonly systemMetrics?: true | number
  readonly reported?: boolean
  readonly tag: readonly string[]
  readonly note?: string
}

const EXAMPLE = `
The command runs without a shell; use sh -c '…' for pipes and other shell syntax. Its exit code becomes the exit
code of this command; 3 means that the command could not be started or recorded, or ended with 0 and did not make a
declared output. The variables LINEAPRINT_RUN_ID and LINEAPRINT_RUN_DIRECTORY tell the command its run. A Python
program can "import lineaprint" to record more.

Example:
  lineaprint run --name baseline --dataset train=data/train.csv --output model=out/ --seed 42 -- python train.py`

/** Build the command. */
export function command(context: CommandContext): Command {
  return storeOptions(new Command('run'))
    .argument('<command...>', 'the program and its arguments; put -- before them')
    .option('--name <experiment>', 'name of the experiment (default: after the program)')
    .option('--run-name <text>', 'name of this run, by which commands find it')
    .option('--continues <run>', 'the run that this one continues; the metrics of both read as one series')
    .option('--dataset <name=path>', 'input dataset; repeatable', collectPath, [])
    .option('--table <name=table>', 'the table of a dataset that is a SQLite database', collectNamed, [])
    .option('--licence <name=text>', 'state a licence of a dataset; repeatable', collectNamed, [])
    .option('--source <name=text>', 'state where a dataset comes from; repeatable', collectNamed, [])
    .option('--preprocessing <name=text>', 'state a step of its preparation; repeatable', collectNamed, [])
    .option('--model <name=path>', 'input model; repeatable', collectPath, [])
    .option('--output <name=path>', 'output file or folder; repeatable', collectPath, [])
    .option(
      '--from <name>',
      'the outputs are made from this dataset or model, and from no other input; repeatable',
      collect,
      [],
    )
    .addOption(
      new Option(
        '--outputs <which>',
        'with auto, undeclared model files of the work tree are outputs, too',
      ).choices(['declared', 'auto']),
    )
    .option(
      '--metrics <file>',
      'JSON, JSON lines or CSV in which the command writes metrics; repeatable',
      collect,
      [],
    )
    .option('--keep', 'keep a copy of each output, and of each input that the run writes over')
    .option('--keep-model', 'keep a copy of the weights of each model that the run uses')
    .option('--allow-missing', 'only warn about an output that the command does not make')
    .option(
      '--seed <number>',
      'seed: recorded, passed to the command in variables, and set in its Python programs',
      wholeNumber(0, Number.MAX_SAFE_INTEGER),
    )
    .option('--deterministic', 'request deterministic results from libraries; slower')
    .option('--replace-math-random', 'with --seed: replace Math.random in Node programs')
    .option('--bundle', 'keep unpushed commits, so that another clone can reproduce the run')
    .option('--no-redact', 'keep secrets in the record, the logs and the exports')
    .option('--no-capture', 'keep no logs of the output, and pass nothing through lineaprint')
    .option('--system-metrics [seconds]', 'log processor, memory and GPU (default: every 10 s)', parseSeconds)
    .option('--no-reported', 'record no metrics and parameters that the program reports to other libraries')
    .option('--tag <tag>', 'a tag; repeatable', collect, [])
    .option('--note <text>', 'a note')
    .passThroughOptions()
    .addHelpText('after', EXAMPLE)
    .action((argv: string[], options: RunOptions) => run(argv, options, context))
}

function collectPath(text: string, before: readonly NamedPath[]): NamedPath[] {
  const at = text.indexOf('=')
  if (at > 0 && at < text.length - 1)
    return [...before, { name: text.slice(0, at), path: text.slice(at + 1) }]
  throw new InvalidArgumentError('Expected NAME=PATH, for example train=data/train.csv.')
}

function collectNamed(given: string, before: readonly NamedText[]): NamedText[] {
  const at = given.indexOf('=')
  if (at > 0 && at < given.length - 1)
    return [...before, { name: given.slice(0, at), text: given.slice(at + 1) }]
  throw new InvalidArgumentError('Expected the name of a dataset, =, and a text, for example train=MIT.')
}

/** Return the datasets with what other options say of them. @throws ERR_LINEAPRINT_ARGUMENT for a name that none has. */
function datasetsOf({ dataset, table, licence, source, preprocessing }: RunOptions): NamedDataset[] {
  const texts = { table, licence, source, preprocessing }
  for (const [option, list] of Object.entries(texts))
    for (const { name } of list)
      if (!dataset.some((each) => each.name === name))
        throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `--${option} names no --dataset`, {
          field: option,
          expected:
            dataset.length === 0 ? 'a --dataset of this name' : nameList(dataset.map((each) => each.name)),
          received: name,
        })
  return dataset.map(({ name, path }) => {
    const own = (list: readonly NamedText[]): string[] =>
      list.filter((each) => each.name === name).map(({ text }) => text)
    const [chosen, another] = own(table)
    if (another !== undefined)
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `the dataset ${name} has two --table`, {
        field: 'table',
        hint: 'give the database once for each table, each under a name of its own',
      })
    const stated = { licenses: own(licence), sources: own(source), preprocessing: own(preprocessing) }
    return { name, path, options: { ...(chosen !== undefined && { table: chosen }), ...stated } }
  })
}

function parseSeconds(text: string): number {
  const seconds = Number(text)
  const [least, most] = INTERVAL_BOUNDS
  if (/^[0-9.]+$/.test(text) && seconds >= least && seconds <= most) return seconds
  throw new InvalidArgumentError(`Expected seconds from ${least} to ${most}; put -- before the command.`)
}

async function run(argv: string[], options: RunOptions, context: CommandContext): Promise<void> {
  if (options.replaceMathRandom === true && options.seed === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', '--replace-math-random requires --seed')
  }
  if (options.from.length > 0 && options.output.length === 0) {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', '--from requires --output', {
      field: 'from',
      hint: 'name what the command makes, for example --output clean=data/clean.csv',
    })
  }
  const json = options.json === true
  const progress = progressBar('hashing')
  try {
    const outcome = await runCommand({
      argv,
      options: experimentOptions(options),
      configurationFile: options.config,
      datasets: datasetsOf(options),
      models: options.model,
      outputs: options.output,
      from: options.from,
      metricFiles: options.metrics,
      keep: options.keep,
      allowMissing: options.allowMissing,
      seed: options.seed,
      // With --json, stdout is for the one document.
      targets: json ? [2, 2] : [1, 2],
      capture: options.capture,
      onProgress: progress.onProgress,
    })
    progress.end()
    if ('joined' in outcome) {
      reportRank(outcome, json)
      process.exitCode = outcome.exitCode
      return
    }
    report(outcome, json)
    process.exitCode = exitCodeOf(outcome)
  } catch (error) {
    progress.end()
    reportStopped(error, context.signal, options.json === true)
  }
}

/** Return the exit code of the command, or 3 if it ended with 0 and did not make a declared output. */
function exitCodeOf({ exitCode, missingOutputs }: CommandOutcome): number {
  return exitCode === 0 && missingOutputs.length > 0 ? 3 : exitCode
}

/** Return the given options only: an absent one must not override configuration file and variables. */
function experimentOptions(options: RunOptions): Record<string, unknown> {
  const {
    name,
    runName,
    continues,
    tag,
    note,
    outputDir,
    deterministic,
    replaceMathRandom,
    bundle,
    keep,
    keepModel,
    systemMetrics,
    redact,
    reported,
    outputs,
  } = options
  const seeds = { deterministic, replaceMathRandom }
  const isGiven = Object.values(seeds).some((value) => value !== undefined)
  return {
    experimentName: name,
    runName,
    continues,
    notes: note,
    outputDir,
    ...(tag.length > 0 && { tags: tag }),
    // The default of a negated option is no choice of the person.
    ...(redact === false && { redact }),
    ...(reported === false && { reported: { metrics: false, parameters: false } }),
    ...(outputs !== undefined && { autoOutputs: outputs === 'auto' }),
    ...(bundle !== undefined && { git: { bundle } }),
    ...(keep === true && { keep: { outputs: true } }),
    ...(keepModel !== undefined && { models: { keep: keepModel } }),
    ...(isGiven && { seeds }),
    ...(systemMetrics !== undefined && {
      systemMetrics: systemMetrics === true || { intervalSeconds: systemMetrics },
    }),
  }
}

/** Report what this rank of a launch did. The first one reports the run. */
function reportRank({ joined, rank, exitCode, signal, warnings }: RankOutcome, json: boolean): void {
  for (const warning of warnings) printError(`lineaprint: warning: rank ${rank}: ${escapeText(warning)}`)
  if (json) printJson({ id: joined, rank, exitCode, signal, warnings })
}

function report(outcome: CommandOutcome, json: boolean): void {
  const { summary, exitCode, signal, codeWarning, missingOutputs, seedUse, commandMs } = outcome
  const { id, status, durationMs, warnings, flags } = summary
  // Outputs of an earlier run, resuming from one and work in progress are common; the other flags are unusual.
  const odd = flags.filter(
    ({ kind }) => (kind.startsWith('input-') && kind !== 'input-overwritten') || kind === 'output-untouched',
  )
  const code = codeWarning === undefined ? [] : [codeWarning]
  for (const warning of [...warnings, ...odd.map(({ message }) => message), ...code])
    printError(`lineaprint: warning: ${escapeText(warning)}`)
  if (exitCode === 0 && missingOutputs.length > 0)
    printError(
      'lineaprint: the run failed, because a declared output was not made or cannot be read; --allow-missing only warns',
    )
  if (json) return printJson({ ...summary, exitCode, signal })
  const whole = duration(durationMs ?? 0)
  const reported = describeReported(summary)
  if (reported !== undefined) printError(`lineaprint: ${reported}`)
  const files = describeMetricFiles(summary)
  if (files !== undefined) printError(`lineaprint: ${escapeText(files)}`)
  const seeds = seedUse === undefined ? '' : `, ${describeSeedUse(seedUse)}`
  printError(
    `lineaprint: run ${id} ${status}; the command took ${duration(commandMs)}, the run ${whole}${seeds}; see "lineaprint show ${id}"`,
  )
}

function describeSeedUse({ seeded, unseeded, unconnected }: SeedUse): string {
  const rest = unseeded === 0 ? '' : `, ${unseeded} not`
  // If none was seeded, a warning says more.
  const unseen =
    seeded === 0 || unconnected === 0
      ? ''
      : `, ${plural(unconnected, 'Python process', 'Python processes')} did not connect`
  return `${seeded} ${seeded === 1 ? 'program' : 'programs'} seeded${rest}${unseen}`
}
