/** Python programs as the commands of runs. */
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'
import type { RunRecord } from '../../../src/record/record.ts'
import type { Outcome } from '../../support/program.ts'

/** The environment that scripts/setup-python.sh makes, with NumPy. */
export const PYTHON: string = resolve('.peers/python/bin/python')

/** The folder that a run puts on PYTHONPATH. */
export const BRIDGE: string = resolve('python')

/** A run of a Python program, and what became of it. */
export interface PythonRun extends Outcome {
  readonly root: string
  readonly folder: string
  readonly record: RunRecord
  /** The lines of stdout as JSON. */
  readonly said: readonly unknown[]
}

/** Options of {@link python}. */
export interface PythonOptions {
  readonly root?: string
  /** Options of `lineaprint run`. */
  readonly options?: readonly string[]
  /** The interpreter and its flags. */
  readonly interpreter?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** What every program of a test begins with. */
const HEAD = `import json, os, sys
def say(*values): print(*[json.dumps(value) for value in values], sep="\\n", flush=True)
`

/** Runs a program as the command of a run. */
export async function python(source: string, options: PythonOptions = {}): Promise<PythonRun> {
  const { root = folderOf(), interpreter = [PYTHON], env = {} } = options
  writeFileSync(join(root, 'program.py'), HEAD + source)
  const args = ['run', ...(options.options ?? []), '--', ...interpreter, 'program.py']
  const outcome = await lineaprint(args, { cwd: root, env: { ...FAST, ...env } })
  if (!existsSync(join(root, '.lineaprint'))) throw new Error(`there is no run: ${outcome.stderr}`)
  const { folder, record } = latestRun(root)
  const said = linesOf(outcome.stdout)
  return { ...outcome, root, folder, record, said }
}

/** The run of a store that started last. Ids tell that to the second only. */
export function latestRun(root: string): { folder: string; record: RunRecord } {
  const runs = join(root, '.lineaprint', 'runs')
  const all = readdirSync(runs).map((id) => {
    const folder = join(runs, id)
    return { folder, record: JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as RunRecord }
  })
  const latest = all.toSorted((a, b) => (a.record.startedAt < b.record.startedAt ? -1 : 1)).at(-1)
  if (latest === undefined) throw new Error(`there is no run in ${root}`)
  return latest
}

function linesOf(stdout: string): unknown[] {
  try {
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as unknown)
  } catch {
    return []
  }
}

/** Runs a program without lineaprint. */
export function plainPython(
  source: string,
  root: string,
  env: Readonly<Record<string, string>> = {},
): unknown[] {
  writeFileSync(join(root, 'plain.py'), HEAD + source)
  const text = execFileSync(PYTHON, ['plain.py'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: BRIDGE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return linesOf(text)
}

/** What the capture of the seeds says of Python. */
export function pythonOf(record: RunRecord): JsonObject {
  const seeds = record.captures['seeds']
  if (seeds?.status !== 'captured') throw new Error('the seeds were not captured')
  return seeds.value['python'] as JsonObject
}

/** What it says of each program. */
export function programsOf(record: RunRecord): JsonObject[] {
  return pythonOf(record)['programs'] as unknown as JsonObject[]
}

/** The status of each source of randomness of a program. */
export function targetsOf(program: JsonObject | undefined): Record<string, string> {
  const targets = (program?.['targets'] ?? []) as { name: string; status: string }[]
  return Object.fromEntries(targets.map(({ name, status }) => [name, status]))
}

/** The interpreter of the tests, and the others of this machine. */
export const PYTHONS: readonly string[] = [PYTHON, ...otherPythons()]

function otherPythons(): string[] {
  const folders = join(homedir(), '.pyenv/versions')
  const found = existsSync(folders) ? readdirSync(folders) : []
  return found
    .filter((name) => /^3\.(?:9|10|12|13|14)\./.test(name))
    .map((name) => join(folders, name, 'bin/python'))
}

/** Run a program and return what came out. */
export function start(
  argv: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const [program = '', ...rest] = argv
  const child = spawn(program, rest, { cwd, env: { ...process.env, ...env }, stdio: 'pipe' })
  child.stdin.end()
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (code, signal) => done({ code, signal, stdout, stderr }))
  })
}
