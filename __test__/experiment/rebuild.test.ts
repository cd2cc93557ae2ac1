/** What a run had installed, installed again: by the real package managers, and without a network. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, join, resolve } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { requirementsOf } from '../../src/experiment/reproduce/rebuild/requirements.ts'
import { emptyRepository, git, temporaryFolder } from '../capture/fixture.ts'
import { lineaprint } from '../support/program.ts'
import type { Reproduction } from '../../src/experiment/reproduce/index.ts'
import type { Outcome } from '../support/program.ts'

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

const PATH = [PROGRAMS, process.env['PATH'] ?? ''].join(delimiter)

/** No tool may ask a registry, and none the user. */
const OFFLINE: Readonly<Record<string, string>> = {
  PATH,
  npm_config_offline: 'true',
  npm_config_update_notifier: 'false',
  PIP_NO_INDEX: '1',
  UV_OFFLINE: '1',
  UV_PYTHON_DOWNLOADS: 'never',
  CI: '1',
}

function has(program: string): boolean {
  try {
    execFileSync(program, ['--version'], { env: { ...process.env, PATH }, stdio: 'ignore', timeout: 60_000 })
    return true
  } catch {
    return false
  }
}

function call(directory: string, program: string, ...args: readonly string[]): void {
  execFileSync(program, args, {
    cwd: directory,
    env: { ...process.env, ...OFFLINE },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
  })
}

function commit(root: string): void {
  git(root, 'add', '-A')
  git(root, 'commit', '-q', '-m', 'base')
}

async function reproduce(
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
function environment({ items }: Reproduction): string[] {
  return items.flatMap(({ section, name, verdict }) =>
    section === 'environment' ? [`${name} ${verdict}`] : [],
  )
}

/** A repository with a package that its program needs, in a tarball and not yet installed. */
function nodeProject(): string {
  const root = emptyRepository()
  const source = join(temporaryFolder('source'), 'dependency')
  mkdirSync(source)
  writeFileSync(join(source, 'package.json'), '{"name":"dependency","version":"1.2.3"}')
  writeFileSync(join(source, 'index.js'), 'module.exports = "from the dependency\\n"')
  execFileSync('npm', ['pack', '--silent', source], { cwd: root, env: { ...process.env, ...OFFLINE } })
  const manifest = {
    name: 'app',
    version: '1.0.0',
    license: 'MIT',
    dependencies: { dependency: 'file:dependency-1.2.3.tgz' },
  }
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(root, '.gitignore'), 'node_modules/\nout.txt\n')
  return root
}

const USES = 'require("fs").writeFileSync("out.txt", require("dependency"))'

async function runNode(root: string): Promise<void> {
  const args = ['run', '--output', 'o=out.txt', '--', process.execPath, '-e', USES]
  const { code, stderr } = await lineaprint(args, { cwd: root, env: OFFLINE })
  expect(code, stderr).toBe(0)
}

test.skipIf(!has('npm'))(
  'npm: without the flag nothing is installed; with it the run comes out again',
  async () => {
    const root = nodeProject()
    call(root, 'npm', 'install', '--no-audit', '--no-fund')
    commit(root)
    await runNode(root)
    const bare = await reproduce(root)
    expect(bare.outcome.code).toBe(1)
    expect(existsSync(join(bare.into, 'node_modules'))).toBe(false)
    expect(environment(bare.answer)).toEqual(['environment different'])

    const { outcome, into, answer } = await reproduce(root, '--rebuild')
    expect(outcome.code, outcome.stderr).toBe(0)
    expect(outcome.stderr).toContain('lineaprint: npm ci --no-audit --no-fund\n')
    // Python of this machine is none of a Node program's business.
    expect(environment(answer)).toEqual(['npm rebuilt', 'environment same'])
    expect(answer.items.find(({ name }) => name === 'npm')?.detail).toBe('by npm ci from package-lock.json')
    expect(readFileSync(join(into, 'out.txt'), 'utf8')).toBe('from the dependency\n')
    expect(answer.reproduced).toBe(true)
  },
  120_000,
)

test.skipIf(!has('npm'))(
  'a rebuild that fails: exit code 3, the last lines of the tool, and no folder',
  async () => {
    const root = nodeProject()
    call(root, 'npm', 'install', '--no-audit', '--no-fund')
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
    const scripts = { preinstall: 'echo the driver is missing >&2; exit 7' }
    writeFileSync(join(root, 'package.json'), JSON.stringify({ ...manifest, scripts }))
    commit(root)
    await runNode(root)
    const { outcome, into } = await reproduce(root, '--rebuild')
    expect(outcome.code).toBe(3)
    expect(outcome.stdout).toBe('')
    const last = outcome.stderr.trim().split('\n').at(-1) ?? ''
    expect(last).toMatch(
      /^lineaprint: .*could not be rebuilt: npm ci --no-audit --no-fund ended with \d+: .*the driver is missing/,
    )
    expect(existsSync(into)).toBe(false)
  },
  120_000,
)

