/**
 * The stable fields of `environment`, which its digest covers: an object with the seven members below. A member is
 * `null` where the source was absent, whatever the reason, and so is a field that was not known.
 *
 * - `node`: `{"version", "v8", "openssl"}`, version without the `v`.
 * - `npm`: `{"lockFiles", "packages"}`. `lockFiles`: an object with the name of each lock file found and the plain SHA-256
 *   digest of its bytes in written form (SHA-256 whatever the structured digest uses). `packages`: `null` if not
 *   known, else an object with the name of each installed package and an array of its versions, sorted by UTF-8
 *   bytes, each once.
 * - `system`: `{"platform", "arch", "distribution", "release", "libc", "cpu"}`: Node's names of platform and architecture,
 *   name and version of the distribution (not the kernel), the C library, the model of the processor.
 * - `gpu`: `{"driver", "cuda", "devices"}`, `devices` an array of the names in the order of their index.
 * - `python`: `{"version", "implementation", "packages", "direct", "lockFiles"}`. `packages` as for npm, names normalised as
 *   PEP 503 says. `direct`: an object with the name of each package that was installed from a repository, and the
 *   commit. `lockFiles` as for npm.
 * - `conda`: an object with the name of each package and its `"<version> <build>"`, the version alone without a build.
 * - `variables`: an object with each variable of the list `HASHED_VARIABLES`, and of the names that the configuration adds,
 *   that is set, and its value, secrets replaced.
 *
 * What frameworks were built with and the versions of compilers are compared as well, but are no part of the digest.
 *
 * Free memory, disk, times, load, host name, paths, kernel, number of processors, container and pip do not count.
 */
import { asArray, asObject, asText, damaged, flatten } from '../fields.ts'
import type { JsonObject, JsonValue } from '../../core/json-value.ts'

/** How the stable fields of each source are taken out of what it found. */
const SECTIONS: ReadonlyMap<string, (found: JsonObject) => JsonObject> = new Map([
  ['node', (found) => pick(found, ['version', 'v8', 'openssl'])],
  ['npm', (found) => ({ ...pick(found, ['packages']), lockFiles: lockFiles(found) })],
  ['system', (found) => pick(found, ['platform', 'arch', 'distribution', 'release', 'libc', 'cpu'])],
  ['gpu', (found) => ({ ...pick(found, ['driver', 'cuda']), devices: deviceNames(found) })],
  [
    'python',
    (found) => ({
      ...pick(found, ['version', 'implementation', 'packages']),
      direct: commits(found),
      lockFiles: lockFiles(found),
    }),
  ],
  ['conda', condaPackages],
  ['variables', (found) => asObject(found['hashed'], 'variables.hashed')],
])

/** What is compared as well, and is no part of the digest: records of earlier versions do not have it. */
const COMPARED: ReadonlyMap<string, (found: JsonObject) => JsonObject> = new Map([
  ['frameworks', (found) => builds(asObject(found['python'], 'frameworks.python'))],
  ['toolchain', compilers],
])

/**
 * Takes the stable fields out of a recorded value.
 *
 * @param value What was captured.
 */
export function environmentDigestFields(value: JsonObject): JsonObject {
  return Object.fromEntries(
    [...SECTIONS].map(([name, take]) => [
      name,
      isPresent(value, name) ? take(asObject(value[name], name)) : null,
    ]),
  )
}

/** Whether a source found something. */
export function isPresent(value: JsonObject, name: string): boolean {
  const status = asObject(value[name], name)['status']
  if (status === 'present' || status === 'absent') return status === 'present'
  throw damaged(`${name}.status`, '"present" or "absent"', status)
}

/**
 * The stable fields by name, in words for people. A source that is absent on one side only is one field, not as many
 * as it has packages.
 *
 * @param value What was captured.
 * @param other What it is compared with.
 */
export function environmentFieldMap(value: JsonObject, other: JsonObject): Map<string, string> {
  const fields = new Map<string, string>()
  for (const [name, take] of SECTIONS) {
    const [here, there] = [isPresent(value, name), isPresent(other, name)]
    if (here && there) {
      for (const [field, text] of flatten(take(asObject(value[name], name)), name)) fields.set(field, text)
    } else if (here) fields.set(name, 'present')
    else if (there) fields.set(name, `absent: ${reasonAt(value, name)}`)
  }
  for (const [name, take] of COMPARED) {
    if (value[name] === undefined || other[name] === undefined) continue
    if (!isPresent(value, name) || !isPresent(other, name)) continue
    for (const [field, text] of flatten(take(asObject(value[name], name)), name)) fields.set(field, text)
  }
  return fields
}

/** All that was found; the rest says how it was looked for. */
function compilers(found: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(found).filter(([name]) => name !== 'status' && name !== 'unseen'))
}

/** What frameworks were built with; their versions stand among the packages. */
function builds(python: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries(python).map(([name, entry]) => {
      const { version: _, ...rest } = asObject(entry, name)
      return [name, rest]
    }),
  )
}

function reasonAt(value: JsonObject, name: string): string {
  const { reason } = asObject(value[name], name)
  return typeof reason === 'string' ? reason : 'no reason is recorded'
}

function pick(found: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(fields.map((field) => [field, found[field] ?? null]))
}

function deviceNames(found: JsonObject): JsonValue[] {
  return asArray(found['devices'], 'devices').map((device) => asObject(device, 'devices')['name'] ?? null)
}

function lockFiles(found: JsonObject): JsonObject {
  const files = Object.entries(asObject(found['lockFiles'], 'lockFiles'))
  return Object.fromEntries(files.map(([name, file]) => [name, asObject(file, name)['digest'] ?? null]))
}

function commits(found: JsonObject): JsonObject {
  const entries = Object.entries(asObject(found['direct'], 'direct'))
    .map(([name, origin]) => [name, asObject(origin, name)['commit'] ?? null] as const)
    .filter(([, commit]) => commit !== null)
  return Object.fromEntries(entries)
}

function condaPackages(found: JsonObject): JsonObject {
  const packages = Object.entries(asObject(found['packages'], 'packages')).map(([name, entry]) => {
    const { version, build } = asObject(entry, name)
    const number = asText(version, `${name}.version`)
    return [name, typeof build === 'string' ? `${number} ${build}` : number] as const
  })
  return Object.fromEntries(packages)
}
