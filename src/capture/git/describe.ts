/** Facts about a repository: commit, tags, remotes, and the kind of clone. */
import { isUtf8 } from 'node:buffer'
import { resolve } from 'node:path'
import { NotAvailable } from '../../util/not-available.ts'
import { redactText, redactUrl } from '../../secrets/redact.ts'
import { compareUtf8 } from '../../util/text-order.ts'
import { splitNul } from './status.ts'
import type { Git } from './command.ts'
import type { Commit, Remote } from './types.ts'

/** Paths and kind of a repository. */
export interface RepositoryLocation {
  readonly root: string
  /** Absolute path of the `.git` folder of this work tree, and of the one that all its work trees share. */
  readonly gitFolder: string
  readonly commonFolder: string
  /** `false` for a bare repository, and inside a `.git` folder. */
  readonly workTree: boolean
  readonly shallow: boolean
  /** `sha1` or `sha256`. */
  readonly objectFormat: string
}

const FLAGS = ['--is-inside-work-tree', '--is-shallow-repository', '--show-object-format']
const FOLDERS = ['--absolute-git-dir', '--git-common-dir', '--show-toplevel']

/** Find the work tree that a folder is in. */
export async function locateRepository(git: Git, directory: string): Promise<RepositoryLocation> {
  // Exit code 128: there is no work tree; the output holds the answers to the flags before it.
  const output = await git(['rev-parse', ...FLAGS, ...FOLDERS], { accept: [128] })
  const lines = output.toString().split('\n')
  const [inside, shallow, objectFormat = 'sha1'] = lines
  // Repeat the call without the accepted exit code, so that it throws git's own reason.
  if (inside !== 'true' && inside !== 'false') await git(['rev-parse', ...FLAGS])
  const kind = { shallow: shallow === 'true', objectFormat }
  if (inside !== 'true') return { root: '', gitFolder: '', commonFolder: '', workTree: false, ...kind }
  if (!isUtf8(output)) throw new NotAvailable('the path of the work tree is not UTF-8')
  // If a path contains a line break, each path needs a separate call.
  const folders =
    lines.length === FLAGS.length + FOLDERS.length + 1
      ? lines.slice(FLAGS.length)
      : await Promise.all(
          FOLDERS.map(async (flag) => (await git(['rev-parse', flag])).toString().replace(/\n$/, '')),
        )
  const [gitFolder = '', common = '', root = ''] = folders
  return { root, gitFolder, commonFolder: resolve(directory, common), workTree: true, ...kind }
}

/**
 * Read a commit, and the tags that point at it, annotated or not. Fields are separated by NUL, the only
 * character that no name and no message contains; the name of a ref contains no space.
 */
export async function readCommit(git: Git, oid: string): Promise<{ commit: Commit; tags: string[] }> {
  const format = ['%H', '%h', '%an', '%aI', '%cn', '%cI', '%D', '%B'].join('%x00')
  const decoration = ['--decorate=full', '--decorate-refs=refs/tags/']
  const args = [
    'log',
    '-1',
    '--no-show-signature',
    '--no-notes',
    '--no-color',
    '--encoding=UTF-8',
    ...decoration,
  ]
  const output = (await git([...args, `--format=tformat:${format}`, oid, '--'])).toString()
  const [
    commit = '',
    shortCommit = '',
    author = '',
    authorDate = '',
    committer = '',
    commitDate = '',
    refs = '',
    ...body
  ] = output.split('\0')
  const message = redactText(body.join('\0').replace(/\n+$/, ''))
  const tags = refs.split(', ').flatMap((ref) => /^(?:tag: )?refs\/tags\/(.+)$/.exec(ref)?.[1] ?? [])
  return {
    commit: { commit, shortCommit, message, author, authorDate, committer, commitDate },
    tags: tags.toSorted(compareUtf8),
  }
}

/** Count the commits of this branch that no remote is known to have. */
export async function readUnpushed(git: Git): Promise<number> {
  const output = await git(['rev-list', '--count', 'HEAD', '--not', '--remotes', '--'])
  return Number(output.toString().trim())
}

/** The relevant settings of the repository. */
export interface Settings {
  readonly remotes: readonly Remote[]
  readonly sparse: boolean
  /** True if the patterns of a sparse checkout are folders. */
  readonly sparseCone: boolean
  readonly partial: boolean
  /** True if git converts the line ends of files without attributes (`core.autocrlf` is `true` or `input`). */
  readonly autocrlf: boolean
  /** True if git compares modes, and if it writes links as links. */
  readonly fileMode: boolean
  readonly symlinks: boolean
}

/**
 * Read remotes and the kind of checkout from the configuration. Addresses are read as written, before
 * `url.….insteadOf` is applied, because that setting is often used to insert tokens.
 */
export async function readSettings(git: Git): Promise<Settings> {
  const wanted =
    '^(remote\\..*\\.(url|pushurl|promisor)|core\\.(sparsecheckout|sparsecheckoutcone|autocrlf|filemode|symlinks))$'
  // Exit code 1: nothing matches.
  const output = await git(['config', '--null', '--get-regexp', wanted], { accept: [1] })
  const remotes = new Map<string, { fetch: string[]; push: string[] }>()
  const core = {
    sparsecheckout: false,
    sparsecheckoutcone: false,
    autocrlf: false,
    filemode: true,
    symlinks: true,
  }
  let partial = false
  for (const entry of splitNul(output)) {
    const [key = '', ...rest] = entry.toString().split('\n')
    const value = rest.join('\n')
    // The middle part may contain dots and is the only case-sensitive part.
    const match = /^remote\.(.*)\.(url|pushurl|promisor)$/s.exec(key)
    if (match === null) {
      const name = key.slice('core.'.length) as keyof typeof core
      core[name] = isTrue(value, rest.length > 0) || (name === 'autocrlf' && value.toLowerCase() === 'input')
    } else if (match[2] === 'promisor') partial ||= isTrue(value, rest.length > 0)
    else {
      const name = match[1] ?? ''
      const remote = remotes.get(name) ?? { fetch: [], push: [] }
      remotes.set(name, remote)
      remote[match[2] === 'url' ? 'fetch' : 'push'].push(redactUrl(value))
    }
  }
  return {
    remotes: [...remotes].map(([name, { fetch, push }]) => ({
      name: redactUrl(name),
      fetch,
      // Without a `pushurl`, git pushes to the fetch address.
      push: push.length > 0 ? push : fetch,
    })),
    sparse: core.sparsecheckout,
    sparseCone: core.sparsecheckoutcone,
    partial,
    autocrlf: core.autocrlf,
    fileMode: core.filemode,
    symlinks: core.symlinks,
  }
}

/** Return whether a setting is true, as it is for a key without a value. */
function isTrue(value: string, given: boolean): boolean {
  return !given || /^(true|yes|on|[1-9]\d*)$/i.test(value)
}
