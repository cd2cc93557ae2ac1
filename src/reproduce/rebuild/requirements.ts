/** The recorded packages of Python as a file that pip and uv read. */
import { asArray, asObject } from '../../capture/fields.ts'
import type { JsonObject } from '../../core/json-value.ts'

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
 * @param found The source `python` of the recorded environment.
 * @param map Takes paths of the old work tree into the new one.
 */
export function requirementsOf(found: JsonObject, map: (text: string) => string): Requirements {
  const direct = asObject(found['direct'] ?? {}, 'python.direct')
  const lines: string[] = []
  const left: string[] = []
  for (const [name, versions] of Object.entries(asObject(found['packages'], 'python.packages'))) {
    if (TOOLS.has(name)) continue
    const [version] = asArray(versions, `python.packages.${name}`)
    const origin = direct[name] === undefined ? undefined : asObject(direct[name], `python.direct.${name}`)
    const line =
      typeof version === 'string' && NAME.test(name) && VERSION.test(version)
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
  origin: JsonObject | undefined,
  map: (text: string) => string,
): string | undefined {
  if (origin === undefined) return `${name}==${version}`
  const { url, commit, editable } = origin
  if (typeof url !== 'string') return `${name}==${version}`
  const address = map(url)
  if (!ADDRESS.test(address)) return undefined
  if (typeof commit === 'string')
    return /^[0-9a-f]{7,64}$/.test(commit) ? `${name} @ git+${address}@${commit}` : undefined
  if (editable === true) return `-e ${address}`
  return `${name} @ ${address}`
}
