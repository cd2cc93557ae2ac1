/** Checks of captures: each is made again and compared. */
import { isInside } from '../util/paths.ts'
import { join } from 'node:path'
import { VERSION } from '../core/version.ts'
import { componentsByName } from '../capture/components.ts'
import { workTreeRoot } from '../capture/records.ts'
import { recordedConfiguration } from '../config/options.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { recordedAlgorithm } from '../record/configuration.ts'
import { reasonOf } from '../record/failure.ts'
import { trackedPath } from '../record/tracked.ts'
import { item } from '../compare/check-item.ts'
import { machineDifferences } from './machine.ts'
import { stat } from 'node:fs/promises'
import { captureNamed } from '../capture/records.ts'
import { isMissing } from '../util/fs.ts'
import { verifySeeds } from './seeds.ts'
import type { Captured, Comparison, Component, Difference } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { CaptureRecord, RunRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { CheckedItem } from '../compare/check-item.ts'

/** The section of each built-in capture in a verification. */
const SECTIONS: Readonly<Record<string, string>> = { git: 'code', environment: 'environment', seeds: 'seeds' }

function sectionOf(name: string): string {
  return SECTIONS[name] ?? 'trackers'
}

/** Options of the checks of captures. */
export interface CaptureChecks {
  readonly trackers: readonly Component[]
  /** True to also compare fields that only describe the machine. */
  readonly machine: boolean
  /** The seed that a run would be given. */
  readonly seed: number | undefined
  readonly signal: AbortSignal | undefined
}

/** Check all captures of a run concurrently, with the options of the run. */
export async function verifyCaptures({ record }: StoredRun, checks: CaptureChecks): Promise<CheckedItem[]> {
  const components = componentsByName(checks.trackers, recordedConfiguration(record))
  const { argv, workingDirectory: directory, wrapped } = record.command
  const command = wrapped ? argv : undefined
  const { signal } = checks
  const recapture = async (component: Component, algorithm: AlgorithmChoice): Promise<Captured> =>
    component.capture({ directory, algorithm, signal, command })
  const isGone = await isMissingFolder(directory)
  // A capture that the record does not have is an item as well: it was not compared.
  const names = new Set([...Object.keys(SECTIONS), ...Object.keys(record.captures)])
  const checked = [...names].map(async (name): Promise<CheckedItem[]> => {
    const before = captureNamed(record, name)
    const isLost = before?.status === 'captured' && components.has(name) && isGone && name !== 'seeds'
    if (isLost)
      return [item(sectionOf(name), name, 'missing', `the folder ${directory} is not there any more`)]
    return verifyCapture(name, before, components.get(name), recapture, checks, record)
  })
  return (await Promise.all(checked)).flat()
}

/** Check whether the working folder of a run does not exist any more: no capture of it means anything then. */
async function isMissingFolder(path: string): Promise<boolean> {
  try {
    return !(await stat(path)).isDirectory()
  } catch (error) {
    return isMissing(error)
  }
}

/**
 * Report another version of lineaprint, whose captures may have another form; empty if the version is the
 * same.
 */
export function verifyVersion({ lineaprint }: RunRecord): CheckedItem[] {
  if (lineaprint === VERSION) return []
  const differences = [{ field: 'lineaprint', before: lineaprint, after: VERSION }]
  return [item('environment', 'lineaprint', 'changed', `${lineaprint} → ${VERSION}`, differences)]
}

/**
 * Remove outputs from the differences of the work tree. They are files that the run wrote itself, and they
 * are checked separately.
 */
function withoutOutputs(checked: CheckedItem, record: RunRecord): CheckedItem {
  if (checked.name !== 'git' || checked.status !== 'changed') return checked
  const root = unlessDamaged(() => workTreeRoot(record))
  if (root === undefined) return checked
  const paths = Object.values(record.outputs).flatMap((entry) => trackedPath(entry) ?? [])
  const isOutput = ({ field }: Difference): boolean => {
    const relativePath = /^(?:untracked|changed)\.(.+)$/s.exec(field)?.[1]
    return relativePath !== undefined && paths.some((path) => isInside(path, join(root, relativePath)))
  }
  const differences = checked.differences.filter((difference) => !isOutput(difference))
  if (differences.length > 0 || checked.differences.length === 0) return { ...checked, differences }
  return item(checked.section, checked.name, 'same', 'only outputs of the run have changed since its start')
}

async function verifyCapture(
  name: string,
  before: CaptureRecord | undefined,
  component: Component | undefined,
  recapture: (component: Component, algorithm: AlgorithmChoice) => Promise<Captured>,
  { machine, seed, signal }: CaptureChecks,
  record: RunRecord,
): Promise<CheckedItem[]> {
  const section = sectionOf(name)
  const notChecked = (reason: string): CheckedItem[] => [item(section, name, 'not-checked', reason)]
  if (before === undefined) return notChecked('the record does not have it')
  if (before.status === 'off') return notChecked('it was disabled')
  if (before.status === 'failed') return notChecked(`it was not captured: ${before.reason}`)
  if (component === undefined) return notChecked('its tracker is not in the configuration')
  try {
    const algorithm = recordedAlgorithm(record)
    const current = await recapture(component, algorithm)
    if (name === 'seeds') return verifySeeds(before, current, seed, algorithm)
    const comparison = component.compare(before, current)
    const additional = machine && name === 'environment' ? machineDifferences(before, current) : []
    return itemsOf(section, name, withDifferences(comparison, additional), record)
  } catch (error) {
    signal?.throwIfAborted()
    return [item(section, name, 'missing', `it cannot be captured now: ${reasonOf(error)}`)]
  }
}

function withDifferences(comparison: Comparison, additional: readonly Difference[]): Comparison {
  const { status, differences, notChecked } = comparison
  if (additional.length === 0 || status === 'missing') return comparison
  if (status === 'not-checked' && (notChecked ?? []).length === 0) return comparison
  return { status: 'changed', differences: [...differences, ...additional], notChecked }
}

/**
 * Return the items of a comparison: one for the capture, and one for each part that was not compared if the status
 * alone does not show that.
 */
function itemsOf(section: string, name: string, comparison: Comparison, record: RunRecord): CheckedItem[] {
  const { status, reason, differences, notChecked = [] } = comparison
  const whole = withoutOutputs(item(section, name, status, reason, differences), record)
  if (notChecked.length === 0 || whole.status === 'not-checked') return [whole]
  const parts = notChecked.map((part) => item(section, part.field, 'not-checked', part.reason))
  return [whole, ...parts]
}
