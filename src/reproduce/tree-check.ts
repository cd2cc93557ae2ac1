/** Comparison of the restored work tree and of the environment with the recorded ones. */
import { createHash } from 'node:crypto'
import { createEnvironmentCapture } from '../capture/environment/capture.ts'
import { parseEnvironmentCapture } from '../capture/environment/parse.ts'
import { gitCapture } from '../capture/git/git-capture.ts'
import { parseGitCapture } from '../capture/git/parse.ts'
import { absolutePath, readPath } from '../capture/git/paths.ts'
import { keyOfPath } from '../capture/git/tracked-files.ts'
import { changedField } from '../capture/git/work-tree-fields.ts'
import { captureNamed } from '../capture/records.ts'
import { LineaprintError } from '../core/errors.ts'
import { recordedConfiguration } from '../config/options.ts'
import { inspectCapture } from '../compare/inspect.ts'
import { nameList } from '../util/name-list.ts'
import { compareCaptured } from '../compare/redacted.ts'
import { isRedacted } from '../secrets/redact.ts'
import { isReadError } from '../util/fs.ts'
import { readRegular } from '../util/own-file.ts'
import { plural } from '../util/plural.ts'
import { item } from './types.ts'
import type { Comparison, Difference, Inspection } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { ChangedFile, GitCapture, RepositoryCapture } from '../capture/git/types.ts'
import type { CaptureRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { RecordedTree } from './preflight.ts'
import type { LostFile, RestoredBytes } from './work-tree-bytes.ts'
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
 * @param bytes The files that were compared by their bytes.
 */
export async function checkTree(
  { capture, repository }: RecordedTree,
  bytes: RestoredBytes,
  options: CheckOptions,
): Promise<ReproduceItem[]> {
  // Without filters: one that fails would hide the whole work tree.
  const present = await gitCapture.capture({ ...options, inspection: NO_FILTERS })
  const current = parseGitCapture(present.value)
  const comparison = compareCaptured(gitCapture, capture, present)
  const { status, reason } = comparison
  const byDigests = comparedByBytes(repository, current, bytes)
  const stored = await unchangedFiles(repository, current, options.directory)
  const isByBytes = (field: string): boolean => stored.has(field) || byDigests(field)
  const differences = comparison.differences.filter(({ field }) => !isByBytes(field))
  const notChecked = (comparison.notChecked ?? []).filter(({ field }) => !isByBytes(field))
  const others = [...lostItems(bytes), ...stateItems(repository, current)]
  // Fields that are equal and a digest that differs are a damaged record.
  const isExplained = comparison.differences.length + (comparison.notChecked ?? []).length > 0
  const isSame = status === 'same' || (isExplained && differences.length + notChecked.length === 0)
  if (isSame && others.length === 0) return [item('code', 'git', 'same', 'the work tree matches the record')]
  const reasonFor = notKept(repository)
  const unknown = notChecked.map((part) => item('code', part.field, 'not-restored', part.reason))
  const kept = differences.flatMap((difference) => {
    const explanation = reasonFor(difference)
    return explanation === undefined
      ? []
      : [item('code', difference.field, 'not-restored', explanation, [difference])]
  })
  const notRestored = [...kept, ...unknown, ...others]
  const unexpected = differences.filter((difference) => reasonFor(difference) === undefined)
  if (unexpected.length > 0 || (!isSame && kept.length + unknown.length === 0)) {
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

/** Settings of a capture that starts no filter. What it cannot compare is compared by its bytes. */
const NO_FILTERS: Inspection = { recordedCommand: undefined, reportUnchecked: () => undefined }

/**
 * Return a function that checks whether a field is about the bytes of files only, which were compared with the record
 * already. A difference of the index is not.
 */
function comparedByBytes(
  recorded: RepositoryCapture,
  present: GitCapture,
  { verified, lost }: RestoredBytes,
): (field: string) => boolean {
  const changes = new Map<string, (ChangedFile | undefined)[]>()
  for (const [side, { changed }] of [recorded, present.available ? present : recorded].entries())
    for (const file of changed) {
      const key = keyOfPath(readPath(file))
      if (!verified.has(key) && !lost.has(key)) continue
      const field = changedField(file)
      const sides = changes.get(field) ?? [undefined, undefined]
      sides[side] = file
      changes.set(field, sides)
    }
  return (field) => {
    if (field.startsWith('workTreeFiles')) return true
    const sides = changes.get(field)
    return sides !== undefined && indexOf(sides[0]) === indexOf(sides[1])
  }
}

/** Largest file that is read to compare it with the blob of the index, in bytes. */
const BLOB_LIMIT = 64 << 20

/**
 * Return the fields of files that git calls changed, and whose bytes are those of the index. Under conversions that
 * were configured after the checkout, its answer depends on whether it trusts the times of the files.
 */
async function unchangedFiles(
  recorded: RepositoryCapture,
  present: GitCapture,
  directory: string,
): Promise<ReadonlySet<string>> {
  const fields = new Set<string>()
  if (!present.available) return fields
  const known = new Set(recorded.changed.map((file) => keyOfPath(readPath(file))))
  for (const file of present.changed) {
    const path = readPath(file)
    if (known.has(keyOfPath(path)) || file.conflict !== null || file.staged !== null) continue
    const { index, workTree } = file
    if (index === null || workTree === null || index.mode !== workTree.mode) continue
    const inTree = absolutePath(directory, path)
    if (typeof inTree === 'string' && (await blobId(inTree, index.blob)) === index.blob)
      fields.add(changedField(file))
  }
  return fields
}

/** Return the id that git gives to the bytes of a file, in the form of another one; `undefined` if it is not readable. */
async function blobId(path: string, like: string): Promise<string | undefined> {
  try {
    const bytes = await readRegular(path, BLOB_LIMIT)
    return createHash(like.length === 64 ? 'sha256' : 'sha1')
      .update(`blob ${bytes.length}\0`)
      .update(bytes)
      .digest('hex')
  } catch (error) {
    // The comparison by the capture stands.
    if (isReadError(error)) return undefined
    throw error
  }
}

/** Return the version of the index; an empty text if it is that of the commit. */
function indexOf(file: ChangedFile | undefined): string {
  if (file === undefined) return ''
  if ('stages' in file) return JSON.stringify(file.stages)
  return file.staged === null ? '' : JSON.stringify(file.index)
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

/** Return an item for each cause for which files do not have their recorded bytes. */
function lostItems({ lost }: RestoredBytes): ReproduceItem[] {
  const groups = new Map<string, { cause: string; reason: string; files: LostFile[] }>()
  for (const file of lost.values()) {
    const { cause, reason } = file
    const key = JSON.stringify([cause, reason])
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { cause, reason, files: [file] })
    else group.files.push(file)
  }
  return [...groups.values()].map(({ cause, reason, files }) =>
    item(
      'code',
      cause.replace('=', '.'),
      'not-restored',
      `${nameList(files.map(({ path }) => path))}: ${reason}`,
      files.map(({ path, before, after }) => ({ field: `workTreeFiles.${path}`, before, after })),
    ),
  )
}

/** Return items for the parts of the state of the repository that are not restored. */
function stateItems(recorded: RepositoryCapture, present: GitCapture): ReproduceItem[] {
  const { operation = null, workTreeFiles, skippedFiles = 0, sparse = false } = recorded
  const unlisted = workTreeFiles?.unlisted ?? 0
  const written = present.available ? (present.skippedFiles ?? 0) : 0
  return [
    ...(operation === null
      ? []
      : [
          item(
            'code',
            'operation',
            'not-restored',
            `the unfinished ${operation} cannot be continued in the new work tree, which has its files and its index`,
          ),
        ]),
    ...(unlisted === 0
      ? []
      : [
          item(
            'code',
            'workTreeFiles',
            'not-restored',
            `the run did not record the bytes of ${plural(unlisted, 'more file')} that git converts or does not look at`,
          ),
        ]),
    ...(sparse && written !== skippedFiles
      ? [
          item(
            'code',
            'sparse',
            'not-restored',
            `the sparse checkout left out ${plural(skippedFiles, 'file')}, and the new work tree ${written}`,
          ),
        ]
      : []),
  ]
}

/** Return a function that gives the reason why a difference is expected; `undefined` if it is not. */
function notKept(repository: RepositoryCapture): (difference: Difference) => string | undefined {
  const { untracked, submodules, patches } = repository
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
