/** Lock files of uv, Poetry, PDM, Pipenv and pip, and the standard format `pylock.toml`. */
import { NotLocked, collectEntries, objectOf, parseJsonLock } from './locked.ts'
import { plural } from '../../../util/plural.ts'
import type { Entry, Locked } from './locked.ts'

/** Normalise a name according to PEP 503. */
export function normalName(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase()
}

type Table = Record<string, unknown>

/** Parse `uv.lock`. Packages that the project needs on every system are required, all others are optional. */
export async function readUvLock(text: string): Promise<Locked> {
  const packages = tables((await parseToml(text))['package'])
  const byName = new Map<string, Table[]>()
  for (const entry of packages) {
    const name = normalName(textOf(entry['name']))
    byName.set(name, [...(byName.get(name) ?? []), entry])
  }
  const required = new Set<string>()
  const visit = (edges: unknown): void => {
    for (const { name: given, marker, extra } of tables(edges)) {
      const name = normalName(textOf(given))
      if (marker !== undefined || required.has(name)) continue
      required.add(name)
      for (const entry of byName.get(name) ?? []) {
        visit(entry['dependencies'])
        const extras = Array.isArray(extra) ? extra.map(String) : []
        for (const chosen of extras) visit(objectOf(entry['optional-dependencies'] ?? {})[chosen])
      }
    }
  }
  const own = packages.filter(({ source }) => isOwn(objectOf(source ?? {})))
  for (const entry of own) visit(entry['dependencies'])
  const entries = packages.map((entry): Entry =>
    own.includes(entry) ? { kind: 'own' } : tableEntry(entry, ({ name }) => !required.has(name)),
  )
  return collectEntries(entries)
}

/** Check whether a source is the project itself or a member of its workspace. */
function isOwn(source: Table): boolean {
  return ['editable', 'virtual', 'directory'].some((kind) => kind in source)
}

/** Parse `poetry.lock` of both versions: extras, other groups and packages for other systems are optional. */
export async function readPoetryLock(text: string): Promise<Locked> {
  const packages = tables((await parseToml(text))['package'])
  const edges = packages.flatMap(({ dependencies }) => Object.entries(objectOf(dependencies ?? {})))
  const unmarked = new Set<string>()
  const marked = new Set<string>()
  for (const [name, edge] of edges) {
    const isMarked = typeof edge === 'object' && edge !== null && 'markers' in edge
    ;(isMarked ? marked : unmarked).add(normalName(name))
  }
  const entries = packages.map((entry) => {
    const name = normalName(textOf(entry['name']))
    const { groups } = entry
    const optional =
      entry['optional'] === true ||
      entry['markers'] !== undefined ||
      (Array.isArray(groups) && !groups.includes('main')) ||
      (marked.has(name) && !unmarked.has(name))
    return { kind: 'package', locked: { name, version: textOf(entry['version']), optional } } as const
  })
  return collectEntries(entries)
}

/** Parse `pdm.lock`. */
export async function readPdmLock(text: string): Promise<Locked> {
  return flagged(
    await parseToml(text),
    'package',
    ({ groups, marker }) => marker !== undefined || (Array.isArray(groups) && !groups.includes('default')),
  )
}

/** Parse `pylock.toml` (PEP 751). */
export async function readPyLock(text: string): Promise<Locked> {
  return flagged(await parseToml(text), 'packages', ({ marker }) => marker !== undefined)
}

/** Parse `Pipfile.lock`. */
export async function readPipfileLock(text: string): Promise<Locked> {
  const value = objectOf(parseJsonLock(text))
  // In addition to `default` and `develop` there may be categories of any name.
  const sections = Object.entries(value).filter(([section]) => section !== '_meta')
  const entries = sections.flatMap(([section, packages]) =>
    Object.entries(objectOf(packages)).map(([name, entry]) =>
      pipfileEntry(normalName(name), objectOf(entry), section !== 'default'),
    ),
  )
  return collectEntries(entries)
}

