/**
 * Lock files of npm, pnpm, Yarn and Bun.
 *
 * Those of pnpm and Yarn are read line by line. A YAML parser takes seconds for the lock file of a large
 * workspace. `@yarnpkg/parsers` reads both formats of Yarn but depends on js-yaml, a second YAML parser, for
 * the names and versions of one file; `snyk-nodejs-lockfile-parser` has eighteen dependencies, and
 * `@pnpm/lockfile.fs` as many. Lines that the reader does not understand are counted and reported, so that
 * nothing is lost silently.
 */
import { NotLocked, collectEntries, objectOf, parseJsonLock } from './locked.ts'
import type { Entry, Locked, LockedPackage } from './locked.ts'

const OWN: Entry = { kind: 'own' }
const UNKNOWN: Entry = { kind: 'unknown' }

/** Parse `package-lock.json` and `npm-shrinkwrap.json`, version 2 and later. */
export function readNpmLock(text: string): Locked {
  const { packages } = objectOf(parseJsonLock(text))
  if (packages === undefined) throw new NotLocked('lockfileVersion 1 does not list install folders')
  const entries = Object.entries(objectOf(packages)).map(([path, value]): Entry => {
    const entry = objectOf(value)
    const start = path.lastIndexOf('node_modules/')
    if (start < 0 || entry['link'] === true) return OWN
    const { version, name: given } = entry
    const name = typeof given === 'string' ? given : path.slice(start + 'node_modules/'.length)
    if (typeof version !== 'string') return { kind: 'unversioned', name }
    const optional = ['optional', 'dev', 'devOptional', 'peer'].some((flag) => entry[flag] === true)
    return { kind: 'package', locked: { name, version, optional } }
  })
  return collectEntries(entries)
}

/**
 * Parse `pnpm-lock.yaml`, version 5 and later. Only the keys of its sections are read, each of which has its
 * own line.
 */
