/** The Python that a run would find, and its packages. */
import { join } from 'node:path'
import { platform } from 'node:process'
import { z } from 'zod'
import { Absent, NotThere } from '../absent.ts'
import { redactUrl } from '../redact.ts'
import { PYTHON_LOCK_FILES, findLockFiles } from './lock-files.ts'
import { collectPackages } from './packages.ts'
import { PYTHON_PROBE, PROBE_MARK } from './python-probe.ts'
import { readHint } from './files.ts'
import { ask } from './source.ts'
import type { JsonObject } from '../../json/value.ts'
import type { Source, SourceContext } from './source.ts'

/** What the probe answers. */
const answerSchema = z.object({
  version: z.string(),
  implementation: z.string(),
  executable: z.string(),
  prefix: z.string(),
  basePrefix: z.string(),
  packages: z.array(z.tuple([z.string(), z.string()])).nullable(),
  /** Packages that were not installed from an index, with the JSON of PEP 610. */
  direct: z.record(z.string(), z.string()),
  broken: z.int(),
})

type Answer = z.infer<typeof answerSchema>
type Found = { readonly command: string; readonly answer: Answer }

/** The sources `python` and `pip`, which share one start of Python. */
export function createPythonSources(): readonly Source[] {
  let shared: Promise<Found> | undefined
  const find = (context: SourceContext): Promise<Found> => (shared ??= findPython(context))
  return [
    { name: 'python', look: (context) => lookAtPython(find, context) },
    { name: 'pip', look: (context) => lookAtPip(find, context) },
  ]
}

type Find = (context: SourceContext) => Promise<Found>

/** Version, implementation, place, and installed packages. */
async function lookAtPython(find: Find, context: SourceContext): Promise<JsonObject> {
  const { command, answer } = await find(context)
  const { directory, variables, warnings } = context
  const lockFiles = await findLockFiles(directory, PYTHON_LOCK_FILES, warnings)
  const virtual = await readHint(join(directory, '.venv', 'pyvenv.cfg'))
  if (virtual !== undefined && variables['VIRTUAL_ENV'] === undefined) {
    warnings.push('there is a .venv in this folder that is not active; the Python on PATH was looked at')
  }
  return { command, ...describe(answer, warnings), lockFiles }
}

/** The version of pip, read from what Python says of its packages: starting pip takes a second. */
async function lookAtPip(find: Find, context: SourceContext): Promise<JsonObject> {
  const { answer } = await find(context)
  const version = answer.packages?.find(([name]) => name === 'pip')?.[1]
  if (version === undefined) throw new NotThere('this Python has no pip')
  return { version }
}

async function findPython(context: SourceContext): Promise<Found> {
  const failures: Absent[] = []
  for (const command of candidates(context.variables)) {
    try {
      return { command, answer: await probe(command, context) }
    } catch (error) {
      if (!(error instanceof Absent) || context.signal.aborted) throw error
      failures.push(error)
    }
  }
  const reasons = failures.map((failure) => failure.message).join('; ')
  throw failures.every((failure) => failure instanceof NotThere) ? new NotThere(reasons) : new Absent(reasons)
}

function candidates(variables: NodeJS.ProcessEnv): string[] {
  const active = variables['VIRTUAL_ENV']
  const inside = platform === 'win32' ? join('Scripts', 'python.exe') : join('bin', 'python')
  return [...(active === undefined || active === '' ? [] : [join(active, inside)]), 'python3', 'python']
}

async function probe(command: string, context: SourceContext): Promise<Answer> {
  const output = await ask(command, ['-c', PYTHON_PROBE], context)
  // What runs at the start of every Python may print as well.
  const line = output.split('\n').findLast((text) => text.startsWith(PROBE_MARK))
  if (line === undefined) throw new Absent(`${command} did not answer what it was asked`)
  const parsed = answerSchema.safeParse(parse(line.slice(PROBE_MARK.length)))
  if (!parsed.success) throw new Absent(`${command} gave an answer of another form`)
  return parsed.data
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    // No valid answer, which the caller says in its own words.
    return undefined
  }
}

function describe(answer: Answer, warnings: string[]): JsonObject {
  const { version, implementation, executable, prefix, basePrefix, packages, direct, broken } = answer
  if (packages === null) warnings.push('this Python has no importlib.metadata: its packages are not known')
  if (broken > 0) warnings.push(`${broken} packages have no readable name or version`)
  const sources = Object.entries(direct).map(([name, text]) => [name, directSource(text)] as const)
  return {
    version,
    implementation,
    executable,
    prefix,
    basePrefix,
    packages: packages && collectPackages(packages.map(([name, number]) => ({ name, version: number }))),
    direct: Object.fromEntries(sources),
  }
}

/** Where a package came from that no index has: two commits of it may have one version. */
function directSource(text: string): JsonObject {
  const { url, vcs_info, dir_info } = directSchema.catch({}).parse(parse(text))
  return {
    url: url === undefined ? null : redactUrl(url),
    commit: vcs_info?.commit_id ?? null,
    editable: dir_info?.editable === true,
  }
}

const directSchema = z.object({
  url: z.string().optional(),
  vcs_info: z.object({ commit_id: z.string().optional() }).optional(),
  dir_info: z.object({ editable: z.boolean().optional() }).optional(),
})
