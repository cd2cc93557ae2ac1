/** The recorded Python packages as a requirements file for pip and uv. */
import type { DirectOrigin, PackageVersions, RecordedSources } from '../../capture/environment/types.ts'
import type { Recorded } from '../../capture/recorded.ts'

/** A requirements file, and the packages that it could not express. */
export interface Requirements {
  readonly text: string
  readonly count: number
  readonly skipped: readonly string[]
}

/** Packages that every new environment already has, or does not need. */
const TOOLS: ReadonlySet<string> = new Set(['pip', 'distribute', 'pkg-resources'])

/**
 * Patterns of a name, a version and an address. Each value becomes part of a line that pip executes, so
 * nothing else is accepted.
 */
const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const VERSION = /^[A-Za-z0-9!+._-]+$/
const ADDRESS = /^(?:https?|ssh|file):\/\/[^\s#;]+$/

/**
 * Write the recorded packages, each with its exact version.
 *
 * A package from a repository is installed from its commit, one from a file from that file. Names and
 * versions come from a record: those with another form are left out and reported.
 *
 * @param python The Python source of the recorded run.
 * @param map Maps paths of the old work tree to the new one.
 */
export function requirementsOf(
  python: { readonly packages: PackageVersions } & Pick<RecordedSources['python'], 'direct'>,
  map: (text: string) => string,
): Requirements {
  const { packages, direct } = python
  const lines: string[] = []
  const skipped: string[] = []
  for (const [name, versions] of Object.entries(packages)) {
    if (TOOLS.has(name)) continue
    const [version] = versions
    const origin = Object.hasOwn(direct, name) ? direct[name] : undefined
    const line =
      version !== undefined && NAME.test(name) && VERSION.test(version)
        ? lineOf(name, version, origin, map)
        : undefined
    if (line === undefined) skipped.push(name)
    else lines.push(line)
  }
  return { text: `${lines.join('\n')}\n`, count: lines.length, skipped }
}

function lineOf(
  name: string,
  version: string,
  origin: Recorded<DirectOrigin> | undefined,
  map: (text: string) => string,
): string | undefined {
  if (origin === undefined) return `${name}==${version}`
  const { url, commit, editable } = origin
  if (url === undefined) return `${name}==${version}`
  const address = map(url)
  if (!ADDRESS.test(address)) return undefined
  if (commit !== undefined)
    return /^[0-9a-f]{7,64}$/.test(commit) ? `${name} @ git+${address}@${commit}` : undefined
  if (editable === true) return `-e ${address}`
  return `${name} @ ${address}`
}
