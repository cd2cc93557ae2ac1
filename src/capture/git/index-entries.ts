/**
 * Index entries that `git status` does not report: unchanged submodules, and files whose changes it is
 * configured to hide.
 */
import { plural } from '../../util/plural.ts'
import { gitPath } from './paths.ts'
import { splitNul } from './status.ts'
import type { Git } from './command.ts'
import type { GitPath } from './paths.ts'

/** Selected entries of the whole index. */
export interface IndexEntries {
  /** Submodules with the commit that the index names. */
  readonly submodules: readonly { readonly path: GitPath; readonly commit: string }[]
  /** Files marked `assume-unchanged`: git does not check whether they changed. */
  readonly assumeUnchanged: readonly GitPath[]
  /** Number of entries that are not in the work tree (`skip-worktree`, sparse checkout). */
  readonly skipped: number
  /** Files named `.gitattributes`. */
  readonly attributes: readonly GitPath[]
}

const NAME = Buffer.from('.gitattributes')
const H = 0x48
/** The second digit of the mode: `1` in links, `6` in submodules, `0` in files. */
const ZERO = 0x30

/**
 * List all entries of the index: `H 100644 <oid> 0\t<path>`, each with a NUL at its end.
 *
 * @param onOutput Gets the output in pieces, which is then not returned.
 */
export function listIndex(git: Git, onOutput?: (piece: Buffer) => void): Promise<Buffer> {
  // The pathspec starts at the root, regardless of the working folder.
  const args = ['ls-files', '-v', '--stage', '-z', '--full-name', '--', ':/']
  return git(args, onOutput === undefined ? {} : { onOutput })
}

/** Read the index as a stream, since it has one entry for each file of the repository. */
export async function readIndexEntries(git: Git): Promise<IndexEntries> {
  const { entries, take } = selectEntries()
  let rest: Buffer = Buffer.alloc(0)
  await listIndex(git, (piece) => {
    const output = rest.length > 0 ? Buffer.concat([rest, piece]) : piece
    const end = output.lastIndexOf(0) + 1
    for (const entry of splitNul(output.subarray(0, end))) take(entry)
    rest = output.subarray(end)
  })
  return entries()
}

/** Select the entries from the whole output of {@link listIndex}. */
export function indexEntriesOf(listing: Buffer): IndexEntries {
  const { entries, take } = selectEntries()
  for (const entry of splitNul(listing)) take(entry)
  return entries()
}

/** Return a function that takes entries one by one, and one that returns those that were selected. */
function selectEntries(): { readonly take: (entry: Buffer) => void; readonly entries: () => IndexEntries } {
  const submodules: { path: GitPath; commit: string }[] = []
  const assumeUnchanged: GitPath[] = []
  const attributes: GitPath[] = []
  let skipped = 0
  const take = (entry: Buffer): void => {
    const end = entry.length
    const isAttributes = end > NAME.length && entry.subarray(end - NAME.length).equals(NAME)
    // A lower-case letter means `assume-unchanged`, S means `skip-worktree`. Almost all entries are regular, so they are skipped first.
    if (entry[0] === H && entry[3] === ZERO && !isAttributes) return
    if (isAttributes) attributes.push(gitPath(Buffer.from(entry.subarray(entry.indexOf(0x09) + 1))))
    const tag = String.fromCharCode(entry[0] ?? 0)
    const isSubmodule = entry.toString('latin1', 2, 9) === '160000 '
    const hidden = tag !== tag.toUpperCase()
    if (tag.toUpperCase() === 'S') skipped++
    if (!isSubmodule && !hidden) return
    const tab = entry.indexOf(0x09)
    const path = gitPath(Buffer.from(entry.subarray(tab + 1)))
    const [, , commit = '', stage] = entry.toString('latin1', 0, tab).split(' ')
    // In a conflict there are up to three entries; the second is "ours".
    if (isSubmodule && (stage === '0' || stage === '2')) submodules.push({ path, commit })
    if (hidden) assumeUnchanged.push(path)
  }
  return { take, entries: () => ({ submodules, assumeUnchanged, skipped, attributes }) }
}

/**
 * Return why git may call a file of a repository unchanged that it does not look at; `undefined` if it looks at all. A
 * sparse checkout does not have the files that it skips.
 */
export async function hiddenReason(
  git: Git,
  { assumeUnchanged, skipped }: IndexEntries,
): Promise<string | undefined> {
  if (assumeUnchanged.length > 0) return markedIn(assumeUnchanged.length, 'assume-unchanged')
  if (skipped === 0) return undefined
  const sparse = await git(['config', '--get', '--type=bool', 'core.sparseCheckout'], { accept: [1] })
  return sparse.toString().trim() === 'true' ? undefined : markedIn(skipped, 'skip-worktree')
}

function markedIn(count: number, mark: string): string {
  return `${plural(count, 'file')} in it ${count === 1 ? 'is' : 'are'} marked ${mark}`
}
