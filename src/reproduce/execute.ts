/** Runs the recorded command in the new tree, as a tracked run whose parent is the reproduced one. */
import { isAbsolute, resolve } from 'node:path'
import { seedsOf } from '../capture/records.ts'
import { deterministicVariables, seedVariables } from '../capture/seeds/capture.ts'
import { LineaprintError } from '../core/errors.ts'
import { readRun } from '../store/runs.ts'
import { runBridged } from '../command/python-bridge/run.ts'
import { SignalError, signalExitCode } from '../command/signals.ts'
import { recordedComponents } from '../config/groups.ts'
import { reasonOf } from '../record/failure.ts'
import { recordedAlgorithm, recordedOutputDir } from '../record/configuration.ts'
import { reportedBy, trackedPath } from '../record/tracked.ts'
import { ExperimentTracker } from '../tracking/tracker.ts'
import { isThere } from './inputs.ts'
import { isWithin } from './paths.ts'
import type { StoredRun } from '../store/runs.ts'
import type { ProcessEnd } from '../command/process.ts'
import type { SignalRelay } from '../command/signals.ts'
import type { ExperimentOptions } from '../config/options.ts'
import type { EndStatus } from '../tracking/run-writer.ts'
import type { TreeMap } from './paths.ts'
import type { Rebuilt } from './rebuild/rebuild.ts'
import type { ReproduceOptions, ReproducingRun } from './types.ts'

/** What is run. */
export interface Execution {
  readonly run: StoredRun
  readonly map: TreeMap
  /** Absolute path of the new tree. */
  readonly target: string
  /** Absolute path of the folder in the new tree that the run works in. */
  readonly directory: string
  /** What was installed for it. */
  readonly rebuilt: Rebuilt
  readonly options: ReproduceOptions
  readonly relay: SignalRelay
  readonly signal: AbortSignal
  /** Told once the command runs: from here on the tree is kept. */
  readonly started: () => void
}

/** What came of it. */
export interface Executed {
  readonly run: ReproducingRun
  readonly stored: StoredRun
}

/**
 * Runs the command to its end and records it. Signals to this process are passed on to it.
 *
 * @throws ERR_LINEAPRINT_COMMAND if it cannot be started, ERR_LINEAPRINT_STORE if it cannot be recorded.
 */
export async function execute(execution: Execution): Promise<Executed> {
  const { run, map, directory, options, relay, signal, rebuilt } = execution
  const argv = await commandIn(run, map, rebuilt)
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    ...movedVariables(map),
    ...seedEnvironment(run),
    ...rebuilt.variables,
    PWD: directory,
  }
  const { LINEAPRINT_EXPERIMENT_ID: _, ...own } = environment
  const tracker = new ExperimentTracker(trackerOptions(execution), {
    directory,
    // The variable says whose command this is; so the parent is recorded.
    environment: { ...own, LINEAPRINT_RUN_ID: run.id },
    command: argv,
    signal,
    onProgress: options.onProgress,
  })
  let end: ProcessEnd
  try {
    await tracker.startExperiment()
    await trackInputs(run, map, tracker)
    await tracker.flush()
    signal.throwIfAborted()
    execution.started()
    const variables = { LINEAPRINT_RUN_ID: tracker.id, LINEAPRINT_RUN_DIRECTORY: tracker.runDirectory }
    end = await runBridged(
      tracker,
      {
        argv,
        directory,
        environment: { ...environment, ...variables },
        runDirectory: tracker.runDirectory,
        targets: options.targets ?? [2, 2],
      },
      relay,
    )
  } catch (error) {
    await recordFailure(tracker, error)
    throw error
  }
  const status = await recordEnd(execution, tracker, end)
  const exitCode = end.exitCode ?? (end.signal === null ? 1 : signalExitCode(end.signal))
  const made = { id: tracker.id, folder: tracker.runDirectory, status, exitCode, signal: end.signal }
  return { run: made, stored: await readRun(tracker.runDirectory) }
}

/**
 * The command with paths of the old tree as paths of the new one. A program that lay in the old tree and is not in
 * the new one, such as that of a virtual environment which was not rebuilt, is used where it is.
 */
export async function commandIn(run: StoredRun, map: TreeMap, rebuilt: Rebuilt): Promise<string[]> {
  const { record } = run
  const [program = '', ...rest] = await rebuilt.command(record.command.argv)
  const mapped = rest.map((argument) => map.text(argument))
  const before = resolve(record.command.workingDirectory, program)
  // A name without a slash is looked up on PATH.
  if (!/[/\\]/.test(program) || !map.covers(before)) return [program, ...mapped]
  if (!(await isThere(map.path(before)))) return [before, ...mapped]
  return [isAbsolute(program) ? map.path(program) : program, ...mapped]
}

