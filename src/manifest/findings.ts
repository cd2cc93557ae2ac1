/** What a check found. */
import { bytesOf } from './names.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { TreeWarning } from '../hash/tree.ts'

/** One file, link, tensor or digest that is not as it was, or that could not be looked at. */
export interface CheckItem {
  /** Path below the root; of a checksum file, the name as it stands there. */
  readonly path: string
  /** The raw bytes of the path in base64, only where they are not UTF-8. */
  readonly pathBytes?: string
  /** The tensor, where it is about one in that file. */
  readonly tensor?: string
  /** The digest of the model, where it is about one. */
  readonly digest?: 'weights' | 'architecture'
  /** What is different, or why it could not be read, in a few words. */
  readonly detail: string
}

/** A line of a checksum file that is none. */
export interface MalformedLine {
  /** From 1. */
  readonly line: number
  readonly reason: string
}

/** The answer of `checkManifest`. */
export interface ManifestCheck {
  /** Whether a manifest of lineaprint was checked, or a file of `b3sum` or `sha256sum`. */
  readonly format: 'manifest' | 'checksums'
  /** What it was checked against. */
  readonly root: string
  /** With what; absent if a checksum file does not say and no file fits either. */
  readonly algorithm?: AlgorithmChoice
  /** Whether all is as the manifest says: the four lists are empty. */
  readonly same: boolean
  readonly changed: readonly CheckItem[]
  readonly missing: readonly CheckItem[]
  /** Not in the manifest; always empty for a checksum file, and where added files are ignored. */
  readonly added: readonly CheckItem[]
  /** Could not be read, so nobody knows. */
  readonly unreadable: readonly CheckItem[]
  /** Lines of a checksum file that were passed over; only where that was asked for. */
  readonly malformed: readonly MalformedLine[]
  /** What the manifest leaves out, and the check with it. */
  readonly ignore: readonly string[]
  readonly warnings: readonly TreeWarning[]
  readonly counts: {
    /** Files and links that the manifest lists. */
    readonly entries: number
    /** Tensors that it lists. */
    readonly tensors: number
    /** Entries and tensors that are as they were. */
    readonly same: number
    readonly changed: number
    readonly missing: number
    readonly added: number
    readonly unreadable: number
  }
}

type Kind = 'changed' | 'missing' | 'added' | 'unreadable'

/** Collects what a check finds. */
export class Findings {
  readonly #items: Readonly<Record<Kind, CheckItem[]>> = {
    changed: [],
    missing: [],
    added: [],
    unreadable: [],
  }
  #same = 0

  /** One entry or tensor is as it was. */
  same(): void {
    this.#same++
  }

  add(kind: Kind, item: CheckItem): void {
    this.#items[kind].push(item)
  }

  /** Says more about a file that is known to be changed. Returns whether it is. */
  explain(path: string, detail: string): boolean {
    const { changed } = this.#items
    const index = changed.findIndex((item) => item.path === path && item.tensor === undefined)
    const item = changed[index]
    if (item === undefined) return false
    changed[index] = { ...item, detail: `${item.detail}; ${detail}` }
    return true
  }

  /** Whether nothing was found that is not as it was. */
  get clean(): boolean {
    return Object.values(this.#items).every((items) => items.length === 0)
  }

  /** Whether a tensor was found that is not as it was. */
  get tensors(): boolean {
    return Object.values(this.#items).some((items) => items.some(({ tensor }) => tensor !== undefined))
  }

  /** The answer, each list sorted by path. */
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
