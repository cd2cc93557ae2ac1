/** Installed packages by name, each with all its versions. */
import { compareUtf8 } from '../../util/text-order.ts'

/** One installed package. */
export interface Package {
  readonly name: string
  readonly version: string
}

/**
 * Group packages by name, sorted by UTF-8 bytes, each with its versions, sorted likewise and without
 * duplicates.
 */
export function collectPackages(packages: readonly Package[]): Record<string, string[]> {
  const versions = new Map<string, Set<string>>()
  for (const { name, version } of packages) {
    const known = versions.get(name)
    if (known) known.add(version)
    else versions.set(name, new Set([version]))
  }
  return Object.fromEntries(
    [...versions]
      .toSorted(([a], [b]) => compareUtf8(a, b))
      .map(([name, known]) => [name, [...known].toSorted(compareUtf8)]),
  )
}
