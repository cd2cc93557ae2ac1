/** Rebuilding of the Python environment of a run, from its lock file or from the recorded versions. */
import { isInside } from '../../util/paths.ts'
import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { platform } from 'node:process'
import { runProgram } from '../../subprocess/run.ts'
import { storeError, isReachable, writeAtomic } from '../../util/fs.ts'
import { item } from '../types.ts'
import { requirementsOf } from './requirements.ts'
import { isInstalled, runTool } from './tool.ts'
import type { PackageVersions, PresentSource, RecordedSources } from '../../capture/environment/types.ts'
import type { TreeMap } from '../paths.ts'
import type { ReproduceItem } from '../types.ts'
import type { ToolContext } from './tool.ts'

/** A rebuilt environment. */
export interface RebuiltPython {
  readonly items: readonly ReproduceItem[]
  /** Absolute path of the new environment. */
  readonly folder: string
  /** Path of the recorded environment. */
  readonly before: string
}

/** The source `python` of a recorded environment whose packages are known. */
export type RecordedPython = PresentSource<RecordedSources['python']> & {
  readonly packages: PackageVersions
}

/** The input of a rebuild of Python. */
export interface PythonRebuild {
  readonly recorded: RecordedPython
  /** The working folder of the run in the new tree. */
  readonly directory: string
  readonly target: string
  readonly map: TreeMap
}

const PROGRAMS = platform === 'win32' ? 'Scripts' : 'bin'

/** Return the path of the interpreter of an environment. */
export function pythonIn(environment: string): string {
  return join(environment, PROGRAMS, platform === 'win32' ? 'python.exe' : 'python')
}

/** Return the path of the program folder of an environment. */
export function programsIn(environment: string): string {
  return join(environment, PROGRAMS)
}

/**
 * Create a new environment with the recorded packages. The environment that the run used is not changed.
 *
 * @throws ERR_LINEAPRINT_COMMAND with the last lines of the tool that failed.
 */
export async function rebuildPython(plan: PythonRebuild, context: ToolContext): Promise<RebuiltPython> {
  const { recorded, target, map } = plan
  const before = recorded.prefix ?? ''
  // Scripts contain the path of the environment, so it is kept if it was in the tree. Otherwise a folder is
  // used that no capture reads.
  const folder =
    recorded.virtualEnvironment === true && map.covers(before)
      ? map.path(before)
      : join(target, '.lineaprint', 'environment')
  const base = await findBase(recorded, context)
  const hasUv = await isInstalled('uv', context)
  const how = await install(plan, folder, base.command, hasUv, context)
  const items: ReproduceItem[] = [item('environment', 'python', 'rebuilt', how.detail)]
  if (base.version !== recorded.version) {
    const detail = `Python ${recorded.version ?? ''} is not installed; ${base.version} was used`
    items.push(item('environment', 'python.version', 'not-restored', detail))
  }
  if (how.skipped.length > 0) {
    const detail = `not from an index, or in an unknown format: ${how.skipped.slice(0, 5).join(', ')}`
    items.push(item('environment', 'python.packages', 'not-restored', detail))
  }
  return { items, folder, before }
}

interface Installed {
  readonly detail: string
  readonly skipped: readonly string[]
}

