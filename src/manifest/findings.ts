/** Findings of a check. */
import { bytesOf } from './names.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { TreeWarning } from '../hash/tree.ts'

/** A file, link, tensor or digest that has changed or could not be checked. */
export interface CheckItem {
  /** Path below the root; for a checksum file, the name as written there. */
  readonly path: string
  /** The raw bytes of the path in base64, only if they are not UTF-8. */
  readonly pathBytes?: string
  /** The tensor, if the finding concerns one in that file. */
  readonly tensor?: string
  /** The digest of the model, if the finding concerns one. */
  readonly digest?: 'weights' | 'architecture'
  /** The difference, or the reason why it could not be read, in a few words. */
  readonly detail: string
}

/** A malformed line of a checksum file. */
export interface MalformedLine {
  /** Line number, from 1. */
  readonly line: number
  readonly reason: string
}

/** The result of `checkManifest`. */
export interface ManifestCheck {
  /** The kind of file that was checked. */
  readonly format: 'manifest' | 'checksums'
  /** The path that was checked. */
  readonly root: string
  /** The algorithm used; absent if a checksum file does not say and no file matches either. */
  readonly algorithm?: AlgorithmChoice
  /** True if everything matches the manifest: the four lists are empty. */
  readonly same: boolean
  readonly changed: readonly CheckItem[]
  readonly missing: readonly CheckItem[]
  /** Not in the manifest; always empty for a checksum file, and if added files are ignored. */
  readonly added: readonly CheckItem[]
  /** Could not be read, so their state is unknown. */
  readonly unreadable: readonly CheckItem[]
  /** Malformed lines of a checksum file; only if `lenient` is set. */
  readonly malformed: readonly MalformedLine[]
  /** Patterns that the manifest excludes, and so does the check. */
  readonly ignore: readonly string[]
  readonly warnings: readonly TreeWarning[]
  readonly counts: {
    /** Files and links that the manifest lists. */
    readonly entries: number
    /** Tensors that the manifest lists. */
    readonly tensors: number
    /** Entries and tensors that are unchanged. */
    readonly same: number
    readonly changed: number
    readonly missing: number
    readonly added: number
    readonly unreadable: number
  }
}

type Kind = 'changed' | 'missing' | 'added' | 'unreadable'

/** The collector of the findings of a check. */
export class Findings {
  readonly #items: Readonly<Record<Kind, CheckItem[]>> = {
    changed: [],
    missing: [],
    added: [],
    unreadable: [],
  }
  #same = 0

  /** Count one entry or tensor as unchanged. */
  same(): void {
    this.#same++
  }

  add(kind: Kind, item: CheckItem): void {
    this.#items[kind].push(item)
  }

  /** Add detail to a file that is already reported as changed. Returns true if it is. */
  explain(path: string, detail: string): boolean {
    const { changed } = this.#items
    const index = changed.findIndex((item) => item.path === path && item.tensor === undefined)
    const item = changed[index]
    if (item === undefined) return false
    changed[index] = { ...item, detail: `${item.detail}; ${detail}` }
    return true
  }

  /** True if no change was found. */
  get clean(): boolean {
    return Object.values(this.#items).every((items) => items.length === 0)
  }

  /** True if a changed tensor was found. */
  get tensors(): boolean {
    return Object.values(this.#items).some((items) => items.some(({ tensor }) => tensor !== undefined))
  }

  /** Return the result, each list sorted by path. */
  finish(
    about: Pick<ManifestCheck, 'format' | 'root' | 'ignore' | 'warnings'> & {
      readonly algorithm?: AlgorithmChoice | undefined
      readonly malformed?: readonly MalformedLine[]
      readonly entries: number
      readonly tensors: number
    },
  ): ManifestCheck {
    const { format, root, algorithm, malformed = [], ignore, warnings, entries, tensors } = about
    const sorted = (kind: Kind): CheckItem[] => this.#items[kind].toSorted(byPath)
    const [changed, missing, added, unreadable] = [
      sorted('changed'),
      sorted('missing'),
      sorted('added'),
      sorted('unreadable'),
    ]
    return {
      format,
      root,
      ...(algorithm !== undefined && { algorithm }),
      same: this.clean,
      changed,
      missing,
      added,
      unreadable,
      malformed,
      ignore,
      warnings,
      counts: {
        entries,
        tensors,
        same: this.#same,
        changed: changed.length,
        missing: missing.length,
        added: added.length,
        unreadable: unreadable.length,
      },
    }
  }
}

function byPath(a: CheckItem, b: CheckItem): number {
  return Buffer.compare(bytesOf(a), bytesOf(b)) || compareText(a.tensor, b.tensor)
}

function compareText(a = '', b = ''): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}
