/**
 * Types of a git capture. {@link CapturedRepository} is the form that this version records of a work tree;
 * {@link GitCapture} is the form that is read from a record of any version, which may lack fields.
 */
import type { KeptCopy } from '../../record/overwritten.ts'
import type { WrittenDigests } from '../../core/digest.ts'
import type { Recorded } from '../recorded.ts'

/** A path in its recorded form: relative to the root, segments joined by `/`. */
export type WrittenPath = {
  readonly path: string
  /** The bytes in hexadecimal, for a path that is not UTF-8. */
  readonly pathBytes?: string
}

/** A commit. Times are ISO 8601 with their original time zone. */
export type Commit = {
  readonly commit: string
  readonly shortCommit: string
  /** With secrets replaced. */
  readonly message: string
  readonly author: string
  readonly authorDate: string
  readonly committer: string
  readonly commitDate: string
}

/** A remote. Addresses are without user name, password and query. */
export type Remote = {
  readonly name: string
  readonly fetch: readonly string[]
  readonly push: readonly string[]
}

/**
 * The upstream branch, and the numbers of commits by which this branch differs; `null` if the upstream was
 * deleted.
 */
export type Upstream = {
  readonly name: string
  readonly ahead: number | null
  readonly behind: number | null
}

/** One version of a file as git stores it. */
export type Blob = {
  /** Six octal digits: `100644`, `100755`, `120000` (link) or `160000` (submodule). */
  readonly mode: string
  /** Object id in hexadecimal. */
  readonly blob: string
}

/** The content at the path of a changed file in the work tree, or the reason why it could not be hashed. */
export type WorkTreeContent = { readonly mode: string } & (
  { readonly size: number; readonly digests: WrittenDigests } | { readonly reason: string }
)

/** A tracked file that differs between commit, index and work tree. */
export type ChangedFile = WrittenPath & {
  /** Change from commit to index: `A`, `M`, `D`, `T`, `R`, `C`; `null` for none or a conflict. */
  readonly staged: string | null
  /** Change from index to work tree, in the same form. */
  readonly unstaged: string | null
  /** `null` for a file that the work tree does not have. */
  readonly workTree: WorkTreeContent | null
} & (
    | { readonly conflict: null; readonly head: Blob | null; readonly index: Blob | null }
    | {
        /** Both letters of the conflict, for example `UU`. */
        readonly conflict: string
        /** Base, ours and theirs. */
        readonly stages: readonly (Blob | null)[]
      }
  )

/**
 * A tracked file that git compares only after a conversion, or not at all. The digest of a Git LFS file may be the
 * one that its pointer names.
 */
export type WorkTreeFile = WrittenPath & {
  /**
   * Why git does not compare the bytes: `filter=NAME`, `working-tree-encoding=NAME`, `ident`, `line-ends`, `size` (a
   * setting changed after the file was written), `mode`, `link`, `assume-unchanged` or `skip-worktree`.
   */
  readonly cause: string
  /** `null` for a file that the work tree does not have. */
  readonly workTree: WorkTreeContent | null
}

/** Such files. Those above a limit are only counted. */
export type WorkTreeFiles = { readonly files: readonly WorkTreeFile[]; readonly unlisted: number }

/** An untracked file. */
export type UntrackedFile = WrittenPath & {
  readonly kind: 'file'
  readonly mode: string
  readonly size: number
} & (
    | {
        readonly kept: true
        readonly digests: WrittenDigests
        readonly reason: null
        /** Number of secrets that were replaced in the copy. Absent if it is the file itself. */
        readonly redacted?: number
      }
    /** The file was not copied; `digests` is `null` if it could not be read. */
    | { readonly kept: false; readonly digests: WrittenDigests | null; readonly reason: string }
  )

/** An untracked link, without a target if it could not be read. */
export type UntrackedLink = WrittenPath & { readonly kind: 'link'; readonly mode: string } & (
    | {
        readonly target: string
        /** The bytes in hexadecimal, for a target that is not UTF-8. */
        readonly targetBytes?: string
        readonly digests: WrittenDigests
      }
    | { readonly target?: never }
  )

/** An entry of the work tree that is neither tracked nor ignored. */
export type UntrackedEntry =
  | UntrackedFile
  | UntrackedLink
  /** A nested repository that is not a submodule; the commit is `null` if it has none. */
  | (WrittenPath & {
      readonly kind: 'repository'
      readonly commit: string | null
      /** Absent in a record of an earlier version. */
      readonly content?: NestedContent
    })
  /** Neither a file nor a link, or deleted in the meantime. */
  | (WrittenPath & { readonly kind: 'other' })

/** A submodule. */
export type Submodule = WrittenPath & {
  /** The commit that the index names. */
  readonly index: string
  /** The commit that is checked out. */
  readonly workTree: string | null
  /** True if it holds changed tracked files. */
  readonly modified: boolean
  /** True if it holds untracked files. */
  readonly untracked: boolean
  readonly url: string | null
  /**
   * Absent if the submodule has no uncommitted changes and git looks at all of its files, and in a record of an earlier
   * version.
   */
  readonly content?: NestedContent
}

