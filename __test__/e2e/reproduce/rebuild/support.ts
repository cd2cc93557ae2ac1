/** What the tests of rebuilt environments share: the tools of this machine, without a network. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join, resolve } from 'node:path'
import { afterAll } from 'vitest'
import { git, temporaryFolder } from '../../../capture/fixture.ts'
import { lineaprint } from '../../../support/program.ts'
import type { Reproduction } from '../../../../src/reproduce/reproduce.ts'
import type { Outcome } from '../../../support/program.ts'

/**
 * A folder with nothing but links to programs that not every machine has: where they lie there may be another Python as
 * well.
 */
const PROGRAMS = mkdtempSync(join(tmpdir(), 'lineaprint-programs-'))
for (const path of [
  'uv/bin/uv',
  ...['pnpm', 'yarn', 'bun'].map((name) => `managers/node_modules/.bin/${name}`),
]) {
  const program = resolve('.peers', path)
  if (existsSync(program)) symlinkSync(program, join(PROGRAMS, basename(program)))
}
afterAll(() => rmSync(PROGRAMS, { recursive: true }))

/** Those of this machine, and the ones above. */
const PATH = [PROGRAMS, process.env['PATH'] ?? ''].join(delimiter)

/** No tool may ask a registry, and none the user. */
export const OFFLINE: Readonly<Record<string, string>> = {
  PATH,
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
  PIP_NO_INDEX: '1',
  UV_OFFLINE: '1',
  UV_PYTHON_DOWNLOADS: 'never',
  CI: '1',
}

/** What is made when it is first asked for, once for all tests. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}

/** Whether a program ends well. */
export function succeeds(program: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(program, args, { env: { ...process.env, PATH }, stdio: 'ignore', timeout: 60_000 })
    return true
  } catch {
    return false
  }
}

const known = new Map<string, boolean>()

/** Whether a program is there. */
export function has(program: string): boolean {
  const found = known.get(program) ?? succeeds(program, '--version')
  known.set(program, found)
  return found
}

/** Runs a tool in a folder. */
export function call(directory: string, program: string, ...args: readonly string[]): void {
  execFileSync(program, args, {
    cwd: directory,
    env: { ...process.env, ...OFFLINE },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  })
}

/** Commits everything in a repository. */
export function commit(root: string): void {
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
}

/** Runs the last run again, by the command. */
export async function reproduce(
  root: string,
  ...options: readonly string[]
): Promise<{ outcome: Outcome; into: string; answer: Reproduction }> {
  const into = join(temporaryFolder('into'), 'tree')
  const outcome = await lineaprint(['reproduce', '@latest', '--into', into, '--json', ...options], {
    cwd: root,
    env: OFFLINE,
  })
  return { outcome, into, answer: JSON.parse(outcome.stdout === '' ? '{}' : outcome.stdout) as Reproduction }
}

/** `environment npm rebuilt`, one line for each item about the environment. */
export function environment({ items }: Reproduction): string[] {
  return items.flatMap(({ section, name, verdict }) =>
    section === 'environment' ? [`${name} ${verdict}`] : [],
  )
}
