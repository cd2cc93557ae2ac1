/** A command as a tracked run: inputs digested before it starts, outputs after it ends. */
import { basename, extname } from 'node:path'
import { deterministicVariables, seedVariables } from '../capture/seeds/capture.ts'
import { LineaprintError } from '../core/errors.ts'
import { runBridged } from './python-bridge/run.ts'
import { SignalError, SignalRelay, signalExitCode } from './signals.ts'
import { reasonOf } from '../record/failure.ts'
import { ExperimentTracker } from '../tracking/tracker.ts'
import type { Progress } from '../core/options.ts'
import type { ProcessEnd, ProcessPlan } from './process.ts'
import type { ExperimentOptions } from '../config/options.ts'
import type { EndStatus } from '../tracking/run-writer.ts'
import type { ExperimentSummary } from '../tracking/summary.ts'

/** A path under a name. */
export interface NamedPath {
  readonly name: string
  readonly path: string
}

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
  /** Recorded, and told to the command by variables that its runtime understands. */
  readonly seed?: number | undefined
  /** Descriptors that stdout and stderr of the command go to. @default [1, 2] */
  readonly targets?: readonly [stdout: number, stderr: number] | undefined
  /** How far the digest of an input or output is. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** What became of it. */
export interface CommandOutcome {
  readonly summary: ExperimentSummary
  /** As a shell gives it: of the command, or 128 and the number of the signal that ended it. */
  readonly exitCode: number
  /** The signal that ended it. */
  readonly signal: NodeJS.Signals | null
}

/**
 * Runs a command as a tracked run. SIGINT, SIGTERM, SIGHUP and SIGQUIT are passed on to it, and the run is
 * recorded all the same. The command finds its run in `LINEAPRINT_RUN_ID` and `LINEAPRINT_RUN_DIRECTORY`.
 *
 * @throws What tracking an input throws, before the command is started; ERR_LINEAPRINT_COMMAND if it cannot be
 *   started; ERR_LINEAPRINT_STORE if the run cannot be recorded. Each leaves a run of status `failed` where
 *   the store allows it.
 */
export async function runCommand(plan: CommandPlan): Promise<CommandOutcome> {
  const [program] = plan.argv
  if (program === undefined || program === '') {
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'there is no command to run', {
      hint: 'put it behind --',
    })
  }
  const relay = new SignalRelay()
  const started = Promise.withResolvers<void>()
  try {
    const tracker = new ExperimentTracker(plan.options, {
      configurationFile: plan.configurationFile,
      defaults: { experimentName: nameOf(plan.argv) },
      command: plan.argv,
      commandStarted: started.promise,
      signal: relay.work,
      onProgress: plan.onProgress,
    })
    return await recorded(plan, tracker, relay, started.resolve)
  } finally {
    relay.close()
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

async function recorded(
  plan: CommandPlan,
  tracker: ExperimentTracker,
  relay: SignalRelay,
  onStarted: () => void,
): Promise<CommandOutcome> {
  let end: ProcessEnd
  try {
    await tracker.startExperiment()
    await trackInputs(plan, tracker)
    for (const { name, path } of plan.outputs ?? []) await tracker.expectOutput(path, name)
    // Whatever becomes of the machine under the command: what it was started with is on disk.
    await tracker.flush()
    relay.work.throwIfAborted()
    end = await runBridged(tracker, processPlan(plan, tracker, onStarted), relay)
  } catch (error) {
    // What waits for the command would wait for ever.
    onStarted()
    await recordFailure(tracker, error)
    throw error
  }
  const { exitCode, signal } = end
  try {
    const summary = await recordEnd(plan, tracker, end, relay)
    return { summary, exitCode: exitCode ?? (signal === null ? 1 : signalExitCode(signal)), signal }
  } catch (cause) {
    const how = signal === null ? `with code ${exitCode}` : `by ${signal}`
    throw new LineaprintError(
      'ERR_LINEAPRINT_STORE',
      `the command ended ${how}, but the run could not be recorded: ${reasonOf(cause)}`,
      { cause },
    )
  }
}

async function trackInputs(plan: CommandPlan, tracker: ExperimentTracker): Promise<void> {
  for (const { name, path } of plan.datasets ?? []) await tracker.trackDataset(path, name)
  for (const { name, path } of plan.models ?? []) await tracker.trackModel(path, name)
  // The seed is for the command: nothing of this process has to give way to it.
  if (plan.seed !== undefined) await tracker.setSeeds(plan.seed, { replaceMathRandom: false })
}

function processPlan(plan: CommandPlan, tracker: ExperimentTracker, onStarted: () => void): ProcessPlan {
  const { seeds } = tracker.configuration
  return {
    argv: plan.argv,
    directory: process.cwd(),
    environment: {
      ...process.env,
      ...(seeds.deterministic && deterministicVariables()),
      ...(plan.seed !== undefined && seedVariables(plan.seed, seeds)),
      LINEAPRINT_RUN_ID: tracker.id,
      LINEAPRINT_RUN_DIRECTORY: tracker.runDirectory,
    },
    runDirectory: tracker.runDirectory,
    onSpawn: (pid) => {
      onStarted()
      tracker.sampleSystem(pid)
    },
    targets: plan.targets ?? [1, 2],
  }
}

/** Ends a run whose command never ran. The error that led here is the one to tell, unless this fails as well. */
async function recordFailure(tracker: ExperimentTracker, error: unknown): Promise<void> {
  if (!tracker.isRunning) return
  try {
    tracker.fail(error)
    await tracker.finishExperiment(error instanceof SignalError ? 'killed' : 'failed')
  } catch (second) {
    throw new AggregateError(
      [error, second],
      `${reasonOf(error)}; and the run could not be recorded: ${reasonOf(second)}`,
      {
        cause: second,
      },
    )
  }
}

async function recordEnd(
  plan: CommandPlan,
  tracker: ExperimentTracker,
  { warnings, ...end }: ProcessEnd,
  relay: SignalRelay,
): Promise<ExperimentSummary> {
  const { exitCode, signal } = end
  // A command that was asked to end and ended itself with an error was killed by that signal all the same.
  const killedBy = signal ?? (exitCode === 0 ? undefined : relay.ending)
  tracker.note({ type: 'command', ...end, signal: killedBy ?? null })
  for (const message of warnings) tracker.note({ type: 'warning', message })
  for (const { name, path } of plan.outputs ?? []) await trackOutput(tracker, name, path)
  const status: EndStatus = killedBy !== undefined ? 'killed' : exitCode === 0 ? 'finished' : 'failed'
  if (status === 'killed') tracker.fail(new Error(`the command was ended by ${killedBy}`))
  if (status === 'failed') tracker.fail(new Error(`the command ended with code ${exitCode}`))
  return tracker.finishExperiment(status)
}

/** The command has run, whatever became of its outputs: one that cannot be read is recorded and told. */
async function trackOutput(tracker: ExperimentTracker, name: string, path: string): Promise<void> {
  try {
    await tracker.trackOutput(path, name)
  } catch (error) {
    tracker.note({
      type: 'warning',
      message: `the output ${JSON.stringify(name)} was not recorded: ${reasonOf(error)}`,
    })
  }
}