test.skipIf(!has('npm'))(
  'a package manager that is not there is named',
  async () => {
    const root = nodeProject()
    call(root, 'npm', 'install', '--no-audit', '--no-fund')
    commit(root)
    await runNode(root)
    const programs = temporaryFolder('programs')
    const gitPath = execFileSync('sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim()
    writeFileSync(join(programs, 'git'), `#!/bin/sh\nexec '${gitPath}' "$@"\n`, { mode: 0o755 })
    const outcome = await lineaprint(
      ['reproduce', '@latest', '--rebuild', '--into', join(temporaryFolder(), 'x')],
      {
        cwd: root,
        env: { ...OFFLINE, PATH: `${programs}${delimiter}/nowhere` },
      },
    )
    expect(outcome.code).toBe(3)
    expect(outcome.stderr).toContain('the environment cannot be rebuilt: npm is not installed')
  },
  120_000,
)

const OTHERS = [
  ['pnpm', ['install'], 'pnpm-lock.yaml', 'pnpm install'],
  ['yarn', ['install', '--silent'], 'yarn.lock', 'yarn install'],
  ['bun', ['install', '--silent'], 'bun.lock', 'bun install'],
] as const

for (const [program, args, lock, shown] of OTHERS) {
  test.skipIf(!has(program) || !has('npm'))(
    `${program}, where its lock file is the one`,
    async () => {
      const root = nodeProject()
      call(root, program, ...args)
      commit(root)
      await runNode(root)
      const { outcome, answer } = await reproduce(root, '--rebuild')
      expect(outcome.code, outcome.stderr).toBe(0)
      expect(answer.items.find(({ name }) => name === 'npm')).toMatchObject({
        verdict: 'rebuilt',
        detail: `by ${shown} from ${lock}`,
      })
      expect(answer.reproduced).toBe(true)
    },
    120_000,
  )
}

/** A wheel with one module, made without any tool. */
function wheel(folder: string): string {
  const script = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as file:
    file.writestr('dependency.py', 'TEXT = "from the dependency\\\\n"\\n')
    file.writestr('dependency-1.2.3.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: dependency\\nVersion: 1.2.3\\n')
    file.writestr('dependency-1.2.3.dist-info/WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    file.writestr('dependency-1.2.3.dist-info/RECORD', 'dependency.py,,\\ndependency-1.2.3.dist-info/METADATA,,\\ndependency-1.2.3.dist-info/WHEEL,,\\ndependency-1.2.3.dist-info/RECORD,,\\n')
`
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'dependency-1.2.3-py3-none-any.whl')
  execFileSync('python3', ['-c', script, path])
  return path
}

function pythonProject(): string {
  const root = emptyRepository()
  wheel(join(root, 'wheels'))
  writeFileSync(
    join(root, 'train.py'),
    'import dependency, sys\nopen("out.txt", "w").write(dependency.TEXT)\nprint(sys.prefix)\n',
  )
  writeFileSync(join(root, '.gitignore'), '.venv/\nout.txt\n')
  return root
}

function hasVenv(): boolean {
  try {
    execFileSync('python3', ['-c', 'import venv, ensurepip'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** Without uv on it, which would be taken. */
const WITHOUT_UV = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !existsSync(join(folder, 'uv')))
  .join(delimiter)

test.skipIf(!hasVenv())(
  'pip: the recorded versions in a fresh environment, to which the interpreter of the command is mapped',
  async () => {
    const root = pythonProject()
    call(root, 'python3', '-m', 'venv', '.venv')
    call(
      root,
      join(root, '.venv/bin/python'),
      '-m',
      'pip',
      'install',
      '-q',
      'wheels/dependency-1.2.3-py3-none-any.whl',
    )
    commit(root)
    const env = { ...OFFLINE, PATH: WITHOUT_UV }
    const made = await lineaprint(['run', '--output', 'o=out.txt', '--', '.venv/bin/python', 'train.py'], {
      cwd: root,
      env,
    })
    expect(made.code, made.stderr).toBe(0)
    const into = join(temporaryFolder('into'), 'tree')
    // The environment of the run is gone: nothing of it can be used.
    rmSync(join(root, '.venv'), { recursive: true })
    const outcome = await lineaprint(['reproduce', '@latest', '--rebuild', '--into', into, '--json'], {
      cwd: root,
      env,
    })
    expect(outcome.code, outcome.stderr).toBe(0)
    const answer = JSON.parse(outcome.stdout) as Reproduction
    expect(environment(answer)).toEqual(['python rebuilt', 'environment same'])
    expect(answer.items.find(({ name }) => name === 'python')?.detail).toMatch(
      /^by pip install of the (?:one|\d+) recorded versions?$/,
    )
    expect(outcome.stderr).toContain(`${realpathSync(into)}/.venv\n`)
    expect(git(into, 'status', '--porcelain')).toBe('')
  },
  240_000,
)

test.skipIf(!hasVenv())(
  'pip -r, for an environment outside of the tree that was active, and a program that lies in it',
  async () => {
    const root = pythonProject()
    writeFileSync(join(root, 'requirements.txt'), 'dependency==1.2.3 --hash=sha256:HASH\n')
    const outside = join(temporaryFolder('outside'), 'environment')
    call(root, 'python3', '-m', 'venv', outside)
    call(
      root,
      join(outside, 'bin/python'),
      '-m',
      'pip',
      'install',
      '-q',
      '--find-links',
      'wheels',
      'dependency',
    )
    const hash = execFileSync(
      'python3',
      [
        '-c',
        'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())',
        join(root, 'wheels/dependency-1.2.3-py3-none-any.whl'),
      ],
      { encoding: 'utf8' },
    )
    writeFileSync(
      join(root, 'requirements.txt'),
      `--find-links wheels\ndependency==1.2.3 --hash=sha256:${hash.trim()}\n`,
    )
    writeFileSync(join(outside, 'bin/tool'), `#!/bin/sh\nexec "$(dirname "$0")/python" train.py "$@"\n`, {
      mode: 0o755,
    })
    commit(root)
    const env = { ...OFFLINE, PATH: WITHOUT_UV }
    const active = { ...env, VIRTUAL_ENV: outside, PATH: `${join(outside, 'bin')}${delimiter}${WITHOUT_UV}` }
    const made = await lineaprint(['run', '--output', 'o=out.txt', '--', 'python', 'train.py'], {
      cwd: root,
      env: active,
    })
    expect(made.code, made.stderr).toBe(0)
    rmSync(outside, { recursive: true })
    const into = join(temporaryFolder('into'), 'tree')
    const outcome = await lineaprint(['reproduce', '@latest', '--rebuild', '--into', into, '--json'], {
      cwd: root,
      env,
    })
    expect(outcome.code, outcome.stderr).toBe(0)
    const answer = JSON.parse(outcome.stdout) as Reproduction
    expect(answer.items.find(({ name }) => name === 'python')?.detail).toBe(
      'by pip install -r requirements.txt',
    )
    expect(outcome.stderr).toContain(`${realpathSync(into)}/.lineaprint/environment\n`)
  },
  240_000,
)