export function readPnpmLock(text: string): Locked {
  const version = /^lockfileVersion:\s*'?"?(\d+)/m.exec(text)?.[1]
  if (version === undefined) throw new NotLocked('lockfileVersion is missing')
  const entries = new Map<string, Entry>()
  const required = new Set<string>()
  const seen = new Set<string>()
  let section = ''
  let id: string | undefined
  for (const line of text.split(/\r?\n/)) {
    const head = /^([A-Za-z]+):/.exec(line)?.[1]
    if (head !== undefined) section = head
    if (section !== 'packages' && section !== 'snapshots') continue
    // Count by the indentation alone, so that keys of an unknown form are counted too. A package has a key in
    // both sections.
    if (/^ {2}[^\s#:]/.test(line)) seen.add(line.trim().replace(/:(?: \{\})?$/, ''))
    const written = /^ {2}(?:'([^']+)'|"([^"]+)"|([^\s'"?#:][^:]*(?::[^:\s][^:]*)*)):/.exec(line)
    if (written) {
      const key = written[1] ?? written[2] ?? written[3] ?? ''
      const entry = pnpmEntry(key)
      entries.set(key, entry)
      id = entry.kind === 'package' ? idOf(entry.locked) : undefined
      if (id !== undefined && (section === 'snapshots' || Number(version) < 9)) required.add(id)
    } else if (id !== undefined && /^ {4}(?:optional|dev): true\s*$/.test(line)) required.delete(id)
  }
  const read = collectEntries([...entries.values()], seen.size)
  // A package with several sets of peers has several keys.
  const packages = new Map(read.packages.map((locked) => [idOf(locked), locked]))
  return {
    ...read,
    packages: [...packages].map(([key, locked]) => ({ ...locked, optional: !required.has(key) })),
  }
}

function idOf({ name, version }: LockedPackage): string {
  return `${name}@${version}`
}

/** Parse a key: `name@1.0.0(peer@2.0.0)`, `/@scope/name@1.0.0`, and `/name/1.0.0_peer` of version 5. */
function pnpmEntry(key: string): Entry {
  const bare = key.replace(/^\//, '').replace(/\(.*$/, '')
  const [, name, version] =
    /^((?:@[^/@]+\/)?[^/@]+)@(.+)$/.exec(bare) ?? /^((?:@[^/]+\/)?[^/]+)\/([^/_]+)(?:_.*)?$/.exec(bare) ?? []
  if (name !== undefined && version !== undefined && /^\d/.test(version))
    return { kind: 'package', locked: { name, version, optional: true } }
  // Version 9 writes `name@file:folder`; earlier versions only the folder or address: `file:folder`,
  // `github.com/user/name/commit`.
  const [, named, source] = /^((?:@[^/@]+\/)?[^/@:]+)@([a-z+]+:.+)$/.exec(bare) ?? []
  if (source !== undefined) return { kind: 'unversioned', name: named }
  const isAddress = /^@?(?:[a-z+]+:|[^/@]+\.[^/@]+\/)/.test(bare)
  return isAddress ? { kind: 'unversioned' } : UNKNOWN
}

/**
 * The version that Yarn writes for a link to a folder: version 2 and later, and the form of version 1 below.
 */
const LINKED_VERSION = '0.0.0-use.local'
const LINK = /^"?[^"\s]+@link:/

/** Parse `yarn.lock` of both generations. Neither marks optional packages. */
export function readYarnLock(text: string): Locked {
  const isBerry = /^__metadata:/m.test(text)
  if (!isBerry && !/^# yarn lockfile v1/m.test(text)) throw new NotLocked('unknown format')
  // A key of more than 1024 characters is written as `? key`, with its colon on the next line.
  const joined = text.replace(/^\? (.*)\r?\n:/gm, '$1:')
  const entries = joined
    .split(/\r?\n(?=\S)/)
    .filter((block) => /^(?!#|__metadata:)\S/.test(block))
    .map(yarnEntry)
  // Count every unindented line except comments, the metadata entry and the colon of a long key.
  const seen = text.match(/^(?!#|__metadata:|:)\S/gm)?.length ?? 0
  return collectEntries(entries, seen, NO_OPTIONAL)
}

function yarnEntry(block: string): Entry {
  const version = /^ {2}version:? "?([^"\s]+)"?\s*$/m.exec(block)?.[1]
  const key = /^"?((?:@[^/"\s]+\/)?[^@"\s/]+)@/.exec(block)?.[1]
  if (version === undefined || key === undefined) return UNKNOWN
  const resolution = /^ {2}resolution: "((?:@[^/"]+\/)?[^@"/]+)@([a-z+]+):/m.exec(block)
  if (resolution?.[2] === 'workspace') return OWN
  const alias = /^"?(?:@[^/"\s]+\/)?[^@"\s/]+@npm:((?:@[^/"]+\/)?[^@"\s,]+)@/.exec(block)?.[1]
  const name = resolution?.[1] ?? alias ?? key
  if (version === LINKED_VERSION || LINK.test(block)) return { kind: 'unversioned', name }
  return { kind: 'package', locked: { name, version, optional: true } }
}

const NO_OPTIONAL = 'this lock file does not mark optional packages, so missing packages are not reported'

/** Parse `bun.lock`: JSON with a comma after the last member. */
export function readBunLock(text: string): Locked {
  const value = objectOf(parseJsonLock(withoutTrailingCommas(text)))
  const entries = Object.values(objectOf(value['packages'] ?? {})).map(bunEntry)
  return collectEntries(entries, entries.length, NO_OPTIONAL)
}

function bunEntry(entry: unknown): Entry {
  const id: unknown = Array.isArray(entry) ? entry[0] : undefined
  const [, name, version] = /^((?:@[^/@]+\/)?[^/@]+)@(.+)$/.exec(typeof id === 'string' ? id : '') ?? []
  if (name === undefined || version === undefined) return UNKNOWN
  return /^\d/.test(version)
    ? { kind: 'package', locked: { name, version, optional: true } }
    : { kind: 'unversioned', name }
}

/** Remove commas before a closing bracket, outside of strings. */
function withoutTrailingCommas(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, string: string | undefined) => string ?? '')
}
