/** Failures with `--json`: one document on stdout, whatever the command and whatever is wrong. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import type { ChildProcess } from 'node:child_process'

const COMMANDS = readdirSync('src/cli/commands').map((name) => name.replace(/\.ts$/, ''))

interface Document {
  readonly error: Readonly<Record<string, string>>
}

function errorOf(stdout: string): Document['error'] {
  const document = JSON.parse(stdout) as Document
  expect(Object.keys(document)).toEqual(['error'])
  const { code, message } = document.error
  expect(code).toMatch(/^ERR_LINEAPRINT_[A-Z_]+$/)
  expect(message).toEqual(expect.any(String))
  return document.error
}

test.each(COMMANDS)('%s: wrong usage is a document, and points to the help of the command', async (name) => {
  const cwd = folderOf()
  const { code, stdout, stderr } = await lineaprint([name, '--json', '--no-such-option'], { cwd })
  expect(code).toBe(2)
  expect(errorOf(stdout)).toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    hint: `see "lineaprint ${name} --help"`,
  })
  expect(stderr).toMatch(new RegExp(`^lineaprint: .*; see "lineaprint ${name} --help"\\n$`))
  const without = await lineaprint([name, '--no-such-option'], { cwd })
  expect(without).toMatchObject({ code: 2, stdout: '', stderr })
})

/** A call of each command that fails at its work. The other commands fail at nothing that a call can choose. */
const FAILING: readonly (readonly [code: string, exit: number, ...args: [string, ...string[]]])[] = [
  ['ERR_LINEAPRINT_NOT_FOUND', 3, 'manifest', 'missing'],
  ['ERR_LINEAPRINT_NOT_FOUND', 3, 'check', 'missing'],
  ['ERR_LINEAPRINT_NOT_FOUND', 3, 'model', 'missing'],
  ['ERR_LINEAPRINT_NOT_FOUND', 3, 'dataset', 'missing'],
  ['ERR_LINEAPRINT_NOT_FOUND', 3, 'diff', 'missing', 'gone'],
  ['ERR_LINEAPRINT_NOT_FOUND', 3, 'hash', '--part', '1/2', 'missing'],
  ['ERR_LINEAPRINT_ARGUMENT', 2, 'hash', '--sample-seed', '1', 'missing'],
  ['ERR_LINEAPRINT_COMMAND', 3, 'run', '--', './missing'],
  ['ERR_LINEAPRINT_ARGUMENT', 2, 'run', '--dataset', 'a=*.csv', '--', 'true'],
  ['ERR_LINEAPRINT_CONFIGURATION', 2, 'list', '--config', 'broken.json'],
  ['ERR_LINEAPRINT_RUN', 3, 'show', '@latest'],
  ['ERR_LINEAPRINT_RUN', 3, 'verify', '@latest'],
  ['ERR_LINEAPRINT_RUN', 3, 'reproduce', '@latest'],
  ['ERR_LINEAPRINT_RUN', 3, 'export', '@latest', '--format', 'yaml'],
  ['ERR_LINEAPRINT_ARGUMENT', 2, 'capture', 'weather'],
  ['ERR_LINEAPRINT_ARGUMENT', 2, 'completion', 'cmd'],
]

test.each(FAILING.map(([expected, exit, ...args]) => ({ expected, exit, args })))(
  '$args: $expected, exit code $exit',
  async ({ expected, exit, args: [name, ...args] }) => {
    const cwd = folderOf({ 'broken.json': '{' })
    const { code, stdout, stderr } = await lineaprint([name, '--json', ...args], { cwd })
    expect({ code, stderr }).toEqual({ code: exit, stderr: expect.stringMatching(/^lineaprint: /) as string })
    expect(errorOf(stdout)).toMatchObject({ code: expected })
  },
)

test('a command that does not exist', async () => {
  for (const args of [['hsh', '--json'], ['--json', 'hsh'], ['--json']]) {
    const { code, stdout } = await lineaprint(args)
    expect(code, args.join(' ')).toBe(2)
    expect(errorOf(stdout)).toMatchObject({ hint: 'see "lineaprint --help"' })
  }
  expect(errorOf((await lineaprint(['hsh', '--json'])).stdout)['message']).toBe(
    "unknown command 'hsh' (Did you mean hash?)",
  )
})

test('a file that cannot be hashed is an error in its row, with all that is known', async () => {
  const { code, stdout } = await lineaprint(['hash', '--json', 'here', 'gone'], {
    cwd: folderOf({ here: 'x' }),
  })
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject([
    { path: 'here' },
    { path: 'gone', error: { code: 'ERR_LINEAPRINT_NOT_FOUND', path: 'gone' } },
  ])
})

test('the fields of an error are fields of the document', async () => {
  const { stdout } = await lineaprint(['hash', '--json', '--part', '1/2', 'a', 'b'])
  expect(errorOf(stdout)).toMatchObject({ expected: 'one path', received: '2' })
})

test.each([
  [['hash', '-a', 'md5', 'x'], { field: '--algorithm', expected: 'blake3, sha256, both', received: '"md5"' }],
  [['token', 'make'], { field: 'action', expected: 'create, list, revoke', received: '"make"' }],
  [
    ['list', '--status', 'finnished'],
    { field: '--status', received: '"finnished"', hint: 'did you mean finished?' },
  ],
])('a value that is not valid is in the fields of the document: %j', async (args, expected) => {
  expect(errorOf((await lineaprint([...args, '--json'])).stdout)).toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    ...expected,
  })
})

test('--json that is not for lineaprint is none of its flags', async () => {
  const cwd = folderOf()
  for (const args of [
    ['run', './missing', '--json'],
    ['run', '--', './missing', '--json'],
    ['run', '--note', '--json', '--', './missing'],
    ['show', '--', '--json'],
  ])
    expect(await lineaprint(args, { cwd }), args.join(' ')).toMatchObject({ code: 3, stdout: '' })
})

async function interruptAtPipe(pipe: string, child: ChildProcess): Promise<void> {
  await using _ = await open(pipe, 'w')
  child.kill('SIGINT')
  await once(child, 'close')
}

test('Ctrl-C ends with a document, too', async () => {
  const cwd = folderOf()
  spawnSync('mkfifo', [join(cwd, 'pipe')])
  const outcome = await lineaprint(['hash', '--json', 'pipe'], {
    cwd,
    // Opening the pipe waits for its reader, and the program reads it only when it can be interrupted.
    started: (child) => {
      void interruptAtPipe(join(cwd, 'pipe'), child)
    },
  })
  expect(outcome.code).toBe(130)
  expect(errorOf(outcome.stdout)).toMatchObject({ code: 'ERR_LINEAPRINT_INTERRUPTED' })
})

test('doctor says that the addon is missing, and looks at the rest', async () => {
  const env = { NAPI_RS_NATIVE_LIBRARY_PATH: join(folderOf(), 'missing.node') }
  const { code, stdout, stderr } = await lineaprint(['doctor', '--json'], { env })
  expect({ code, stderr }).toEqual({ code: 1, stderr: '' })
  const findings = JSON.parse(stdout) as { name: string; state: string; detail: string }[]
  expect(findings[0]).toMatchObject({ name: 'lineaprint', state: 'problem' })
  expect(findings[0]?.detail).toContain('missing.node')
  expect(findings.map(({ name }) => name)).toEqual(expect.arrayContaining(['node', 'git', 'store']))
})
