/** What a repository says about itself: commit, tags, remotes, and what kind of clone it is. */
import { isUtf8 } from 'node:buffer'
import { Absent } from '../absent.ts'
import { redactText, redactUrl } from '../redact.ts'
import { splitNul } from './status.ts'
import type { Git } from './command.ts'

/** Where a repository lies and of what kind it is. */
export interface Place {
  readonly root: string
  /** `false` for a bare repository, and inside a `.git` folder. */
  readonly workTree: boolean
  readonly shallow: boolean
  /** `sha1` or `sha256`. */
  readonly objectFormat: string
}

/** Finds the work tree that a folder is in. */
export async function findPlace(git: Git): Promise<Place> {
  const flags = ['--is-inside-work-tree', '--is-shallow-repository', '--show-object-format']
  const [inside, shallow, objectFormat = 'sha1'] = (await git(['rev-parse', ...flags])).toString().split('\n')
  if (inside !== 'true') return { root: '', workTree: false, shallow: shallow === 'true', objectFormat }
  // By itself, since a path may contain line ends.
  const output = await git(['rev-parse', '--show-toplevel'])
  if (!isUtf8(output)) throw new Absent('the path of the work tree is not UTF-8')
  const root = output.toString().replace(/\n$/, '')
  return { root, workTree: true, shallow: shallow === 'true', objectFormat }
}

/** A commit. Times are ISO 8601 with the zone they were made in. */
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

/** Reads a commit. Fields are cut at NUL, the one character that no name and no message contains. */
export async function readCommit(git: Git, oid: string): Promise<Commit> {
  const format = ['%H', '%h', '%an', '%aI', '%cn', '%cI', '%B'].join('%x00')
  const args = ['log', '-1', '--no-show-signature', '--no-notes', '--no-color', '--encoding=UTF-8']
  const output = (await git([...args, `--format=tformat:${format}`, oid, '--'])).toString()
  const [
    commit = '',
    shortCommit = '',
    author = '',
    authorDate = '',
    committer = '',
    commitDate = '',
    ...body
  ] = output.split('\0')
  const message = redactText(body.join('\0').replace(/\n+$/, ''))
  return { commit, shortCommit, message, author, authorDate, committer, commitDate }
}

/** Tags that point at a commit, annotated or not. A name of a tag has no line end in it. */
export async function readTags(git: Git, oid: string): Promise<string[]> {
  const output = await git(['for-each-ref', `--points-at=${oid}`, '--format=%(refname:strip=2)', 'refs/tags'])
  return output
    .toString()
    .split('\n')
    .filter((name) => name !== '')
}

/** A remote. Addresses are without user name, password and query. */
export type Remote = {
  readonly name: string
  readonly fetch: readonly string[]
  readonly push: readonly string[]
}

/** What the configuration says. */
export interface Settings {
  readonly remotes: readonly Remote[]
  readonly sparse: boolean
  readonly partial: boolean
}

/**
 * Reads remotes and the kind of checkout from the configuration. Addresses are taken as written, before
 * `url.….insteadOf`, which is where people put tokens.
 */
export async function readSettings(git: Git): Promise<Settings> {
  const wanted = '^(remote\\..*\\.(url|pushurl|promisor)|core\\.sparsecheckout)$'
  // Exit code 1: nothing matches.
  const output = await git(['config', '--null', '--get-regexp', wanted], { accept: [1] })
  const remotes = new Map<string, { fetch: string[]; push: string[] }>()
  let sparse = false
  let partial = false
  for (const entry of splitNul(output)) {
    const [key = '', ...rest] = entry.toString().split('\n')
    const value = rest.join('\n')
    // The middle part may contain dots, and is the only part whose case counts.
    const match = /^remote\.(.*)\.(url|pushurl|promisor)$/s.exec(key)
    if (match === null) sparse = isTrue(value, rest.length > 0)
    else if (match[2] === 'promisor') partial ||= isTrue(value, rest.length > 0)
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
      // Without a `pushurl` git pushes to where it fetches from.
      push: push.length > 0 ? push : fetch,
    })),
    sparse,
    partial,
  }
}

/** A key without a value is true. */
function isTrue(value: string, given: boolean): boolean {
  return !given || /^(true|yes|on|[1-9]\d*)$/i.test(value)
}
