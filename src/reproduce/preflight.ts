/** Checks that a run can be reproduced at all, made before any file is written. */
import { captureNamed, gitOf } from '../capture/records.ts'
import { isAbsolutePath } from '../core/absolute-path.ts'
import { isRedacted } from '../secrets/redact.ts'
import { LineaprintError } from '../core/errors.ts'
import { damagedField } from '../json/read-fields.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { trackedPath } from '../record/tracked.ts'
import { nameList } from '../util/name-list.ts'
import { verifyFiles, verifyRecord } from '../compare/run-files.ts'
import type { RepositoryCapture } from '../capture/git/types.ts'
import type { MadeCapture } from '../capture/records.ts'
import type { AbsolutePath } from '../core/absolute-path.ts'
import type { StoredRun } from '../store/runs.ts'

/** The recorded work tree that a run started from. */
export interface RecordedTree {
  readonly capture: MadeCapture
  /** The git capture. */
  readonly repository: RepositoryCapture
  /** Absolute path of the repository. */
  readonly root: AbsolutePath
  readonly commit: string
  /** Working folder of the run, relative to the root; segments joined by `/`. */
  readonly directory: string
}

/**
 * Reject a run whose record or files differ from what was sealed: its content is not reliable.
 *
 * @throws ERR_LINEAPRINT_STATE for a run without a seal, ERR_LINEAPRINT_RECORD with the differing files.
 */
export async function checkRecord(run: StoredRun, signal: AbortSignal | undefined): Promise<void> {
  if (run.record.seal === null) {
    const running = run.status === 'running'
    throw new LineaprintError(
      'ERR_LINEAPRINT_STATE',
      running ? 'the run is still running and has no seal yet' : 'the run never finished and has no seal',
      { path: run.folder, hint: running ? 'wait until it ends' : 'only a finished run can be reproduced' },
    )
  }
  const items = [...verifyRecord(run), ...(await verifyFiles(run, { signal }))]
  const broken = items.filter(({ status }) => status === 'changed' || status === 'missing')
  const [first] = broken
  if (first === undefined) return
  const names = broken.slice(0, 3).map(({ name, status }) => `${name} (${status})`)
  const more = broken.length > 3 ? ` and ${broken.length - 3} more` : ''
  throw new LineaprintError(
    'ERR_LINEAPRINT_RECORD',
    `the run folder does not match its record: ${names.join(', ')}${more}`,
    {
      path: run.folder,
      field: first.name,
      hint: `${first.detail}; "lineaprint verify" lists all differences`,
    },
  )
}

/**
 * Return the work tree that a run started from.
 *
 * @throws ERR_LINEAPRINT_STATE with what is missing, ERR_LINEAPRINT_RECORD if the capture is damaged.
 */
export function recordedTree({ record }: StoredRun): RecordedTree {
  const capture = captureNamed(record, 'git')
  if (capture?.status !== 'captured') {
    const reason =
      capture?.status === 'failed' ? `its capture failed: ${capture.reason}` : 'it was not captured'
    throw missing('the run has no git capture', reason)
  }
  const repository = gitOf(record)
  if (repository?.available !== true)
    throw missing('the run was not inside a git work tree', repository?.reason ?? 'it was not captured')
  for (const name of ['diff', 'staged'] as const) {
    const patch = repository.patches?.[name]
    if (patch?.status === 'absent') throw missing(`the run did not keep its changes (${name})`, patch.reason)
  }
  const { root, commit, directory } = repository
  if (isRedacted(root))
    throw missing('the path of the repository held a secret', 'the record does not keep it')
  if (root === undefined || !isAbsolutePath(root)) throw damagedField('root', 'an absolute path', root)
  if (!/^[0-9a-f]{40,64}$/.test(commit)) throw damagedField('commit', 'a commit id', commit)
  if (directory === undefined || directory.startsWith('/') || directory.split('/').includes('..'))
    throw damagedField('directory', 'a path below the root', directory)
  return { capture, repository, root, commit, directory }
}

/**
 * Reject a command that cannot be run again.
 *
 * @throws ERR_LINEAPRINT_STATE for a run that wrapped no command, ERR_LINEAPRINT_COMMAND for a command with
 * secrets.
 */
export function checkCommand({ record }: StoredRun): void {
  const { command } = record
  if (!command.wrapped)
    throw missing('the run has no command: a program recorded it with ExperimentTracker', 'run: that program')
  if (record.launch !== undefined)
    throw new LineaprintError(
      'ERR_LINEAPRINT_STATE',
      `the run is rank ${record.launch.ranks[0]?.rank ?? 0} of a launch by ${record.launch.launcher}, and has no command that starts all ranks`,
      { field: 'launch', hint: `put "lineaprint run --" before the launcher, or ${ONLY_TREE}` },
    )
  for (const section of TRACKED_SECTIONS) {
    for (const [name, entry] of Object.entries(record[section])) {
      if (!isRedacted(trackedPath(entry))) continue
      const item = `${section.slice(0, -1)} ${JSON.stringify(name)}`
      throw missing(`the path of the ${item} held a secret, which the record does not keep`, 'run: elsewhere')
    }
  }
  const at = command.argv.findIndex((argument) => isRedacted(argument))
  if (at < 0) {
    if (!isRedacted(command.workingDirectory)) return
    throw missing(
      'the path of the working folder held a secret, which the record does not keep',
      'run: elsewhere',
    )
  }
  const argument = command.argv[at] ?? ''
  throw new LineaprintError(
    'ERR_LINEAPRINT_COMMAND',
    `argument ${at} of the command held a secret, which the record does not keep: ${JSON.stringify(argument)}`,
    { field: `argv.${at}`, hint: ONLY_TREE },
  )
}

/**
 * Reject a work tree in which secrets were replaced: the command would read `<redacted>`.
 *
 * @throws ERR_LINEAPRINT_STATE with the files.
 */
export function refuseRedacted({ repository: { untracked, patches } }: RecordedTree): void {
  const lines = [patches?.diff, patches?.staged].flatMap((patch) =>
    patch?.status === 'written' && patch.redactedLines > 0
      ? (patch.redactedFiles?.map(({ path }) => path) ?? ['changed lines'])
      : [],
  )
  const excluded = (patches?.left ?? []).flatMap(({ path, reason }) => (reason === undefined ? [] : [path]))
  const copies = untracked.flatMap((entry) =>
    entry.kind === 'file' && entry.kept && entry.redacted !== undefined ? [entry.path] : [],
  )
  const files = [...new Set([...lines, ...excluded, ...copies])]
  if (files.length === 0) return
  const isOne = files.length === 1
  throw new LineaprintError(
    'ERR_LINEAPRINT_STATE',
    `${isOne ? 'a file' : `${files.length} files`} of the work tree held secrets, which the run does not keep: ${nameList(files)}`,
    {
      field: 'git',
      hint: 'use --allow-redacted to run the command over the files without them, or --no-run to restore only the work tree',
    },
  )
}

const ONLY_TREE = 'use --no-run to restore only the work tree'

function missing(problem: string, reason: string): LineaprintError {
  if (reason.startsWith('run: '))
    return new LineaprintError('ERR_LINEAPRINT_STATE', problem, { field: 'command', hint: ONLY_TREE })
  return new LineaprintError('ERR_LINEAPRINT_STATE', `${problem}: ${reason}`, {
    field: 'git',
    hint: 'reproduce needs a run with a git capture',
  })
}
