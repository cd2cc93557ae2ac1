/** A command as a tracked run: inputs are digested before it starts, outputs after it ends. */
import { basename, extname, resolve } from 'node:path'
import { deterministicVariables, seedVariables } from '../capture/seeds/capture.ts'
import { LineaprintError } from '../core/errors.ts'
import { KINDS, datasetKind } from '../tracking/inputs.ts'
import { metricFormat } from '../tracking/metric-files/rows.ts'
import { isReachable } from '../util/fs.ts'
import { runTracked } from './lifecycle.ts'
import { findOwnLaunch } from './ranks/launch.ts'
import { SignalRelay } from './signals.ts'
import type { Progress } from '../core/options.ts'
import type { ExperimentOptions } from '../config/options.ts'
import type { Recorder } from '../tracking/recorder.ts'
import type { NamedPath, TrackedCommand, CommandOutcome } from './lifecycle.ts'
import type { Declared, NamedDataset } from './declared.ts'
import type { RankOutcome } from './ranks/run-as-rank.ts'

export type { NamedPath, CommandOutcome } from './lifecycle.ts'

/** The inputs and outputs that are declared before a program starts, and its seed. */
export interface DeclaredPaths {
  readonly datasets?: readonly NamedDataset[] | undefined
  readonly models?: readonly NamedPath[] | undefined
  /** Outputs to digest after the end. If one is missing, the run is `failed`. */
  readonly outputs?: readonly NamedPath[] | undefined
  /** Names of what the declared outputs are made from. @default not declared */
  readonly from?: readonly string[] | undefined
  /** True to keep a copy of each input that the run also declares as an output. @default false */
  readonly keep?: boolean | undefined
  /** Files in which the command writes metrics. */
  readonly metricFiles?: readonly string[] | undefined
  /** Seed to record and to pass to the command in environment variables that its runtime understands. */
  readonly seed?: number | undefined
}

/** The command to run, with its inputs, outputs and options. */
export interface CommandPlan extends DeclaredPaths {
  /** Program and arguments; no shell is involved. */
  readonly argv: readonly string[]
  readonly options?: ExperimentOptions | undefined
  /** Path of a configuration file, instead of the one in the working directory. */
  readonly configurationFile?: string | undefined
  /** True if a missing output is only a warning. @default false */
  readonly allowMissing?: boolean | undefined
  /** File descriptors that receive stdout and stderr of the command. @default [1, 2] */
  readonly targets?: readonly [stdout: number, stderr: number] | undefined
  /** False to give these descriptors to the command itself, and keep no logs. @default true */
  readonly capture?: boolean | undefined
  /** Called with the progress of the digest of an input or output. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * Run a command as a tracked run. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to it, and the run is
 * recorded in any case. The command finds its run in `LINEAPRINT_RUN_ID` and `LINEAPRINT_RUN_DIRECTORY`.
 *
 * @throws The errors of tracking an input, before the command is started; ERR_LINEAPRINT_COMMAND if it cannot
 * be started; ERR_LINEAPRINT_STORE if the run cannot be recorded. Each leaves a run of status `failed` if the
 * store allows it.
 */
export async function runCommand(plan: CommandPlan): Promise<CommandOutcome | RankOutcome> {
  const [program] = plan.argv
  if (program === undefined || program === '') {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'no command to run', {
      hint: 'put the command after --',
    })
  }
  await refusePatterns(plan)
  for (const path of plan.metricFiles ?? []) metricFormat(path)
  const relay = new SignalRelay()
  try {
    const launch = findOwnLaunch(process.env)
    const command = trackedCommand(plan, relay)
    if (launch === undefined) return await runTracked(command, relay)
    const declared = declaredBy(plan)
    if (launch.localRank === 0) return await runTracked({ ...command, launch, declared }, relay)
    const { runAsRank } = await import('./ranks/run-as-rank.ts')
    return await runAsRank({ ...command, launch, declared }, relay)
  } finally {
    relay.close()
  }
}

function absolute<P extends NamedPath>(paths: readonly P[]): P[] {
  return paths.map((given) => ({ ...given, path: resolve(given.path) }))
}

/** Return the paths that a command declares, absolute. */
function declaredBy({ datasets = [], models = [], outputs = [], metricFiles = [] }: DeclaredPaths): Declared {
  return {
    datasets: absolute(datasets),
    models: absolute(models),
    outputs: absolute(outputs),
    metricFiles: metricFiles.map((path) => resolve(path)),
  }
}

