/** Rebuilding of the packages of the recorded run, in the new work tree and before its command. */
import { inputExists } from '../inputs.ts'
import { isInside } from '../../util/paths.ts'
import { basename, delimiter, isAbsolute, join, relative, resolve } from 'node:path'
import { captureNamed, environmentOf } from '../../capture/records.ts'
import { item } from '../types.ts'
import { rebuildModules } from './javascript.ts'
import { programsIn, rebuildPython } from './python.ts'
import type { EnvironmentCapture, RecordedSources } from '../../capture/environment/types.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { TreeMap } from '../paths.ts'
import type { ReproduceItem } from '../types.ts'
import type { RebuiltPython } from './python.ts'
import type { ToolContext } from './tool.ts'

/** The rebuilt packages, and how the command finds them. */
export interface Rebuilt {
  readonly items: readonly ReproduceItem[]
  /** Variables that the command gets in addition to those of this process. */
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Return the command with programs of the old environment replaced by those of the new one. */
  command(argv: readonly string[]): Promise<string[]>
}

/** The result if nothing was rebuilt. */
export const NOT_REBUILT: Rebuilt = {
  items: [],
  variables: {},
  command: async (argv) => [...argv],
}

/** The input of a rebuild. */
export interface RebuildPlan {
  readonly run: StoredRun
  readonly map: TreeMap
  readonly target: string
  /** The working folder of the run in the new tree. */
  readonly directory: string
}

/**
 * Install the packages of the lock files of the tree, or the recorded versions. Package managers run install
 * scripts of these packages, as they did when the run was prepared.
 *
 * @throws ERR_LINEAPRINT_COMMAND with the last lines of the tool that failed or is missing.
 */
export async function rebuild(
  { run, map, target, directory }: RebuildPlan,
  context: Omit<ToolContext, 'variables'>,
): Promise<Rebuilt> {
  const environment = environmentOf(run.record)
  if (environment === undefined) {
    const capture = captureNamed(run.record, 'environment')
    const reason =
      capture?.status === 'failed' ? `its capture failed: ${capture.reason}` : 'it was not captured'
    return { ...NOT_REBUILT, items: [item('environment', 'rebuild', 'not-restored', reason)] }
  }
  const { npm, conda, python: recorded } = environment
  const tools: ToolContext = { ...context, variables: toolVariables() }
  const items: ReproduceItem[] = []
  if (npm.status === 'present') items.push(...(await rebuildModules(npm, directory, target, tools)))
  if (conda.status === 'present')
    items.push(item('environment', 'conda', 'not-restored', 'conda environments are not rebuilt'))
  if (recorded.status === 'absent' || !usesPython(run, recorded, hasActive(environment)))
    return { ...NOT_REBUILT, items: orNoManager(items) }
  const { packages } = recorded
  if (packages === null) {
    const reason = 'the Python packages were not recorded'
    return { ...NOT_REBUILT, items: [...items, item('environment', 'python', 'not-restored', reason)] }
  }
  const python = await rebuildPython({ recorded: { ...recorded, packages }, directory, target, map }, tools)
  return {
    items: [...items, ...python.items],
    variables: activate(python),
    command: (argv) => moveCommand(argv, run, python),
  }
}

function orNoManager(items: readonly ReproduceItem[]): readonly ReproduceItem[] {
  const nothing = 'the run used no known package manager'
  return items.length > 0 ? items : [item('environment', 'rebuild', 'not-restored', nothing)]
}

/**
 * Return the environment variables of tools, without those that would lead them into the environment of this
 * process.
 */
function toolVariables(): NodeJS.ProcessEnv {
  const { VIRTUAL_ENV: _, PYTHONHOME: __, PYTHONPATH: ___, ...rest } = process.env
  return rest
}

/**
 * Check whether the run used Python. An installed Python is captured in every run, but belongs only to runs
 * that use it.
 */
function usesPython(
  { record }: StoredRun,
  { lockFiles, virtualEnvironment, prefix, foundBy }: RecordedSources['python'],
  isActive: boolean,
): boolean {
  if (foundBy === 'bridge' || foundBy === 'proc') return true
  if (Object.keys(lockFiles).length > 0) return true
  const [program = ''] = record.command.argv
  if (/^(?:python|pypy)[\d.]*t?$/.test(basename(program).replace(/\.exe$/i, ''))) return true
  if (virtualEnvironment !== true) return false
  const path = resolve(record.command.workingDirectory, program)
  return isActive || (/[/\\]/.test(program) && isInside(prefix ?? '', path))
}

/** Check whether a virtual environment was active: everything that the command started used it. */
function hasActive({ variables }: EnvironmentCapture): boolean {
  return variables.status === 'present' && variables.recorded?.['VIRTUAL_ENV'] !== undefined
}

/** Return the variables that `activate` of the environment sets. */
function activate({ folder }: RebuiltPython): Record<string, string | undefined> {
  const path = process.env['PATH'] ?? ''
  return {
    VIRTUAL_ENV: folder,
    UV_PROJECT_ENVIRONMENT: folder,
    PATH: path === '' ? programsIn(folder) : `${programsIn(folder)}${delimiter}${path}`,
    PYTHONHOME: undefined,
  }
}

/**
 * Replace the program by that of the new environment, also if it was found on PATH. Paths of the old
 * environment in arguments are replaced as well.
 */
async function moveCommand(
  argv: readonly string[],
  { record }: StoredRun,
  { folder, before }: RebuiltPython,
): Promise<string[]> {
  const [program = '', ...rest] = argv
  const moved = rest.map((argument) => replacePath(argument, before, folder))
  if (!/[/\\]/.test(program)) {
    const newProgram = join(programsIn(folder), program)
    return [(await inputExists(newProgram)) ? newProgram : program, ...moved]
  }
  const path = isAbsolute(program) ? program : resolve(record.command.workingDirectory, program)
  if (!isInside(before, path)) return [program, ...moved]
  const newProgram = join(folder, relative(before, path))
  return [(await inputExists(newProgram)) ? newProgram : program, ...moved]
}

/** Replace an argument that is a path of the old environment, alone or after the equals sign of a flag. */
function replacePath(argument: string, before: string, folder: string): string {
  const at = argument.startsWith('-') ? argument.indexOf('=') + 1 : 0
  const path = argument.slice(at)
  return path.startsWith(before) && isInside(before, path)
    ? argument.slice(0, at) + folder + path.slice(before.length)
    : argument
}
