/** Whether the work tree that was brought back is the recorded one, and whether the environment is. */
import { createEnvironmentCapture } from '../capture/environment/capture.ts'
import { gitCapture } from '../capture/git/git-capture.ts'
import { captureNamed } from '../capture/records.ts'
import { LineaprintError } from '../core/errors.ts'
import { recordedConfiguration } from '../config/options.ts'
import { inspectCapture } from '../compare/inspect.ts'
import { item } from './types.ts'
import type { Difference } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { RepositoryCapture } from '../capture/git/types.ts'
import type { CaptureRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { RecordedTree } from './preflight.ts'
import type { ReproduceItem } from './types.ts'

/** What both checks share. */
interface CheckOptions {
  /** Absolute path of the folder in the new tree that the run works in. */
  readonly directory: string
  readonly algorithm: AlgorithmChoice
  readonly signal: AbortSignal | undefined
}

/**
 * Captures the new tree and compares it with the recorded one. What a run does not keep has its own item; any other
 * difference means that the tree is not the recorded one.
 */
export async function checkTree(
  { capture, repository }: RecordedTree,
  options: CheckOptions,
): Promise<ReproduceItem[]> {
  const { status, reason, differences } = gitCapture.compare(capture, await gitCapture.capture(options))
  if (status === 'same') return [item('code', 'git', 'same', 'the work tree matches the record')]
  const known = notKept(repository)
  const left = differences.flatMap((difference) => {
    const why = known(difference)
    return why === undefined ? [] : [item('code', difference.field, 'not-restored', why, [difference])]
  })
  const rest = differences.filter((difference) => known(difference) === undefined)
  if (rest.length > 0 || left.length === 0) {
    const detail = reason ?? 'the work tree differs from the record'
    return [item('code', 'git', 'different', detail, rest), ...left]
  }
  return [
    item(
      'code',
      'git',
      'same',
      'the work tree matches the record, except for content that a run does not keep',
    ),
    ...left,
  ]
}

/**
 * Refuses to run in a tree that is not the recorded one.
 *
 * @throws ERR_LINEAPRINT_STATE naming the fields.
 */
export function refuseOtherTree(items: readonly ReproduceItem[]): void {
  const found = items.find(({ verdict }) => verdict === 'different')
  if (found === undefined) return
  const fields = found.differences.slice(0, 3).map(({ field }) => field)
  throw new LineaprintError(
    'ERR_LINEAPRINT_STATE',
    `${found.detail}: ${[...fields, ...(found.differences.length > 3 ? ['…'] : [])].join(', ')}`,
    { field: 'git', hint: 'use --no-run to restore the work tree as far as possible' },
  )
}

/** Return a function that gives the reason for which a difference was to be expected; `undefined` where it was not. */
function notKept(repository: RepositoryCapture): (difference: Difference) => string | undefined {
  const { untracked, submodules, conflicted, patches } = repository
  const reasons = new Map<string, string>()
  for (const entry of untracked) {
    const field = `untracked.${entry.path}`
    if (entry.kind === 'repository') reasons.set(field, 'a nested repository is not kept')
    else if (entry.kind === 'other') reasons.set(field, 'it was neither a file nor a link')
    else if (entry.kind === 'file' && !entry.kept) reasons.set(field, `it was not kept: ${entry.reason}`)
  }
  for (const { path } of submodules) reasons.set(`submodules.${path}`, 'submodules are not restored')
  for (const path of conflicted ?? []) reasons.set(`changed.${path}`, 'an unfinished merge is not kept')
  for (const { path, size } of patches?.left ?? [])
    reasons.set(`changed.${path}`, `it was not kept: it has ${size} bytes`)
  const redacted = [patches?.diff, patches?.staged].some(
    (patch) => patch?.status === 'written' && patch.redactedLines > 0,
  )
  return ({ field }) => {
    const known = reasons.get(field)
    if (known !== undefined || !redacted || !field.startsWith('changed.')) return known
    return 'secrets in changed lines are not kept'
  }
}

/** What the capture of the environment depends on as well. */
interface EnvironmentCheckOptions extends CheckOptions {
  /** The command as it will be run: it decides which Python counts. */
  readonly command: readonly string[]
  /** Variables that it will get. */
  readonly variables: NodeJS.ProcessEnv
}

/** Captures the environment in the new tree and compares it with the recorded one. Differences stop nothing. */
export async function checkEnvironment(
  { record }: StoredRun,
  { variables, ...options }: EnvironmentCheckOptions,
): Promise<ReproduceItem> {
  const before = captureNamed(record, 'environment')
  if (before?.status !== 'captured') return notCaptured(before)
  const capture = createEnvironmentCapture(recordedConfiguration(record).environment, { variables })
  const { status, reason = '', differences } = capture.compare(before, await capture.capture(options))
  if (status === 'same') return item('environment', 'environment', 'same')
  return item('environment', 'environment', 'different', reason, differences)
}

/** Compares the environment as `verify` does, without starting anything that the record names. */
export async function inspectEnvironment(
  { record }: StoredRun,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<ReproduceItem[]> {
  const before = captureNamed(record, 'environment')
  if (before?.status !== 'captured') return [notCaptured(before)]
  const found = await inspectCapture(
    {
      section: 'environment',
      name: 'environment',
      before,
      component: createEnvironmentCapture(recordedConfiguration(record).environment),
    },
    record,
    { directory, command: undefined, signal },
  )
  return found.map(({ section, name, status, detail, differences }) =>
    item(section, name, VERDICTS[status], detail, differences),
  )
}

const VERDICTS = {
  same: 'same',
  changed: 'different',
  missing: 'missing',
  'not-checked': 'not-compared',
} as const

function notCaptured(capture: CaptureRecord | undefined): ReproduceItem {
  const why = capture?.status === 'failed' ? `it was not captured: ${capture.reason}` : 'it was not captured'
  return item('environment', 'environment', 'not-compared', why)
}
