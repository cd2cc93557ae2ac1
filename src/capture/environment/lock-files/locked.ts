/** What a lock file says is to be installed. */
import type { Drift } from '../types.ts'

/** One package of a lock file. */
export interface LockedPackage {
  readonly name: string
  readonly version: string
  /** Whether it may be left out on this machine or in this kind of install: another system, an extra, a development tool. */
  readonly optional: boolean
}

/** What a reader makes of one entry of a lock file. */
export type Entry =
  | { readonly kind: 'package'; readonly locked: LockedPackage }
  /** It fixes no version: a file, an address, a range. Without a name where the entry has none. */
  | { readonly kind: 'unversioned'; readonly name?: string | undefined }
  /** The project itself, a folder of its workspace, or a link to one. */
  | { readonly kind: 'own' }
  | { readonly kind: 'unknown' }

/** A lock file as far as it was understood. */
export interface Locked {
  readonly packages: readonly LockedPackage[]
  /** Names of packages for which no version is locked. */
  readonly unversioned: readonly string[]
  /** Entries that name no package, such as the address of an archive or another file with requirements. */
  readonly unnamed: number
  /** Entries counted apart from the reader, and those that the reader understood. */
  readonly entries: { readonly seen: number; readonly understood: number }
  /** What of it cannot be compared, in plain words. */
  readonly notCompared?: string | undefined
}

/**
 * Collect what a reader made of the entries of a lock file.
 *
 * @param seen How many entries the file has, by a count that does not depend on the reader. Where a parser gives the
 *   list of entries, that is its length.
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

/** Thrown by a reader for a file that is not of the form it reads; the message is the reason. */
export class NotLocked extends Error {}

/** Parse JSON as the tool that wrote it does, behind a byte order mark or not. @throws NotLocked. */
export function parseJsonLock(text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown
  } catch {
    throw new NotLocked('cannot be parsed')
  }
}

/** Return an object as one. @throws NotLocked for anything else. */
export function objectOf(value: unknown): Record<string, unknown> {
  if (value !== null && typeof value === 'object' && !Array.isArray(value))
    return value as Record<string, unknown>
  throw new NotLocked('it is of a form that is not known')
}

/** How a comparison is made. */
export interface DriftOptions {
  /** One version of each package at a time, as Python has it: any of the locked ones will do. */
  readonly single: boolean
  /** Installed packages that no lock file of the kind names: the tools themselves. */
  readonly ignore: ReadonlySet<string>
  /** Whether every package of the lock file is known, so that another one is not locked. @default true */
  readonly complete?: boolean | undefined
}

/**
 * Compares what is locked with what is installed, package by package, sorted by name.
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
  const there = new Map(Object.entries(installed))
  const found: Drift[] = []
  for (const [name, { all, required }] of wanted) {
    const versions = there.get(name) ?? []
    // What is not known of the file may be another version of this package.
    const strange = (complete || single) && versions.some((version) => !all.has(version))
    const missing = single
      ? required.size > 0 && versions.length === 0
      : [...required].some((version) => !versions.includes(version))
    if (strange || missing)
      found.push({ package: name, locked: listed([...all]), installed: listed(versions) })
  }
  for (const [name, versions] of there) {
    if (complete && !wanted.has(name) && !ignore.has(name))
      found.push({ package: name, locked: null, installed: listed(versions) })
  }
  return found.toSorted((a, b) => (a.package < b.package ? -1 : 1))
}

function listed(versions: readonly string[]): string | null {
  return versions.length === 0 ? null : versions.toSorted().join(', ')
}
