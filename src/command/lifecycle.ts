/** The lifecycle of a command as a tracked run: the same for `run` and for `reproduce`. */
import { LineaprintError } from '../core/errors.ts'
import { reasonOf } from '../record/failure.ts'
import { KINDS } from '../tracking/inputs.ts'
import { Recorder } from '../tracking/recorder.ts'
import { runProcess } from './process.ts'
import { Bridge } from './python-bridge/bridge.ts'
import { SignalError, signalExitCode } from './signals.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { EndStatus } from '../tracking/run-writer.ts'
import type { TrackerSettings } from '../tracking/settings.ts'
import type { ExperimentSummary } from '../tracking/summary.ts'
import type { ProcessEnd, ProcessExit } from './process.ts'
import type { SeedUse } from './python-bridge/bridge.ts'
import type { SignalRelay } from './signals.ts'

/** A path under a name. */
export interface NamedPath {
  readonly name: string
  readonly path: string
}

/** A command, and what of its lifecycle differs from that of other commands. */
export interface TrackedCommand {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly string[]
  /** Absolute path of the folder that the command works in. */
  readonly directory: string
  /** Descriptors that stdout and stderr of the command go to. */
  readonly targets: readonly [stdout: number, stderr: number]
  /** Options of the run. */
  readonly options: ExperimentOptions | undefined
  /** Settings of the run. The signal stops what is done before and after the command. */
  readonly settings: TrackerSettings & { readonly signal: AbortSignal }
  /** Digest what the command reads, and announce its outputs. */
  readonly trackInputs: (recorder: Recorder) => Promise<void>
  /** Make the environment of the command; variables of the run and of the bridge are added to it. */
  readonly environment: (configuration: Configuration) => NodeJS.ProcessEnv
  /** The seed that `environment` passes to the command; absent if it passes none. */
  readonly seed: number | undefined
  /** Digested after the end; one that cannot be read is recorded as failed, and is a warning. */
  readonly outputs: readonly NamedPath[]
  /** Called right before the command is started. */
  readonly onReady?: (() => void) | undefined
  /** Called with the id of its process once it runs. */
  readonly onSpawn?: ((recorder: Recorder, pid: number) => void) | undefined
  readonly messages: LifecycleMessages
}

/** What is reported in words that depend on who runs the command. */
export interface LifecycleMessages {
  /** The warning for an output that could not be read. */
  readonly outputFailed: (name: string, reason: string) => string
  /** What had happened when the end of the run could not be recorded: `the command ended with code 0`. */
  readonly ended: (exit: ProcessExit) => string
}

/** What became of it. */
export interface CommandOutcome {
  readonly summary: ExperimentSummary
  readonly status: EndStatus
  /** As a shell gives it: of the command, or 128 and the number of the signal that ended it. */
  readonly exitCode: number
  /** The signal that ended it. */
  readonly signal: NodeJS.Signals | null
  /** Numbers of programs with and without the seed of the run; absent if it has none. */
  readonly seedUse?: SeedUse
}

/**
 * Run a command to its end as a tracked run. Signals to this process are passed on to it.
 *
 * @throws What tracking an input throws, before the command is started; ERR_LINEAPRINT_COMMAND if it cannot be started;
 *   ERR_LINEAPRINT_STORE if the run cannot be recorded. Each leaves a run of status `failed` where the store allows it.
 */
export async function runTracked(command: TrackedCommand, relay: SignalRelay): Promise<CommandOutcome> {
  const { argv, options, settings, messages } = command
  const started = Promise.withResolvers<void>()
  const recorder = new Recorder(options, { ...settings, command: { argv, started: started.promise } })
  let end: ProcessEnd
  let seedUse: SeedUse | undefined
  try {
    await recorder.start()
    await command.trackInputs(recorder)
    // Whatever becomes of the machine under the command: what it was started with is on disk.
    await recorder.flush()
    settings.signal.throwIfAborted()
    command.onReady?.()
    ;({ end, seedUse } = await runWithBridge(command, recorder, relay, started.resolve))
  } catch (error) {
    // Captures that wait for the command would wait for ever.
    started.resolve()
    await recordFailure(recorder, error)
    throw error
  }
  try {
    const { summary, status } = await recordEnd(command, recorder, end, relay)
    return { summary, status, ...shellExit(end.exit), ...(seedUse !== undefined && { seedUse }) }
  } catch (cause) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_STORE',
      `${messages.ended(end.exit)}, but the run could not be recorded: ${reasonOf(cause)}`,
      { cause },
    )
  }
}

