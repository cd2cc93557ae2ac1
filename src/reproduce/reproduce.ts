/** Reproduction of a run: its work tree, its inputs, its command, and a verdict on the results. */
import { checkRun } from '../store/read.ts'
import { checkObject } from '../core/options.ts'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { seedsOf } from '../capture/records.ts'
import { recordedAlgorithm, recordedOutputDir } from '../record/configuration.ts'
import { storeIn, storeOf } from '../store/store.ts'
import { SignalRelay } from '../command/signals.ts'
import { requireApproval } from './approval.ts'
import { compareMetrics, readMetrics } from './verdicts/metrics.ts'
import { compareOutputs } from './verdicts/outputs.ts'
import { compareReported } from './verdicts/reported.ts'
import { commandIn, execute } from './execute.ts'
import { checkInputs, refuseOtherInputs } from './inputs.ts'
import { TreeMap } from './paths.ts'
import { makeFolder, prepareOutputFolders } from './folders.ts'
import { checkCommand, checkRecord, recordedTree, refuseRedacted } from './preflight.ts'
import { NOT_REBUILT, rebuild } from './rebuild/rebuild.ts'
import { restoreTree } from './restore.ts'
import { makeTarget } from './target.ts'
import {
  checkEnvironment,
  checkTree,
  compareEnvironments,
  inspectEnvironment,
  refuseOtherTree,
} from './tree-check.ts'
import { item } from './types.ts'
import type { StoredRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { Executed, Execution } from './execute.ts'
import type { Rebuilt } from './rebuild/rebuild.ts'
import type { Target } from './target.ts'
import type { RecordedTree } from './preflight.ts'
import type { ReproduceItem, ReproduceOptions, ReproduceVerdict, Reproduction } from './types.ts'

export type {
  ReproduceItem,
  ReproduceOptions,
  ReproduceVerdict,
  ReproducingRun,
  Reproduction,
  FileTotal,
  ReproductionPlan,
} from './types.ts'

/**
 * Restore the work tree of a run into a new folder, run the command there as a run of its own, and compare
 * the results. The repository of the run is only read.
 *
 * Signals to this process are passed on to the command while it runs, and stop the work otherwise. If the
 * work stops before the command, no folder remains.
 *
 * @param run From `findRun` or `readRun`.
 * @throws ERR_LINEAPRINT_RECORD if the run differs from what was sealed; ERR_LINEAPRINT_STATE if it has no
 * command or no captured git state, or if its repository, commit or tree is not available;
 * ERR_LINEAPRINT_COMMAND for a command with secrets, a command that cannot be started, or a package manager
 * that failed; ERR_LINEAPRINT_CHANGED and ERR_LINEAPRINT_NOT_FOUND for inputs that differ from the recorded
 * ones; ERR_LINEAPRINT_ARGUMENT for an invalid folder or tolerance, or for a run that needs an approval.
 */
export async function reproduceRun(run: StoredRun, options: ReproduceOptions = {}): Promise<Reproduction> {
  checkRun(run)
  checkObject(options)
  checkTolerance(options.tolerance)
  const relay = new SignalRelay()
  const signal = AbortSignal.any([relay.work, ...(options.signal === undefined ? [] : [options.signal])])
  try {
    await checkRecord(run, signal)
    const tree = recordedTree(run)
    if (options.run !== false) {
      checkCommand(run)
      if (options.allowRedacted !== true) refuseRedacted(tree)
    }
    await requireApproval(run, tree, options)
    signal.throwIfAborted()
    const target = await makeTarget(options.into, tree.root)
    return await reproduceIn(target, run, tree, options, relay, signal)
  } finally {
    relay.close()
  }
}

function checkTolerance(tolerance: number | undefined): void {
  if (tolerance === undefined || (Number.isFinite(tolerance) && tolerance >= 0)) return
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'invalid tolerance', {
    field: 'tolerance',
    expected: 'a number of at least 0',
    received: String(tolerance),
  })
}

function treeMap({ command }: StoredRun['record'], tree: RecordedTree, target: string): TreeMap {
  return new TreeMap(tree.root, command.workingDirectory, tree.directory, target)
}

async function reproduceIn(
  target: Target,
  run: StoredRun,
  tree: RecordedTree,
  options: ReproduceOptions,
  relay: SignalRelay,
  signal: AbortSignal,
): Promise<Reproduction> {
  const map = treeMap(run.record, tree, target.path)
  const directory = join(target.path, tree.directory)
  const { name, runName } = run.record
  const head = { id: run.id, name, ...(runName !== undefined && { runName }), directory: target.path }
  let hasStarted = false
  try {
    const { items, rebuilt } = await prepare(run, tree, map, target.path, directory, options, signal)
    if (options.run === false) {
      target.keep()
      return { ...head, reproduced: null, items }
    }
    const started = (): void => {
      hasStarted = true
      target.keep()
      options.onStart?.(target.path)
    }
    const location = { map, target: target.path, directory, rebuilt }
    const execution: Execution = { run, ...location, options, relay, signal, started }
    const executed = await execute(execution)
    const results = await compareAll(execution, executed, options)
    const environment = compareEnvironments(run, executed.stored)
    const prepared = items.map((entry) =>
      environment !== undefined && entry.section === 'environment' && entry.name === 'environment'
        ? environment
        : entry,
    )
    return {
      ...head,
      run: executed.run,
      reproduced: isReproduced(results),
      items: [...prepared, ...results],
    }
  } catch (error) {
    if (!hasStarted) await target.remove()
    throw error
  }
}

