/** The source `npm`: lock files and installed packages of the project that a run works in. */
import { join } from 'node:path'
import { NotApplicable } from '../../../util/not-available.ts'
import { foldersUp, readIfPresent } from '../files.ts'
import {
  NPM_LOCK_FILES,
  describeLockFiles,
  findLockFiles,
  recordAbsentLockFiles,
} from '../lock-files/lock-files.ts'
import { findInstalled } from './installed.ts'
import { collectPackages } from '../packages.ts'
import { parseManifest } from './package-json.ts'
import { recordMissingReason, recordNonexistent } from '../source.ts'
import type { Installed } from './installed.ts'
import type { Source, SourceContext } from '../source.ts'
import type { NpmFindings, ProjectFindings } from '../types.ts'

/** Source of the project name, lock files with digests and drift, and installed packages. */
export const npmSource: Source<'npm'> = createNpmSource(findInstalled)

/** Create the source; the search of `node_modules` may be shared with other sources. */
export function createNpmSource(find: typeof findInstalled): Source<'npm'> {
  return { name: 'npm', probe: (context) => probeNpm(find, context) }
}

async function probeNpm(find: typeof findInstalled, context: SourceContext): Promise<NpmFindings> {
  const { directory, unseen } = context
  const project = await findProject(context)
  const files = await findLockFiles(directory, Object.keys(NPM_LOCK_FILES), context)
  if (project === undefined && files.length === 0)
    throw new NotApplicable('no package.json in this folder or a parent folder')
  const installed = context.options.packages ? await find(directory, context.signal) : NOT_WANTED
  recordAbsentLockFiles(files, NPM_LOCK_FILES, context)
  for (const [field, reason] of installed.unseen) {
    if (installed.isMissing === true) recordNonexistent(context, field, reason)
    else unseen.set(field, reason)
  }
  const packages = installed.packages && collectPackages(installed.packages)
  const options = { single: false, ignore: new Set<string>() }
  return {
    ...project,
    lockFiles: await describeLockFiles(files, NPM_LOCK_FILES, packages, options, context),
    packages,
    packagesFrom: installed.from,
  }
}

/** The result if packages are not captured: `node_modules` is not read. */
const NOT_WANTED: Pick<Installed, 'packages' | 'from' | 'unseen' | 'isMissing'> = {
  packages: null,
  from: null,
  unseen: new Map(
    ['packages', 'packagesFrom'].map((field) => [
      field,
      'packages are not captured (environment.packages is false)',
    ]),
  ),
}

async function findProject(context: SourceContext): Promise<ProjectFindings | undefined> {
  for await (const folder of foldersUp(context.directory)) {
    const path = join(folder, 'package.json')
    const bytes = await readIfPresent(path)
    if (bytes === undefined) continue
    const { name, version, packageManager, engines } = parseManifest(bytes.toString())
    const reason = 'package.json has no such field'
    return {
      name: recordMissingReason(context, 'name', name, reason),
      version: recordMissingReason(context, 'version', version, reason),
      // The value includes the version that Corepack would start.
      packageManager: recordMissingReason(context, 'packageManager', packageManager, reason),
      engines: recordMissingReason(context, 'engines', engines, reason),
    }
  }
  return undefined
}
