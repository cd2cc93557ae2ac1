/** Comparison of the restored work tree and of the environment with the recorded ones. */
import { createEnvironmentCapture } from '../capture/environment/capture.ts'
import { createGit } from '../capture/git/command.ts'
import { splitNul } from '../capture/git/status.ts'
import { NotAvailable } from '../util/not-available.ts'
import { parseEnvironmentCapture } from '../capture/environment/parse.ts'
import { gitCapture } from '../capture/git/git-capture.ts'
import { captureNamed } from '../capture/records.ts'
import { LineaprintError } from '../core/errors.ts'
import { recordedConfiguration } from '../config/options.ts'
import { inspectCapture } from '../compare/inspect.ts'
import { compareCaptured } from '../compare/redacted.ts'
import { item } from './types.ts'
import { isRedacted } from '../secrets/redact.ts'
import { plural } from '../util/plural.ts'
import type { Git } from '../capture/git/command.ts'
import type { Comparison, Difference } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { RepositoryCapture } from '../capture/git/types.ts'
import type { CaptureRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { RecordedTree } from './preflight.ts'
import type { ReproduceItem } from './types.ts'

/** Options of both checks. */
interface CheckOptions {
  /** Absolute path of the working folder of the run in the new tree. */
  readonly directory: string
  readonly algorithm: AlgorithmChoice
  readonly signal: AbortSignal | undefined
}

/**
 * Capture the new tree and compare it with the recorded one. Content that a run does not record has an item
 * of its own; any other difference means that the trees differ.
 *
 * @param target Absolute path of the new tree.
 */
export async function checkTree(
  { capture, repository }: RecordedTree,
  target: string,
  options: CheckOptions,
): Promise<ReproduceItem[]> {
  const comparison = compareCaptured(gitCapture, capture, await gitCapture.capture(options))
  const { status, reason, differences, notChecked = [] } = comparison
  const filtered = await filteredItems(target, options.signal)
  if (status === 'same' && filtered.length === 0)
    return [item('code', 'git', 'same', 'the work tree matches the record')]
  const reasonFor = notKept(repository)
  const unknown = notChecked.map((part) => item('code', part.field, 'not-restored', part.reason))
  const kept = differences.flatMap((difference) => {
    const explanation = reasonFor(difference)
    return explanation === undefined
      ? []
      : [item('code', difference.field, 'not-restored', explanation, [difference])]
  })
  const notRestored = [...kept, ...unknown]
  const unexpected = differences.filter((difference) => reasonFor(difference) === undefined)
  notRestored.push(...filtered)
  if (unexpected.length > 0 || notRestored.length === 0) {
    const detail = reason ?? 'the work tree differs from the record'
    return [item('code', 'git', 'different', detail, unexpected), ...notRestored]
  }
  return [
    item(
      'code',
      'git',
      'same',
      'the work tree matches the record, except for content that a run does not keep',
    ),
    ...notRestored,
  ]
}

/**
 * Reject a tree that differs from the recorded one.
 *
 * @throws ERR_LINEAPRINT_STATE with the differing fields.
 */
export function refuseOtherTree(items: readonly ReproduceItem[]): void {
  const difference = items.find(({ verdict }) => verdict === 'different')
  if (difference === undefined) return
  const fields = difference.differences.slice(0, 3).map(({ field }) => field)
  throw new LineaprintError(
    'ERR_LINEAPRINT_STATE',
    `${difference.detail}: ${[...fields, ...(difference.differences.length > 3 ? ['…'] : [])].join(', ')}`,
    { field: 'git', hint: 'use --no-run to restore the work tree as far as possible' },
  )
}

/**
 * Return an item for each filter of git that files of the new tree have, with the reason why their bytes can differ.
 * Git compares files after the filter, so such a difference is not one for git. The configuration of the recorded
 * repository is not used: it could start any program.
 */
async function filteredItems(target: string, signal: AbortSignal | undefined): Promise<ReproduceItem[]> {
  const git = createGit({ directory: target, timeout: TIMEOUT, signal, environment: process.env })
  try {
    const files = await git(['ls-files', '-z'])
    const attributes = splitNul(await git(['check-attr', '-z', '--stdin', 'filter'], { input: files }))
    const filters = new Map<string, string[]>()
    // Three fields for each file: path, attribute, value.
    for (let at = 0; at + 2 < attributes.length; at += 3) {
      const [path = '', value = ''] = [attributes[at], attributes[at + 2]].map((field) => field?.toString())
      if (value === 'unspecified' || value === 'unset' || value === 'set') continue
      const paths = filters.get(value)
      if (paths === undefined) filters.set(value, [path])
      else paths.push(path)
    }
    return await Promise.all([...filters].map((filter) => filteredItem(git, filter)))
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return [item('code', 'filters', 'not-restored', `the filters of files are not known: ${error.message}`)]
  }
}

async function filteredItem(
  git: Git,
  [filter, paths]: readonly [string, readonly string[]],
): Promise<ReproduceItem> {
  const driver = await Promise.all(
    ['smudge', 'process'].map((name) =>
      git(['config', '--get', `filter.${filter}.${name}`], { accept: [1] }),
    ),
  )
  const files = [...paths.slice(0, 3), ...(paths.length > 3 ? [`and ${paths.length - 3} more`] : [])].join(
    ', ',
  )
  const reason = driver.some((value) => value.length > 0)
    ? 'a run does not record the bytes that the filter makes'
    : 'the filter is not configured for the new work tree, so this is the content that git keeps'
  return item('code', `filter.${filter}`, 'not-restored', `${files}: ${reason}`)
}

/** Timeout of each call of git, in milliseconds. */
const TIMEOUT = 10 * 60_000

/** Return a function that gives the reason why a difference is expected; `undefined` if it is not. */
function notKept(repository: RepositoryCapture): (difference: Difference) => string | undefined {
  const { untracked, submodules, conflicted, patches } = repository
  const reasons = new Map<string, string>()
  for (const entry of untracked) {
    const field = `untracked.${entry.path}`
    if (entry.kind === 'repository') reasons.set(field, 'a nested repository is not kept')
    else if (entry.kind === 'other') reasons.set(field, 'it was neither a file nor a link')
    else if (entry.kind === 'file' && !entry.kept) reasons.set(field, `it was not kept: ${entry.reason}`)
    else if (isRedacted(entry.path)) reasons.set(field, 'its name held a secret, which is not kept')
    else if (entry.kind === 'file' && entry.redacted !== undefined)
      reasons.set(
        field,
        `${plural(entry.redacted, 'secret')} of it ${entry.redacted === 1 ? 'is' : 'are'} not kept`,
      )
    else if (entry.kind === 'link' && isRedacted(entry.target))
      reasons.set(field, 'the path in it held a secret, which is not kept')
  }
  for (const { path } of submodules) reasons.set(`submodules.${path}`, 'submodules are not restored')
  const nested = [
    ...submodules.map(({ path }) => path),
    ...untracked.flatMap((entry) => (entry.kind === 'repository' ? [entry.path.replace(/\/$/, '')] : [])),
  ]
  const isNested = (field: string): boolean =>
    nested.some((path) => field.startsWith(`${path}/`, field.indexOf('.') + 1))
  for (const path of conflicted ?? []) reasons.set(`changed.${path}`, 'an unfinished merge is not kept')
  for (const { path, size, reason = `it has ${size} bytes` } of patches?.left ?? [])
    reasons.set(`changed.${path}`, `it was not kept: ${reason}`)
  const written = [patches?.diff, patches?.staged].flatMap((patch) =>
    patch?.status === 'written' && patch.redactedLines > 0 ? [patch] : [],
  )
  for (const { path } of written.flatMap(({ redactedFiles = [] }) => redactedFiles))
    reasons.set(`changed.${path}`, 'secrets in changed lines are not kept')
  // An earlier version did not name the files.
  const redacted = written.some(({ redactedFiles }) => redactedFiles === undefined)
  return ({ field }) => {
    const reason = reasons.get(field) ?? (isNested(field) ? 'a nested repository is not kept' : undefined)
    if (reason !== undefined || !redacted || !field.startsWith('changed.')) return reason
    return 'secrets in changed lines are not kept'
  }
}

/** Further options of the environment check. */
interface EnvironmentCheckOptions extends CheckOptions {
  /** The command that will run. It determines which Python is captured. */
  readonly command: readonly string[]
  /** Environment variables of the command. */
  readonly variables: NodeJS.ProcessEnv
}

/**
 * Capture the environment in the new tree and compare it with the recorded one. Differences do not stop the
 * reproduction.
 */
export async function checkEnvironment(
  { record }: StoredRun,
  { variables, ...options }: EnvironmentCheckOptions,
): Promise<ReproduceItem> {
  const before = captureNamed(record, 'environment')
  if (before?.status !== 'captured') return notCaptured(before)
  const capture = createEnvironmentCapture(recordedConfiguration(record).environment, { variables })
  return environmentItem(capture.compare(before, await capture.capture(options)))
}

/**
 * Compare the environments of two runs by the Pythons that ran in them. Before the command has run, only the Python that
 * it would use is known.
 *
 * @returns `undefined` if no Python is known to have run in one of them.
 */
export function compareEnvironments(before: StoredRun, after: StoredRun): ReproduceItem | undefined {
  const [first, second] = [before, after].map(({ record }) => captureNamed(record, 'environment'))
  if (first?.status !== 'captured' || second?.status !== 'captured') return undefined
  const haveRun = [first, second].every(({ value }) => {
    const { python } = parseEnvironmentCapture(value)
    return python.status === 'present' && (python.foundBy === 'bridge' || python.foundBy === 'proc')
  })
  if (!haveRun) return undefined
  const capture = createEnvironmentCapture(recordedConfiguration(before.record).environment)
  return environmentItem(capture.compare(first, second))
}

function environmentItem({ status, reason = '', differences }: Comparison): ReproduceItem {
  if (status === 'same') return item('environment', 'environment', 'same')
  if (status === 'not-checked') return item('environment', 'environment', 'not-compared', reason)
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
  const checked = await inspectCapture(
    {
      section: 'environment',
      name: 'environment',
      before,
      component: createEnvironmentCapture(recordedConfiguration(record).environment),
    },
    record,
    { directory, command: undefined, signal },
  )
  return checked.map(({ section, name, status, detail, differences }) =>
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
