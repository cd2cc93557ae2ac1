/** A command as a tracked run: inputs digested before it starts, outputs after it ends. */
import { basename, extname } from 'node:path'
import { deterministicVariables, seedVariables } from '../capture/seeds/capture.ts'
import { LineaprintError } from '../core/errors.ts'
import { KINDS } from '../tracking/inputs.ts'
import { runTracked } from './lifecycle.ts'
import { SignalRelay } from './signals.ts'
import type { Progress } from '../core/options.ts'
import type { ExperimentOptions } from '../config/options.ts'
import type { Recorder } from '../tracking/recorder.ts'
import type { NamedPath, TrackedCommand, CommandOutcome } from './lifecycle.ts'

export type { NamedPath, CommandOutcome } from './lifecycle.ts'

/** What is to be run, and what belongs to it. */
export interface CommandPlan {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly string[]
  readonly options?: ExperimentOptions | undefined
  /** A configuration file instead of the one in the working directory. */
  readonly configurationFile?: string | undefined
  readonly datasets?: readonly NamedPath[] | undefined
  readonly models?: readonly NamedPath[] | undefined
  /** Digested after the end; one that is not there is recorded as failed. */
  readonly outputs?: readonly NamedPath[] | undefined
  /** Recorded, and given to the command in variables that its runtime understands. */
  readonly seed?: number | undefined
  /** Descriptors that stdout and stderr of the command go to. @default [1, 2] */
  readonly targets?: readonly [stdout: number, stderr: number] | undefined
  /** How far the digest of an input or output is. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/**
 * Run a command as a tracked run. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to it, and the run is
 * recorded all the same. The command finds its run in `LINEAPRINT_RUN_ID` and `LINEAPRINT_RUN_DIRECTORY`.
 *
 * @throws What tracking an input throws, before the command is started; ERR_LINEAPRINT_COMMAND if it cannot be
 *   started; ERR_LINEAPRINT_STORE if the run cannot be recorded. Each leaves a run of status `failed` where
 *   the store allows it.
 */
export async function runCommand(plan: CommandPlan): Promise<CommandOutcome> {
  const [program] = plan.argv
  if (program === undefined || program === '') {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'no command to run', {
      hint: 'put the command after --',
    })
  }
  const relay = new SignalRelay()
  try {
    return await runTracked(trackedCommand(plan, relay), relay)
  } finally {
    relay.close()
  }
}

function trackedCommand(plan: CommandPlan, relay: SignalRelay): TrackedCommand {
  const { argv, options, configurationFile, onProgress, seed } = plan
  return {
    argv,
    directory: process.cwd(),
    targets: plan.targets ?? [1, 2],
    options,
    settings: {
      configurationFile,
      defaults: { experimentName: nameOf(argv) },
      signal: relay.work,
      onProgress,
    },
    trackInputs: (recorder) => trackInputs(plan, recorder),
    environment: ({ seeds }) => ({
      ...process.env,
      ...(seeds.deterministic && deterministicVariables()),
      ...(seed !== undefined && seedVariables(seed, seeds)),
    }),
    seed,
    outputs: plan.outputs ?? [],
    onSpawn: (recorder, pid) => recorder.sampleSystem(pid),
    messages: {
      outputFailed: (name, reason) => `the output ${JSON.stringify(name)} was not recorded: ${reason}`,
      ended: (exit) =>
        `the command ended ${exit.kind === 'exited' ? `with code ${exit.code}` : `by ${exit.signal}`}`,
    },
  }
}

/** Extensions of programs that an interpreter is given. */
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

/** A name for a run that got none: `train` for `python train.py --epochs 3`. */
function nameOf(argv: readonly string[]): string {
  const script = argv.find(
    (argument) => !argument.startsWith('-') && SCRIPTS.has(extname(argument).toLowerCase()),
  )
  const file = basename(script ?? argv[0] ?? '')
  return basename(file, extname(file)).toWellFormed() || 'experiment'
}

/** Digest the inputs, and announce the outputs. */
async function trackInputs(plan: CommandPlan, recorder: Recorder): Promise<void> {
  for (const { name, path } of plan.datasets ?? []) await recorder.track(KINDS.dataset, path, name)
  for (const { name, path } of plan.models ?? []) await recorder.track(KINDS.model, path, name)
  // The seed is for the command: nothing of this process has to give way to it.
  if (plan.seed !== undefined) await recorder.setSeeds(plan.seed, { replaceMathRandom: false })
  for (const { name, path } of plan.outputs ?? []) await recorder.expectOutput(path, name)
}
