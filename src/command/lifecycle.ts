/** The lifecycle of a command as a tracked run, shared by `run` and `reproduce`. */
import { LineaprintError } from '../core/errors.ts'
import { reasonOf } from '../record/failure.ts'
import { KINDS } from '../tracking/inputs.ts'
import { Recorder } from '../tracking/recorder.ts'
import { ignoreRejection } from '../util/ignore-rejection.ts'
import { noCodeWarning } from '../capture/git/absence.ts'
import { runProcess } from './process.ts'
import { Bridge } from './python-bridge/bridge.ts'
import { launchRecord } from './ranks/launch.ts'
import { shellExit } from './exit.ts'
import { runVariables } from './run-variables.ts'
import { SignalError } from './signals.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { EndStatus } from '../tracking/run-writer.ts'
import type { TrackerSettings } from '../tracking/settings.ts'
import type { ExperimentSummary } from '../tracking/summary.ts'
import type { Declared, NamedPath } from './declared.ts'
import type { ProcessExit } from './exit.ts'
import type { ProcessEnd } from './process.ts'
import type { SeedUse } from './python-bridge/bridge.ts'
import type { Launch } from './ranks/launch.ts'
import type { LaunchedRun } from './ranks/launched-run.ts'
import type { Ranks } from './ranks/leader.ts'
import type { SignalRelay } from './signals.ts'

export type { NamedPath } from './declared.ts'

/** A declared output. If a required one was not made, the run is `failed`. */
export interface DeclaredOutput extends NamedPath {
  readonly isRequired: boolean
}

/** A command, with the parts of its lifecycle that depend on the caller. */
export interface TrackedCommand {
  /** Program and arguments; no shell is involved. */
  readonly argv: readonly string[]
  /** Absolute path of the working folder of the command. */
  readonly directory: string
  /** File descriptors that receive stdout and stderr of the command. */
  readonly targets: readonly [stdout: number, stderr: number]
  /** False to keep no logs of the output. @default true */
  readonly capture?: boolean | undefined
  /** Options of the run. */
  readonly options: ExperimentOptions | undefined
  /** Settings of the run. The signal stops the work before and after the command. */
  readonly settings: TrackerSettings & { readonly signal: AbortSignal }
  /** Digest the inputs of the command, and announce its outputs. */
  readonly trackInputs: (recorder: Recorder) => Promise<void>
  /** Create the environment of the command. The variables of the run and of the bridge are added to it. */
  readonly environment: (configuration: Configuration) => NodeJS.ProcessEnv
  /** The seed that `environment` passes to the command; absent if it passes none. */
  readonly seed: number | undefined
  /** Outputs to digest after the end. One that cannot be read is recorded as failed. */
  readonly outputs: readonly DeclaredOutput[]
  /** Called right before the command starts. */
  readonly onReady?: (() => void) | undefined
  /** Called with the process ID once the command runs. */
  readonly onSpawn?: ((recorder: Recorder, pid: number) => void) | undefined
  readonly messages: LifecycleMessages
  /** Paths of files in which the command writes metrics, beside those of the configuration. @default none */
  readonly metricFiles?: readonly string[] | undefined
  /** The launch of which this is the first rank on its machine; the others report to this run. */
  readonly launch?: Launch | undefined
  /** True if no other rank can join the run. @default false */
  readonly isAlone?: boolean | undefined
  /** A warning about the run that is known before it starts. */
  readonly warning?: string | undefined
  /** Absolute paths that the command declares, for the other ranks. */
  readonly declared?: Declared | undefined
}

/** The messages that depend on the caller. */
export interface LifecycleMessages {
  /** Return the warning for an output that could not be read. */
  readonly outputFailed: (name: string, reason: string) => string
  /**
   * Describe how the command ended, for the error that its run could not be recorded: `the command ended with
   * code 0`.
   */
  readonly ended: (exit: ProcessExit) => string
}

/** The result of a command. */
export interface CommandOutcome {
  readonly summary: ExperimentSummary
  readonly status: EndStatus
  /**
   * Exit code as a shell reports it: that of the command, or 128 plus the number of the signal that ended it.
   */
  readonly exitCode: number
  /** The signal that ended the command. */
  readonly signal: NodeJS.Signals | null
  /** Milliseconds of the command alone, without captures and digests. */
  readonly commandMs: number
  /** Names of the required outputs that the command did not make. */
  readonly missingOutputs: readonly string[]
  /** A warning if no code was captured, with what to do about it. */
  readonly codeWarning: string | undefined
  /** Numbers of programs with and without the seed of the run; absent if it has none. */
  readonly seedUse?: SeedUse
}

