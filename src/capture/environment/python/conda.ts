/**
 * The source `conda`, read from the records of the active environment: starting conda takes seconds and is
 * not needed.
 */
import { systemReason } from '../../../util/fs.ts'
import { readdir, realpath } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { platform } from 'node:process'
import { NotAvailable, NotApplicable, NotRequested } from '../../../util/not-available.ts'
import { mapConcurrently } from '../../../util/concurrency.ts'
import { redactUrl } from '../../../secrets/redact.ts'
import { compareUtf8 } from '../../../util/text-order.ts'
import { plural } from '../../../util/plural.ts'
import { isInside } from '../../../util/paths.ts'
import { readHint } from '../files.ts'
import type { Source } from '../source.ts'
import type { CondaPackage } from '../types.ts'

/** Number of records that are read concurrently; each can have several megabytes. */
const AT_ONCE = 16

/**
 * Source of the packages of `$CONDA_PREFIX`, or of the conda on `PATH`. The variables that an environment
 * sets are not read, because they may hold tokens.
 */
export const condaSource: Source<'conda'> = {
  name: 'conda',
  probe: async ({ variables, signal, warnings, unseen, options }) => {
    if (!options.packages) throw new NotRequested('packages are not captured (environment.packages is false)')
    const prefix = await findPrefix(variables)
    const { packages, broken } = await readCondaPackages(prefix, signal)
    if (broken > 0) {
      const reason = `${plural(broken, 'record')} of conda-meta cannot be read`
      warnings.push(reason)
      unseen.set('packages', reason)
    }
    for (const field of ['build', 'channel'] as const) {
      const without = packages.filter(([, entry]) => entry[field] === null).length
      if (without > 0) unseen.set(`packages.*.${field}`, `${without} package records lack this field`)
    }
    return { prefix, name: basename(prefix), packages: Object.fromEntries(packages) }
  },
}

/** More packages than this are refused: no environment has them. */
const PACKAGE_LIMIT = 20_000

/**
 * Read the packages of an environment from its folder `conda-meta`. Files outside of the prefix are not read,
 * not even through a link.
 *
 * @throws NotAvailable if the folder cannot be listed.
 */
export async function readCondaPackages(
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly packages: readonly (readonly [string, CondaPackage])[]; readonly broken: number }> {
  const folder = join(prefix, 'conda-meta')
  let names: string[]
  let root: string
  try {
    root = await realpath(prefix)
    names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted(compareUtf8)
  } catch (error) {
    throw new NotAvailable(`${folder} cannot be listed: ${systemReason(error)}`)
  }
  if (names.length > PACKAGE_LIMIT) throw new NotAvailable(`${folder} has over ${PACKAGE_LIMIT} packages`)
  const read = await mapConcurrently(names, AT_ONCE, async (name) => {
    signal?.throwIfAborted()
    const path = await realpath(join(folder, name)).catch(() => '')
    return isInside(root, path) ? parsePackage((await readHint(path)) ?? '') : undefined
  })
  const packages = read.filter((entry) => entry !== undefined)
  return { packages, broken: read.length - packages.length }
}

async function findPrefix(variables: NodeJS.ProcessEnv): Promise<string> {
  const active = variables['CONDA_PREFIX']
  if (active !== undefined && active !== '') return active
  const program = platform === 'win32' ? 'conda.exe' : 'conda'
  for (const folder of (variables['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue
    const path = await realpath(join(folder, program)).catch(() => undefined)
    // The path is `<prefix>/bin/conda`, `<prefix>/condabin/conda` or `<prefix>/Scripts/conda.exe`.
    if (path !== undefined) return dirname(dirname(path))
  }
  throw new NotApplicable('CONDA_PREFIX is not set and conda is not on PATH')
}

function parsePackage(text: string): [string, CondaPackage] | undefined {
  try {
    const { name, version, build, channel } = JSON.parse(text) as Record<string, unknown>
    if (typeof name !== 'string' || typeof version !== 'string') return undefined
    return [
      name,
      {
        version,
        build: typeof build === 'string' ? build : null,
        channel: typeof channel === 'string' ? redactUrl(channel) : null,
      },
    ]
  } catch {
    return undefined
  }
}
