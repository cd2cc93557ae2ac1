/** What a run had installed of Python, installed again by the real tools, and without a network. */
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyRepository, git, temporaryFolder } from '../../../capture/fixture.ts'
import { keptFolder } from '../../../support/kept-folder.ts'
import { lineaprint } from '../../../support/program.ts'
import { OFFLINE, call, commit, environment, has, once, reproduce, succeeds } from './support.ts'
import type { Reproduction } from '../../../../src/reproduce/reproduce.ts'

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

/** An environment with nothing but pip, which takes seconds to make and no time to copy. */
const bareVenv = once(() => {
  const folder = keptFolder()
  call(folder, 'python3', '-m', 'venv', 'environment')
  return join(folder, 'environment')
})

function makeVenv(place: string): void {
  cpSync(bareVenv(), place, { recursive: true, verbatimSymlinks: true })
}

const hasVenv = once(() => succeeds('python3', '-c', 'import venv, ensurepip'))

/** Without uv on it, which would be taken. */
const WITHOUT_UV = (process.env['PATH'] ?? '')
  .split(delimiter)
  .filter((folder) => !existsSync(join(folder, 'uv')))
  .join(delimiter)

test.skipIf(!hasVenv())(
  'pip: the recorded versions in a fresh environment, to which the interpreter of the command is mapped',
  async () => {
    const root = pythonProject()
    makeVenv(join(root, '.venv'))
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
    makeVenv(outside)
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
