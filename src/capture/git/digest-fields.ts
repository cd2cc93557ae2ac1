/**
 * The digest fields of `git`.
 *
 * Without a repository, a commit or a git program: `{"available": false}`. Otherwise an object of
 *
 * - `available`: `true`.
 * - `commit`: the commit id in hexadecimal.
 * - `changed`: an array of the tracked files that differ between commit, index and work tree, submodules left out,
 *   sorted by the bytes of the path, each an object of
 *   - `path`: the path below the root of the work tree, segments joined by `/`. If its bytes are not UTF-8, `\xNN`
 *     (two lower-case hexadecimal digits) represents each byte outside of a valid sequence, `\\` represents a
 *     backslash, and `pathBytes` holds all bytes in hexadecimal; otherwise there is no `pathBytes`.
 *   - `index`: `null` if the index does not have the file, otherwise `{"mode", "blob"}`: six octal digits and git's object id.
 *     In a conflict, `stages` replaces it: an array of three such values, for base, ours and theirs.
 *   - `workTree`: `null` if the work tree does not have the file, otherwise `{"mode", "digest"}`: the mode git sees, and the
 *     plain digest of the file's raw bytes, before any filter or conversion of line ends, or for a link
 *     (mode `120000`) of its target. `digest` is `null` if it could not be read.
 * - `untracked`: an array of the files and links that are neither tracked nor ignored, sorted likewise, each an
 *   object of `path`, `pathBytes` as above, `mode` (`100644`, `100755` if its owner may execute it, `120000` for a
 *   link) and `digest` as above. A nested repository that is not a submodule has `commit` (`null` if it has none)
 *   instead of `mode` and `digest`; any other entry has only its path. Folders named `.lineaprint` and the folder of
 *   the run's files are left out.
 * - `submodules`: an array of the submodules, sorted likewise, each an object of `path`, `pathBytes` as above, `index`
 *   (commit id in the index), `workTree` (commit id checked out, `null` if none is), `modified` and `untracked`
 *   (whether it holds changed tracked files and untracked files).
 *
 * Files inside a submodule or nested repository are compared as well, but the digest does not cover them.
 *
 * Plain digests are in written form and use the hash function of the structured digest. The digest does not cover
 * branch, tags, remotes, messages, times, stashes and the bytes of patches: the bytes of a patch depend on the version
 * of git and of its compression library, while the changes do not.
 */
import type { Algorithm, WrittenDigests } from '../../core/digest.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { Blob, ChangedFile, GitCapture, Submodule, UntrackedEntry, WrittenPath } from './types.ts'

type Content = { readonly mode: string; readonly digest: string | null }

type ChangedFields = WrittenPath & { readonly workTree: Content | null } & (
    { readonly index: Blob | null } | { readonly stages: readonly (Blob | null)[] }
  )

type UntrackedFields = WrittenPath &
  (Content | { readonly commit: string | null } | { readonly mode?: never })

/** The digest fields of a git capture. */
export type GitDigestFields =
  | { readonly available: false }
  | {
      readonly available: true
      readonly commit: string
      readonly changed: readonly ChangedFields[]
      readonly untracked: readonly UntrackedFields[]
      readonly submodules: readonly Omit<Submodule, 'url' | 'content'>[]
    }

/**
 * Return the digest fields of a capture.
 *
 * @param algorithm The algorithm of the plain digests; the capture must have computed them.
 */
export function gitDigestFields(value: GitCapture, algorithm: Algorithm): GitDigestFields {
  if (!value.available) return { available: false }
  const { available, commit, changed, untracked, submodules } = value
  return {
    available,
    commit,
    changed: changed.map((file) => changedFields(file, algorithm)),
    untracked: untracked.map((entry) => untrackedFields(entry, algorithm)),
    submodules: submodules.map(submoduleFields),
  }
}

function changedFields(file: ChangedFile, algorithm: Algorithm): ChangedFields {
  const { workTree } = file
  return {
    ...pathOf(file),
    ...('stages' in file ? { stages: file.stages } : { index: file.index }),
    workTree: workTree && {
      mode: workTree.mode,
      digest: 'digests' in workTree ? digestOf(workTree.digests, algorithm) : null,
    },
  }
}

function untrackedFields(entry: UntrackedEntry, algorithm: Algorithm): UntrackedFields {
  const path = pathOf(entry)
  switch (entry.kind) {
    case 'repository':
      return { ...path, commit: entry.commit }
    case 'other':
      return path
    case 'file':
      return { ...path, mode: entry.mode, digest: digestOf(entry.digests, algorithm) }
    case 'link':
    default: {
      const digests = entry.target === undefined ? null : entry.digests
      return { ...path, mode: entry.mode, digest: digestOf(digests, algorithm) }
    }
  }
}

function submoduleFields(submodule: Submodule): Omit<Submodule, 'url' | 'content'> {
  const { url: _, content: __, ...fields } = submodule
  return fields
}

function pathOf({ path, pathBytes }: WrittenPath): WrittenPath {
  return pathBytes === undefined ? { path } : { path, pathBytes }
}

function digestOf(digests: WrittenDigests | null, algorithm: Algorithm): string | null {
  return digests?.[algorithm] ?? null
}

/** Return the display texts of the digest fields by name. */
export function gitFieldMap(fields: GitDigestFields): Map<string, string> {
  const summaries = new Map<string, string>()
  if (!fields.available) return summaries
  summaries.set('commit', fields.commit)
  for (const list of ['changed', 'untracked', 'submodules'] as const) {
    for (const { path, pathBytes, ...rest } of fields[list]) {
      // Two paths can have the same text only if one of them is not UTF-8.
      const name = `${list}.${path}${pathBytes === undefined ? '' : ' (not UTF-8)'}`
      summaries.set(name, summary(rest))
    }
  }
  return summaries
}

function summary(entry: Readonly<Record<string, JsonValue>>): string {
  return Object.entries(entry)
    .map(([name, value]) => {
      if (value === null) return `${name} none`
      if (typeof value !== 'object') return `${name} ${value}`
      return `${name} ${Object.values(value)
        .map((part: JsonValue) => (typeof part === 'string' ? part : JSON.stringify(part)))
        .join(' ')}`
    })
    .join(', ')
}
