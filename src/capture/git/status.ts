/** Parsing of `git status --porcelain=v2 --branch --show-stash -z` as bytes. */
import { NotAvailable } from '../../util/not-available.ts'
import { words } from '../../util/word-list.ts'
import { comparePaths, gitPath } from './paths.ts'
import type { Git } from './command.ts'
import type { GitPath } from './paths.ts'
import type { Blob, Upstream } from './types.ts'

/** A tracked path that differs between commit, index and work tree. */
export interface ChangedPath {
  readonly path: GitPath
  /** Change from commit to index: `A`, `M`, `D`, `T`, `R`, `C`; `null` for none or a conflict. */
  readonly staged: string | null
  /** Change from index to work tree, in the same form. */
  readonly unstaged: string | null
  /** Both letters of a conflict, for example `UU`; `null` without one. */
  readonly conflict: string | null
  readonly head: Blob | null
  readonly index: Blob | null
  /** Up to three versions of a conflict: base, ours, theirs. */
  readonly stages: readonly (Blob | null)[]
  /** Mode in the work tree; `000000` if the file does not exist there. */
  readonly workTreeMode: string
  /** State of a submodule: whether its commit differs, and whether it holds modified and untracked files. */
  readonly submodule: {
    readonly commit: boolean
    readonly modified: boolean
    readonly untracked: boolean
  } | null
}

/** The parsed output of `git status`. */
export interface GitStatus {
  /** `null` before the first commit. */
  readonly commit: string | null
  /** `null` with a detached HEAD. */
  readonly branch: string | null
  readonly upstream: Upstream | null
  readonly stashes: number
  readonly changed: readonly ChangedPath[]
  /** Untracked paths. A path that ends in `/` is a nested repository. */
  readonly untracked: readonly GitPath[]
}

/** Run `git status`. Both lists are sorted by the bytes of the path. */
export async function readStatus(git: Git): Promise<GitStatus> {
  return parseStatus(await git(STATUS))
}

const STATUS = words(
  'status --porcelain=v2 --branch --show-stash --ahead-behind -z --untracked-files=all --ignore-submodules=none --no-renames',
)

/** Parse the output. Nothing is trimmed, because the first character of a line is significant. */
export function parseStatus(output: Buffer): GitStatus {
  const headers = new Map<string, string>()
  const changed: ChangedPath[] = []
  const untracked: GitPath[] = []
  const records = splitNul(output)
  for (let index = 0; index < records.length; index++) {
    const record = records[index] ?? Buffer.alloc(0)
    const kind = record.toString('latin1', 0, 2)
    if (kind === '# ') {
      const [name = '', ...rest] = record.toString('utf8', 2).split(' ')
      headers.set(name, rest.join(' '))
    } else if (kind === '? ') untracked.push(gitPath(record.subarray(2)))
    else if (kind === '1 ') changed.push(ordinary(record, 8))
    else if (kind === '2 ') {
      changed.push(ordinary(record, 9))
      // The original path of a renamed file, which `--no-renames` should prevent.
      index++
    } else if (kind === 'u ') changed.push(conflicted(record))
    else
      throw new NotAvailable(
        `unexpected line in the output of git status: ${JSON.stringify(record.toString('latin1', 0, 40))}`,
      )
  }
  return {
    ...branchOf(headers),
    stashes: Number(headers.get('stash') ?? 0),
    changed: changed.toSorted(comparePaths),
    untracked: untracked.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes)),
  }
}

/** Split an output in which each part ends with NUL. */
export function splitNul(output: Buffer): Buffer[] {
  const pieces: Buffer[] = []
  let start = 0
  for (let end = output.indexOf(0); end >= 0; end = output.indexOf(0, start)) {
    pieces.push(output.subarray(start, end))
    start = end + 1
  }
  if (start < output.length) throw new NotAvailable('the output of git is incomplete')
  return pieces
}

function branchOf(headers: ReadonlyMap<string, string>): Pick<GitStatus, 'commit' | 'branch' | 'upstream'> {
  const oid = headers.get('branch.oid')
  const head = headers.get('branch.head')
  const name = headers.get('branch.upstream')
  // Missing if the upstream branch was deleted.
  const counts = /^\+(\d+) -(\d+)$/.exec(headers.get('branch.ab') ?? '')
  const count = (index: number): number | null => (counts ? Number(counts[index]) : null)
  return {
    commit: oid === undefined || oid === '(initial)' ? null : oid,
    branch: head === undefined || head === '(detached)' ? null : head,
    upstream: name === undefined ? null : { name, ahead: count(1), behind: count(2) },
  }
}

function ordinary(record: Buffer, fieldCount: number): ChangedPath {
  const { fields, path } = cut(record, fieldCount)
  const [
    ,
    xy = '..',
    sub = 'N...',
    headMode = '',
    indexMode = '',
    workTreeMode = '',
    headOid = '',
    oid = '',
  ] = fields
  return {
    path,
    staged: letter(xy[0]),
    unstaged: letter(xy[1]),
    conflict: null,
    head: blob(headMode, headOid),
    index: blob(indexMode, oid),
    stages: [],
    workTreeMode,
    submodule: submodule(sub),
  }
}

function conflicted(record: Buffer): ChangedPath {
  const { fields, path } = cut(record, 10)
  const [, conflict = '', sub = 'N...', mode1 = '', mode2 = '', mode3 = '', workTreeMode = '', ...oids] =
    fields
  const stages = [mode1, mode2, mode3].map((mode, index) => blob(mode, oids[index] ?? ''))
  return {
    path,
    staged: null,
    unstaged: null,
    conflict,
    head: null,
    index: null,
    stages,
    workTreeMode,
    submodule: submodule(sub),
  }
}

/** Split a record after a number of fields; the rest is the path, which may contain spaces. */
function cut(record: Buffer, count: number): { fields: string[]; path: GitPath } {
  const fields: string[] = []
  let start = 0
  for (let index = 0; index < count; index++) {
    const end = record.indexOf(0x20, start)
    if (end < 0) throw new NotAvailable('a line of git status has too few fields')
    fields.push(record.toString('latin1', start, end))
    start = end + 1
  }
  return { fields, path: gitPath(record.subarray(start)) }
}

function letter(text: string | undefined): string | null {
  return text === undefined || text === '.' ? null : text
}

function blob(mode: string, oid: string): Blob | null {
  return mode === '000000' || mode === '' ? null : { mode, blob: oid }
}

function submodule(field: string): ChangedPath['submodule'] {
  if (!field.startsWith('S')) return null
  return { commit: field[1] === 'C', modified: field[2] === 'M', untracked: field[3] === 'U' }
}
