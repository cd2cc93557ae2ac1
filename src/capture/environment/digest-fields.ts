/**
 * The digest fields of `environment`: an object with the seven members below. A member is `null` if the
 * source was absent, for any reason; a field is `null` if it was not known.
 *
 * - `node`: `{"version", "v8", "openssl"}`, version without the `v`.
 * - `npm`: `{"lockFiles", "packages"}`. `lockFiles`: an object with the name of each lock file and the plain
 *   SHA-256 digest of its bytes in written form (SHA-256 regardless of the algorithm of the structured
 *   digest). `packages`: `null` if not known, otherwise an object with the name of each installed package and
 *   an array of its versions, sorted by UTF-8 bytes, without duplicates.
 * - `system`: `{"platform", "arch", "distribution", "release", "libc", "cpu"}`: Node's names of platform and
 *   architecture, name and version of the distribution (not the kernel), the C library, the model of the
 *   processor.
 * - `gpu`: `{"driver", "cuda", "devices"}`, `devices` an array of the names in the order of their index.
 * - `python`: `{"version", "implementation", "packages", "direct", "lockFiles"}`. `packages` as for npm,
 *   names normalised as PEP 503 says. `direct`: an object with the name of each package that was installed
 *   from a repository, and the commit. `lockFiles` as for npm.
 * - `conda`: an object with the name of each package and its `"<version> <build>"`, the version alone without
 *   a build.
 * - `variables`: an object with each variable that is set, of the list `HASHED_VARIABLES` and of the names
 *   that the configuration adds, and its value, secrets replaced.
 *
 * The builds of frameworks, the versions of compilers and the other Pythons that ran are compared as well, but the
 * digest does not cover them.
 *
 * The digest does not cover free memory, disk, times, load, host name, paths, kernel, number of processors,
 * container and pip.
 */
import { flatten } from '../compare-fields.ts'
import type { NotChecked } from '../../core/component.ts'
import type { FieldMap } from '../compare-fields.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type {
  EnvironmentCapture,
  LockFileRecords,
  PresentSource,
  PythonFramework,
  RecordedSources,
  SourceName,
  SourceState,
} from './types.ts'

type Selection<N extends SourceName> = (findings: PresentSource<RecordedSources[N]>) => JsonObject

/** The sources that the digest covers. */
type DigestSource = 'node' | 'npm' | 'system' | 'gpu' | 'python' | 'conda' | 'variables'

/** The digest fields of each source. */
const DIGEST_FIELDS: { readonly [N in DigestSource]: Selection<N> } = {
  node: ({ version, v8, openssl }) => ({ version, v8, openssl }),
  npm: ({ packages, lockFiles }) => ({ packages, lockFiles: lockFileDigests(lockFiles) }),
  system: ({ platform, arch, distribution, release, libc, cpu }) => ({
    platform,
    arch,
    distribution,
    release,
    libc,
    cpu,
  }),
  gpu: ({ driver, cuda, devices }) => ({ driver, cuda, devices: devices.map(({ name }) => name) }),
  python: ({ version, implementation, packages, direct, lockFiles }) => ({
    version,
    implementation,
    packages,
    direct: Object.fromEntries(
      Object.entries(direct).flatMap(([name, { commit }]) => (commit === undefined ? [] : [[name, commit]])),
    ),
    lockFiles: lockFileDigests(lockFiles),
  }),
  conda: ({ packages }) =>
    Object.fromEntries(
      Object.entries(packages).map(([name, { version, build }]) => [
        name,
        build === null ? version : `${version} ${build}`,
      ]),
    ),
  variables: ({ hashed }) => hashed,
}

/** Fields that are compared but not covered by the digest: records of earlier versions do not have them. */
const COMPARED: { readonly [N in 'frameworks' | 'otherPythons' | 'toolchain']: Selection<N> } = {
  // Their order is that of their programs; paths are no part of an environment.
  otherPythons: ({ pythons }) =>
    Object.fromEntries(
      pythons.map(({ version = null, implementation = null, packages = null }, index) => [
        String(index + 1),
        { version, implementation, packages },
      ]),
    ),
  frameworks: ({ python }) =>
    Object.fromEntries(Object.entries(python).map(([name, framework]) => [name, buildOf(framework)])),
  toolchain: (findings) => {
    const { status: _, unseen: __, nonexistent: ___, ...compilers } = findings
    return compilers
  },
}

/** A source that is compared. */
type ComparedSource = DigestSource | keyof typeof COMPARED

const SOURCES: readonly ComparedSource[] = [...namesOf(DIGEST_FIELDS), ...namesOf(COMPARED)]

/** Return the build information of a framework. Its version is already compared among the packages. */
function buildOf(framework: PythonFramework): JsonObject {
  const { version: _, ...build } = framework
  return build
}

/** Return the digest fields of a captured environment. */
export function environmentDigestFields(value: EnvironmentCapture): JsonObject {
  return mapNames(DIGEST_FIELDS, (name) => fieldsOf(DIGEST_FIELDS, name, value) ?? null)
}

/** The compared fields of two environments, and the parts that one of them did not capture. */
export interface EnvironmentFields {
  readonly before: FieldMap
  readonly after: FieldMap
  readonly notChecked: readonly NotChecked[]
}

/**
 * Return the display texts of the compared fields of two environments. A source that exists on one side only is
 * one field, not as many as it has packages. A source or field that one side could not read is in neither map.
 */
