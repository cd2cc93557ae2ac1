/**
 * Comparison of the Python of a run where the shell of the person has another one. The recorded interpreter is never
 * started: a record can name any program. The metadata of its packages is read as data.
 */
import { realpath } from 'node:fs/promises'
import { basename } from 'node:path'
import { readCondaPackages } from '../capture/environment/python/conda.ts'
import { PrefixMissing, readPrefixPackages } from '../capture/environment/python/metadata.ts'
import { directOrigin } from '../capture/environment/python/python.ts'
import { environmentDigestFields } from '../capture/environment/digest-fields.ts'
import { collectPackages } from '../capture/environment/packages.ts'
import { parseEnvironmentCapture } from '../capture/environment/parse.ts'
import { toCaptured } from '../capture/to-captured.ts'
import { NotAvailable } from '../util/not-available.ts'
import { nameList } from '../util/name-list.ts'
import { item } from './check-item.ts'
import type { Captured } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { PrefixPackages } from '../capture/environment/python/metadata.ts'
import type {
  EnvironmentCapture,
  PackageVersions,
  PresentSource,
  RecordedOtherPython,
  RecordedSources,
} from '../capture/environment/types.ts'
import type { RunRecord } from '../record/record.ts'
import type { CheckedItem } from './check-item.ts'

/** Inputs of the comparison. */
interface PythonChecks {
  /** The command that the person gave. */
  readonly command: readonly string[] | undefined
  readonly algorithm: AlgorithmChoice
  readonly signal: AbortSignal | undefined
}

/** The environment to compare, and items about the interpreter. */
export interface InspectedPython {
  readonly items: readonly CheckedItem[]
  /** The present environment, with the packages of the recorded Python. */
  readonly compared: Captured
}

type RecordedPython = PresentSource<RecordedSources['python']>

/**
 * Replace the Python of the shell by what can be read of the recorded one, if they differ and the shell does not decide
 * which Python the command gets.
 *
 * @param current The environment of this shell.
 */
export async function inspectPython(
  before: Captured,
  current: Captured,
  record: RunRecord,
  checks: PythonChecks,
): Promise<InspectedPython> {
  const [recorded, after] = [parseEnvironmentCapture(before.value), parseEnvironmentCapture(current.value)]
  const { python } = recorded
  if (python.status === 'absent' || python.prefix === undefined) return { items: [], compared: current }
  const shell = after.python.status === 'present' ? after.python : undefined
  if (shell !== undefined && (await isSameFolder(python.prefix, shell.prefix)))
    return { items: [], compared: current }
  const another =
    shell === undefined
      ? `this shell has no Python (${after.python.status === 'absent' ? after.python.reason : 'no reason is known'})`
      : `the interpreter of this shell is another one: ${describe(shell)}, that of the run was ${describe(python)}`
  if (isChosenByShell(python, record, checks.command)) {
    if (shell === undefined) return { items: [], compared: current }
    const field = 'machine.python.prefix'
    const differences = [{ field, before: python.prefix, after: shell.prefix ?? 'not known' }]
    return { items: [item('environment', 'interpreter', 'changed', another, differences)], compared: current }
  }
  const { value, status, sentences } = await withPrefix(recorded, after, python, python.prefix, checks)
  const detail = [another, ...sentences].join('; ')
  return {
    items: [item('environment', 'interpreter', status, detail)],
    compared: toCaptured('environment', environmentDigestFields(value), value, [], checks.algorithm),
  }
}

const PYTHON_NAME = /^(?:python|pypy)[\d.]*t?(?:\.exe)?$/i

/**
 * Return whether the shell decides which Python the command gets: the command is a Python that is searched on `PATH`,
 * or one that the person named.
 */
function isChosenByShell(
  { command: interpreter = '' }: RecordedPython,
  { command: { argv } }: RunRecord,
  command: readonly string[] | undefined,
): boolean {
  const [program = ''] = command ?? argv
  if (command !== undefined && PYTHON_NAME.test(basename(program))) return true
  return PYTHON_NAME.test(program) || !/[/\\]/.test(interpreter)
}

async function isSameFolder(a: string, b: string | undefined): Promise<boolean> {
  if (b === undefined) return false
  const [first, second] = await Promise.all([a, b].map((path) => realpath(path).catch(() => path)))
  return first === second
}

function describe({ executable, prefix, version }: RecordedPython): string {
  return `${executable ?? prefix ?? 'not known'} (${version ?? 'version not known'})`
}

/**
 * Add the other Pythons of a run to the present environment, which cannot know them. The metadata of their packages is
 * read as data below the recorded prefixes; what that does not show is not checked.
 */
