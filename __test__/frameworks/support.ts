/** Projects with real frameworks: small programs in a git repository, run as their authors would. */
import { execFileSync, spawn } from 'node:child_process'
import { cpSync, existsSync, readFileSync, readdirSync, realpathSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { hashFile } from '../../src/hash/file.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import type { JsonObject } from '../../src/core/json-value.ts'
import type { RunRecord } from '../../src/record/record.ts'
import type { Outcome } from '../support/program.ts'

/** The environment that scripts/setup-frameworks.sh made. */
export const FRAMEWORKS: string = environmentFolder()

/** Its interpreter. */
export const PYTHON: string = join(FRAMEWORKS, 'bin', 'python')

/** A test starts large programs several times. */
export const SLOW = { timeout: 1_200_000 }

/** As after `source bin/activate`: one thread, no GPU, no network. */
export const ACTIVATED: Readonly<Record<string, string>> = {
  PATH: `${join(FRAMEWORKS, 'bin')}:${process.env['PATH'] ?? ''}`,
  VIRTUAL_ENV: FRAMEWORKS,
  CUDA_VISIBLE_DEVICES: '',
  HF_HUB_OFFLINE: '1',
  JAX_PLATFORMS: 'cpu',
  OMP_NUM_THREADS: '1',
  TOKENIZERS_PARALLELISM: 'false',
  // uv uses this environment, as one that it had made.
  UV_PROJECT_ENVIRONMENT: FRAMEWORKS,
}

/** These tests are never skipped: their command installs what they need. */
function environmentFolder(): string {
  const link = resolve('.peers/frameworks')
  if (!existsSync(join(link, 'bin', 'python')))
    throw new Error(`there is no ${link}: run "npm run test:frameworks", which installs it`)
  return realpathSync(link)
}

/** Copies a program of `programs/` into a new git repository and commits it. */
export function project(program: string): string {
  const root = folderOf()
  cpSync(resolve('__test__/frameworks/programs', program), root, { recursive: true })
  const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.org']
  for (const args of [
    ['init', '-q'],
    ['add', '-A'],
    [...identity, 'commit', '-q', '-m', 'a program'],
  ])
    execFileSync('git', args, { cwd: root })
  return root
}

/** Runs a command without lineaprint, and fails unless it succeeds. */
export async function plain(root: string, [program = '', ...args]: readonly string[]): Promise<void> {
  const child = spawn(program, args, {
    cwd: root,
    env: { ...process.env, ...ACTIVATED },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  const code = await new Promise((done, fail) => child.on('error', fail).on('close', done))
  if (code !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${String(code)}:\n${text}`)
}

/** Runs lineaprint in a project. */
export function inProject(
  root: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return lineaprint(args, { cwd: root, env: { ...ACTIVATED, ...env } })
}

/** The record of a run with this name. */
export function recordOf(root: string, name: string): RunRecord {
  const runs = join(root, '.lineaprint', 'runs')
  const records = readdirSync(runs).map(
    (id) => JSON.parse(readFileSync(join(runs, id, 'run.json'), 'utf8')) as RunRecord,
  )
  const record = records.find((one) => one.name === name)
  if (record === undefined) throw new Error(`there is no run ${name}`)
  return record
}

/** The number of values of each metric, the last step, and the sources. */
export function seriesIn({ metrics }: RunRecord): Record<string, unknown[]> {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, { count, lastStep, sources }]) => [name, [count, lastStep, sources]]),
  )
}

/** The value of each parameter, and the sources. */
export function parametersIn({ parameters = {} }: RunRecord): Record<string, unknown[]> {
  return Object.fromEntries(
    Object.entries(parameters).map(([name, { value, sources }]) => [name, [value, ...sources]]),
  )
}

/** A Python program of a run: script, rank, and the seeds that it set. */
export interface Program {
  readonly script: string
  readonly rank?: number
  readonly seed: number
  readonly origin: string
  readonly ownSeeds: Readonly<Record<string, string | null>>
  readonly targets: Readonly<Record<string, string>>
  /** Passes of DataLoaders, with the seeds of their workers. */
  readonly loaders?: readonly { readonly workers: number; readonly seeds: readonly string[] }[]
}

/** The Python programs of a run, ranks in their order. */
export function programsIn({ captures }: RunRecord): Program[] {
  const { seeds } = captures
  if (seeds?.status !== 'captured') throw new Error('the seeds were not captured')
  const { programs } = seeds.value['python'] as JsonObject & { programs: JsonObject[] }
  type Named = { name: string; seed: string | null; status: string }[]
  return programs
    .map((program) => ({
      ...(program as unknown as Program),
      ownSeeds: Object.fromEntries(
        ((program['ownSeeds'] ?? []) as Named).map(({ name, seed }) => [name, seed]),
      ),
      targets: Object.fromEntries(
        ((program['targets'] ?? []) as Named).map(({ name, status }) => [name, status]),
      ),
    }))
    .toSorted((a, b) => (a.rank ?? -1) - (b.rank ?? -1))
}

/** The paths of the files in a folder of a project. */
export function filesIn(root: string, folder = '.'): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => relative(root, join(item.parentPath, item.name)))
    .toSorted()
}

/** The digests of files of a project, by name. A pattern may begin with a folder whose name is a time. */
export async function digestsOf(root: string, files: readonly RegExp[]): Promise<Record<string, string>> {
  const names = filesIn(root)
  const found: Record<string, string> = {}
  for (const pattern of files) {
    const matching = names.filter((name) => !name.startsWith('.') && pattern.test(name))
    if (matching.length !== 1)
      throw new Error(`${String(pattern)} matches ${matching.join(', ') || 'nothing'}`)
    const { digests } = await hashFile(join(root, matching[0] ?? ''))
    found[String(pattern)] = String(digests.blake3)
  }
  return found
}
