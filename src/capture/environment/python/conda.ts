/**
 * The source `conda`, read from the records of an environment: starting conda takes seconds and is
 * not needed.
 */
import { isFolder, systemReason } from '../../../util/fs.ts'
import { readdir, realpath } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { NotAvailable, NotApplicable, NotRequested } from '../../../util/not-available.ts'
import { mapConcurrently } from '../../../util/concurrency.ts'
import { redactUrl } from '../../../secrets/redact.ts'
import { compareUtf8 } from '../../../util/text-order.ts'
import { plural } from '../../../util/plural.ts'
import { isInside } from '../../../util/paths.ts'
import { readHint } from '../files.ts'
import type { Source, SourceContext } from '../source.ts'
import type { CondaFindings, CondaPackage } from '../types.ts'
import type { FindPython, PythonAnswer } from './find.ts'

/** Number of records that are read concurrently; each can have several megabytes. */
const AT_ONCE = 16

/**
 * Create the source of the packages of the conda environment that a Python belongs to. Variables of a shell do not
 * decide: they can name another environment than the one whose Python runs. The variables that an environment sets are
 * not read, because they may hold tokens.
 *
 * @param findPython Shared with the source `python`.
 */
export function createCondaSource(findPython: FindPython): Source<'conda'> {
  return { name: 'conda', probe: (context) => probeConda(context, findPython) }
}

async function probeConda(context: SourceContext, findPython: FindPython): Promise<CondaFindings> {
  const { signal, warnings, unseen, options } = context
  if (!options.packages) throw new NotRequested('packages are not captured (environment.packages is false)')
  const prefix = await findPrefix(context, findPython)
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

/**
 * Return the prefix of the environment: that of the Python, or of the Python that it was made from. Without any Python,
 * the active environment counts.
 */
async function findPrefix(context: SourceContext, findPython: FindPython): Promise<string> {
  let python: PythonAnswer
  try {
    python = (await findPython(context)).answer
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    const active = context.variables['CONDA_PREFIX']
    if (active !== undefined && active !== '') return active
    throw error
  }
  for (const prefix of [python.prefix, python.basePrefix])
    if (await isFolder(join(prefix, 'conda-meta'))) return prefix
  throw new NotApplicable(`the Python in ${python.prefix} does not belong to a conda environment`)
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
