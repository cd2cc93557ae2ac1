/** The tracked files of a repository with the attributes that decide how git converts them. */
import { listIndex } from './index-entries.ts'
import { gitPath } from './paths.ts'
import { splitNul } from './status.ts'
import type { Git } from './command.ts'
import type { GitPath } from './paths.ts'

/** A tracked file or link. Submodules and files in conflict are left out. */
export interface TrackedFile {
  readonly path: GitPath
  /** `100644`, `100755` or `120000`. */
  readonly mode: string
  readonly blob: string
  /** The mark under which git does not look at the work tree. */
  readonly hidden: 'assume-unchanged' | 'skip-worktree' | undefined
  /** Attributes that are set or have a value: `set`, `unset` or the value. */
  readonly attributes: ReadonlyMap<string, string>
}

const NONE: ReadonlyMap<string, string> = new Map()

/** The attributes that make git convert a file; `crlf` is an old form of `text`. */
const CONVERSIONS: ReadonlySet<string> = new Set([
  'text',
  'crlf',
  'eol',
  'ident',
  'filter',
  'working-tree-encoding',
])

/** Answers of git that a caller has already asked for. */
export interface KnownAnswers {
  /** The output of `listIndex`. */
  readonly listing: Promise<Buffer>
  /** Absolute path of the work tree. */
  readonly root: () => Promise<string>
}

/**
 * List the tracked files of the whole work tree, sorted by the bytes of the path.
 *
 * @param known Answers that git need not give again.
 */
export async function readTrackedFiles(
  git: Git,
  { listing, root }: KnownAnswers = { listing: listIndex(git), root: () => rootOf(git) },
): Promise<TrackedFile[]> {
  const files: Omit<TrackedFile, 'attributes'>[] = []
  for (const entry of splitNul(await listing)) {
    const tab = entry.indexOf(0x09)
    const [tag = '', mode = '', blob = '', stage] = entry.toString('latin1', 0, tab).split(' ')
    if (stage !== '0' || mode === '160000') continue
    const hidden =
      tag.toUpperCase() === 'S' ? 'skip-worktree' : tag === tag.toLowerCase() ? 'assume-unchanged' : undefined
    files.push({ path: gitPath(entry.subarray(tab + 1)), mode, blob, hidden })
  }
  const attributes = await readAttributes(
    git,
    files.map(({ path }) => path),
    root,
  )
  return files.map((file) => ({ ...file, attributes: attributes.get(keyOfPath(file.path)) ?? NONE }))
}

/** Return the conversions of each path that has one, by {@link keyOfPath}. */
async function readAttributes(
  git: Git,
  paths: readonly GitPath[],
  root: KnownAnswers['root'],
): Promise<Map<string, Map<string, string>>> {
  const attributes = new Map<string, Map<string, string>>()
  if (paths.length === 0) return attributes
  const input = Buffer.concat(paths.flatMap(({ bytes }) => [bytes, NUL]))
  // Paths of the input are relative to the working folder, and those of the index to the root.
  const directory = await root()
  const answer = splitNul(await git(['check-attr', '-z', '--all', '--stdin'], { input, directory }))
  // Three fields for each attribute: path, name, value.
  for (let at = 0; at + 2 < answer.length; at += 3) {
    const name = answer[at + 1]?.toString() ?? ''
    if (!CONVERSIONS.has(name)) continue
    const key = answer[at]?.toString('latin1') ?? ''
    const known = attributes.get(key)
    const value = answer[at + 2]?.toString() ?? ''
    if (known === undefined) attributes.set(key, new Map([[name, value]]))
    else known.set(name, value)
  }
  return attributes
}

async function rootOf(git: Git): Promise<string> {
  return (await git(['rev-parse', '--show-toplevel'])).toString().replace(/\n$/, '')
}

const NUL = Buffer.from([0])

/** Return the bytes of a path as a text, one character per byte: a key of maps. */
export function keyOfPath({ bytes }: GitPath): string {
  return bytes.toString('latin1')
}