export function environmentFields(before: EnvironmentCapture, after: EnvironmentCapture): EnvironmentFields {
  const fields = { before: new Map<string, string>(), after: new Map<string, string>() }
  const notChecked: NotChecked[] = []
  for (const name of SOURCES) {
    const sides = { before: sideOf(name, before), after: sideOf(name, after) }
    const unread = [sides.before, sides.after].flatMap((side) =>
      side.kind === 'unread' ? [side.reason] : [],
    )
    if (unread[0] !== undefined) {
      notChecked.push({ field: name, reason: unread[0] })
      continue
    }
    if (sides.before.kind === 'present' && sides.after.kind === 'present') {
      notChecked.push(...addMembers(name, [fields.before, sides.before], [fields.after, sides.after]))
      continue
    }
    if (sides.before.kind === sides.after.kind) continue
    for (const side of ['before', 'after'] as const) {
      const { [side]: source } = sides
      fields[side].set(name, source.kind === 'none' ? `absent: ${source.reason}` : 'present')
    }
  }
  return { ...fields, notChecked }
}

/** A source on one side of a comparison: `none` does not exist, `unread` is not known. */
type SourceSide = { readonly kind: 'none' | 'unread'; readonly reason: string } | PresentSide

interface PresentSide {
  readonly kind: 'present'
  readonly members: JsonObject
  /** Reasons for members that are not known, or only in part. */
  readonly unread: ReadonlyMap<string, string>
}

function sideOf(name: ComparedSource, value: EnvironmentCapture): SourceSide {
  const source = value[name]
  if (source.status === 'absent')
    return { kind: source.exists === false ? 'none' : 'unread', reason: source.reason }
  const members =
    name === 'frameworks' || name === 'otherPythons' || name === 'toolchain'
      ? fieldsOf(COMPARED, name, value)
      : fieldsOf(DIGEST_FIELDS, name, value)
  return { kind: 'present', members: members ?? {}, unread: unreadMembers(name, members ?? {}, source) }
}

/** Return the members that could not be read, or only in part, with the reasons. */
function unreadMembers(
  name: ComparedSource,
  members: JsonObject,
  { unseen = {}, nonexistent = [] }: Pick<PresentSource<object>, 'unseen' | 'nonexistent'>,
): Map<string, string> {
  const unread = new Map<string, string>()
  for (const [field, reason] of Object.entries(unseen)) {
    const member = nonexistent.includes(field) ? undefined : memberOf(name, field, members)
    if (member !== undefined) unread.set(member, reason)
  }
  for (const [member, value] of Object.entries(members)) {
    if (value === null && unseen[member] === undefined) unread.set(member, 'no reason is recorded')
    if (name !== 'otherPythons') continue
    for (const [field, part] of Object.entries(value as JsonObject))
      if (part === null) unread.set(`${member}.${field}`, 'it could not be read')
  }
  return unread
}

/** Return the compared member that a reason is about; `undefined` if it is about none. */
function memberOf(name: ComparedSource, field: string, members: JsonObject): string | undefined {
  if (name === 'conda') return field === 'packages' ? field : undefined
  if (name === 'frameworks') {
    // The version and the build determine the library for linear algebra.
    if (field.endsWith('.blas')) return undefined
    return field === 'python' ? field : /^python\.(.+)$/.exec(field)?.[1]
  }
  const [top = ''] = field.split('.')
  if (!Object.hasOwn(members, top)) return undefined
  if (top === 'packages') return top
  if (top !== 'lockFiles') return field
  // The digest of a lock file is known even if the file was not understood.
  const files = members[top] as JsonObject
  const file = field.slice('lockFiles.'.length).replace(/\.drift$/, '')
  return Object.hasOwn(files, file) ? undefined : field
}

type AddedSide = readonly [fields: Map<string, string>, source: PresentSide]

/** Add the members of a source to both maps, and return those that one side does not know. */
function addMembers(name: string, ...sides: readonly [AddedSide, AddedSide]): NotChecked[] {
  const unread = new Map(sides.flatMap(([, source]) => [...source.unread]))
  const isKnown = (path: string): boolean => sides.every(([, { members }]) => hasValue(members, path))
  const dropped = [...unread.keys()].filter((path) => !isKnown(path))
  for (const [fields, { members }] of sides) {
    for (const [field, text] of flatten(members)) {
      const isDropped = dropped.some((path) => field === path || field.startsWith(`${path}.`))
      // Without an answer of Python, no framework is known.
      if (!isDropped && !(name === 'frameworks' && unread.has('python'))) fields.set(`${name}.${field}`, text)
    }
  }
  return [...unread].map(([path, reason]) => ({ field: `${name}.${path}`, reason }))
}

/** Check whether a member has a value. Names of frameworks and lock files may contain dots. */
function hasValue(members: JsonObject, path: string): boolean {
  return [...flatten(members)].some(
    ([field, text]) => (field === path && text !== 'null') || field.startsWith(`${path}.`),
  )
}

/** Select the fields of a source; `undefined` if it is absent. */
function fieldsOf<N extends SourceName>(
  selections: { readonly [S in N]: Selection<S> },
  name: N,
  value: EnvironmentCapture,
): JsonObject | undefined {
  const source: SourceState<RecordedSources[N]> = value[name]
  return source.status === 'present' ? selections[name](source) : undefined
}

function namesOf<T extends object>(value: T): (keyof T)[] {
  return Object.keys(value) as (keyof T)[]
}

function mapNames<T extends object, R>(value: T, map: (name: keyof T) => R): Record<keyof T, R> {
  return Object.fromEntries(namesOf(value).map((name) => [name, map(name)])) as Record<keyof T, R>
}

function lockFileDigests(lockFiles: LockFileRecords): Record<string, string> {
  return Object.fromEntries(Object.entries(lockFiles).map(([name, { digest }]) => [name, digest]))
}
