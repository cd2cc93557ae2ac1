/**
 * A run that a program started itself. Its recorder is a process beside the program: it opens the bridge, makes the
 * captures, and ends the run when the program reports its end or is gone.
 */
import { noCodeWarning } from '../capture/git/absence.ts'
import { LineaprintError } from '../core/errors.ts'
import { VERSION } from '../core/version.ts'
import { reasonOf } from '../record/failure.ts'
import { Recorder } from '../tracking/recorder.ts'
import { isAlive, thisProcess } from '../util/process-identity.ts'
import { recordOutputs } from './lifecycle.ts'
import { Bridge } from './python-bridge/bridge.ts'
import { nameOf, outputFailed, refusePatterns, trackInputs } from './run-command.ts'
import { runVariables } from './run-variables.ts'
import type { ExperimentOptions } from '../config/options.ts'
import type { StreamRecord } from '../record/record.ts'
import type { EndStatus } from '../tracking/run-writer.ts'
import type { ExperimentSummary } from '../tracking/summary.ts'
import type { ProgramRequest } from './program-request.ts'
import type { DeclaredPaths } from './run-command.ts'
import type { MessageOf } from './python-bridge/messages.ts'

/** The answer to a program whose run has started. */
export interface StartedProgramRun {
  readonly id: string
  readonly directory: string
  readonly name: string
  /** Version of this package. */
  readonly version: string
  /** Process id of the recorder. */
  readonly recorder: number
  /** Why declared inputs were not recorded; these are warnings of the run as well. */
  readonly problems: readonly Problem[]
  /** Variables by which the program and its children find the run. */
  readonly variables: Readonly<Record<string, string>>
}

/** An error of tracking: a stable code, and a sentence. */
export interface Problem {
  readonly code: string
  readonly message: string
}

/** The receiver of the news about a run. */
export interface ProgramListener {
  readonly onStarted: (run: StartedProgramRun) => void
  /** Called when the program has ended or asked for the end of its run; the outputs are then digested. */
  readonly onEnding: () => void
}

/** Milliseconds between two looks whether the program is there. */
const WATCH_MS = 100

/** The output went past lineaprint: to copy it, the program would have to depend on the recorder. */
const NOT_CAPTURED: StreamRecord = {
  status: 'not-captured',
  reason: 'the program started its run itself; "lineaprint run" captures the output of a program',
}

/**
 * Record a program from now to its end.
 *
 * @param signal Stops captures and digests.
 * @returns The summary, with what a person should know in its warnings.
 * @throws ERR_LINEAPRINT_CONFIGURATION and ERR_LINEAPRINT_STORE if the run cannot be started or recorded.
 */
export async function recordProgram(
  request: ProgramRequest,
  listener: ProgramListener,
  signal: AbortSignal,
): Promise<ExperimentSummary> {
  const { argv, pid, startTime, isRepeatable, outputs = [] } = request
  const recorder = new Recorder(optionsOf(request), {
    configurationFile: request.config,
    defaults: { experimentName: nameOf(argv) },
    signal,
    // The program runs already.
    command: { argv, started: Promise.resolve(), isRepeatable },
  })
  const begin = performance.now()
  const end = Promise.withResolvers<MessageOf<'end'>>()
  try {
    await recorder.start()
    const problems = await trackDeclared(request, recorder)
    await recorder.flush()
    const environment = process.env
    const bridge = await Bridge.open(recorder, {
      argv,
      environment,
      seed: request.seed,
      onEnd: end.resolve,
    })
    bridge.watch(pid)
    recorder.sampleSystem(pid)
    const { PYTHONPATH: _, ...variables } = bridge.variables
    const { id, runDirectory: directory, configuration } = recorder
    listener.onStarted({
      id,
      directory,
      name: configuration.experimentName,
      version: VERSION,
      recorder: process.pid,
      problems,
      variables: { ...variables, ...runVariables(id, directory) },
    })
    const reported = await Promise.race([end.promise, untilGone(pid, startTime)])
    listener.onEnding()
    // What the program sent before its end is in the connection, and is read here: maybe also that it ended well.
    await bridge.close(signal)
    const { status, exitCode, signal: killedBy, error } = reported ?? (await lateEnd(end.promise)) ?? UNKNOWN
    const durationMs = Math.round(performance.now() - begin)
    recorder.recordCommandEnd({
      exitCode,
      signal: killedBy,
      durationMs,
      stdout: NOT_CAPTURED,
      stderr: NOT_CAPTURED,
    })
    const missing = await recordOutputs(
      recorder,
      outputs.map((output) => ({ ...output, isRequired: true })),
      { outputFailed },
    )
    const failure = error ?? (missing.size > 0 ? [...missing.values()].join('; ') : null)
    if (failure !== null) recorder.fail(new Error(failure))
    const codeWarning = noCodeWarning(recorder.captureOf('git'))
    const summary = await recorder.finish(statusOf(status, missing))
    return codeWarning === undefined ? summary : { ...summary, warnings: [...summary.warnings, codeWarning] }
  } catch (error) {
    if (recorder.isRunning) {
      recorder.fail(error)
      await recorder.finish('failed')
    }
    throw error
  }
}

