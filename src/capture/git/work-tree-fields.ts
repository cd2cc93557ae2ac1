/** Comparison of the files whose bytes git does not compare. No digest of the capture covers them. */
import { plural } from '../../util/plural.ts'
import type { NotChecked } from '../../core/component.ts'
import type { WrittenDigests } from '../../core/digest.ts'
import type { ChangedFile, RepositoryCapture, WorkTreeContent, WorkTreeFile } from './types.ts'

/** The fields of both sides, and the parts that cannot be compared. */
interface WorkTreeFields {
  readonly fields: readonly [before: Map<string, string>, after: Map<string, string>]
  readonly notChecked: readonly NotChecked[]
  /**
   * Changes that git reports only because it started no filter: the bytes are those of the other side, to which git
   * called the file unchanged.
   */
  readonly unchanged: ReadonlySet<string>
}

/** Causes for which a file is listed only if its size or mode is not the one that git stores. */
const ONLY_OTHERS: ReadonlySet<string> = new Set(['line-ends', 'size', 'mode'])

/** Content of a path on one side. */
type Known =
  | { readonly status: 'known'; readonly content: WorkTreeContent | null }
  /** The bytes are those that git stores in the index. */
  | { readonly status: 'stored' }
  | { readonly status: 'unknown'; readonly reason: string }

/** Return the fields of the files that at least one side lists. */
export function workTreeFields(before: RepositoryCapture, after: RepositoryCapture): WorkTreeFields {
  const fields = [new Map<string, string>(), new Map<string, string>()] as const
  const notChecked: NotChecked[] = []
  const unchanged = new Set<string>()
  const result = { fields, notChecked, unchanged }
  // A record of an earlier version has no list.
  if (before.workTreeFiles === undefined || after.workTreeFiles === undefined) return result
  const [sideBefore, sideAfter] = [new Side(before), new Side(after)]
  const unlisted = Math.max(sideBefore.unlisted, sideAfter.unlisted)
  if (unlisted > 0)
    notChecked.push({
      field: 'workTreeFiles',
      reason: `${plural(unlisted, 'file is', 'files are')} not listed, because there are too many`,
    })
  let oneSided = 0
  for (const [key, file] of new Map([...sideBefore.listed, ...sideAfter.listed])) {
    const [knownBefore, knownAfter] = [sideBefore.at(key), sideAfter.at(key)]
    // Both changes have the digests of the bytes, and are compared as changes.
    if (sideBefore.changed.has(key) && sideAfter.changed.has(key)) continue
    const field = `workTreeFiles.${file.path}`
    const unknown = [knownBefore, knownAfter].find((known) => known.status === 'unknown')
    if (unknown?.status === 'unknown') {
      notChecked.push({ field, reason: unknown.reason })
      continue
    }
    if (knownBefore.status === 'known' && knownAfter.status === 'known') {
      const texts = textsOf(knownBefore.content, knownAfter.content)
      if (texts === undefined) notChecked.push({ field, reason: 'the digests use different hash functions' })
      else {
        fields[0].set(field, texts[0])
        fields[1].set(field, texts[1])
        if (texts[0] === texts[1])
          for (const side of [sideBefore, sideAfter])
            if (side.isUnstaged(key)) unchanged.add(side.fieldOf(key))
      }
      continue
    }
    // Another commit or index is a difference of its own.
    if (before.commit !== after.commit || sideBefore.changed.has(key) || sideAfter.changed.has(key)) continue
    if (!ONLY_OTHERS.has(file.cause)) {
      oneSided++
      continue
    }
    for (const [index, known] of [knownBefore, knownAfter].entries())
      fields[index]?.set(field, known.status === 'known' ? textOf(known.content) : 'as git stores it')
  }
  if (oneSided > 0)
    notChecked.push({
      field: 'workTreeFiles',
      reason: `git converts or hides ${plural(oneSided, 'file')} on one side only`,
    })
  return result
}

/** The files of one side, by path. */
class Side {
  readonly listed: ReadonlyMap<string, WorkTreeFile>
  readonly changed: ReadonlyMap<string, ChangedFile>
  readonly unlisted: number
  readonly #isListed: boolean

  constructor({ workTreeFiles, changed }: RepositoryCapture) {
    this.listed = new Map((workTreeFiles?.files ?? []).map((file) => [keyOf(file), file]))
    this.changed = new Map(changed.map((file) => [keyOf(file), file]))
    this.unlisted = workTreeFiles?.unlisted ?? 0
    this.#isListed = workTreeFiles !== null
  }

  at(key: string): Known {
    const content = this.listed.get(key)?.workTree ?? this.changed.get(key)?.workTree
    if (content !== undefined && content !== null)
      return 'reason' in content
        ? { status: 'unknown', reason: content.reason }
        : { status: 'known', content }
    if (content === null) return { status: 'known', content }
    return this.#isListed && this.unlisted === 0
      ? { status: 'stored' }
      : { status: 'unknown', reason: 'git did not list it on one side' }
  }

  isUnstaged(key: string): boolean {
    const file = this.changed.get(key)
    return file !== undefined && file.staged === null && file.conflict === null
  }

  fieldOf(key: string): string {
    const file = this.changed.get(key)
    return file === undefined ? '' : changedField(file)
  }
}

/** Return the name of the field of a changed file. */
export function changedField({ path, pathBytes }: ChangedFile): string {
  return `changed.${path}${pathBytes === undefined ? '' : ' (not UTF-8)'}`
}

function keyOf({ path, pathBytes }: { path: string; pathBytes?: string }): string {
  return pathBytes === undefined ? path : `bytes ${pathBytes}`
}

/** Return the texts of two contents by a hash function that both have; `undefined` if there is none. */
function textsOf(
  before: WorkTreeContent | null,
  after: WorkTreeContent | null,
): [string, string] | undefined {
  const common = (['blake3', 'sha256'] as const).find(
    (name) => digestsOf(before)?.[name] !== undefined && digestsOf(after)?.[name] !== undefined,
  )
  if (common === undefined && before !== null && after !== null) return undefined
  return [textOf(before, common), textOf(after, common)]
}

function textOf(content: WorkTreeContent | null, name?: 'blake3' | 'sha256'): string {
  if (content === null) return 'none'
  const digests = digestsOf(content)
  const digest = name === undefined ? (digests?.blake3 ?? digests?.sha256) : digests?.[name]
  return `${content.mode} ${digest ?? 'not known'}`
}

function digestsOf(content: WorkTreeContent | null): WrittenDigests | undefined {
  return content !== null && 'digests' in content ? content.digests : undefined
}
