/** Whether the work tree that was brought back is the recorded one, and whether the environment is. */
import { createEnvironmentCapture } from '../capture/environment/capture.ts'
import { asArray, asObject, asText } from '../capture/fields.ts'
import { gitCapture } from '../capture/git/git-capture.ts'
import { LineaprintError } from '../core/errors.ts'
import { recordedConfiguration } from '../config/options.ts'
import { fieldText } from '../json/copy.ts'
import { item } from './types.ts'
import type { Difference } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { StoredRun } from '../store/runs.ts'
import type { MadeCapture } from './preflight.ts'
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
export async function checkTree(recorded: MadeCapture, options: CheckOptions): Promise<ReproduceItem[]> {
  const { status, reason, differences } = gitCapture.compare(recorded, await gitCapture.capture(options))
  if (status === 'same') return [item('code', 'git', 'same', 'the work tree is the recorded one')]
  const known = notKept(recorded.value)
  const left = differences.flatMap((difference) => {
    const why = known(difference)
    return why === undefined ? [] : [item('code', difference.field, 'not-restored', why, [difference])]
  })
  const rest = differences.filter((difference) => known(difference) === undefined)
  if (rest.length > 0 || left.length === 0) {
    const detail = reason ?? 'the work tree is not the recorded one'
    return [item('code', 'git', 'different', detail, rest), ...left]
  }
  return [
    item('code', 'git', 'same', 'the work tree is the recorded one but for what a run does not keep'),
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
    { field: 'git', hint: 'with --no-run the work tree is brought back as far as it can be' },
  )
}

/** Says of a difference why it was to be expected; `undefined` where it was not. */
function notKept(value: JsonObject): (difference: Difference) => string | undefined {
  const reasons = new Map<string, string>()
  for (const entry of objects(value, 'untracked')) {
    const { path, kind, kept, reason } = entry
    const field = `untracked.${asText(path, 'path')}`
    if (kind === 'repository') reasons.set(field, 'a repository within the work tree is not kept')
    else if (kind === 'other') reasons.set(field, 'it was neither a file nor a link')
    else if (kind === 'file' && kept !== true) reasons.set(field, `it was not kept: ${fieldText(reason)}`)
  }
  for (const { path } of objects(value, 'submodules'))
    reasons.set(`submodules.${asText(path, 'path')}`, 'submodules are not brought back')
  for (const path of asArray(value['conflicted'], 'conflicted'))
    reasons.set(`changed.${asText(path, 'conflicted')}`, 'the state of a merge is not kept')
  const { left = [], ...patches } = (value['patches'] ?? {}) as JsonObject
  for (const { path, size } of asArray(left, 'patches.left').map((entry) => asObject(entry, 'patches.left')))
    reasons.set(`changed.${asText(path, 'path')}`, `it was not kept: it has ${fieldText(size)} bytes`)
  const redacted = Object.values(patches).some(
    (patch) => Number(asObject(patch, 'patches')['redactedLines'] ?? 0) > 0,
  )
  return ({ field }) => {
    const known = reasons.get(field)
    if (known !== undefined || !redacted || !field.startsWith('changed.')) return known
    return 'secrets in changed lines are not kept'
  }
}

function objects(value: JsonObject, field: string): JsonObject[] {
  return asArray(value[field], field).map((entry) => asObject(entry, field))
}

/** What the look at the environment depends on as well. */
interface EnvironmentCheckOptions extends CheckOptions {
  /** The command as it will be run: it says which Python counts. */
  readonly command: readonly string[]
  /** Variables that it will get. */
  readonly variables: NodeJS.ProcessEnv
}

/** Captures the environment in the new tree and compares it with the recorded one. Differences stop nothing. */
export async function checkEnvironment(
  { record }: StoredRun,
  { variables, ...options }: EnvironmentCheckOptions,
): Promise<ReproduceItem> {
  const before = record.captures['environment']
  if (before?.status !== 'captured') {
    const why = before?.status === 'failed' ? `it was not captured: ${before.reason}` : 'it was not captured'
    return item('environment', 'environment', 'not-compared', why)
  }
  const capture = createEnvironmentCapture(recordedConfiguration(record).environment, { variables })
  const { status, reason = '', differences } = capture.compare(before, await capture.capture(options))
  if (status === 'same') return item('environment', 'environment', 'same')
  return item('environment', 'environment', 'different', reason, differences)
}