async function prepare(
  run: StoredRun,
  tree: RecordedTree,
  map: TreeMap,
  target: string,
  directory: string,
  { run: runs, rebuild: isRebuilt, onStep, onProgress }: ReproduceOptions,
  signal: AbortSignal,
): Promise<{ items: ReproduceItem[]; rebuilt: Rebuilt }> {
  const bytes = await restoreTree(tree, run.folder, target, signal)
  const algorithm = recordedAlgorithm(run.record)
  const code = await checkTree(tree, bytes, { directory: target, algorithm, signal })
  if (runs !== false) refuseOtherTree(code)
  const inputs = await checkInputs(run, map, target, { signal, onProgress })
  if (runs !== false) {
    refuseOtherInputs(inputs)
    await prepareOutputFolders(run, map, target, tree.root)
  }
  await makeFolder(directory, target)
  const rebuilt =
    isRebuilt === true ? await rebuild({ run, map, target, directory }, { signal, onStep }) : NOT_REBUILT
  const command = await commandIn(run, map, rebuilt)
  const variables = { ...process.env, ...rebuilt.variables }
  // Only to run the command again is a reason to start what the record names.
  const environment =
    runs === false
      ? await inspectEnvironment(run, directory, signal)
      : [await checkEnvironment(run, { directory, algorithm, signal, command, variables })]
  return { items: [...code, ...rebuilt.items, ...environment, ...inputs, seedsItem(run)], rebuilt }
}

function seedsItem({ record }: StoredRun): ReproduceItem {
  const seeds = seedsOf(record)
  if (seeds === undefined)
    return item('seeds', 'seeds', 'not-compared', 'no seeds were captured, so the command gets none')
  const { seed } = seeds
  return seed === null
    ? item('seeds', 'seeds', 'not-compared', 'no seed was recorded')
    : item('seeds', 'seeds', 'same', `the command gets the seed ${seed}`)
}

async function compareAll(
  { run, directory, signal }: Execution,
  { run: newRun, stored }: Executed,
  { tolerance, outputIgnore, onProgress }: ReproduceOptions,
): Promise<ReproduceItem[]> {
  const [before, after] = [endOf(run), endOf(stored)]
  const command =
    before === undefined || after === undefined
      ? item('command', 'end', 'not-compared', END_UNKNOWN)
      : before === after
        ? item('command', 'end', 'same', after)
        : item('command', 'end', 'different', `${before} → ${after}`, [{ field: 'end', before, after }])
  const outputs = await compareOutputs(run, stored, { tolerance, signal, onProgress }, outputIgnore)
  const metrics = compareMetrics(
    await readMetrics(run, storesOf(run.folder, run.record.command.workingDirectory)),
    await readMetrics(stored, [
      ...storesOf(newRun.folder, directory),
      storeIn(recordedOutputDir(run.record)),
    ]),
    tolerance,
  )
  const reported = await compareReported(run, stored)
  const results = [...outputs, ...reported.filter(({ section }) => section === 'models'), ...metrics]
  const isEmpty = results.length === 0
  const datasets = reported.filter(({ section }) => section === 'datasets')
  return [
    command,
    ...datasets,
    ...results,
    ...(isEmpty ? [item('outputs', 'outputs', 'not-compared', NOTHING)] : []),
  ]
}

const NOTHING = 'the run has no outputs, models or metrics to compare, so it cannot count as reproduced'

const END_UNKNOWN = 'the run ended before its program, so the exit code is not in the record'

/** Return how the command of a run ended; `undefined` if the record does not tell. */
function endOf({ record: { command } }: StoredRun): string | undefined {
  return command.signal ?? (command.exitCode === null ? undefined : `exit code ${command.exitCode}`)
}

/**
 * Return the stores that may contain runs made by a command: the store of its own run, and that of its
 * working folder.
 */
function storesOf(folder: string, directory: string): Store[] {
  return [storeOf(folder), storeIn(directory)]
}

const GOOD: ReadonlySet<ReproduceVerdict> = new Set([
  'same',
  'same-tensors',
  'same-table',
  'within-tolerance',
])

/**
 * Check whether a run counts as reproduced. At least one output, model or metric is needed: with nothing to
 * compare there is no proof.
 */
function isReproduced(items: readonly ReproduceItem[]): boolean {
  const counted = items.filter(({ verdict }) => verdict !== 'not-compared')
  // An output that could not be compared may differ.
  if (items.some(({ section, verdict }) => section === 'outputs' && verdict === 'not-compared')) return false
  return (
    counted.every(({ verdict }) => GOOD.has(verdict)) &&
    // Reading the same data again proves nothing about the results.
    counted.some(({ section }) => section !== 'command' && section !== 'datasets')
  )
}