/** Run the process with a bridge for the Python programs that it starts. */
async function runWithBridge(
  { argv, directory, targets, environment: environmentOf, seed, onSpawn }: TrackedCommand,
  recorder: Recorder,
  relay: SignalRelay,
  onStarted: () => void,
): Promise<{ end: ProcessEnd; seedUse: SeedUse | undefined }> {
  const { id, runDirectory, configuration } = recorder
  const environment = {
    ...environmentOf(configuration),
    LINEAPRINT_RUN_ID: id,
    LINEAPRINT_RUN_DIRECTORY: runDirectory,
  }
  const bridge = await Bridge.open(recorder, { argv, environment, seed })
  let end: ProcessEnd
  let seedUse: SeedUse | undefined
  try {
    end = await runProcess(
      {
        argv,
        directory,
        targets,
        runDirectory,
        environment: { ...environment, ...bridge.variables },
        onSpawn: (pid) => {
          onStarted()
          onSpawn?.(recorder, pid)
        },
      },
      relay,
    )
  } finally {
    seedUse = await bridge.close(relay.work)
  }
  return { end, seedUse }
}

/** End a run whose command never ran. The error that led here is the one to report, unless this fails as well. */
async function recordFailure(recorder: Recorder, error: unknown): Promise<void> {
  if (!recorder.isRunning) return
  try {
    recorder.fail(error)
    await recorder.finish(error instanceof SignalError ? 'killed' : 'failed')
  } catch (second) {
    throw new AggregateError(
      [error, second],
      `${reasonOf(error)}; and the run could not be recorded: ${reasonOf(second)}`,
      { cause: second },
    )
  }
}

async function recordEnd(
  { outputs, messages }: TrackedCommand,
  recorder: Recorder,
  { exit, stdout, stderr, warnings }: ProcessEnd,
  relay: SignalRelay,
): Promise<Pick<CommandOutcome, 'summary' | 'status'>> {
  const exitCode = exit.kind === 'exited' ? exit.code : null
  const killedBy = killerOf(exit, relay)
  recorder.recordCommandEnd({ exitCode, signal: killedBy ?? null, stdout, stderr })
  for (const message of warnings) recorder.recordWarning(message)
  for (const { name, path } of outputs) {
    try {
      await recorder.track(KINDS.output, path, name)
    } catch (error) {
      // The command has run, whatever became of its outputs.
      recorder.recordWarning(messages.outputFailed(name, reasonOf(error)))
    }
  }
  const status: EndStatus = killedBy !== undefined ? 'killed' : exitCode === 0 ? 'finished' : 'failed'
  if (status === 'killed') recorder.fail(new Error(`the command was ended by ${killedBy}`))
  if (status === 'failed') recorder.fail(new Error(`the command ended with code ${exitCode}`))
  return { summary: await recorder.finish(status), status }
}

/** Return the signal that ended a command. One that was asked to end, and ended itself with an error, counts as well. */
function killerOf(exit: ProcessExit, relay: SignalRelay): NodeJS.Signals | undefined {
  if (exit.kind === 'signalled') return exit.signal
  return exit.code === 0 ? undefined : relay.ending
}

/** Return an exit as a shell gives it. */
function shellExit(exit: ProcessExit): Pick<CommandOutcome, 'exitCode' | 'signal'> {
  return exit.kind === 'exited'
    ? { exitCode: exit.code, signal: null }
    : { exitCode: signalExitCode(exit.signal), signal: exit.signal }
}
