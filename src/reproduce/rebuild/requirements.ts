/** The recorded packages of Python as a file that pip and uv read. */
import type { DirectOrigin, PackageVersions, RecordedSources } from '../../capture/environment/types.ts'
import type { Recorded } from '../../capture/recorded.ts'

/** A file of requirements, and what could not be put into it. */
export interface Requirements {
  readonly text: string
  readonly count: number
  readonly left: readonly string[]
}

/** Packages that every new environment gets by itself, or needs none of. */
const TOOLS: ReadonlySet<string> = new Set(['pip', 'distribute', 'pkg-resources'])

/** A name, a version, and an address that are nothing but that: each becomes a part of a line that pip obeys. */
const NAME = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/
const VERSION = /^[A-Za-z0-9!+._-]+$/
const ADDRESS = /^(?:https?|ssh|file):\/\/[^\s#;]+$/

/**
 * Writes the recorded packages, each with the one version it had.
 *
 * A package that came from a repository is taken from there at its commit, one that came from a file from that file.
 * Names and versions come from a record: what has another form is left out and named.
 *
 * @param python What the recorded run had.
 * @param map Takes paths of the old work tree into the new one.
 */
export function requirementsOf(
  python: { readonly packages: PackageVersions } & Pick<RecordedSources['python'], 'direct'>,
  map: (text: string) => string,
): Requirements {
  const { packages, direct } = python
  const lines: string[] = []
  const left: string[] = []
  for (const [name, versions] of Object.entries(packages)) {
    if (TOOLS.has(name)) continue
    const [version] = versions
    const origin = Object.hasOwn(direct, name) ? direct[name] : undefined
    const line =
      version !== undefined && NAME.test(name) && VERSION.test(version)
        ? lineOf(name, version, origin, map)
        : undefined
    if (line === undefined) left.push(name)
    else lines.push(line)
  }
  return { text: `${lines.join('\n')}\n`, count: lines.length, left }
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
