/** The Python that a run uses, and the answer of the probe that runs in it. */
import { isReachable } from '../../../util/fs.ts'
import { isInside } from '../../../util/paths.ts'
import { realpath } from 'node:fs/promises'
import { basename, delimiter, dirname, isAbsolute, join, resolve } from 'node:path'
import { platform } from 'node:process'
import { NotAvailable, NotApplicable } from '../../../util/not-available.ts'
import { pythonOfShim } from './pyenv.ts'
import { PYTHON_PROBE, PROBE_MARK } from './probe.ts'
import { queryProgram } from '../source.ts'
import type { SourceContext } from '../source.ts'

/** The answer of the probe. */
export interface PythonAnswer {
  readonly version: string
  readonly implementation: string
  readonly compiler?: string | undefined
  readonly executable: string
  readonly prefix: string
  readonly basePrefix: string
  readonly packages: readonly (readonly [name: string, version: string])[] | null
  /** Why the packages are not known. @default this Python cannot list them */
  readonly unreadPackages?: string
  /** Packages that were not installed from an index, with the JSON of PEP 610. */
  readonly direct: Readonly<Record<string, string>>
  /** Constants of the build files of frameworks, by package and path. */
  readonly builds: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Reasons why the build file of a framework could not be read, by name. */
  readonly unread: Readonly<Record<string, string>>
  readonly broken: number
}

/** A Python and its answer. */
export interface ProbedPython {
  /** The program that was started. */
  readonly command: string
  readonly answer: PythonAnswer
}

/** Find a Python. Sources that share this function share one start of Python. */
export type FindPython = (context: SourceContext) => Promise<ProbedPython>

/** Probe the candidates in order, and return the first Python that answers. */
export async function findPython(context: SourceContext): Promise<ProbedPython> {
  const failures: NotAvailable[] = []
  for (const command of await candidates(context)) {
    try {
      return { command, answer: await probe(command, context) }
    } catch (error) {
      if (!(error instanceof NotAvailable) || context.signal.aborted) throw error
      failures.push(error)
    }
  }
  const reasons = failures.map((failure) => failure.message).join('; ')
  throw failures.every((failure) => failure instanceof NotApplicable)
    ? new NotApplicable(reasons)
    : new NotAvailable(reasons)
}

const INSIDE = platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']

/** Programs that run a command in the environment of the project. */
const RUNNERS: ReadonlySet<string> = new Set(['uv', 'poetry', 'pdm', 'hatch', 'pipenv', 'rye'])

/** Return the Python of the command, that of the active environment, then those on `PATH`. */
async function candidates(context: SourceContext): Promise<string[]> {
  const active = context.variables['VIRTUAL_ENV']
  const own = await pythonOfCommand(context)
  const inside = active === undefined || active === '' ? [] : [join(active, ...INSIDE)]
  return [...new Set([...(own === undefined ? [] : [own]), ...inside, 'python3', 'python'])]
}

/**
 * Return the Python of a command such as `.venv/bin/python train.py`, `python3.12 …`, `.venv/bin/accelerate
 * …` or `uv run …`.
 */
async function pythonOfCommand({
  command,
  directory,
  inspection,
}: SourceContext): Promise<string | undefined> {
  const [program = ''] = command ?? []
  const name = basename(program).replace(/\.exe$/i, '')
  const isPath = /[/\\]/.test(program)
  const path = isAbsolute(program) ? program : resolve(directory, program)
  if (/^(?:python|pypy)[\d.]*t?$/.test(name)) return isPath ? path : program
  // The person named only the command, and a file of the folder would name the Python.
  if (inspection !== undefined) return undefined
  if (isPath) {
    const sibling = join(dirname(path), INSIDE[1] ?? '')
    return (await isReachable(join(dirname(path), '..', 'pyvenv.cfg'))) && (await isReachable(sibling))
      ? sibling
      : undefined
  }
  if (!RUNNERS.has(name)) return undefined
  const project = join(directory, '.venv', ...INSIDE)
  return (await isReachable(project)) ? project : undefined
}

/** Return whether a Python belongs to the virtual environment in a folder. */
export async function isPythonOf(answer: PythonAnswer, folder: string): Promise<boolean> {
  const [prefix, environment] = await Promise.all(
    [answer.prefix, folder].map((path) => realpath(path).catch(() => path)),
  )
  return prefix === environment
}

/**
 * Start a Python with the probe.
 *
 * @param more Folders of its module path that it does not have by itself.
 * @throws NotAvailable if it does not answer.
 */
export async function probe(
  command: string,
  context: SourceContext,
  more: readonly string[] = [],
): Promise<PythonAnswer> {
  const program = pythonOfShim(command, context) ?? command
  const { environment, folders } = pythonPath(context)
  const listed = [...folders, ...more]
  const output = await queryProgram(program, ['-c', PYTHON_PROBE, ...listed], context, {
    // Since 3.13, Python imports modules for `-c` before the probe can remove the working folder from the module path.
    environment: { ...environment, PYTHONSAFEPATH: '1' },
  })
  // Code that runs at the start of every Python may print as well.
  const line = output.split('\n').findLast((text) => text.startsWith(PROBE_MARK))
  if (line === undefined) throw new NotAvailable(`${command}: the probe printed no result`)
  const answer = checkAnswer(parse(line.slice(PROBE_MARK.length)))
  if (answer === undefined) throw new NotAvailable(`${command}: the probe printed an unexpected result`)
  return answer
}

/**
 * Return the variables of the probe. Python imports `sitecustomize` from the folders of `PYTHONPATH` when it
 * starts. For a capture that is compared with a run, folders that are relative or below the working directory
 * are therefore removed, and the probe reads the packages in them as data.
 */
export function pythonPath({ variables, directory, inspection }: SourceContext): {
  environment: NodeJS.ProcessEnv
  folders: string[]
} {
  const { PYTHONPATH: path } = variables
  if (inspection === undefined || path === undefined || path === '')
    return { environment: variables, folders: [] }
  const parts = path.split(delimiter)
  const isOwn = (part: string): boolean =>
    isAbsolute(part) && ![directory, process.cwd()].some((folder) => isInside(folder, part))
  const kept = parts.filter(isOwn)
  // An empty value would be the working directory.
  const { PYTHONPATH: _, ...rest } = variables
  return {
    environment: kept.length === 0 ? rest : { ...rest, PYTHONPATH: kept.join(delimiter) },
    folders: parts.filter((part) => !isOwn(part) && part !== '' && part !== '.'),
  }
}

/**
 * Check the answer. This is written by hand instead of as a schema, because loading a schema delays the start
 * of every run.
 */
function checkAnswer(value: unknown): PythonAnswer | undefined {
  if (!isRecord(value)) return undefined
  const { packages, direct, builds = {}, unread = {}, broken, compiler } = value
  const texts = ['version', 'implementation', 'executable', 'prefix', 'basePrefix'].every(
    (name) => typeof value[name] === 'string',
  )
  const isValid =
    texts &&
    (packages === null || (Array.isArray(packages) && packages.every(isPair))) &&
    hasTexts(direct) &&
    hasTexts(unread) &&
    isRecord(builds) &&
    Object.values(builds).every(isRecord) &&
    Number.isSafeInteger(broken) &&
    (compiler === undefined || typeof compiler === 'string')
  return isValid ? ({ ...value, builds, unread } as unknown as PythonAnswer) : undefined
}

function isPair(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((part) => typeof part === 'string')
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function hasTexts(value: unknown): boolean {
  return isRecord(value) && Object.values(value).every((member) => typeof member === 'string')
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // The caller throws the error for an invalid answer.
    return undefined
  }
}
