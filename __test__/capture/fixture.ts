/** Temporary folders and small repositories for the tests of captures. */
import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { onTestFinished } from 'vitest'
import type { JsonObject, JsonValue } from '../../src/core/json-value.ts'

/** A folder that is removed when the test is over. */
export function temporaryFolder(name = 'lineaprint'): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `${name}-`)))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Settings of git that no test may take from the machine. */
export const GIT_ENVIRONMENT: NodeJS.ProcessEnv = {
  ...process.env,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'Ada | Lovelace',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_AUTHOR_DATE: '2024-02-29T12:00:00+01:00',
  GIT_COMMITTER_NAME: 'Charles Babbage',
  GIT_COMMITTER_EMAIL: 'charles@example.org',
  GIT_COMMITTER_DATE: '2024-03-01T12:00:00+01:00',
}

/** Runs git and gives its output. */
export function git(directory: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-c', 'protocol.file.allow=always', ...args], {
    cwd: directory,
    env: GIT_ENVIRONMENT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 << 20,
  })
}

/** Run commands of git one after the other, until one fails. A shell starts them: a copy of this process, which is large,
 * costs more than git does. */
export function gitInTurn(directory: string, ...commands: readonly (readonly string[])[]): void {
  const quoted = (argument: string): string => `'${argument.replaceAll("'", String.raw`'\''`)}'`
  const lines = commands.map(
    (command) => `git -c protocol.file.allow=always ${command.map(quoted).join(' ')}`,
  )
  execFileSync('sh', ['-ec', lines.join('\n')], {
    cwd: directory,
    env: GIT_ENVIRONMENT,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** Entries that `git init` makes, but for its examples of hooks: names and contents, `undefined` of a folder. */
let initial: ReadonlyMap<string, string | undefined> | undefined

/** A repository without a commit. Git makes the first; the others are copies of it. */
export function emptyRepository(): string {
  const folder = temporaryFolder('repository')
  if (initial === undefined) {
    git(folder, 'init', '-q', '-b', 'main', '--template=')
    mkdirSync(join(folder, '.git/info'))
    const entries = readdirSync(folder, { recursive: true, withFileTypes: true })
    initial = new Map(
      entries.map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return [relative(folder, path), entry.isDirectory() ? undefined : readFileSync(path, 'utf8')]
      }),
    )
    return folder
  }
  for (const [name, content] of initial)
    if (content === undefined) mkdirSync(join(folder, name), { recursive: true })
  for (const [name, content] of initial) if (content !== undefined) writeFileSync(join(folder, name), content)
  return folder
}

/** A field of a recorded object that is an object itself. */
export function objectAt(value: JsonObject, field: string): JsonObject {
  const found = value[field]
  if (found === null || typeof found !== 'object' || Array.isArray(found))
    throw new Error(`${field} is no object`)
  return found as JsonObject
}

/** A field of a recorded object that is an array of objects. */
export function listAt(value: JsonObject, field: string): JsonObject[] {
  const found: JsonValue | undefined = value[field]
  if (!Array.isArray(found)) throw new Error(`${field} is no array`)
  return found as JsonObject[]
}

/** A field of a recorded object that is text. */
export function textAt(value: JsonObject, field: string): string {
  const found = value[field]
  if (typeof found !== 'string') throw new Error(`${field} is no text`)
  return found
}
