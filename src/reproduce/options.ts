/**
 * The options of the new run: those recorded by the reproduced run, except those that must not carry over.
 */
import { recordedOutputDir } from '../record/configuration.ts'
import { OPTION_NAMES, recordedOptions } from '../config/options.ts'
import { isInside } from '../util/paths.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { StoredRun } from '../store/runs.ts'
import type { TreeMap } from './paths.ts'

/**
 * The reason why an option of the reproduced run does not carry over to the new one; `null` if it does. Every
 * new option needs an entry here.
 */
export const NOT_CARRIED_OVER: Readonly<Record<keyof Configuration, string | null>> = {
  experimentName: null,
  runName: 'the new run is another run',
  continues: 'the store of the new tree does not have that run',
  experimentId: 'the new run has an id of its own',
  outputDir: 'the new run is kept in the new tree',
  enableDatasetTracking: null,
  enableModelTracking: null,
  enableEnvironmentTracking: null,
  enableSeedTracking: null,
  enableGitTracking: null,
  algorithm: null,
  redact: 'a record must not decide that secrets of this machine are kept',
  storeAccess: 'a record must not decide who may read files of this machine',
  saveToJson: 'copies in the store would replace those of the reproduced run',
  saveToYaml: 'copies in the store would replace those of the reproduced run',
  saveToWandb: 'a run that is only compared is not for others to see',
  saveToMlflow: 'a run that is only compared is not for others to see',
  server: 'a run that is only compared is not for others to see',
  serverProject: 'a run that is only compared is not for others to see',
  serverTimeoutMs: 'a run that is only compared is not for others to see',
  tags: null,
  notes: null,
  metadata: null,
  metricFiles: 'those that the run read are declared, at their paths in the new tree',
  autoOutputs: 'the outputs of the run are declared',
  systemMetrics: null,
  trackers:
    'they are code, of which a record holds the names; those of the configuration in the new tree are used',
  environment: null,
  git: null,
  seeds: null,
  datasets: null,
  models: null,
  keep: 'a record must not decide how much of this disk is used',
  reported: null,
}

/**
 * The options that a file in the new tree and the environment variables may set. The record decides all
 * others, including those that it leaves at their default.
 */
export const FROM_NEW_TREE: readonly (keyof ExperimentOptions)[] = ['trackers']

/**
 * Return the options of the new run. The options of the record were checked: a damaged one has its default.
 *
 * @param target Absolute path of the new tree.
 */
export function newRunOptions(run: StoredRun, map: TreeMap, target: string): ExperimentOptions {
  const recorded = recordedOptions(run.record)
  const carried = OPTION_NAMES.filter((name) => NOT_CARRIED_OVER[name] === null)
  const outputDir = map.path(recordedOutputDir(run.record))
  return {
    ...Object.fromEntries(carried.map((name) => [name, recorded[name]])),
    // A version without this option recorded nothing of it, so there is nothing to compare with.
    reported: recorded.reported ?? { metrics: false, parameters: false },
    // A record must not decide that something is written outside of the new tree.
    outputDir: isInside(target, outputDir) ? outputDir : target,
  }
}
