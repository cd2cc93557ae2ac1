/** Lock files of uv, Poetry, PDM, Pipenv and pip, and the standard one, `pylock.toml`. */
import { NotLocked } from './locked.ts'
import type { Locked, LockedPackage } from './locked.ts'

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
        for (const chosen of extras) visit(tableOf(one['optional-dependencies'] ?? {})[chosen])
      }
    }
  }
  const own = packages.filter(({ source }) => isOwn(tableOf(source ?? {})))
  for (const one of own) visit(one['dependencies'])
  return { packages: versioned(packages.filter((one) => !own.includes(one))).map(withFlag(required)) }
}

/** The project and the members of its workspace. */
function isOwn(source: Table): boolean {
  return ['editable', 'virtual', 'directory'].some((kind) => kind in source)
}

/** `poetry.lock` of both versions: extras, other groups and other systems may be left out. */
export async function readPoetryLock(text: string): Promise<Locked> {
  const packages = tables((await parseToml(text))['package'])
  const edges = packages.flatMap(({ dependencies }) => Object.entries(tableOf(dependencies ?? {})))
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
    return { name, version: textOf(one['version']), optional }
  })
  return { packages: found }
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
  let value: Table
  try {
    value = tableOf(JSON.parse(text))
  } catch {
    throw new NotLocked('it does not parse')
  }
  const section = (name: string): LockedPackage[] =>
    Object.entries(tableOf(value[name] ?? {})).flatMap(([given, entry]) => {
      const { version, markers } = tableOf(entry)
      const exact = /^==(.+)$/.exec(typeof version === 'string' ? version : '')?.[1]
      const optional = name !== 'default' || markers !== undefined
      return exact === undefined ? [] : [{ name: normalName(given), version: exact, optional }]
    })
  return { packages: [...section('default'), ...section('develop')] }
}

/** `requirements.txt`: lines of the form `name==version`. Others fix no version, which is said. */
export async function readRequirements(text: string): Promise<Locked> {
  const packages: LockedPackage[] = []
  const loose: string[] = []
  for (const raw of text.replace(/\\\r?\n/g, ' ').split(/\r?\n/)) {
    const line = raw.replace(/(?:^|\s)#.*$/, '').trim()
    if (line === '' || /^--?(?!r|-requirement|c|-constraint|e|-editable)/.test(line)) continue
    const [, name, version, marker] =
      /^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*===?\s*([^\s;,*]+)\s*(?:--hash\S*\s*)*(;.*)?$/.exec(
        line,
      ) ?? []
    if (name === undefined || version === undefined)
      loose.push(/^[A-Za-z0-9][A-Za-z0-9._-]*/.exec(line)?.[0] ?? 'another file')
    else packages.push({ name: normalName(name), version, optional: marker !== undefined })
  }
  const shown = loose.slice(0, 5).join(', ')
  return {
    packages,
    notCompared:
      loose.length === 0
        ? undefined
        : `${loose.length} of its lines fix no version: ${shown}${loose.length > 5 ? ', …' : ''}`,
  }
}

function flagged(value: Table, key: string, isOptional: (one: Table) => boolean): Locked {
  const packages = tables(value[key])
  return {
    packages: packages.flatMap((one) =>
      versioned([one]).map((known) => ({ ...known, optional: isOptional(one) })),
    ),
  }
}

function versioned(packages: readonly Table[]): Omit<LockedPackage, 'optional'>[] {
  return packages.flatMap(({ name, version }) =>
    typeof name === 'string' && typeof version === 'string' ? [{ name: normalName(name), version }] : [],
  )
}

function withFlag(required: ReadonlySet<string>) {
  return (one: Omit<LockedPackage, 'optional'>): LockedPackage => ({
    ...one,
    optional: !required.has(one.name),
  })
}

async function parseToml(text: string): Promise<Table> {
  const { parse } = await import('smol-toml')
  try {
    return parse(text)
  } catch {
    throw new NotLocked('it does not parse')
  }
}

function tables(value: unknown): Table[] {
  return Array.isArray(value) ? value.map((one) => tableOf(one)) : []
}

function tableOf(value: unknown): Table {
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Table
  throw new NotLocked('it is of a form that is not known')
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  throw new NotLocked('it is of a form that is not known')
}