/**
 * Run a command to its end as a tracked run. Signals to this process are passed on to it.
 *
 * @throws The errors of tracking an input, before the command is started; ERR_LINEAPRINT_COMMAND if it cannot
 * be started; ERR_LINEAPRINT_STORE if the run cannot be recorded. Each leaves a run of status `failed` if the
 * store allows it.
 */
export async function runTracked(command: TrackedCommand, relay: SignalRelay): Promise<CommandOutcome> {
  const { argv, options, settings, messages } = command
  const started = Promise.withResolvers<void>()
  const launch = command.launch === undefined ? undefined : launchRecord(command.launch)
  const recorder = new Recorder(options, { ...settings, command: { argv, started: started.promise, launch } })
  const { metricFiles } = recorder
  let others: LaunchedRun | undefined
  let opening: Promise<OpenedBridge> | undefined
  let end: ProcessEnd
  let seedUse: SeedUse | undefined
  try {
    const starting = ignoreRejection(recorder.start())
    // While git answers. Several ranks are told of each other first.
    if (launch === undefined)
      opening = ignoreRejection(recorder.whenCreated.then(() => openBridge(command, recorder, undefined)))
    await starting
    if (command.warning !== undefined) recorder.recordWarning(command.warning)
    if (command.launch !== undefined) others = await othersOf(command, command.launch, recorder)
    await command.trackInputs(recorder)
    for (const path of command.metricFiles ?? []) await metricFiles.add(path)
    // The inputs are on disk before the command starts, so they survive a crash of the machine.
    await recorder.flush()
    settings.signal.throwIfAborted()
    command.onReady?.()
    opening ??= openBridge(command, recorder, others)
    ;({ end, seedUse } = await runWithBridge(
      command,
      recorder,
      relay,
      started.resolve,
      others,
      await opening,
    ))
  } catch (error) {
    await others?.close()
    await (await opening?.catch(() => undefined))?.bridge.discard()
    // Captures that wait for the command to start would otherwise wait forever.
    started.resolve()
    await recordFailure(recorder, error)
    throw error
  }
  try {
    const ended = await recordEnd(command, recorder, end, relay, others?.ranks)
    return {
      ...ended,
      ...shellExit(end.exit),
      commandMs: end.durationMs,
      codeWarning: noCodeWarning(recorder.captureOf('git')),
      ...(seedUse !== undefined && { seedUse }),
    }
  } catch (cause) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_STORE',
      `${messages.ended(end.exit)}, but the run could not be recorded: ${reasonOf(cause)}`,
      { cause },
    )
  }
}

/** Tell the other ranks of a launch of this run. */
async function othersOf(
  { isAlone, declared }: TrackedCommand,
  launch: Launch,
  recorder: Recorder,
): Promise<LaunchedRun> {
  // Few runs are launched, and every run would wait for the import.
  const { LaunchedRun: Run } = await import('./ranks/launched-run.ts')
  const { metricFiles } = recorder
  return isAlone === true
    ? Run.alone(launch, recorder, metricFiles)
    : Run.announce(launch, recorder, metricFiles, declared)
}

/** The bridge for the Python programs that a command starts, and the environment of that command. */
interface OpenedBridge {
  readonly bridge: Bridge
  readonly environment: NodeJS.ProcessEnv
}

async function openBridge(
  { argv, environment: environmentOf, seed, launch }: TrackedCommand,
  recorder: Recorder,
  others: LaunchedRun | undefined,
): Promise<OpenedBridge> {
  const { id, runDirectory, configuration } = recorder
  const environment = {
    ...environmentOf(configuration),
    ...runVariables(id, runDirectory, launch),
  }
  return {
    environment,
    bridge: await Bridge.open(recorder, { argv, environment, seed, ranks: others?.ranks }),
  }
}

