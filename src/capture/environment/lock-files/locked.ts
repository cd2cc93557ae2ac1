/** Packages that a lock file pins, and the drift of the installed packages. */
import type { Drift } from '../types.ts'

/** One package of a lock file. */
export interface LockedPackage {
  readonly name: string
  readonly version: string
  /**
   * True if it may be missing on this machine or in this kind of install, because it is for another system,
   * an extra or a development tool.
   */
  readonly optional: boolean
}

/** An entry of a lock file, as its reader parsed it. */
export type Entry =
  | { readonly kind: 'package'; readonly locked: LockedPackage }
  /** No version is pinned: a file, an address or a range. The name is missing if the entry has none. */
  | { readonly kind: 'unversioned'; readonly name?: string | undefined }
  /** The project itself, a folder of its workspace, or a link to one. */
  | { readonly kind: 'own' }
  | { readonly kind: 'unknown' }

/** The parsed part of a lock file. */
export interface Locked {
  readonly packages: readonly LockedPackage[]
  /** Names of packages for which no version is locked. */
  readonly unversioned: readonly string[]
  /**
   * Number of entries that name no package, such as the address of an archive or another requirements file.
   */
  readonly unnamed: number
  /**
   * Number of entries counted independently of the reader, and number of entries that the reader understood.
   */
  readonly entries: { readonly seen: number; readonly understood: number }
  /** Part of the file that cannot be compared, as a message. */
  readonly notCompared?: string | undefined
}

/**
 * Collect the entries that a reader parsed.
 *
 * @param seen Number of entries in the file, counted independently of the reader. If a parser returns the
 * list of entries, its length.
 */
export function collectEntries(
  entries: readonly Entry[],
  seen: number = entries.length,
  notCompared?: string,
): Locked {
  const names = entries.flatMap((entry) => (entry.kind === 'unversioned' ? [entry.name] : []))
  return {
    packages: entries.flatMap((entry) => (entry.kind === 'package' ? [entry.locked] : [])),
    unversioned: names.filter((name) => name !== undefined),
    unnamed: names.filter((name) => name === undefined).length,
    entries: { seen, understood: entries.filter(({ kind }) => kind !== 'unknown').length },
    notCompared,
  }
}

/** Error thrown by a reader for a file of an unexpected form; the message is the reason. */
export class NotLocked extends Error {}

/** Parse JSON as the tool that wrote it does, with or without a byte order mark. @throws NotLocked. */
export function parseJsonLock(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch {
    throw new NotLocked('cannot be parsed')
  }
}

/** Check that a value is an object, and return it. @throws NotLocked for any other value. */
export function objectOf(value: unknown): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new NotLocked('it is of a form that is not known')
}

/** Options of the comparison. */
export interface DriftOptions {
  /**
   * True if each package has at most one installed version, as in Python: any of the locked versions matches.
   */
  readonly single: boolean
  /** Installed packages that lock files of this kind never list: the tools themselves. */
  readonly ignore: ReadonlySet<string>
  /**
   * True if every package of the lock file is known, so that any other package is not locked. @default true
   */
  readonly complete?: boolean | undefined
}

/**
 * Compare the locked packages with the installed ones, sorted by name.
 *
 * @param installed Names, each with its versions.
 */
export function findDrift(
  locked: readonly LockedPackage[],
  installed: Readonly<Record<string, readonly string[]>>,
  { single, ignore, complete = true }: DriftOptions,
): Drift[] {
  const wanted = new Map<string, { all: Set<string>; required: Set<string> }>()
  for (const { name, version, optional } of locked) {
    const entry = wanted.get(name) ?? { all: new Set(), required: new Set() }
    wanted.set(name, entry)
    entry.all.add(version)
    if (!optional) entry.required.add(version)
  }
  const installedVersions = new Map(Object.entries(installed))
  const drift: Drift[] = []
  for (const [name, { all, required }] of wanted) {
    const versions = installedVersions.get(name) ?? []
    // Entries of the file that are not understood may pin another version of this package.
    const strange = (complete || single) && versions.some((version) => !all.has(version))
    const missing = single
      ? required.size > 0 && versions.length === 0
      : [...required].some((version) => !versions.includes(version))
    if (strange || missing)
      drift.push({ package: name, locked: listed([...all]), installed: listed(versions) })
  }
  for (const [name, versions] of installedVersions) {
    if (complete && !wanted.has(name) && !ignore.has(name))
      drift.push({ package: name, locked: null, installed: listed(versions) })
  }
  return drift.toSorted((a, b) => (a.package < b.package ? -1 : 1))
}

function listed(versions: readonly string[]): string | null {
  return versions.length === 0 ? null : versions.toSorted().join(', ')
}
