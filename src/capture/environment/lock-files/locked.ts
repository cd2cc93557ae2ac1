/** What a lock file says is to be installed. */
import type { Drift } from '../types.ts'

/** One package of a lock file. */
export interface LockedPackage {
  readonly name: string
  readonly version: string
  /** Whether it may be left out on this machine or in this kind of install: another system, an extra, a development tool. */
  readonly optional: boolean
}

/** A lock file as far as it was understood. */
export interface Locked {
  readonly packages: readonly LockedPackage[]
  /** Packages that come from a file or an address, for which no version is locked. */
  readonly unversioned?: readonly string[] | undefined
  /** What of it cannot be compared, in plain words. */
  readonly notCompared?: string | undefined
}

/** Thrown by a reader for a file that is not of the form it reads; the message is the reason. */
export class NotLocked extends Error {}

/** How a comparison is made. */
export interface DriftOptions {
  /** One version of each package at a time, as Python has it: any of the locked ones will do. */
  readonly single: boolean
  /** Installed packages that no lock file of the kind names: the tools themselves. */
  readonly ignore: ReadonlySet<string>
}

/**
 * Compares what is locked with what is installed, package by package, sorted by name.
 *
 * @param installed Names, each with its versions.
 */
export function findDrift(
  locked: readonly LockedPackage[],
  installed: Readonly<Record<string, readonly string[]>>,
  { single, ignore }: DriftOptions,
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
    const strange = versions.some((version) => !all.has(version))
    const missing = single
      ? required.size > 0 && versions.length === 0
      : [...required].some((version) => !versions.includes(version))
    if (strange || missing)
      found.push({ package: name, locked: listed([...all]), installed: listed(versions) })
  }
  for (const [name, versions] of there) {
    if (!wanted.has(name) && !ignore.has(name))
      found.push({ package: name, locked: null, installed: listed(versions) })
  }
  return found.toSorted((a, b) => (a.package < b.package ? -1 : 1))
}

function listed(versions: readonly string[]): string | null {
  return versions.length === 0 ? null : versions.toSorted().join(', ')
}
