/** Compared fields of a repository that its digest does not cover, and the files whose content is not known. */
import { gitDigestFields, gitFieldMap } from './digest-fields.ts'
import { plural } from '../../util/plural.ts'
import type { Algorithm } from '../../core/digest.ts'
import type { NotChecked } from '../../core/component.ts'
import type { NestedContent, RepositoryCapture } from './types.ts'

/** The lists of files of a repository. */
type FileLists = Pick<RepositoryCapture, 'changed' | 'untracked' | 'submodules'>

/** The fields of both sides, and the parts that cannot be compared. */
interface NestedFields {
  readonly fields: readonly [before: Map<string, string>, after: Map<string, string>]
  readonly notChecked: readonly NotChecked[]
}

/** Return the fields inside submodules and nested repositories, each by its path below the root. */
export function nestedFields(
  before: RepositoryCapture,
  after: RepositoryCapture,
  algorithm: Algorithm,
): NestedFields {
  const fields = [new Map<string, string>(), new Map<string, string>()] as const
  const notChecked = new Map<string, string>()
  for (const value of [before, after]) {
    for (const [field, reason] of hiddenFiles(value)) notChecked.set(field, reason)
  }
  compareLists(before, after, '')
  return { fields, notChecked: [...notChecked].map(([field, reason]) => ({ field, reason })) }

  function compareLists(listsBefore: FileLists, listsAfter: FileLists, prefix: string): void {
    for (const [field, reason] of [...unreadFiles(listsBefore), ...unreadFiles(listsAfter)])
      notChecked.set(withPrefix(field, prefix), reason)
    const nestedAfter = nestedOf(listsAfter)
    for (const [field, entryBefore] of nestedOf(listsBefore)) {
      const entryAfter = nestedAfter.get(field)
      // A repository that only one side has is a field of its own.
      if (entryAfter === undefined) continue
      const [contentBefore, contentAfter] = [entryBefore.content, entryAfter.content]
      if (contentBefore.status === 'failed' || contentAfter.status === 'failed') {
        const failed = [contentBefore, contentAfter].flatMap((content) =>
          content.status === 'failed' ? [content.reason] : [],
        )
        notChecked.set(withPrefix(field, prefix), `changes inside it are not known: ${failed[0]}`)
        continue
      }
      const below = `${prefix}${entryBefore.path}/`
      for (const [index, content] of [contentBefore, contentAfter].entries()) {
        const digestFields = gitDigestFields({ available: true, commit: '', ...content }, algorithm)
        for (const [name, text] of gitFieldMap(digestFields))
          if (name !== 'commit') fields[index]?.set(withPrefix(name, below), text)
      }
      compareLists(contentBefore, contentAfter, below)
    }
  }
}

interface NestedEntry {
  /** Without a slash at its end. */
  readonly path: string
  readonly content: NestedContent
}

const NOT_RECORDED: NestedContent = { status: 'failed', reason: 'the record does not have them' }
const CLEAN: NestedContent = { status: 'captured', changed: [], untracked: [], submodules: [] }

/** Return the submodules and nested repositories by field. */
function nestedOf({ submodules, untracked }: FileLists): Map<string, NestedEntry> {
  const entries = new Map<string, NestedEntry>()
  for (const { path, content, modified, untracked: isUntracked, workTree } of submodules) {
    // Nothing is inside a submodule that is not checked out.
    const isClean = (!modified && !isUntracked) || workTree === null
    entries.set(`submodules.${path}`, { path, content: content ?? (isClean ? CLEAN : NOT_RECORDED) })
  }
  for (const entry of untracked) {
    if (entry.kind !== 'repository') continue
    const path = entry.path.replace(/\/$/, '')
    entries.set(`untracked.${entry.path}`, { path, content: entry.content ?? NOT_RECORDED })
  }
  return entries
}

/** Return the files whose content could not be read, with the reasons. */
function unreadFiles({ changed, untracked }: FileLists): Map<string, string> {
  const unread = new Map<string, string>()
  for (const file of changed) {
    if (file.workTree !== null && 'reason' in file.workTree)
      unread.set(`changed.${file.path}`, file.workTree.reason)
  }
  for (const entry of untracked) {
    const reason =
      entry.kind === 'other'
        ? 'it was deleted, or is not a file or a symbolic link'
        : entry.kind === 'file' && entry.digests === null
          ? entry.reason
          : entry.kind === 'link' && entry.target === undefined
            ? 'the link could not be read'
            : null
    if (reason !== null) unread.set(`untracked.${entry.path}`, reason)
  }
  return unread
}

/** Return the files whose changes git is told not to report, unless the bytes of all of them are compared. */
function hiddenFiles({
  assumedUnchanged = [],
  skippedFiles = 0,
  sparse = false,
  workTreeFiles,
}: RepositoryCapture): [field: string, reason: string][] {
  if (workTreeFiles !== undefined && workTreeFiles !== null) return []
  const isSkipped = skippedFiles > 0 && !sparse
  return [
    ...assumedUnchanged.map((path): [string, string] => [`changed.${path}`, 'it is marked assume-unchanged']),
    ...(isSkipped
      ? [
          ['skippedFiles', `${plural(skippedFiles, 'file is', 'files are')} marked skip-worktree`] as [
            string,
            string,
          ],
        ]
      : []),
  ]
}

/** Put a path before the path of a field: `changed.a` becomes `changed.lib/a`. */
function withPrefix(field: string, prefix: string): string {
  const at = field.indexOf('.') + 1
  return `${field.slice(0, at)}${prefix}${field.slice(at)}`
}
