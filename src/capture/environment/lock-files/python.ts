/** Lock files of uv, Poetry, PDM, Pipenv and pip, and the standard one, `pylock.toml`. */
import { NotLocked, collectEntries, objectOf, parseJsonLock } from './locked.ts'
import type { Entry, Locked } from './locked.ts'

/** A name as PEP 503 says. */
export function normalName(name: string): string {
  return name.replace(/[-_.]+/g, '-').toLowerCase()
}

type Table = Record<string, unknown>

/** `uv.lock`. What the project needs on every system is required, the rest may be left out. */
export async function readUvLock(text: string): Promise<Locked> {
  const packages = tables((await parseToml(text))['package'])
  const byName = new Map<string, Table[]>()
  for (const one of packages) {
    const name = normalName(textOf(one['name']))
    byName.set(name, [...(byName.get(name) ?? []), one])
  }
  const required = new Set<string>()
  const visit = (edges: unknown): void => {
    for (const { name: given, marker, extra } of tables(edges)) {
      const name = normalName(textOf(given))
      if (marker !== undefined || required.has(name)) continue
      required.add(name)
      for (const one of byName.get(name) ?? []) {
        visit(one['dependencies'])
        const extras = Array.isArray(extra) ? extra.map(String) : []
        for (const chosen of extras) visit(objectOf(one['optional-dependencies'] ?? {})[chosen])
      }
    }
  }
  const own = packages.filter(({ source }) => isOwn(objectOf(source ?? {})))
  for (const one of own) visit(one['dependencies'])
  const entries = packages.map((one): Entry =>
    own.includes(one) ? { kind: 'own' } : tableEntry(one, ({ name }) => !required.has(name)),
  )
  return collectEntries(entries)
}

/** The project and the members of its workspace. */
function isOwn(source: Table): boolean {
  return ['editable', 'virtual', 'directory'].some((kind) => kind in source)
}

/** `poetry.lock` of both versions: extras, other groups and other systems may be left out. */
export async function readPoetryLock(text: string): Promise<Locked> {
  const packages = tables((await parseToml(text))['package'])
  const edges = packages.flatMap(({ dependencies }) => Object.entries(objectOf(dependencies ?? {})))
  const plain = new Set<string>()
  const marked = new Set<string>()
  for (const [name, edge] of edges) {
    const isMarked = typeof edge === 'object' && edge !== null && 'markers' in edge
    ;(isMarked ? marked : plain).add(normalName(name))
  }
  const found = packages.map((one) => {
    const name = normalName(textOf(one['name']))
    const { groups } = one
    const optional =
      one['optional'] === true ||
      one['markers'] !== undefined ||
      (Array.isArray(groups) && !groups.includes('main')) ||
      (marked.has(name) && !plain.has(name))
    return { kind: 'package', locked: { name, version: textOf(one['version']), optional } } as const
  })
  return collectEntries(found)
}

/** `pdm.lock`. */
export async function readPdmLock(text: string): Promise<Locked> {
  return flagged(
    await parseToml(text),
    'package',
    ({ groups, marker }) => marker !== undefined || (Array.isArray(groups) && !groups.includes('default')),
  )
}

/** `pylock.toml` (PEP 751). */
export async function readPyLock(text: string): Promise<Locked> {
  return flagged(await parseToml(text), 'packages', ({ marker }) => marker !== undefined)
}

/** `Pipfile.lock`. */
export async function readPipfileLock(text: string): Promise<Locked> {
  const value = objectOf(parseJsonLock(text))
  // Besides `default` and `develop` a category of any name.
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

/** A name, with the extras that follow it. */
const NAME = /^([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*/

/** Options of a whole file. */
const FILE_OPTION = /^--?(?!r|-requirement|c|-constraint|e|-editable)/

/**
 * `requirements.txt`: lines of the form `name==version`. Others fix no version, which is said. No library is used: the
 * one for this format on npm, `pip-requirements-js`, brings a parser generator and does not read every option of pip.
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
      : `${loose.length} lines do not pin a version: ${shown}${loose.length > 5 ? ', …' : ''}`
  return collectEntries(entries, lines.length, notCompared)
}

/** Another file, an option with a folder or an address, a folder, an address, or an archive in this folder. */
const ELSEWHERE =
  /^(?:--?[rce]|[a-z][a-z0-9+.-]*:\/\/|[\w.-]*[/\\]|\.{1,2}(?:\s|$)|[A-Za-z]:[/\\]|[^\s@]+\.(?:whl|zip|tgz|tar\.\w+)(?:\s|$))/

function requirementEntry(line: string): Entry {
  if (ELSEWHERE.test(line)) return { kind: 'unversioned' }
  const [start, given] = NAME.exec(line) ?? []
  if (start === undefined || given === undefined) return { kind: 'unknown' }
  const name = normalName(given)
  const rest = line.slice(start.length)
  const [, version, marker] = /^===?\s*([^\s;,*]+)\s*(?:--hash\S*\s*)*(;.*)?$/.exec(rest) ?? []
  if (version !== undefined)
    return { kind: 'package', locked: { name, version, optional: marker !== undefined } }
  return /^(?:$|[<>=!~;(@]|--[a-z])/.test(rest) ? { kind: 'unversioned', name } : { kind: 'unknown' }
}

function flagged(value: Table, key: string, isOptional: (one: Table) => boolean): Locked {
  return collectEntries(tables(value[key]).map((one) => tableEntry(one, () => isOptional(one))))
}

function tableEntry(
  { name: given, version }: Table,
  isOptional: (one: { readonly name: string }) => boolean,
): Entry {
  if (typeof given !== 'string') return { kind: 'unknown' }
  const name = normalName(given)
  // A folder whose project computes its version.
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
  return Array.isArray(value) ? value.map((one) => objectOf(one)) : []
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw new NotLocked('unknown format')
}
