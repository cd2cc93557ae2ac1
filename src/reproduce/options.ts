/** The options of the new run: those of the reproduced one as they were recorded, minus what must not carry over. */
import { OPTION_NAMES, recordedConfiguration, recordedOptions } from '../config/options.ts'
import { isInside } from '../util/paths.ts'
import type { Configuration, ExperimentOptions } from '../config/options.ts'
import type { StoredRun } from '../store/runs.ts'
import type { TreeMap } from './paths.ts'

/**
 * Why an option of the reproduced run does not carry over to the new one; `null` for one that does. A new option has to
 * be decided here.
 */
export const NOT_CARRIED_OVER: Readonly<Record<keyof Configuration, string | null>> = {
  experimentName: null,
  experimentId: 'the new run has an id of its own',
  outputDir: 'the new run is kept in the new tree',
  enableDatasetTracking: null,
  enableModelTracking: null,
  enableEnvironmentTracking: null,
  enableSeedTracking: null,
  enableGitTracking: null,
  algorithm: null,
  saveToJson: 'copies in the store would replace those of the reproduced run',
  saveToYaml: 'copies in the store would replace those of the reproduced run',
  saveToWandb: 'a run that is only compared is not for others to see',
  saveToMlflow: 'a run that is only compared is not for others to see',
  tags: null,
  notes: null,
  metadata: null,
  systemMetrics: null,
  trackers:
    'they are code, of which a record holds the names; those of the configuration in the new tree are used',
  environment: null,
  git: null,
  seeds: null,
  datasets: null,
  models: null,
}

/**
 * The options that a file in the new tree and the variables of this process decide. Of all others the record has the
 * last word, also where it says nothing.
 */
export const FROM_NEW_TREE: readonly (keyof ExperimentOptions)[] = ['trackers']

/** Return the folder that held the store of a run when it was made. */
export function outputDirOf({ record }: StoredRun): string {
  return recordedConfiguration(record).outputDir
}

/**
 * Return the options that the new run is started with. Each one of the record was checked: what is damaged there has its
 * default.
 *
 * @param target Absolute path of the new tree.
 */
export function newRunOptions(run: StoredRun, map: TreeMap, target: string): ExperimentOptions {
  const recorded = recordedOptions(run.record)
  const carried = OPTION_NAMES.filter((name) => NOT_CARRIED_OVER[name] === null)
  const outputDir = map.path(outputDirOf(run))
  return {
    ...Object.fromEntries(carried.map((name) => [name, recorded[name]])),
    // A store elsewhere is the record's word, which does not decide where something is written.
    outputDir: isInside(target, outputDir) ? outputDir : target,
  }
}