/** Variables that would make the command import from the old tree, or write its runs into it. */
const MOVED = ['PYTHONPATH', 'NODE_PATH', 'LINEAPRINT_OUTPUT_DIR'] as const

function movedVariables(map: TreeMap): Record<string, string> {
  return Object.fromEntries(
    MOVED.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, map.text(value)] as const]
    }),
  )
}

/** The variables of the recorded seeds; one that was not set then is not set now. */
function seedEnvironment({ record }: StoredRun): Record<string, string | undefined> {
  const seeds = seedsOf(record)
  if (seeds === undefined) return {}
  const variables = Object.entries(seeds.variables).map(
    ([name, value]) => [name, value ?? undefined] as const,
  )
  // Only one that `lineaprint run --seed` was given; one of the environment is among the variables.
  const seed = seeds.source === 'setSeeds' ? seeds.seed : null
  const { seeds: options } = recordedComponents(record.configuration)
  return {
    ...Object.fromEntries(variables),
    ...(options.deterministic && deterministicVariables()),
    ...(seed !== null && seedVariables(seed, options)),
  }
}

function trackerOptions({ run, map, target }: Execution): ExperimentOptions {
  const { configuration, name, tags, notes, metadata } = run.record
  const outputDir = map.path(recordedOutputDir(run.record))
  const flag = (field: string): boolean => configuration[field] !== false
  return {
    experimentName: name,
    // A store elsewhere is the record's word, which does not decide where something is written.
    outputDir: isWithin(outputDir, target) ? outputDir : target,
    enableDatasetTracking: flag('enableDatasetTracking'),
    enableModelTracking: flag('enableModelTracking'),
    enableEnvironmentTracking: flag('enableEnvironmentTracking'),
    enableSeedTracking: flag('enableSeedTracking'),
    enableGitTracking: flag('enableGitTracking'),
    algorithm: recordedAlgorithm(run.record),
    seeds: recordedComponents(configuration).seeds,
    // Copies beside the store would take the place of those of the reproduced run.
    saveToJson: false,
    saveToYaml: false,
    // And a run that is only looked at is nothing to send to anybody.
    saveToWandb: false,
    saveToMlflow: false,
    tags,
    notes,
    metadata,
  }
}

async function trackInputs({ record }: StoredRun, map: TreeMap, tracker: ExperimentTracker): Promise<void> {
  for (const [name, entry] of Object.entries(record.datasets)) {
    const path = reportedBy(entry) === undefined ? trackedPath(entry) : undefined
    if (path !== undefined) await tracker.trackDataset(map.path(path), name)
  }
  for (const [name, entry] of Object.entries(record.models)) {
    const path = reportedBy(entry) === undefined ? trackedPath(entry) : undefined
    if (path !== undefined) await tracker.trackModel(map.path(path), name)
  }
  const seed = seedsOf(record)?.seed ?? null
  if (seed !== null) await tracker.setSeeds(seed, { replaceMathRandom: false })
}

async function recordFailure(tracker: ExperimentTracker, error: unknown): Promise<void> {
  if (!tracker.isRunning) return
  try {
    tracker.fail(error)
    await tracker.finishExperiment(error instanceof SignalError ? 'killed' : 'failed')
  } catch (second) {
    throw new AggregateError([error, second], `${reasonOf(error)}; and the run could not be recorded`, {
      cause: second,
    })
  }
}

async function recordEnd(
  { run, map, relay }: Execution,
  tracker: ExperimentTracker,
  { warnings, ...end }: ProcessEnd,
): Promise<EndStatus> {
  const killedBy = end.signal ?? (end.exitCode === 0 ? undefined : relay.ending)
  tracker.note({ type: 'command', ...end, signal: killedBy ?? null })
  for (const message of warnings) tracker.note({ type: 'warning', message })
  for (const [name, entry] of Object.entries(run.record.outputs)) {
    const path = trackedPath(entry)
    // What a program reported, the program of this run reports again.
    if (path === undefined || reportedBy(entry) !== undefined) continue
    try {
      await tracker.trackOutput(map.path(path), name)
    } catch (error) {
      // The comparison names it; the record says why.
      tracker.note({ type: 'warning', message: `the output ${JSON.stringify(name)}: ${reasonOf(error)}` })
    }
  }
  const status = killedBy !== undefined ? 'killed' : end.exitCode === 0 ? 'finished' : 'failed'
  if (status === 'killed') tracker.fail(new Error(`the command was ended by ${killedBy}`))
  if (status === 'failed') tracker.fail(new Error(`the command ended with code ${end.exitCode}`))
  try {
    await tracker.finishExperiment(status)
    return status
  } catch (cause) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_STORE',
      `the command has run, but the run could not be recorded: ${reasonOf(cause)}`,
      { cause },
    )
  }
}
