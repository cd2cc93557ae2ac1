/** The sources `python` and `pip`: the Python that a run would use, and its packages. */
import { join } from 'node:path'
import { NotApplicable } from '../../../util/not-available.ts'
import { redactText, redactUrl } from '../../../secrets/redact.ts'
import {
  PYTHON_LOCK_FILES,
  describeLockFiles,
  findLockFiles,
  recordAbsentLockFiles,
} from '../lock-files/lock-files.ts'
import { collectPackages } from '../packages.ts'
import { readHint } from '../files.ts'
import { findPython, isPythonOf } from './find.ts'
import { recordMissingReason } from '../source.ts'
import { plural } from '../../../util/plural.ts'
import type { FindPython, PythonAnswer } from './find.ts'
import type { Source, SourceContext } from '../source.ts'
import type { DirectOrigin, PipFindings, PythonFindings } from '../types.ts'

/** Create the sources `python` and `pip`, which share one start of Python. */
export function createPythonSources(
  find: FindPython = shared(findPython),
): readonly [Source<'python'>, Source<'pip'>] {
  return [
    { name: 'python', probe: (context) => probePython(find, context) },
    { name: 'pip', probe: (context) => probePip(find, context) },
  ]
}

/** Return a function that calls the search once and gives all callers the same promise. */
export function shared<A extends readonly unknown[], R>(
  find: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  let answer: Promise<R> | undefined
  return (...args) => (answer ??= find(...args))
}

/** Return version, implementation, paths, installed packages, and lock files with their drift. */
async function probePython(find: FindPython, context: SourceContext): Promise<PythonFindings> {
  const { directory, warnings } = context
  const [{ command, answer }, files] = await Promise.all([
    find(context),
    findLockFiles(directory, Object.keys(PYTHON_LOCK_FILES), context),
  ])
  const environment = join(directory, '.venv')
  const isUnused =
    (await readHint(join(environment, 'pyvenv.cfg'))) !== undefined &&
    !(await isPythonOf(answer, environment))
  if (isUnused) warnings.push(`the folder has a .venv that is not active; ${command} was captured instead`)
  recordAbsentLockFiles(files, PYTHON_LOCK_FILES, context)
  const { packages, ...described } = describe(answer, context)
  const ignore = new Set([...TOOLS, ...editable(answer)])
  const options = { single: true, ignore }
  const lockFiles = await describeLockFiles(files, PYTHON_LOCK_FILES, packages, options, context)
  return { command, ...described, foundBy: 'search', packages, lockFiles }
}

/** Tools that create an environment, which most lock files do not list. */
const TOOLS = ['pip', 'setuptools', 'wheel', 'uv', 'distribute', 'pkg-resources']

/** Return the packages in editable mode: the project itself is installed as a link to its folder. */
function editable({ direct }: PythonAnswer): string[] {
  return Object.entries(direct).flatMap(([name, text]) => (directOrigin(text).editable ? [name] : []))
}

/** Return the version of pip from the package list of Python: starting pip takes a second. */
async function probePip(find: FindPython, context: SourceContext): Promise<PipFindings> {
  const { answer } = await find(context)
  const version = answer.packages?.find(([name]) => name === 'pip')?.[1]
  if (version === undefined) throw new NotApplicable('this Python has no pip')
  return { version }
}

function describe(
  answer: PythonAnswer,
  context: SourceContext,
): Omit<PythonFindings, 'command' | 'foundBy' | 'lockFiles'> {
  const { version, implementation, executable, prefix, basePrefix, direct, broken } = answer
  const { warnings, unseen } = context
  const reason = context.options.packages
    ? (answer.unreadPackages ?? 'this Python has no importlib.metadata')
    : 'packages are not captured (environment.packages is false)'
  const listed = context.options.packages ? answer.packages : null
  const packages = recordMissingReason(context, 'packages', listed, reason)
  if (packages === null && context.options.packages) warnings.push(`${reason}: its packages are not known`)
  if (broken > 0) {
    const unnamed = `${plural(broken, 'package has', 'packages have')} no readable name or version`
    warnings.push(unnamed)
    unseen.set('packages.broken', unnamed)
  }
  return {
    version,
    implementation,
    compiler: recordMissingReason(context, 'compiler', answer.compiler, 'this Python does not report it'),
    executable,
    prefix,
    basePrefix,
    virtualEnvironment: prefix !== basePrefix,
    packages: packages && collectPackages(packages.map(([name, number]) => ({ name, version: number }))),
    direct: Object.fromEntries(
      Object.entries(context.options.packages ? direct : {}).map(([name, text]) => [
        name,
        directOrigin(text),
      ]),
    ),
  }
}

/**
 * Parse the origin of a package that was not installed from an index. Two commits of it may have the same
 * version.
 */
export function directOrigin(text: string): DirectOrigin {
  const { url, vcs_info, dir_info } = recordOf(parse(text))
  const commit = recordOf(vcs_info)['commit_id']
  return {
    ...(typeof url === 'string' && { url: redactText(redactUrl(url)) }),
    ...(typeof commit === 'string' && { commit }),
    editable: recordOf(dir_info)['editable'] === true,
  }
}

function recordOf(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === 'object' ? (value as Record<string, unknown>) : {}
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // The origin is optional information; an invalid one is recorded as empty.
    return undefined
  }
}