/** Run the process with a bridge for the Python programs that it starts. */
async function runWithBridge(
  { argv, directory, targets, capture, onSpawn }: TrackedCommand,
  recorder: Recorder,
  relay: SignalRelay,
  onStarted: () => void,
  others: LaunchedRun | undefined,
  { bridge, environment }: OpenedBridge,
): Promise<{ end: ProcessEnd; seedUse: SeedUse | undefined }> {
  const { runDirectory, configuration } = recorder
  let end: ProcessEnd | undefined
  let seedUse: SeedUse | undefined
  try {
    await others?.open(bridge.variables)
    end = await runProcess(
      {
        argv,
        directory,
        targets,
        capture,
        redact: configuration.redact,
        runDirectory,
        environment: { ...environment, ...bridge.variables },
        onSpawn: (pid) => {
          onStarted()
          bridge.watch(pid)
          onSpawn?.(recorder, pid)
        },
      },
      relay,
    )
  } finally {
    // The bridge awaits captures, which wait for a command that may never have started.
    onStarted()
    await others?.settle(end, relay.work)
    seedUse = await bridge.close(relay.work)
  }
  return { end, seedUse }
}

/**
 * End a run whose command never ran. The original error is the one to report, unless recording fails as well.
 */
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
  { exit, durationMs, stdout, stderr, warnings }: ProcessEnd,
  relay: SignalRelay,
  ranks: Ranks | undefined,
): Promise<Pick<CommandOutcome, 'summary' | 'status' | 'missingOutputs'>> {
  const exitCode = exit.kind === 'exited' ? exit.code : null
  const killedBy = endingSignal(exit, relay)
  recorder.recordCommandEnd({ exitCode, signal: killedBy ?? null, durationMs, stdout, stderr })
  for (const message of warnings) recorder.recordWarning(message)
  await recorder.metricFiles.finish()
  const missing = new Map(await recordOutputs(recorder, outputs, messages))
  const isRequired = outputs.every((output) => output.isRequired)
  for (const { name, path, process } of ranks?.outputs ?? []) {
    const warning = await recordOutput(recorder, { name, path }, messages, process)
    if (warning !== undefined && isRequired) missing.set(name, warning)
  }
  await recorder.trackModelFiles()
  const failure = failureOf({ exitCode, killedBy, missing: [...missing.values()], rank: ranks?.failure() })
  const status: EndStatus = killedBy !== undefined ? 'killed' : failure === undefined ? 'finished' : 'failed'
  if (failure !== undefined) recorder.fail(failure)
  return { summary: await recorder.finish(status), status, missingOutputs: [...missing.keys()] }
}

/**
 * Digest declared outputs. One that cannot be read is a warning of the run.
 *
 * @returns The warnings about the required outputs that were not made, by name.
 */
export async function recordOutputs(
  recorder: Recorder,
  outputs: readonly DeclaredOutput[],
  messages: Pick<LifecycleMessages, 'outputFailed'>,
): Promise<ReadonlyMap<string, string>> {
  const missing = new Map<string, string>()
  for (const output of outputs) {
    const warning = await recordOutput(recorder, output, messages)
    if (warning !== undefined && output.isRequired) missing.set(output.name, warning)
  }
  return missing
}

/** Digest an output. Return the warning if it cannot be read. */
async function recordOutput(
  recorder: Recorder,
  { name, path }: NamedPath,
  { outputFailed }: Pick<LifecycleMessages, 'outputFailed'>,
  process?: number,
): Promise<string | undefined> {
  try {
    await recorder.track(KINDS.output, path, name, process)
    return undefined
  } catch (error) {
    const message = outputFailed(name, reasonOf(error))
    recorder.recordWarning(message)
    return message
  }
}

/** Return why a run did not succeed; `undefined` if it did. The end of the command comes before its outputs. */
function failureOf(end: {
  readonly exitCode: number | null
  readonly killedBy: NodeJS.Signals | undefined
  readonly missing: readonly string[]
  readonly rank: string | undefined
}): Error | undefined {
  const { exitCode, killedBy, missing, rank } = end
  if (killedBy !== undefined) return new Error(`the command was ended by ${killedBy}`)
  if (exitCode !== 0) return new Error(`the command ended with code ${exitCode}`)
  if (rank !== undefined) return new Error(rank)
  if (missing.length === 0) return undefined
  return new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', missing.join('; '), { field: 'outputs' })
}

/**
 * Return the signal that ended a command. A command that was asked to end and then exited with an error
 * counts as well.
 */
function endingSignal(exit: ProcessExit, relay: SignalRelay): NodeJS.Signals | undefined {
  if (exit.kind === 'signalled') return exit.signal
  return exit.code === 0 ? undefined : relay.ending
}
