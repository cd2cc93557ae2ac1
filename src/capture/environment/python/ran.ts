/**
 * The Pythons that a run started. The capture at its start can only search for one; the programs report theirs, and the
 * capture is then corrected.
 */
import { realpath } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { NotAvailable } from '../../../util/not-available.ts'
import { isReachable } from '../../../util/fs.ts'
import { createFrameworksSource } from '../frameworks.ts'
import { probeSource } from '../source.ts'
import { createCondaSource } from './conda.ts'
import { probe } from './find.ts'
import { readPathPackages } from './metadata.ts'
import { NO_OTHER_PYTHON } from './other.ts'
import { createPythonSources, shared } from './python.ts'
import type { EnvironmentOptions } from '../../../config/groups.ts'
import type { Installed } from '../javascript/installed.ts'
import type { SourceContext } from '../source.ts'
import type {
  CapturedEnvironment,
  FrameworksFindings,
  OtherPython,
  PresentSource,
  SourceState,
} from '../types.ts'
import type { ProbedPython, PythonAnswer } from './find.ts'

/** Evidence that a Python ran: its program reported it, or its process was seen. */
export type PythonEvidence = 'bridge' | 'proc'

/** A Python that ran. */
export interface RanPython {
  readonly foundBy: PythonEvidence
  readonly executable: string
  /** The report of its program; absent for a process that was only seen. */
  readonly reported?: {
    readonly prefix: string
    readonly basePrefix: string
    readonly version: string
    readonly implementation: string
    /** Folders in which it searches modules. */
    readonly paths: readonly string[]
  }
  /** Why its files cannot be read from here; absent if they can. */
  readonly unreadable?: string | undefined
}

/** The sources that depend on the Python. */
type PythonSources = Pick<CapturedEnvironment, 'python' | 'pip' | 'conda' | 'frameworks'>

/** A Python that ran, with what was read of it. */
export interface DescribedPython {
  readonly ran: RanPython
  readonly sources: PythonSources
  readonly warnings: readonly string[]
}

/** The context of {@link describeRanPython}. */
export interface RanContext {
  /** The folder that the run works in. */
  readonly directory: string
  readonly variables: NodeJS.ProcessEnv
  readonly options: EnvironmentOptions
  readonly signal?: AbortSignal | undefined
}

/** Return whether another Python is the one that ran: equal prefixes are one environment. */
export async function isSamePython(
  { reported, executable }: RanPython,
  other: { readonly prefix?: string; readonly executable?: string },
): Promise<boolean> {
  if (reported !== undefined && other.prefix !== undefined)
    return (await resolved(reported.prefix)) === (await resolved(other.prefix))
  const [first, second] = await Promise.all([
    identityOf(executable, reported?.prefix),
    identityOf(other.executable ?? '', other.prefix),
  ])
  return first === second
}

/** Return the folder of a virtual environment, whose interpreter is a link; the interpreter of every other Python. */
async function identityOf(executable: string, prefix = dirname(dirname(executable))): Promise<string> {
  const isVirtual = await isReachable(join(prefix, 'pyvenv.cfg'))
  return resolved(isVirtual ? prefix : executable)
}

function resolved(path: string): Promise<string> {
  return realpath(path).catch(() => path)
}

/**
 * Describe a Python that ran, as the capture describes the one that it finds. Its program is started once more to list
 * its packages; if that is not possible, the metadata of its packages is read as data.
 */
export async function describeRanPython(ran: RanPython, context: RanContext): Promise<DescribedPython> {
  const find = shared((source: SourceContext) => answerOf(ran, source))
  const [pythonSource, pipSource] = createPythonSources(find)
  const [python, pip, conda, frameworks] = await Promise.all([
    probeSource(pythonSource, context),
    probeSource(pipSource, context),
    probeSource(createCondaSource(find), context),
    probeSource(createFrameworksSource(noModules, find), context),
  ])
  const described =
    python.value.status === 'present' ? { ...python.value, foundBy: ran.foundBy } : python.value
  return {
    ran,
    sources: { python: described, pip: pip.value, conda: conda.value, frameworks: frameworks.value },
    warnings: [python, pip, conda, frameworks].flatMap(({ warnings }) => warnings),
  }
}

/** JavaScript modules stay as they were captured. */
function noModules(): Promise<Installed> {
  return Promise.resolve({ packages: null, from: null, unseen: new Map<string, string>() })
}

