/** Lock files of npm, pnpm, Yarn and Bun. */
import { NotLocked } from './locked.ts'
import type { Locked, LockedPackage } from './locked.ts'

/** `package-lock.json` and `npm-shrinkwrap.json`, from version 2 on. */
export function readNpmLock(text: string): Locked {
  const { packages } = objectOf(parse(text))
  if (packages === undefined) throw new NotLocked('it is of version 1, which lists no folders')
  const found: LockedPackage[] = []
  for (const [path, value] of Object.entries(objectOf(packages))) {
    const entry = objectOf(value)
    const at = path.lastIndexOf('node_modules/')
    // The project itself, folders of a workspace, and links to them.
    if (at < 0 || entry['link'] === true) continue
    const { version, name } = entry
    if (typeof version !== 'string') continue
    const optional = ['optional', 'dev', 'devOptional', 'peer'].some((flag) => entry[flag] === true)
    const folder = path.slice(at + 'node_modules/'.length)
    found.push({ name: typeof name === 'string' ? name : folder, version, optional })
  }
  return { packages: found }
}

/**
 * `pnpm-lock.yaml` of version 5 and later. The keys of its sections stand each on a line of their own, which is all
 * that is read: a parser of YAML takes seconds for the lock file of a large workspace.
 */
export function readPnpmLock(text: string): Locked {
  const version = /^lockfileVersion:\s*'?"?(\d+)/m.exec(text)?.[1]
  if (version === undefined) throw new NotLocked('it names no lockfileVersion')
  const found = new Map<string, LockedPackage>()
  const required = new Set<string>()
  let section = ''
  let key = ''
  for (const line of text.split(/\r?\n/)) {
    const head = /^([A-Za-z]+):/.exec(line)?.[1]
    if (head !== undefined) section = head
    const entry = /^ {2}(?:'([^']+)'|"([^"]+)"|([^\s'"][^:]*(?::[^:\s][^:]*)*)):/.exec(line)
    if (entry && (section === 'packages' || section === 'snapshots')) {
      key = entry[1] ?? entry[2] ?? entry[3] ?? ''
      const parsed = splitKey(key)
      if (parsed === undefined) continue
      const id = `${parsed.name}@${parsed.version}`
      found.set(id, { ...parsed, optional: true })
      if (section === 'snapshots' || Number(version) < 9) required.add(id)
      continue
    }
    if (key !== '' && /^ {4}(?:optional|dev): true\s*$/.test(line)) {
      const parsed = splitKey(key)
      if (parsed) required.delete(`${parsed.name}@${parsed.version}`)
    }
  }
  return { packages: [...found].map(([id, one]) => ({ ...one, optional: !required.has(id) })) }
}

/** `name@1.0.0(peer@2.0.0)`, `/@scope/name@1.0.0`, and of version 5 `/name/1.0.0_peer`. */
function splitKey(key: string): { name: string; version: string } | undefined {
  const plain = key.replace(/^\//, '').replace(/\(.*$/, '')
  const [, name, version] =
    /^((?:@[^/@]+\/)?[^/@]+)@(.+)$/.exec(plain) ??
    /^((?:@[^/]+\/)?[^/]+)\/([^/_]+)(?:_.*)?$/.exec(plain) ??
    []
  // A folder or an address has no version here.
  return name === undefined || version === undefined || !/^\d/.test(version) ? undefined : { name, version }
}

/** `yarn.lock` of both generations. Which packages are optional stands in neither. */
export function readYarnLock(text: string): Locked {
  const isBerry = /^__metadata:/m.test(text)
  if (!isBerry && !/^# yarn lockfile v1/m.test(text)) throw new NotLocked('it is of a form that is not known')
  const found: LockedPackage[] = []
  for (const block of text.split(/\r?\n(?=\S)/)) {
    const version = /^ {2}version:? "?([^"\s]+)"?\s*$/m.exec(block)?.[1]
    const key = /^"?((?:@[^/"\s]+\/)?[^@"\s/]+)@/.exec(block)?.[1]
    if (version === undefined || key === undefined || key === '__metadata') continue
    const resolution = /^ {2}resolution: "((?:@[^/"]+\/)?[^@"/]+)@([a-z]+):/m.exec(block)
    // The project's own folders.
    if (resolution?.[2] === 'workspace') continue
    const alias = /^"?(?:@[^/"\s]+\/)?[^@"\s/]+@npm:((?:@[^/"]+\/)?[^@"\s,]+)@/.exec(block)?.[1]
    found.push({ name: resolution?.[1] ?? alias ?? key, version, optional: false })
  }
  return {
    packages: found.map((one) => ({ ...one, optional: true })),
    notCompared: 'it does not say which packages are optional, so a package that is not there is not named',
  }
}

/** `bun.lock`: JSON with a comma behind the last member. */
export function readBunLock(text: string): Locked {
  const value = objectOf(parse(withoutTrailingCommas(text)))
  const found: LockedPackage[] = []
  const unversioned: string[] = []
  for (const entry of Object.values(objectOf(value['packages'] ?? {}))) {
    const [id, ...rest] = Array.isArray(entry) ? (entry as unknown[]) : []
    const [, name, version] = /^((?:@[^/@]+\/)?[^/@]+)@(.*)$/.exec(typeof id === 'string' ? id : '') ?? []
    if (name === undefined || version === undefined) continue
    if (!/^\d/.test(version)) {
      unversioned.push(name)
      continue
    }
    const limits = rest.find((part) => part !== null && typeof part === 'object') as
      Record<string, unknown> | undefined
    found.push({ name, version, optional: limits?.['os'] !== undefined || limits?.['cpu'] !== undefined })
  }
  return {
    unversioned,
    packages: found.map((one) => ({ ...one, optional: true })),
    notCompared: 'it does not say which packages are optional, so a package that is not there is not named',
  }
}

/** Commas before a closing bracket, outside of strings. */
function withoutTrailingCommas(text: string): string {
  return text.replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, (_, string: string | undefined) => string ?? '')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch {
    throw new NotLocked('it does not parse')
  }
}

function objectOf(value: unknown): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new NotLocked('it is of a form that is not known')
}
