import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { startEarlyProbe, findPythonEarly } from '../../../../src/capture/environment/python/early.ts'
import { createPythonSources } from '../../../../src/capture/environment/python/python.ts'
import { probeSource } from '../../../../src/capture/environment/source.ts'
import { folderOf, programs } from '../fakes.ts'
import type { SourceContext } from '../../../../src/capture/environment/source.ts'
import type { JsonObject } from '../../../../src/core/json-value.ts'

async function look(
  variables: NodeJS.ProcessEnv,
  directory: string = folderOf({}),
  command?: readonly string[],
): Promise<{ python: JsonObject; pip: JsonObject; warnings: string[] }> {
  const options = { variables: [], packages: true, timeoutMs: 5000 }
  const limits = { directory, variables, command, options }
  const [python, pip] = await Promise.all(createPythonSources().map((source) => probeSource(source, limits)))
  return {
    python: python?.value ?? {},
    pip: pip?.value ?? {},
    warnings: [...(python?.warnings ?? []), ...(pip?.warnings ?? [])],
  }
}

function pythonPath(): string | undefined {
  try {
    return execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

const PYTHON = pythonPath()

/** The answer of a Python that does not exist. */
const ANSWER = {
  version: '3.99.0',
  implementation: 'CPython',
  executable: '/x/python',
  prefix: '/x',
  basePrefix: '/x',
  packages: [
    ['numpy', '2.0.0'],
    ['pip', '24.0'],
  ],
  direct: {},
  broken: 0,
}

function answering(answer: object): string {
  return `echo noise; echo 'lineaprint-probe:${JSON.stringify(answer)}'`
}

describe.skipIf(PYTHON === undefined)('the Python of this machine', () => {
  test('version, place and packages', async () => {
    const { python } = await look(process.env)
    const version = execFileSync('python3', ['-c', 'import platform; print(platform.python_version())'])
    expect(python).toMatchObject({
      status: 'present',
      version: version.toString().trim(),
      implementation: expect.stringMatching(/Python/) as string,
    })
  })

  test('a module of the working folder is not run instead of the library', async () => {
    const started = 'raise SystemExit("the module of the folder was run")'
    const folder = folderOf({ 'json.py': started, 'platform.py': started, 're.py': started })
    expect((await look(process.env, folder)).python).toMatchObject({ status: 'present' })
  })

  test('packages are read from their metadata, broken ones are counted', async () => {
    const site = folderOf({
      'My_Package.X-1.5.dist-info/METADATA':
        'Metadata-Version: 2.1\nName: My_Package.X\nVersion: 1.5\n\nName: no\n',
      'My_Package.X-1.5.dist-info/direct_url.json': {
        url: 'https://user:TOKEN@example.org/x.git?token=TOKEN',
        vcs_info: { vcs: 'git', commit_id: 'abc123' },
      },
      'broken-1.0.dist-info/RECORD': '',
      'old.egg-info/PKG-INFO': 'Name: old\nVersion: 0.1\n',
    })
    const { python, warnings } = await look({ ...process.env, PYTHONPATH: site })
    expect(python['packages']).toMatchObject({ 'my-package-x': ['1.5'], old: ['0.1'] })
    expect(python['direct']).toMatchObject({
      'my-package-x': { url: 'https://example.org/x.git', commit: 'abc123', editable: false },
    })
    expect(warnings).toContain('python: 1 package has no readable name or version')
  })
})

test('the active virtual environment comes before PATH, and a broken one is passed over with its reason', async () => {
  const path = programs({ python3: answering(ANSWER) })
  const active = folderOf({})
  const variables = { PATH: path, VIRTUAL_ENV: active }
  expect((await look(variables)).python).toMatchObject({ command: 'python3', version: '3.99.0' })
  const inside = folderOf({ 'bin/x': '' })
  writeFileSync(join(inside, 'bin/python'), `#!/bin/sh\n${answering({ ...ANSWER, version: '3.12.0' })}\n`, {
    mode: 0o755,
  })
  expect((await look({ ...variables, VIRTUAL_ENV: inside })).python).toMatchObject({
    command: join(inside, 'bin/python'),
    version: '3.12.0',
  })
})

test('pip is known by its metadata, and its absence has a reason', async () => {
  const withPip = programs({ python: answering(ANSWER) })
  expect((await look({ PATH: withPip })).pip).toEqual({ status: 'present', version: '24.0' })
  const without = programs({ python3: answering({ ...ANSWER, packages: [['numpy', '2.0.0']] }) })
  expect((await look({ PATH: without })).pip).toEqual({
    status: 'absent',
    reason: 'this Python has no pip',
    exists: false,
  })
})

test.each([
  ['prints garbage', 'echo garbage', 'python3: the probe printed no result'],
  ['prints nothing', 'exit 0', 'python3: the probe printed no result'],
  ['answers in another form', answering({ version: 3 }), 'python3: the probe printed an unexpected result'],
  ['answers no JSON', "echo 'lineaprint-probe:{'", 'python3: the probe printed an unexpected result'],
  ['fails', 'echo "cannot start" >&2; exit 9', 'python3 ended with 9: cannot start'],
  [
    'fails and tells a secret',
    'echo "password=hunter2" >&2; exit 1',
    'python3 ended with 1: password=<redacted>',
  ],
])('a Python that %s is absent with the reason', async (_, script, reason) => {
  const { python, warnings } = await look({ PATH: programs({ python3: script }) })
  expect(python).toMatchObject({ status: 'absent' })
  expect(python['reason']).toBe(`${reason}; python is not installed`)
  expect(warnings[0]).toContain(reason)
})

test('a Python that floods its output is stopped, and said', async () => {
  const { python } = await look({ PATH: `${programs({ python3: 'exec yes flood' })}:/bin:/usr/bin` })
  expect(python).toMatchObject({ status: 'absent' })
  expect(python['reason']).toMatch(/python3 wrote more than \d+ bytes/)
})

test('the Python of the command comes first: by its path, beside its program, or that of the project', async () => {
  const answer = (version: string): string => `#!/bin/sh\n${answering({ ...ANSWER, version })}\n`
  const project = folderOf({
    'env/pyvenv.cfg': 'home = /usr',
    'env/bin/python': answer('3.1.0'),
    'env/bin/accelerate': '',
    '.venv/pyvenv.cfg': 'home = /usr',
    '.venv/bin/python': answer('3.2.0'),
  })
  for (const name of ['env/bin/python', '.venv/bin/python']) chmodSync(join(project, name), 0o755)
  const path = programs({
    python3: answering(ANSWER),
    'python3.9': answering({ ...ANSWER, version: '3.9.0' }),
  })
  const versionOf = async (...command: readonly string[]): Promise<unknown> =>
    (await look({ PATH: path }, project, command)).python['version']
  expect(await versionOf('env/bin/python', 'train.py')).toBe('3.1.0')
  expect(await versionOf(join(project, 'env/bin/accelerate'), 'launch')).toBe('3.1.0')
  expect(await versionOf('uv', 'run', 'train.py')).toBe('3.2.0')
  expect(await versionOf('python3.9', 'train.py')).toBe('3.9.0')
  expect(await versionOf('make', 'train')).toBe('3.99.0')
  expect(await versionOf('gone/bin/python', 'train.py')).toBe('3.99.0')
})

test('half a surrogate pair, as Python writes for a path that is not UTF-8, does not reach the record', async () => {
  const answer = JSON.stringify({ ...ANSWER, prefix: '/x', packages: [['a', '1']] }).replace(
    '"/x"',
    '"/x\\udcff"',
  )
  const { python } = await look({
    PATH: programs({ python3: `printf '%s\\n' 'lineaprint-probe:${answer}'` }),
  })
  expect(python).toMatchObject({ status: 'present', prefix: '/x\ufffd' })
})

test('no Python at all is no warning', async () => {
  const { python, warnings } = await look({ PATH: '/nowhere' })
  expect(python).toEqual({
    status: 'absent',
    reason: 'python3 is not installed; python is not installed',
    exists: false,
  })
  expect(warnings).toEqual([])
})

test('lock files of Python, and an environment that is not active', async () => {
  const folder = folderOf({ 'uv.lock': 'x', 'requirements.txt': 'y', '.venv/pyvenv.cfg': 'home = /usr' })
  const variables = { PATH: programs({ python3: answering({ ...ANSWER, packages: null }) }) }
  const { python, warnings } = await look(variables, folder)
  expect(Object.keys(python['lockFiles'] ?? {})).toEqual(['uv.lock', 'requirements.txt'])
  expect(python['packages']).toBeNull()
  expect(warnings.join()).toMatch(/\.venv that is not active.*no importlib\.metadata/)
})

test('an early look is taken by the first that asks the same, and by nobody else', async () => {
  const log = join(folderOf({}), 'log')
  const path = programs({ python3: `echo started >> '${log}'; ${answering(ANSWER)}` })
  const directory = folderOf({})
  const variables = { PATH: path }
  const context = (command: readonly string[]): SourceContext => ({
    directory,
    variables,
    command,
    signal: new AbortController().signal,
    options: { variables: [], packages: true, timeoutMs: 5000 },
    warnings: [],
    unseen: new Map(),
    nonexistent: new Set<string>(),
  })
  const starts = (): number => readFileSync(log, 'utf8').split('\n').length - 1
  startEarlyProbe({ directory, variables, command: ['make'] })
  expect((await findPythonEarly(context(['make']))).answer.version).toBe('3.99.0')
  expect(starts()).toBe(1)
  await findPythonEarly(context(['make']))
  expect(starts()).toBe(2)
  startEarlyProbe({ directory, variables, command: ['make'] })
  await findPythonEarly(context(['other']))
  // The early one may still be starting.
  await vi.waitFor(() => expect(starts()).toBe(4), { timeout: 10_000 })
})
