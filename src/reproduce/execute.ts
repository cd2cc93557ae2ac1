/** Execution of the recorded command in the new tree, as a tracked run whose parent is the reproduced run. */
import { isAbsolute, resolve } from 'node:path'
import { seedsOf } from '../capture/records.ts'
import { deterministicVariables, seedVariables } from '../capture/seeds/capture.ts'
import { readRun } from '../store/runs.ts'
import { runTracked } from '../command/lifecycle.ts'
import { recordedConfiguration } from '../config/options.ts'
import { isReported } from '../record/reported-by.ts'
import { trackedPath } from '../record/tracked.ts'
import { KINDS, datasetKind } from '../tracking/inputs.ts'
import { inputExists } from './inputs.ts'
import { FROM_NEW_TREE, newRunOptions } from './options.ts'
import type { StoredRun } from '../store/runs.ts'
import type { NamedPath, TrackedCommand } from '../command/lifecycle.ts'
import type { SignalRelay } from '../command/signals.ts'
import type { TrackedRecord } from '../record/record.ts'
import type { Recorder } from '../tracking/recorder.ts'
import type { TreeMap } from './paths.ts'
import type { Rebuilt } from './rebuild/rebuild.ts'
import type { ReproduceOptions, ReproducingRun } from './types.ts'

/** The run to execute, and where. */
export interface Execution {
  readonly run: StoredRun
  readonly map: TreeMap
  /** Absolute path of the new tree. */
  readonly target: string
  /** Absolute path of the working folder of the run in the new tree. */
  readonly directory: string
  /** The packages that were installed for it. */
  readonly rebuilt: Rebuilt
  readonly options: ReproduceOptions
  readonly relay: SignalRelay
  readonly signal: AbortSignal
  /** Called right before the command starts. From then on the tree is kept. */
  readonly started: () => void
}

/** The result of an execution. */
export interface Executed {
  readonly run: ReproducingRun
  readonly stored: StoredRun
}

/**
 * Run the command to its end and record it. Signals to this process are passed on to it.
 *
 * @throws ERR_LINEAPRINT_COMMAND if it cannot be started, ERR_LINEAPRINT_STORE if it cannot be recorded.
 */
export async function execute(execution: Execution): Promise<Executed> {
  const { run, map, target, directory, options, relay, signal, rebuilt } = execution
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    ...movedVariables(map),
    ...seedEnvironment(run),
    ...rebuilt.variables,
    PWD: directory,
  }
  const command: TrackedCommand = {
    argv: await commandIn(run, map, rebuilt),
    directory,
    targets: options.targets ?? [2, 2],
    options: newRunOptions(run, map, target),
    settings: {
      directory,
      // The new run records the run in this variable as its parent.
      environment: { ...environment, LINEAPRINT_RUN_ID: run.id },
      optionsFromSources: FROM_NEW_TREE,
      signal,
      onProgress: options.onProgress,
    },
    trackInputs: (recorder) => trackInputs(run, map, recorder),
    environment: () => environment,
    seed: seedOfRun(run),
    metricFiles: (run.record.metricFiles ?? []).map(({ source }) =>
      isAbsolute(source) ? map.path(source) : source,
    ),
    outputs: pathsOf(run.record.outputs, map).map((output) => ({
      ...output,
      // An output that the original did not make either is not required.
      isRequired: run.record.outputs[output.name]?.status === 'tracked',
    })),
    onReady: execution.started,
    onSpawn: (recorder, pid) => recorder.sampleSystem(pid),
    messages: {
      // The comparison reports the missing output; this warning records the reason.
      outputFailed: (name, reason) => `the output ${JSON.stringify(name)}: ${reason}`,
      ended: () => 'the command has run',
    },
  }
  const { summary, status, exitCode, signal: killedBy } = await runTracked(command, relay)
  const { id, runDirectory: folder } = summary
  return { run: { id, folder, status, exitCode, signal: killedBy }, stored: await readRun(folder) }
}

/**
 * Return the command with paths of the old tree replaced by paths of the new one. A program in the old tree
 * that does not exist in the new one, such as that of a virtual environment that was not rebuilt, is used
 * from the old tree.
 */
export async function commandIn(run: StoredRun, map: TreeMap, rebuilt: Rebuilt): Promise<string[]> {
  const { record } = run
  const [program = '', ...rest] = await rebuilt.command(record.command.argv)
  const mapped = rest.map((argument) => map.text(argument))
  const before = resolve(record.command.workingDirectory, program)
  // A name without a slash is searched on PATH.
  if (!/[/\\]/.test(program) || !map.covers(before)) return [program, ...mapped]
  if (!(await inputExists(map.path(before)))) return [before, ...mapped]
  return [isAbsolute(program) ? map.path(program) : program, ...mapped]
}

/** Variables that could make the command import from the old tree, or write its runs there. */
const MOVED = ['PYTHONPATH', 'NODE_PATH', 'LINEAPRINT_OUTPUT_DIR'] as const

function movedVariables(map: TreeMap): Record<string, string> {
  return Object.fromEntries(
    MOVED.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, map.text(value)] as const]
    }),
  )
}

/** Return the variables of the recorded seeds. A variable that was not set then is removed. */
function seedEnvironment(run: StoredRun): Record<string, string | undefined> {
  const { record } = run
  const seeds = seedsOf(record)
  if (seeds === undefined) return {}
  const variables = Object.entries(seeds.variables).map(
    ([name, value]) => [name, value ?? undefined] as const,
  )
  const seed = seedOfRun(run)
  const { seeds: options } = recordedConfiguration(record)
  return {
    ...Object.fromEntries(variables),
    ...(options.deterministic && deterministicVariables()),
    ...(seed !== undefined && seedVariables(seed, options)),
  }
}

/** Return the seed of `lineaprint run --seed`; a seed of the environment is among the variables. */
function seedOfRun({ record }: StoredRun): number | undefined {
  const seeds = seedsOf(record)
  return seeds?.source === 'setSeeds' ? (seeds.seed ?? undefined) : undefined
}

async function trackInputs({ record }: StoredRun, map: TreeMap, recorder: Recorder): Promise<void> {
  for (const { name, path } of pathsOf(record.datasets, map))
    await recorder.track(datasetKind({ table: tableName(record.datasets[name]) }), path, name)
  for (const { name, path } of pathsOf(record.models, map)) await recorder.track(KINDS.model, path, name)
  const seed = seedsOf(record)?.seed ?? null
  if (seed !== null) await recorder.setSeeds(seed, { replaceMathRandom: false })
}

/** Return the name of the table of a database that a run read as a dataset. */
function tableName(entry: TrackedRecord | undefined): string | undefined {
  if (entry?.status !== 'tracked') return undefined
  const { table } = entry
  const name: unknown =
    typeof table === 'object' && table !== null && 'name' in table ? table.name : undefined
  return typeof name === 'string' ? name : undefined
}

/**
 * Return the paths of tracked items in the new tree, except those that a program reported: it reports them
 * again.
 */
function pathsOf(entries: Readonly<Record<string, TrackedRecord>>, map: TreeMap): NamedPath[] {
  return Object.entries(entries).flatMap(([name, entry]) => {
    const path = isReported(entry) ? undefined : trackedPath(entry)
    return path === undefined ? [] : [{ name, path: map.path(path) }]
  })
}