test.skipIf(!has('uv'))(
  'uv: uv sync --frozen',
  async () => {
    const root = pythonProject()
    writeFileSync(
      join(root, 'pyproject.toml'),
      `[project]\nname = "app"\nversion = "1.0.0"\nrequires-python = ">=3.8"\ndependencies = ["dependency"]\n\n[tool.uv]\npackage = false\n\n[tool.uv.sources]\ndependency = { path = "wheels/dependency-1.2.3-py3-none-any.whl" }\n`,
    )
    call(root, 'uv', 'sync', '--quiet')
    commit(root)
    const made = await lineaprint(['run', '--output', 'o=out.txt', '--', '.venv/bin/python', 'train.py'], {
      cwd: root,
      env: OFFLINE,
    })
    expect(made.code, made.stderr).toBe(0)
    rmSync(join(root, '.venv'), { recursive: true })
    const { outcome, answer, into } = await reproduce(root, '--rebuild')
    expect(outcome.code, outcome.stderr).toBe(0)
    expect(environment(answer)).toEqual(['python rebuilt', 'environment same'])
    expect(answer.items.find(({ name }) => name === 'python')?.detail).toBe(
      'by uv sync --frozen from uv.lock',
    )
    expect(outcome.stderr).toContain(`${realpathSync(into)}/.venv\n`)
  },
  240_000,
)

test('requirements: every origin has its line, and what pip would take for more than a name is left out', () => {
  const found = {
    packages: {
      numpy: ['2.0.0'],
      pip: ['24.0'],
      torch: ['2.5.1+cu121'],
      'from-git': ['1.0'],
      'from-file': ['1.0'],
      own: ['0.1'],
      '--index-url=https://evil.example': ['1.0'],
      evil: ['1.0\n--index-url https://evil.example'],
      'evil-url': ['1.0'],
    },
    direct: {
      'from-git': { url: 'https://host.example/x.git', commit: 'abcdef1234', editable: false },
      'from-file': { url: 'file:///old/wheels/x.whl', editable: false },
      own: { url: 'file:///old', editable: true },
      'evil-url': { url: 'https://x.example/a\n--extra-index-url=https://evil.example', editable: false },
    },
  }
  expect(requirementsOf(found, (text) => text.replace('/old', '/new'))).toEqual({
    text: [
      'numpy==2.0.0',
      'torch==2.5.1+cu121',
      'from-git @ git+https://host.example/x.git@abcdef1234',
      'from-file @ file:///new/wheels/x.whl',
      '-e file:///new',
      '',
    ].join('\n'),
    count: 5,
    left: ['--index-url=https://evil.example', 'evil', 'evil-url'],
  })
})