export async function inspectOtherPythons(
  before: Captured,
  current: Captured,
  { algorithm, signal }: Pick<PythonChecks, 'algorithm' | 'signal'>,
): Promise<Captured> {
  const { otherPythons: recorded } = parseEnvironmentCapture(before.value)
  if (recorded.status === 'absent') return current
  const pythons: RecordedOtherPython[] = []
  for (const python of recorded.pythons) {
    const { executable, prefix, packages } = python
    const unread = { executable, version: null, implementation: null, packages: null }
    if (prefix === undefined || packages === undefined || packages === null) {
      pythons.push(unread)
      continue
    }
    try {
      const installed = await readPrefixPackages(prefix, python.version ?? null, signal)
      const { present } = presentPackages(installed, packages, installed.incomplete)
      pythons.push({ ...unread, version: installed.version ?? null, packages: present })
    } catch (error) {
      if (!(error instanceof NotAvailable)) throw error
      pythons.push(unread)
    }
  }
  const value = {
    ...parseEnvironmentCapture(current.value),
    otherPythons: { status: 'present', pythons } as const,
  }
  return toCaptured('environment', environmentDigestFields(value), value, [], algorithm)
}

/** Return the packages below a prefix; those that may lie elsewhere stay as they were recorded, and are named. */
function presentPackages(
  installed: PrefixPackages,
  recorded: PackageVersions,
  incomplete: string | undefined,
): { readonly present: PackageVersions; readonly elsewhere: readonly string[] } {
  const listed = collectPackages(installed.packages.map(([name, version]) => ({ name, version })))
  if (incomplete === undefined) return { present: listed, elsewhere: [] }
  const absent = Object.entries(recorded).filter(([name]) => !Object.hasOwn(listed, name))
  return { present: { ...listed, ...Object.fromEntries(absent) }, elsewhere: absent.map(([name]) => name) }
}

interface PrefixAnswer {
  readonly value: EnvironmentCapture
  readonly status: 'missing' | 'not-checked'
  readonly sentences: readonly string[]
}

/** Read what lies below the prefix. What cannot be seen there stays as it was recorded, and is named as not checked. */
async function withPrefix(
  before: EnvironmentCapture,
  after: EnvironmentCapture,
  python: RecordedPython,
  prefix: string,
  { signal }: PythonChecks,
): Promise<PrefixAnswer> {
  const lockFiles = after.python.status === 'present' ? after.python.lockFiles : python.lockFiles
  const frameworks =
    after.frameworks.status === 'present' && before.frameworks.status === 'present'
      ? { ...after.frameworks, python: before.frameworks.python }
      : after.frameworks
  const unseen = ['its version', 'the builds of its frameworks']
  const { conda, sentences: condaSentences } = await readConda(before, after, signal)
  const base = { ...after, pip: before.pip, conda, frameworks, python: { ...python, lockFiles } }
  if (after.python.status === 'absent') unseen.push('lock files')
  try {
    if (python.packages === null) {
      return { value: base, status: 'not-checked', sentences: [...condaSentences, notStarted(unseen)] }
    }
    const installed = await readPrefixPackages(prefix, python.version, signal)
    const recordedPath =
      before.variables.status === 'present' ? before.variables.recorded?.['PYTHONPATH'] : undefined
    const incomplete =
      installed.incomplete ?? ((recordedPath ?? '') === '' ? undefined : 'PYTHONPATH was set in the run')
    // Packages that are not below the prefix may still be installed elsewhere.
    const { present: packages, elsewhere } = presentPackages(installed, python.packages, incomplete)
    const direct = Object.fromEntries(
      Object.entries(installed.direct).map(([name, text]) => [name, directOrigin(text)]),
    )
    const kept = Object.entries(python.direct).filter(([name]) => elsewhere.includes(name))
    const sentences = [
      `its packages were read as data below ${prefix}`,
      ...(elsewhere.length > 0 ? [`packages not found there: ${nameList(elsewhere)} (${incomplete})`] : []),
      ...(installed.broken > 0
        ? [`${installed.broken} packages there have no readable name or version`]
        : []),
      ...condaSentences,
      notStarted(unseen),
    ]
    return {
      value: {
        ...base,
        python: {
          ...base.python,
          version: installed.version ?? python.version,
          packages,
          direct: { ...direct, ...Object.fromEntries(kept) },
        },
      },
      status: 'not-checked',
      sentences,
    }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    const status = error instanceof PrefixMissing ? 'missing' : 'not-checked'
    const sentences = [error.message, ...condaSentences, notStarted(['its packages', ...unseen])]
    return { value: base, status, sentences }
  }
}

/** Return the packages of the recorded conda environment, read as data if the shell has another one. */
async function readConda(
  before: EnvironmentCapture,
  after: EnvironmentCapture,
  signal: AbortSignal | undefined,
): Promise<Pick<EnvironmentCapture, 'conda'> & { readonly sentences: readonly string[] }> {
  const { conda } = after
  if (before.conda.status === 'absent' || before.conda.prefix === undefined) return { conda, sentences: [] }
  const shell = conda.status === 'present' ? conda.prefix : undefined
  if (await isSameFolder(before.conda.prefix, shell)) return { conda, sentences: [] }
  try {
    const { packages } = await readCondaPackages(before.conda.prefix, signal)
    return { conda: { ...before.conda, packages: Object.fromEntries(packages) }, sentences: [] }
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return { conda: before.conda, sentences: [`its conda packages are not checked: ${error.message}`] }
  }
}

function notStarted(names: readonly string[]): string {
  return `the recorded interpreter is not started, so ${names.join(' and ')} ${names.length === 1 ? 'is' : 'are'} not checked`
}
