/** Rebuilding of `node_modules` from the lock file of the work tree, by the package manager that wrote it. */
import { isInside } from '../../util/paths.ts'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { item } from '../types.ts'
import { runTool } from './tool.ts'
import { plural } from '../../util/plural.ts'
import type { LockFileRecord, RecordedSources } from '../../capture/environment/types.ts'
import type { ReproduceItem } from '../types.ts'
import type { ToolContext } from './tool.ts'

/** The install command for each lock file. */
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

/** Return the install commands, without options, for lock files of these names. */
export function managersFor(names: readonly string[]): string[] {
  const commands = MANAGERS.filter(([name]) => names.includes(name)).map(([, argv]) =>
    argv('').slice(0, 2).join(' '),
  )
  return [...new Set(commands)]
}

/**
 * Install the packages of the lock file of the work tree. Without a lock file nothing is installed: versions
 * alone do not determine the layout of the packages.
 *
 * @param npm The npm source of the recorded run.
 * @param directory The working folder of the run in the new tree.
 * @param target The new tree.
 */
export async function rebuildModules(
  npm: Pick<RecordedSources['npm'], 'lockFiles' | 'packages'>,
  directory: string,
  target: string,
  context: ToolContext,
): Promise<ReproduceItem[]> {
  const { lockFiles, packages } = npm
  const names = Object.keys(lockFiles)
  const lock = await findLock(names, directory, target)
  if (lock === undefined) {
    const reason =
      names.length === 0
        ? 'the run had no lock file, so the layout of node_modules is unknown'
        : `${names.join(', ')} is not in the work tree`
    return packages === null && names.length === 0 ? [] : [item('environment', 'npm', 'not-restored', reason)]
  }
  await runTool(lock.argv, lock.folder, context)
  const departed = departedFrom(lockFiles[lock.name])
  const command = lock.argv.slice(0, 2).join(' ')
  return [item('environment', 'npm', 'rebuilt', `by ${command} from ${lock.name}${departed}`)]
}

/** Describe how far the recorded packages differed from the lock file. */
function departedFrom(file: LockFileRecord | undefined): string {
  if (file === undefined || file.drift === null) return ''
  // The file could not be parsed completely.
  if (file.driftCount === null) return '; it is not known how many packages differed from it during the run'
  return file.driftCount > 0 ? `; ${plural(file.driftCount, 'package')} differed from it during the run` : ''
}

interface Lock {
  readonly name: string
  readonly folder: string
  readonly argv: readonly string[]
}

/** Find the lock file in the nearest parent folder that has one, without leaving the tree. */
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
