/** Checks of captures: each is made again and compared. */
import { realpath } from 'node:fs/promises'
import { isInside } from '../util/paths.ts'
import { join } from 'node:path'
import { VERSION } from '../core/version.ts'
import { componentsByName } from '../capture/components.ts'
import { captureNamed, workTreeRoot } from '../capture/records.ts'
import { recordedConfiguration } from '../config/options.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { recordedAlgorithm } from '../record/configuration.ts'
import { reasonOf } from '../record/failure.ts'
import { trackedPath } from '../record/tracked.ts'
import { item } from '../compare/check-item.ts'
import { inspectCapture } from '../compare/inspect.ts'
import { machineDifferences } from './machine.ts'
import { verifySeeds } from './seeds.ts'
import type { Component, Difference } from '../core/component.ts'
import type { CaptureRecord, RunRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { CheckedItem } from '../compare/check-item.ts'
import type { VerifyLevel } from './level.ts'

/** The section of each built-in capture in a verification. */
const SECTIONS: ReadonlyMap<string, string> = new Map([
  ['git', 'code'],
  ['environment', 'environment'],
  ['seeds', 'seeds'],
])

/** Options of the checks of captures. */
export interface CaptureChecks {
  readonly trackers: readonly Component[]
  readonly level: VerifyLevel
  /** Absolute path of the folder whose code and environment are compared. */
  readonly directory: string
  /** The command that is to be run; absent, that of the run is used as data. */
  readonly command: readonly string[] | undefined
  /** The seed that a run would be given. */
  readonly seed: number | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Check all captures of a run concurrently, with the options of the run. Nothing is started because the record names
 * it, and nothing in a folder that the record names.
 */
export async function verifyCaptures({ record }: StoredRun, checks: CaptureChecks): Promise<CheckedItem[]> {
  const components = componentsByName(checks.trackers, recordedConfiguration(record))
  // A capture that the record does not have is an item as well: it was not compared.
  const names = new Set([...SECTIONS.keys(), ...Object.keys(record.captures)])
  const checked = [...names].map((name) =>
    verifyCapture(name, captureNamed(record, name), components.get(name), checks, record),
  )
  const items = (await Promise.all(checked)).flat()
  return items.map((entry) => (entry.name === 'git' ? withoutOutputs(entry, record) : entry))
}

/** Report that another folder is compared than the one that the run worked in; empty if it is the same. */
export async function verifyDirectory(
  { command, captures }: RunRecord,
  directory: string,
): Promise<CheckedItem[]> {
  if (![captures['git'], captures['environment']].some((capture) => capture?.status === 'captured')) return []
  const { workingDirectory: recorded } = command
  const [before, current] = await Promise.all(
    [recorded, directory].map((path) => realpath(path).catch(() => undefined)),
  )
  if (before !== undefined && before === current) return []
  const reason =
    before === undefined
      ? `the folder ${recorded} is not there any more; code and environment are compared in ${directory}`
      : `the run worked in ${recorded}, and this is ${directory}, which is compared; --directory names another one`
  return [item('code', 'folder', 'not-checked', reason)]
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
  checks: CaptureChecks,
  record: RunRecord,
): Promise<CheckedItem[]> {
  const section = SECTIONS.get(name) ?? 'trackers'
  const notChecked = (reason: string): CheckedItem[] => [item(section, name, 'not-checked', reason)]
  if (before === undefined) return notChecked('the record does not have it')
  if (before.status === 'off') return notChecked('it was disabled')
  if (before.status === 'failed') return notChecked(`it was not captured: ${before.reason}`)
  if (component === undefined) return notChecked(NO_TRACKER)
  const { level, signal, seed } = checks
  if (name === 'environment' && (level === 'data' || level === 'code'))
    return notChecked(`the environment is not captured with --${level}`)
  try {
    const algorithm = recordedAlgorithm(record)
    if (name === 'seeds') {
      const current = await component.capture({ directory: checks.directory, algorithm, signal })
      return verifySeeds(before, current, seed, algorithm)
    }
    const more = level === 'strict' ? machineDifferences : undefined
    return await inspectCapture({ section, name, before, component }, record, checks, more)
  } catch (error) {
    signal?.throwIfAborted()
    return [item(section, name, 'missing', `it cannot be captured now: ${reasonOf(error)}`)]
  }
}

const NO_TRACKER =
  'its tracker is not loaded: --config FILE executes a configuration file and loads the trackers that it defines'
