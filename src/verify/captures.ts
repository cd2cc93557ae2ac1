/** Checks captures: each is made again and compared. */
import { realpath } from 'node:fs/promises'
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
import { inspectCapture } from '../compare/inspect.ts'
import { machineDifferences } from './machine.ts'
import { verifySeeds } from './seeds.ts'
import type { Component, Difference } from '../core/component.ts'
import type { CaptureRecord, RunRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { FoundItem } from '../compare/check-item.ts'
import type { VerifyLevel } from './level.ts'

/** What each built-in capture is about, in the words of a verification. */
const SECTIONS: Readonly<Record<string, string>> = { git: 'code', environment: 'environment', seeds: 'seeds' }

/** How captures are checked. */
export interface CaptureChecks {
  readonly trackers: readonly Component[]
  readonly level: VerifyLevel
  /** Absolute path of the folder whose code and environment are compared. */
  readonly directory: string
  /** The command that is to be run; absent, that of the run is used as data. */
  readonly command: readonly string[] | undefined
  /** The seed that a run would be told. */
  readonly seed: number | undefined
  readonly signal: AbortSignal | undefined
}

/**
 * Checks every capture of a run at the same time, with the options that the run had. Nothing is started because the
 * record names it, and nothing in a folder that the record names.
 */
export async function verifyCaptures({ record }: StoredRun, checks: CaptureChecks): Promise<FoundItem[]> {
  const components = componentsByName(checks.trackers, recordedConfiguration(record))
  const found = Object.entries(record.captures).map(([name, before]) =>
    verifyCapture(name, before, components.get(name), checks, record),
  )
  const items = (await Promise.all(found)).flat()
  return items.map((one) => (one.name === 'git' ? withoutOutputs(one, record) : one))
}

/** Return whether another folder is compared than the one that the run worked in; nothing if it is the same. */
export async function verifyDirectory(
  { command, captures }: RunRecord,
  directory: string,
): Promise<FoundItem[]> {
  if (![captures['git'], captures['environment']].some((one) => one?.status === 'captured')) return []
  const { workingDirectory: recorded } = command
  const [was, is] = await Promise.all(
    [recorded, directory].map((path) => realpath(path).catch(() => undefined)),
  )
  if (was !== undefined && was === is) return []
  const why =
    was === undefined
      ? `the folder ${recorded} is not there any more; code and environment are compared in ${directory}`
      : `the run worked in ${recorded}, and this is ${directory}, which is compared; --directory names another one`
  return [item('code', 'folder', 'not-checked', why)]
}

/** Return whether another version of lineaprint captures now, in perhaps another form; nothing if it is the same. */
export function verifyVersion({ lineaprint }: RunRecord): FoundItem[] {
  if (lineaprint === VERSION) return []
  const differences = [{ field: 'lineaprint', before: lineaprint, after: VERSION }]
  return [item('environment', 'lineaprint', 'changed', `${lineaprint} → ${VERSION}`, differences)]
}

/**
 * What the run itself made shows up as a change of the work tree. Outputs are checked on their own, so here
 * they do not count.
 */
function withoutOutputs(found: FoundItem, record: RunRecord): FoundItem {
  if (found.status !== 'changed') return found
  const root = unlessDamaged(() => workTreeRoot(record))
  if (root === undefined) return found
  const paths = Object.values(record.outputs).flatMap((entry) => trackedPath(entry) ?? [])
  const isOutput = ({ field }: Difference): boolean => {
    const below = /^(?:untracked|changed)\.(.+)$/s.exec(field)?.[1]
    return below !== undefined && paths.some((path) => isInside(path, join(root, below)))
  }
  const differences = found.differences.filter((difference) => !isOutput(difference))
  if (differences.length > 0 || found.differences.length === 0) return { ...found, differences }
  return item(found.section, found.name, 'same', 'only outputs of the run have changed since its start')
}

async function verifyCapture(
  name: string,
  before: CaptureRecord,
  component: Component | undefined,
  checks: CaptureChecks,
  record: RunRecord,
): Promise<FoundItem[]> {
  const section = SECTIONS[name] ?? 'trackers'
  const notChecked = (why: string): FoundItem[] => [item(section, name, 'not-checked', why)]
  if (before.status === 'off') return notChecked('it was disabled')
  if (before.status === 'failed') return notChecked(`it was not captured: ${before.reason}`)
  if (component === undefined) return notChecked(NO_TRACKER)
  const { level, signal, seed } = checks
  if (name === 'environment' && (level === 'data' || level === 'code'))
    return notChecked(`the environment is not captured with --${level}`)
  try {
    const algorithm = recordedAlgorithm(record)
    if (name === 'seeds') {
      const now = await component.capture({ directory: checks.directory, algorithm, signal })
      return [verifySeeds(before, now, seed, algorithm)]
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
