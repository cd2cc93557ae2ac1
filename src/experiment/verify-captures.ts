/** Checks captures: each looks at the world again and compares. */
import { join, sep } from 'node:path'
import { componentsByName } from './captures.ts'
import { reasonOf } from './failure.ts'
import { item } from './verify-item.ts'
import type { Captured, Component, Difference } from '../capture/component.ts'
import type { AlgorithmChoice } from '../digest.ts'
import type { CaptureRecord, RunRecord } from '../store/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { VerifyItem } from './verify.ts'

/** What each built-in capture is about, in the words of a verification. */
const SECTIONS: Readonly<Record<string, string>> = { git: 'code', environment: 'environment', seeds: 'seeds' }

/** Checks every capture of a run at the same time. */
export async function verifyCaptures(
  { record }: StoredRun,
  trackers: readonly Component[],
  signal: AbortSignal | undefined,
): Promise<VerifyItem[]> {
  const components = componentsByName(trackers)
  const algorithm = record.configuration['algorithm'] as AlgorithmChoice
  const directory = record.command.workingDirectory
  const checks = Object.entries(record.captures).map(([name, before]) => {
    const again = (component: Component): Promise<Captured> =>
      component.capture({ directory, algorithm, signal })
    return verifyCapture(name, before, components.get(name), again, signal)
  })
  const items = await Promise.all(checks)
  return items.map((found) => (found.name === 'git' ? withoutOutputs(found, record) : found))
}

/**
 * What the run itself made shows up as a change of the work tree. Outputs are checked on their own, so here
 * they do not count.
 */
function withoutOutputs(found: VerifyItem, { captures, outputs }: RunRecord): VerifyItem {
  const git = captures['git']
  const root = git?.status === 'captured' ? git.value['root'] : undefined
  if (found.status !== 'changed' || typeof root !== 'string') return found
  const paths = Object.values(outputs).flatMap((entry) =>
    'path' in entry && typeof entry.path === 'string' ? [entry.path] : [],
  )
  const isOutput = ({ field }: Difference): boolean => {
    const below = /^(?:untracked|changed)\.(.+)$/s.exec(field)?.[1]
    return below !== undefined && paths.some((path) => contains(path, join(root, below)))
  }
  const differences = found.differences.filter((difference) => !isOutput(difference))
  if (differences.length > 0 || found.differences.length === 0) return { ...found, differences }
  return item(found.section, found.name, 'same', 'only outputs of the run differ from its start')
}

function contains(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder + sep)
}

async function verifyCapture(
  name: string,
  before: CaptureRecord,
  component: Component | undefined,
  again: (component: Component) => Promise<Captured>,
  signal: AbortSignal | undefined,
): Promise<VerifyItem> {
  const section = SECTIONS[name] ?? 'trackers'
  if (before.status === 'off') return item(section, name, 'not-checked', 'it was switched off')
  if (before.status === 'failed')
    return item(section, name, 'not-checked', `it was not captured: ${before.reason}`)
  if (component === undefined)
    return item(section, name, 'not-checked', 'its tracker is not in the configuration')
  try {
    const { status, reason, differences } = component.compare(before, await again(component))
    return item(section, name, status, reason, differences)
  } catch (error) {
    signal?.throwIfAborted()
    return item(section, name, 'missing', `it cannot be captured now: ${reasonOf(error)}`)
  }
}