/**
 * The uncommitted files inside a submodule or nested repository, with paths below its root, or the reason why they
 * are not known.
 */
export type NestedContent =
  | {
      readonly status: 'captured'
      readonly changed: readonly ChangedFile[]
      readonly untracked: readonly UntrackedEntry[]
      readonly submodules: readonly Submodule[]
    }
  | { readonly status: 'failed'; readonly reason: string }

/** A file of Git LFS, with its content or only a pointer in the work tree. */
export type LargeFile = WrittenPath &
  ({ readonly content: true } | { readonly content: false; readonly oid: string; readonly size: number })

/** Files of Git LFS. All are counted; only the first are listed. */
export type LargeFiles = {
  readonly count: number
  readonly pointers: number
  readonly files: readonly LargeFile[]
}

/** Output of git that is kept in a file of the run's folder. */
export type KeptFile<T> =
  | ({ readonly status: 'written'; readonly file: string; readonly size: number } & T)
  | { readonly status: 'empty' }
  | { readonly status: 'absent'; readonly reason: string }

/** A patch. */
export type KeptPatch = KeptFile<{
  readonly digests: WrittenDigests
  /** Number of added lines in which secrets were replaced. */
  readonly redactedLines: number
  /** The files of these lines. Absent if there is none, and in a record of an earlier version. */
  readonly redactedFiles?: readonly WrittenPath[]
}>

/** The bundle of commits that no remote has; `commits` is `null` if there is no remote. */
export type KeptBundle = KeptFile<{ readonly commits: number | null; readonly digests: WrittenDigests }>

/** The file `info/sparse-checkout`, and whether its patterns are folders. */
export type SparsePatterns = { readonly cone: boolean; readonly patterns: string }

/** The patches from the commit to the work tree and to the index. */
export type Patches = {
  /**
   * Changed files that are not in a patch; without a reason, because of their size.
   */
  readonly left: readonly (WrittenPath & { readonly size: number; readonly reason?: string })[]
  readonly diff: KeptPatch
  readonly staged: KeptPatch
}

/** The linked work trees of the repository, and whether this work tree is one of them. */
export type Worktrees = {
  readonly linked: boolean
  readonly others: readonly { readonly name: string; readonly path: string }[]
}

/** A work tree with a commit, as this version captures it. */
export type CapturedRepository = Commit & {
  readonly available: true
  readonly gitVersion: string
  /** Absolute path of the work tree. */
  readonly root: string
  /** The working folder of the run, below the root; segments joined by `/`. */
  readonly directory: string
  /** `sha1` or `sha256`. */
  readonly objectFormat: string
  /** `null` with a detached HEAD. */
  readonly branch: string | null
  readonly detached: boolean
  readonly tags: readonly string[]
  readonly upstream: Upstream | null
  /** Number of commits that no remote is known to have; `null` if there is no remote. */
  readonly unpushed: number | null
  /** `null` if no bundle was requested. */
  readonly bundle: KeptBundle | null
  readonly remotes: readonly Remote[]
  /** The operation in progress: `rebase`, `am`, `merge`, `cherry-pick`, `revert` or `bisect`. */
  readonly operation: string | null
  readonly worktree: Worktrees
  readonly clean: boolean
  readonly staged: readonly string[]
  readonly modified: readonly string[]
  readonly conflicted: readonly string[]
  readonly changed: readonly ChangedFile[]
  readonly untracked: readonly UntrackedEntry[]
  readonly submodules: readonly Submodule[]
  readonly largeFiles: LargeFiles
  /** `null` if git does not report the number. */
  readonly stashes: number | null
  readonly shallow: boolean
  readonly sparse: boolean
  /** The patterns of a sparse checkout; `null` if there is none, or if they could not be read. */
  readonly sparsePatterns: SparsePatterns | null
  readonly partial: boolean
  readonly assumedUnchanged: readonly string[]
  readonly skippedFiles: number
  /** `null` if git did not list them. Absent in a record of an earlier version. */
  readonly workTreeFiles: WorkTreeFiles | null
  /** `null` if nothing was kept or nothing was changed. */
  readonly patches: Patches | null
}

/** No git program, no repository, no work tree, or no commit yet; a repository without a commit has its root. */
export type NoRepository = { readonly available: false; readonly reason: string } & (
  | { readonly root: string; readonly branch: string | null; readonly operation: string | null }
  | { readonly root?: never }
)

/** Fields that a record has in every version. */
type EveryVersion = 'available' | 'commit' | 'changed' | 'untracked' | 'submodules'

/** A work tree with a commit, in a record of any version. */
export type RepositoryCapture = Pick<CapturedRepository, EveryVersion> &
  Recorded<Omit<CapturedRepository, EveryVersion>> & {
    /** A pack with the commit in the objects of the store. Added by a run that keeps its code. */
    readonly code?: KeptCopy
  }

/** The git capture in a record of any version. */
export type GitCapture = RepositoryCapture | NoRepository