/** Return the warning for an output that could not be read. */
export function outputFailed(name: string, reason: string): string {
  return `the output ${JSON.stringify(name)} was not recorded: ${reason}`
}

/** Return variables without the run that this one continues: a run that the command starts does not continue it. */
function withoutContinues(variables: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { LINEAPRINT_CONTINUES: _, ...others } = variables
  return others
}

function trackedCommand(plan: CommandPlan, relay: SignalRelay): TrackedCommand {
  const { argv, options, configurationFile, onProgress, seed } = plan
  return {
    argv,
    directory: process.cwd(),
    targets: plan.targets ?? [1, 2],
    capture: plan.capture,
    options,
    settings: {
      configurationFile,
      defaults: { experimentName: nameOf(argv) },
      signal: relay.work,
      onProgress,
    },
    trackInputs: (recorder) => trackInputs(plan, recorder),
    environment: ({ seeds }) => ({
      ...withoutContinues(process.env),
      ...(seeds.deterministic && deterministicVariables()),
      ...(seed !== undefined && seedVariables(seed, seeds)),
    }),
    seed,
    metricFiles: plan.metricFiles,
    outputs: (plan.outputs ?? []).map((output) => ({ ...output, isRequired: plan.allowMissing !== true })),
    onSpawn: (recorder, pid) => recorder.sampleSystem(pid),
    messages: {
      outputFailed,
      ended: (exit) =>
        `the command ended ${exit.kind === 'exited' ? `with code ${exit.code}` : `by ${exit.signal}`}`,
    },
  }
}

/**
 * Refuse a path that looks like a pattern and does not exist: patterns are not expanded, and one item has one path.
 *
 * @throws ERR_LINEAPRINT_ARGUMENT
 */
export async function refusePatterns({
  datasets = [],
  models = [],
  outputs = [],
}: DeclaredPaths): Promise<void> {
  const declared = [
    ...datasets.map((entry) => ({ ...entry, noun: 'dataset', pattern: INPUT_PATTERN })),
    ...models.map((entry) => ({ ...entry, noun: 'model', pattern: INPUT_PATTERN })),
    ...outputs.map((entry) => ({ ...entry, noun: 'output', pattern: PATTERN })),
  ]
  for (const { name, path, noun, pattern } of declared) {
    if (!pattern.test(path) || (await isReachable(path))) continue
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `the ${noun} ${JSON.stringify(name)} is a pattern, and patterns are not expanded`,
      {
        path,
        field: noun,
        expected: 'the path of one file or folder',
        received: JSON.stringify(path),
        hint: `name the folder that holds the files, or give one --${noun} NAME=PATH for each file`,
      },
    )
  }
}

const PATTERN = /[*?]|\{[^{}]*,[^{}]*\}/
/** An output may have brackets in its name; an input that does not exist has a pattern. */
const INPUT_PATTERN = /[*?]|\{[^{}]*,[^{}]*\}|\[[^[\]]+\]/

/** Extensions of scripts that an interpreter runs. */
const SCRIPTS: ReadonlySet<string> = new Set([
  '.py',
  '.js',
  '.mjs',
  '.cjs',
  '.ts',
  '.mts',
  '.sh',
  '.r',
  '.jl',
  '.rb',
  '.pl',
  '.lua',
])

/** Return a name for an unnamed run: `train` for `python train.py --epochs 3`. */
export function nameOf(argv: readonly string[]): string {
  const script = argv.find(
    (argument) => !argument.startsWith('-') && SCRIPTS.has(extname(argument).toLowerCase()),
  )
  const file = basename(script ?? argv[0] ?? '')
  return basename(file, extname(file)).toWellFormed() || 'experiment'
}

/** Digest the inputs, and announce the outputs. */
export async function trackInputs(plan: DeclaredPaths, recorder: Recorder): Promise<void> {
  for (const { name, path, options } of plan.datasets ?? [])
    await recorder.track(datasetKind(options), path, name)
  for (const { name, path } of plan.models ?? []) await recorder.track(KINDS.model, path, name)
  // The seed is meant for the command, so the generators of this process stay as they are.
  if (plan.seed !== undefined) await recorder.setSeeds(plan.seed, { replaceMathRandom: false })
  for (const { name, path } of plan.outputs ?? []) await recorder.expectOutput(path, name)
  const { from = [] } = plan
  if (from.length > 0) for (const { name } of plan.outputs ?? []) await recorder.derive(name, { from })
  if (plan.keep === true) await recorder.keepInputs()
}