async function answerOf(ran: RanPython, context: SourceContext): Promise<ProbedPython> {
  const { executable, reported, unreadable } = ran
  const command = executable === '' ? (reported?.implementation ?? 'python') : executable
  if (unreadable !== undefined) {
    if (reported === undefined) throw new NotAvailable(`${executable}: ${unreadable}`)
    return { command, answer: { ...bare(executable, reported), packages: null, unreadPackages: unreadable } }
  }
  let failure: string
  try {
    if (executable === '') throw new NotAvailable('it reported no executable')
    const answer = await probe(executable, context, reported?.paths)
    if (reported === undefined || (await isSamePython(ran, answer))) return { command, answer }
    failure = `it now has the prefix ${answer.prefix}`
  } catch (error) {
    if (!(error instanceof NotAvailable) || context.signal.aborted) throw error
    failure = error.message
  }
  if (reported === undefined) throw new NotAvailable(`${executable} ran and cannot be described: ${failure}`)
  const { packages, direct, broken } = await readPathPackages(reported.paths, context.signal)
  const unread = Object.fromEntries(
    packages.map(([name]) => [name, `this Python cannot be started: ${failure}`]),
  )
  return { command, answer: { ...bare(executable, reported), packages, direct, broken, unread } }
}

/** Return what a program reported, in the form of an answer of the probe. */
function bare(
  executable: string,
  { prefix, basePrefix, version, implementation }: NonNullable<RanPython['reported']>,
): Omit<PythonAnswer, 'packages'> {
  return {
    version,
    implementation: IMPLEMENTATIONS.get(implementation) ?? implementation,
    executable,
    prefix,
    basePrefix,
    direct: {},
    builds: {},
    unread: {},
    broken: 0,
  }
}

/** `platform.python_implementation()` by `sys.implementation.name`. */
const IMPLEMENTATIONS: ReadonlyMap<string, string> = new Map([
  ['cpython', 'CPython'],
  ['pypy', 'PyPy'],
])

/** The result of {@link withRanPythons}. */
export interface CorrectedEnvironment {
  readonly value: CapturedEnvironment
  readonly warnings: readonly string[]
}

/**
 * Correct a capture of the start by the Pythons that ran. The first of them is that of the run; the others are listed.
 *
 * @param captured The capture of the start.
 * @param ran The Pythons that ran, the most important first. One without a description is the captured one.
 */
export function withRanPythons(
  { value, warnings }: CorrectedEnvironment,
  ran: readonly (DescribedPython | RanPython)[],
): CorrectedEnvironment {
  const [first, ...others] = ran
  if (first === undefined) return { value, warnings }
  const otherPythons = listOthers(others, value)
  if (!('sources' in first)) {
    const { python } = value
    const own = python.status === 'present' ? { ...python, foundBy: first.foundBy } : python
    return { value: { ...value, python: own, otherPythons }, warnings }
  }
  const { sources } = first
  return {
    value: {
      ...value,
      ...sources,
      frameworks: mergeFrameworks(value.frameworks, sources.frameworks),
      otherPythons,
    },
    // Those of the captured Python are about one that did not run.
    warnings: [...warnings.filter((text) => !ABOUT_PYTHON.test(text)), ...first.warnings],
  }
}

const ABOUT_PYTHON = /^(?:python|pip|conda|frameworks): /

function listOthers(
  others: readonly (DescribedPython | RanPython)[],
  { python }: CapturedEnvironment,
): CapturedEnvironment['otherPythons'] {
  const pythons = others.map((other): OtherPython => {
    const { foundBy, executable } = 'sources' in other ? other.ran : other
    const source = 'sources' in other ? other.sources.python : python
    if (source.status === 'absent') return { foundBy, executable, reason: source.reason }
    const { prefix, basePrefix, version, implementation, packages, direct } = source
    const reason = packages === null ? { reason: source.unseen?.['packages'] ?? 'not known' } : {}
    return { foundBy, executable, prefix, basePrefix, version, implementation, packages, direct, ...reason }
  })
  return pythons.length === 0 ? NO_OTHER_PYTHON : { status: 'present', pythons }
}

/** Return the Python part of the second source, and the JavaScript part of the first. */
function mergeFrameworks(
  before: SourceState<FrameworksFindings>,
  after: SourceState<FrameworksFindings>,
): SourceState<FrameworksFindings> {
  if (before.status === 'absent' || Object.keys(before.javascript).length === 0) return after
  const own: PresentSource<FrameworksFindings> =
    after.status === 'present' ? after : { status: 'present', python: {}, libraries: {}, javascript: {} }
  const unseen = {
    ...own.unseen,
    ...Object.fromEntries(
      Object.entries(before.unseen ?? {}).filter(([field]) => field.startsWith('javascript.')),
    ),
    ...(after.status === 'absent' && after.exists !== false && { python: after.reason }),
  }
  const { unseen: _, ...rest } = own
  return { ...rest, javascript: before.javascript, ...(Object.keys(unseen).length > 0 && { unseen }) }
}
