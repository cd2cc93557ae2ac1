/** Lets system calls of the program fail, with strace; and runs it as somebody with few rights. */
import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { folderOf } from './folder.ts'
import { lineaprint } from './program.ts'
import type { Outcome, ProgramOptions } from './program.ts'

/** With a filter in the kernel only the calls that are asked for stop a program, and not the thousands of its start. */
const STRACE = ['strace', '--seccomp-bpf', '-f', '-qq'] as const

/** Whether strace is there and may trace: containers often forbid it. */
export const HAS_STRACE: boolean =
  spawnSync(STRACE[0], [...STRACE.slice(1), '-o', '/dev/null', 'true']).status === 0

const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']

/** Whether the program runs as somebody who is not root: that one must be able to read the sources. */
export const HAS_NOBODY: boolean =
  spawnSync('setpriv', [...NOBODY.slice(1), process.execPath, resolve('src/cli/main.ts'), 'hash', '--help'])
    .status === 0

/** Which calls fail, and how. */
export interface Fault {
  /** Files and folders; calls on descriptors of these count, and calls that name one. */
  readonly paths: readonly string[]
  /** Names of system calls. Those that this machine does not know are left out. */
  readonly calls: readonly string[]
  /** For example `EIO`. */
  readonly error: string
  /** Only the call of this number, from 1. @default all of them */
  readonly when?: number
}

/** Runs the program with a fault. */
export function withFault(
  { paths, calls, error, when }: Fault,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Outcome> {
  const names = calls.map((call) => `?${call}`).join(',')
  const inject = `inject=${names}:error=${error}${when === undefined ? '' : `:when=${when}`}`
  const strace = [...STRACE, '-o', '/dev/null', ...pathOptions(paths)]
  return run([...strace, '-e', `trace=${names}`, '-e', inject], args, options)
}

/** A call that a run of the program makes, and how many of its name come before it on its thread. */
export interface Call {
  readonly name: string
  /** From 1. */
  readonly when: number
}

/** Runs the program without a fault and lists its calls; one thread's where several make calls of one name. */
export async function listCalls(
  { paths, calls }: Pick<Fault, 'paths' | 'calls'>,
  args: readonly string[],
  options: ProgramOptions = {},
): Promise<Call[]> {
  const log = join(folderOf(), 'log')
  const names = calls.map((call) => `?${call}`).join(',')
  await run([...STRACE, '-o', log, ...pathOptions(paths), '-e', `trace=${names}`], args, options)
  // strace counts per thread and name, so the longest row of each name is tried.
  const counts = new Map<string, number>()
  const longest = new Map<string, number>()
  for (const [, thread, name = ''] of readFileSync(log, 'utf8').matchAll(/^(\d+) +(\w+)\(/gm)) {
    const count = (counts.get(`${thread} ${name}`) ?? 0) + 1
    counts.set(`${thread} ${name}`, count)
    longest.set(name, Math.max(longest.get(name) ?? 0, count))
  }
  return [...longest].flatMap(([name, count]) =>
    Array.from({ length: count }, (_, index) => ({ name, when: index + 1 })),
  )
}

/** Runs the program as nobody. */
export function asNobody(args: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
  return lineaprint(args, { ...options, under: NOBODY })
}

/** A folder and everything in it. */
export function everythingIn(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true }) as string[]
  return [folder, ...names.map((name) => join(folder, name))]
}

function pathOptions(paths: readonly string[]): string[] {
  return paths.flatMap((path) => ['-P', path])
}

async function run(
  under: readonly string[],
  args: readonly string[],
  options: ProgramOptions,
): Promise<Outcome> {
  const outcome = await lineaprint(args, { ...options, under })
  // strace tells on stderr which paths it has resolved.
  const stderr = outcome.stderr.replace(/^strace: .*\n/gm, '')
  return { ...outcome, stderr }
}
