/** What a run had installed by a package manager of Node, installed again by the real one, and without a network. */
import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyRepository, temporaryFolder } from '../../../capture/fixture.ts'
import { keptFolder } from '../../../support/kept-folder.ts'
import { lineaprint } from '../../../support/program.ts'
import { OFFLINE, call, commit, environment, has, once, reproduce } from './support.ts'

const TARBALL = 'dependency-1.2.3.tgz'

/** A folder with a package in a tarball. */
const packed = once(() => {
  const folder = keptFolder({
    'dependency/package.json': '{"name":"dependency","version":"1.2.3"}',
    'dependency/index.js': 'module.exports = "from the dependency\\n"',
  })
  call(folder, 'npm', 'pack', '--silent', './dependency')
  return folder
})

/** A repository with a package that its program needs, in a tarball and not yet installed. */
function nodeProject(): string {
  const root = emptyRepository()
  copyFileSync(join(packed(), TARBALL), join(root, TARBALL))
  const manifest = {
    name: 'app',
    version: '1.0.0',
    license: 'MIT',
    dependencies: { dependency: `file:${TARBALL}` },
  }
  writeFileSync(join(root, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(root, '.gitignore'), 'node_modules/\nout.txt\n')
  return root
}

/** What npm makes of such a project: its lock file, and what is installed. */
const installed = once(() => {
  const folder = keptFolder()
  cpSync(nodeProject(), folder, { recursive: true })
  call(folder, 'npm', 'install', '--no-audit', '--no-fund')
  return folder
})

/** The same, installed by npm. */
function npmProject(): string {
  const root = nodeProject()
  for (const name of ['package-lock.json', 'node_modules'])
    cpSync(join(installed(), name), join(root, name), { recursive: true, verbatimSymlinks: true })
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
    const root = npmProject()
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
    const root = npmProject()
    const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as object
    const scripts = { preinstall: 'echo the driver is missing >&2; exit 7' }
    writeFileSync(join(root, 'package.json'), JSON.stringify({ ...manifest, scripts }))
    commit(root)
    await runNode(root)
    const { outcome, into } = await reproduce(root, '--rebuild')
    expect(outcome.code).toBe(3)
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      error: { code: 'ERR_LINEAPRINT_COMMAND', field: 'rebuild' },
    })
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
    const root = npmProject()
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