function pipfileEntry(name: string, entry: Table, isExtra: boolean): Entry {
  const { version, markers } = entry
  const exact = /^===?(.+)$/.exec(typeof version === 'string' ? version : '')?.[1]
  const optional = isExtra || markers !== undefined
  if (exact !== undefined) return { kind: 'package', locked: { name, version: exact, optional } }
  const isSource = ['path', 'file', 'git', 'hg', 'svn', 'bzr', 'ref', 'editable'].some((key) => key in entry)
  return isSource ? { kind: 'unversioned', name } : { kind: 'unknown' }
}

/** A name and the extras after it. */
const NAME = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*/

/** Options that apply to the whole file. */
const FILE_OPTION = /^--?(?!r|-requirement|c|-constraint|e|-editable)/

/**
 * Parse `requirements.txt`: lines of the form `name==version`. Other lines pin no version, which is reported.
 * No library is used: the npm package for this format, `pip-requirements-js`, depends on a parser generator
 * and does not support every option of pip.
 */
export async function readRequirements(text: string): Promise<Locked> {
  const lines = text
    .replace(/^\uFEFF/, '')
    .replace(/\\\r?\n/g, ' ')
    .split(/\r?\n/)
    .map((raw) => raw.replace(/(?:^|\s)#.*$/, '').trim())
    .filter((line) => line !== '' && !FILE_OPTION.test(line))
  const entries = lines.map(requirementEntry)
  const loose = entries.flatMap((entry) =>
    entry.kind === 'unversioned' ? [entry.name ?? 'another file'] : [],
  )
  const shown = loose.slice(0, 5).join(', ')
  const notCompared =
    loose.length === 0
      ? undefined
      : `${plural(loose.length, 'line does', 'lines do')} not pin a version: ${shown}${loose.length > 5 ? ', …' : ''}`
  return collectEntries(entries, lines.length, notCompared)
}

/**
 * A reference to another file, an option with a folder or an address, a folder, an address, or an archive in
 * this folder.
 */
const UNNAMED_SOURCE =
  /^(?:--?[rce]|[a-z][a-z0-9+.-]*:\/\/|[\w.-]*[/\\]|\.{1,2}(?:\s|$)|[A-Za-z]:[/\\]|[^\s@]+\.(?:whl|zip|tgz|tar\.\w+)(?:\s|$))/

function requirementEntry(line: string): Entry {
  if (UNNAMED_SOURCE.test(line)) return { kind: 'unversioned' }
  const [start, given] = NAME.exec(line) ?? []
  if (start === undefined || given === undefined) return { kind: 'unknown' }
  const name = normalName(given)
  const rest = line.slice(start.length)
  const [, version, marker] = /^===?\s*([^\s;,*]+)\s*(?:--hash\S*\s*)*(;.*)?$/.exec(rest) ?? []
  if (version !== undefined)
    return { kind: 'package', locked: { name, version, optional: marker !== undefined } }
  return /^(?:$|[<>=!~;(@]|--[a-z])/.test(rest) ? { kind: 'unversioned', name } : { kind: 'unknown' }
}

function flagged(value: Table, key: string, isOptional: (entry: Table) => boolean): Locked {
  return collectEntries(tables(value[key]).map((entry) => tableEntry(entry, () => isOptional(entry))))
}

function tableEntry(
  { name: given, version }: Table,
  isOptional: (entry: { readonly name: string }) => boolean,
): Entry {
  if (typeof given !== 'string') return { kind: 'unknown' }
  const name = normalName(given)
  // A folder whose project computes its version has no version here.
  if (typeof version !== 'string') return { kind: 'unversioned', name }
  return { kind: 'package', locked: { name, version, optional: isOptional({ name }) } }
}

async function parseToml(text: string): Promise<Table> {
  const { parse } = await import('smol-toml')
  try {
    return parse(text)
  } catch {
    throw new NotLocked('cannot be parsed')
  }
}

function tables(value: unknown): Table[] {
  return Array.isArray(value) ? value.map((item) => objectOf(item)) : []
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw new NotLocked('unknown format')
}