/** Digest the declared inputs, and begin to read files with metrics. One that cannot be read is a warning: the program runs already, and goes on. */
async function trackDeclared(request: ProgramRequest, recorder: Recorder): Promise<Problem[]> {
  const { datasets = [], models = [], outputs = [], seed } = request
  const plans: readonly DeclaredPaths[] = [
    ...datasets.map((entry) => ({ datasets: [entry] })),
    ...models.map((entry) => ({ models: [entry] })),
    { seed },
    ...outputs.map((entry) => ({ outputs: [entry] })),
  ]
  const problems: Problem[] = []
  const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      recorder.signal?.throwIfAborted()
      const message = `${what} was not recorded: ${reasonOf(error)}`
      recorder.recordWarning(message)
      problems.push({ code: LineaprintError.is(error) ? error.code : 'ERR_LINEAPRINT_INTERNAL', message })
    }
  }
  for (const plan of plans)
    await attempt('a declared input', async () => {
      await refusePatterns(plan)
      await trackInputs(plan, recorder)
    })
  const { metricFiles } = recorder
  for (const path of request.metricFiles ?? [])
    await attempt('a file with metrics', () => metricFiles.add(metricFiles.sourceOf(path)))
  return problems
}

function statusOf(status: EndStatus, missing: ReadonlyMap<string, string>): EndStatus {
  return status === 'finished' && missing.size > 0 ? 'failed' : status
}

/** The end of a program that did not report it. Only the parent of a process learns what ended it. */
const UNKNOWN: Omit<MessageOf<'end'>, 'call'> = {
  status: 'failed',
  exitCode: null,
  signal: null,
  error:
    'the program is gone without an end: it was killed, crashed, or called os._exit; how it ended is not known',
}

/** Return the report of the end that a program sent right before it was gone; `undefined` if it sent none. */
async function lateEnd(end: Promise<MessageOf<'end'>>): Promise<MessageOf<'end'> | undefined> {
  return Promise.race([end, Promise.resolve(undefined)])
}

/** Resolve when a process is gone. */
async function untilGone(pid: number, startTime: number | null): Promise<undefined> {
  const identity = { ...thisProcess(), pid, startTime }
  while (isAlive(identity) !== 'gone') await new Promise((resolve) => setTimeout(resolve, WATCH_MS))
  return undefined
}

/** Return the given options only: an absent one must not override configuration file and variables. */
function optionsOf({
  name,
  tags,
  notes,
  metadata,
  continues,
  outputDir,
  autoOutputs,
}: ProgramRequest): ExperimentOptions {
  return {
    experimentName: name,
    notes,
    continues,
    outputDir,
    ...(tags !== undefined && { tags }),
    ...(metadata !== undefined && { metadata }),
    ...(autoOutputs !== undefined && { autoOutputs }),
  }
}