async function install(
  plan: PythonRebuild,
  folder: string,
  base: string,
  hasUv: boolean,
  context: ToolContext,
): Promise<Installed> {
  const { recorded, directory, target, map } = plan
  const lock = await findFile('uv.lock', directory, target)
  if (lock !== undefined && hasUv && isExact(recorded, 'uv.lock')) {
    const variables: NodeJS.ProcessEnv = {
      ...context.variables,
      UV_PROJECT_ENVIRONMENT: folder,
      UV_PYTHON_DOWNLOADS: 'never',
    }
    const { VIRTUAL_ENV: _, ...rest } = variables
    await runTool(['uv', 'sync', '--frozen', '--python', base], dirname(lock), {
      ...context,
      variables: rest,
    })
    return { detail: 'by uv sync --frozen from uv.lock', skipped: [] }
  }
  await makeEnvironment(folder, base, hasUv, context)
  const pip = hasUv
    ? ['uv', 'pip', 'install', '--quiet', '--python', pythonIn(folder)]
    : [pythonIn(folder), '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input']
  const tool = hasUv ? 'uv pip install' : 'pip install'
  const file = await findFile('requirements.txt', directory, target)
  if (file !== undefined && isExact(recorded, 'requirements.txt')) {
    await runTool([...pip, '-r', file], dirname(file), context)
    return { detail: `by ${tool} -r requirements.txt`, skipped: [] }
  }
  const { text, count, skipped } = requirementsOf(recorded, (value) => map.text(value))
  const list = join(folder, 'lineaprint-requirements.txt')
  await writeAtomic(list, text)
  if (count > 0) await runTool([...pip, '--no-deps', '-r', list], directory, context)
  const versions = count === 1 ? 'the one recorded version' : `the ${count} recorded versions`
  return { detail: `by ${tool} of ${versions}`, skipped }
}

/**
 * Check whether a lock file describes everything that was installed. It is the better source then, because it
 * has hashes and addresses.
 */
function isExact({ lockFiles, unseen = {} }: RecordedPython, name: string): boolean {
  const file = lockFiles[name]
  if (file === undefined || file.drift === null) return false
  return file.driftCount === 0 && unseen[`lockFiles.${name}`] === undefined
}

async function makeEnvironment(
  folder: string,
  base: string,
  hasUv: boolean,
  context: ToolContext,
): Promise<void> {
  await orWriteError(folder, mkdir(dirname(folder), { recursive: true }))
  const argv = hasUv
    ? ['uv', 'venv', '--quiet', '--no-project', '--python', base, folder]
    : [base, '-m', 'venv', folder]
  await runTool(argv, dirname(folder), context)
  // Before Python 3.13 venv does not create this file, which keeps thousands of files out of `git status`.
  await writeAtomic(join(folder, '.gitignore'), '*\n')
}

/** Find the Python that the environment was created from; else one of that version on PATH; else any. */
async function findBase(
  recorded: RecordedPython,
  context: ToolContext,
): Promise<{ command: string; version: string }> {
  const recordedVersion = recorded.version ?? ''
  const short = /^\d+\.\d+/.exec(recordedVersion)?.[0] ?? '3'
  const prefix = recorded.basePrefix ?? ''
  const inPrefix = [`python${short}`, 'python3', 'python'].map((name) => join(prefix, PROGRAMS, name))
  let fallback: { command: string; version: string } | undefined
  for (const command of [...inPrefix, `python${short}`, 'python3', 'python']) {
    const version = await versionOf(command, context)
    if (version === recordedVersion) return { command, version }
    if (version !== undefined) fallback ??= { command, version }
  }
  if (fallback !== undefined) return fallback
  // If no Python exists, the error of this last attempt is reported.
  await runTool(['python3', '--version'], '/', context)
  return { command: 'python3', version: '' }
}

async function versionOf(command: string, { variables, signal }: ToolContext): Promise<string | undefined> {
  if (command.includes('/') && !(await isReachable(command))) return undefined
  const options = { directory: '/', environment: variables, timeout: 20_000, signal }
  const program = 'import platform; print(platform.python_version())'
  const result = await runProgram(command, ['-I', '-c', program], options)
  return result.status === 'ended' && result.code === 0 ? result.stdout.toString().trim() : undefined
}

/** Find a file in the working folder of the run, or in a parent folder inside the tree. */
async function findFile(name: string, directory: string, target: string): Promise<string | undefined> {
  for (let folder = directory; isInside(target, folder); folder = dirname(folder)) {
    if (await isReachable(join(folder, name))) return join(folder, name)
    if (folder === target) return undefined
  }
  return undefined
}

async function orWriteError<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw storeError(path, 'it cannot be written', cause)
  }
}
