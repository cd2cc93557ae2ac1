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
 * The builds of frameworks and the versions of compilers are compared as well, but the digest does not cover
 * them.
 *
 * The digest does not cover free memory, disk, times, load, host name, paths, kernel, number of processors,
 * container and pip.
 */
import { flatten } from '../compare-fields.ts'
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
const COMPARED: { readonly [N in 'frameworks' | 'toolchain']: Selection<N> } = {
  frameworks: ({ python }) =>
    Object.fromEntries(Object.entries(python).map(([name, framework]) => [name, buildOf(framework)])),
  toolchain: (findings) => {
    const { status: _, unseen: __, ...compilers } = findings
    return compilers
  },
}

/** Return the build information of a framework. Its version is already compared among the packages. */
function buildOf(framework: PythonFramework): JsonObject {
  const { version: _, ...build } = framework
  return build
}

/** Return the digest fields of a captured environment. */
export function environmentDigestFields(value: EnvironmentCapture): JsonObject {
  return mapNames(DIGEST_FIELDS, (name) => fieldsOf(DIGEST_FIELDS, name, value) ?? null)
}

/**
 * Return the display texts of the digest fields by name. A source that is absent on one side only is one
 * field, not as many as it has packages.
 *
 * @param value The captured environment.
 * @param other The environment to compare it with.
 */
export function environmentFieldMap(
  value: EnvironmentCapture,
  other: EnvironmentCapture,
): Map<string, string> {
  const fields = new Map<string, string>()
  const add = (name: string, members: JsonObject): void => {
    for (const [field, text] of flatten(members, name)) fields.set(field, text)
  }
  for (const name of namesOf(DIGEST_FIELDS)) {
    const [source, isInOther] = [value[name], other[name].status === 'present']
    const sourceFields = fieldsOf(DIGEST_FIELDS, name, value)
    if (source.status === 'absent') {
      if (isInOther) fields.set(name, `absent: ${source.reason}`)
    } else if (!isInOther) fields.set(name, 'present')
    else if (sourceFields !== undefined) add(name, sourceFields)
  }
  for (const name of namesOf(COMPARED)) {
    const sourceFields = fieldsOf(COMPARED, name, value)
    if (sourceFields !== undefined && other[name].status === 'present') add(name, sourceFields)
  }
  return fields
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
