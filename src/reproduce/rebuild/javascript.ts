/** Rebuilds `node_modules` from the lock file of the work tree, by the package manager that wrote it. */
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { asObject } from '../../capture/fields.ts'
import { isInside } from '../../util/paths.ts'
import { item } from '../types.ts'
import { runTool } from './tool.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { ReproduceItem } from '../types.ts'
import type { ToolContext } from './tool.ts'

/** What each lock file is installed by. */
const MANAGERS: readonly (readonly [lock: string, argv: (text: string) => readonly string[]])[] = [
  ['package-lock.json', () => ['npm', 'ci', '--no-audit', '--no-fund']],
  ['npm-shrinkwrap.json', () => ['npm', 'ci', '--no-audit', '--no-fund']],
  ['pnpm-lock.yaml', () => ['pnpm', 'install', '--frozen-lockfile']],
  [
    'yarn.lock',
    (text) => ['yarn', 'install', /^__metadata:/m.test(text) ? '--immutable' : '--frozen-lockfile'],
  ],
  ['bun.lock', () => ['bun', 'install', '--frozen-lockfile']],
  ['bun.lockb', () => ['bun', 'install', '--frozen-lockfile']],
]

/**
 * Installs what the lock file of the work tree says. Without one nothing is installed: versions alone do not say where
 * in the tree a package lay.
 *
 * @param found What the recorded run had, the source `npm` of its environment.
 * @param directory The folder in the new tree that the run works in.
 * @param target The new tree.
 */
export async function rebuildModules(
  found: JsonObject,
  directory: string,
  target: string,
  context: ToolContext,
): Promise<ReproduceItem[]> {
  const recorded = asObject(found['lockFiles'], 'npm.lockFiles')
  const lock = await findLock(Object.keys(recorded), directory, target)
  if (lock === undefined) {
    const names = Object.keys(recorded)
    const reason =
      names.length === 0
        ? 'the run had no lock file, so it is not known where in node_modules each package lay'
        : `${names.join(', ')} is not in the work tree`
    return found['packages'] === null && names.length === 0
      ? []
      : [item('environment', 'npm', 'not-restored', reason)]
  }
  await runTool(lock.argv, lock.folder, context)
  const departed = departedFrom(asObject(recorded[lock.name], lock.name))
  const command = lock.argv.slice(0, 2).join(' ')
  return [item('environment', 'npm', 'rebuilt', `by ${command} from ${lock.name}${departed}`)]
}

function departedFrom({ driftCount }: JsonObject): string {
  // The file was not understood as a whole.
  if (driftCount === null) return '; it is not known how many packages departed from it when the run was made'
  const drift = Number(driftCount ?? 0)
  return drift > 0 ? `; ${drift} packages departed from it when the run was made` : ''
}

interface Lock {
  readonly name: string
  readonly folder: string
  readonly argv: readonly string[]
}

/** The lock file of the nearest folder that has one, and none above the tree. */
async function findLock(
  names: readonly string[],
  directory: string,
  target: string,
): Promise<Lock | undefined> {
  for (let folder = directory; isInside(target, folder); folder = dirname(folder)) {
    for (const [name, argv] of MANAGERS) {
      if (!names.includes(name)) continue
      const isFile = await stat(join(folder, name)).then(
        (info) => info.isFile(),
        () => false,
      )
      if (isFile) return { name, folder, argv: argv(await readFile(join(folder, name), 'utf8')) }
    }
  }
  return undefined
}
