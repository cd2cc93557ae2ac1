/** A project as a stranger can hand it over: runs, manifests and a repository, with programs planted at every name. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { floats, safetensors } from '../__test__/support/safetensors.ts'

const PROGRAM = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** Ids of the runs of the project. The last one has no end: its process is gone. */
export const RUNS = ['wrapped', 'second', 'open'] as const

/** The files that hold checksums. */
export const CHECKSUMS = ['manifest.json', 'model.json', 'SUMS'] as const

/** Git without the settings of this machine. */
export const GIT_VARIABLES = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
} as const

const HOOKS = [
  'post-index-change',
  'post-checkout',
  'reference-transaction',
  'fsmonitor-watchman',
  'pre-commit',
]
const PYTHONS = ['venv/bin/python', 'venv/bin/python3', '.venv/bin/python', '.venv/bin/python3', 'planted']

/**
 * Make the project and a folder that every planted program writes a file into.
 *
 * @param folder An empty folder. The project is `project` in it, the marks are in `marks`.
 */
export function makeProject(folder: string): void {
  const [project, marks] = [join(folder, 'project'), join(folder, 'marks')]
  mkdirSync(project)
  mkdirSync(marks)
  const write = (name: string, content: string | Uint8Array, mode = 0o644): void => {
    const path = join(project, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content)
    chmodSync(path, mode)
  }
  const git = (...args: string[]): void =>
    void execFileSync('git', args, { cwd: project, env: { ...process.env, ...GIT_VARIABLES } })
  write('in.txt', 'x')
  write('data/a.csv', 'a,b\n1,2\n')
  write('data/b\u001b[31m.txt', 'b')
  write('model/model.safetensors', safetensors({ w: floats([1, 2]), v: floats([3]) }))
  write('model/config.json', '{"a":1}')
  write('.gitignore', '.lineaprint\nvenv\n.venv\nmarked\n*.json\nSUMS\n')
  write('.gitattributes', 'in.txt filter=planted diff=planted\n')
  git('init', '-q', '-b', 'main', '.')
  git('add', '.')
  git('commit', '-q', '-m', 'one')
  write('in.txt', 'y')
  write('untracked.txt', 'u')
  run(project, ['manifest', 'data', '-o', 'manifest.json'])
  run(project, ['manifest', 'model', '--tensors', '-o', 'model.json'])
  writeFileSync(join(project, 'SUMS'), run(project, ['hash', '-a', 'sha256', 'in.txt', 'data/a.csv']))
  const inputs = ['--dataset', 'd=data', '--model', 'm=model', '--output', 'o=out.txt']
  const source = 'require("fs").copyFileSync("in.txt", "out.txt")'
  for (const id of RUNS.slice(0, 2))
    run(project, ['run', '--name', id, ...inputs, '--', process.execPath, '-e', source], {
      LINEAPRINT_EXPERIMENT_ID: id,
      LINEAPRINT_SAVE_TO_JSON: 'true',
    })
  const tracker = fileURLToPath(new URL('children/strangers-run.ts', import.meta.url))
  // It ends without an end of the run.
  spawnSync(process.execPath, [tracker, project, RUNS[2]], { cwd: project })
  plant(project, marks, write)
  cpSync(project, join(folder, 'pristine'), { recursive: true, verbatimSymlinks: true })
}

function run(cwd: string, args: readonly string[], variables: NodeJS.ProcessEnv = {}): string {
  return execFileSync(process.execPath, [PROGRAM, ...args], {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...GIT_VARIABLES, ...variables },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Put programs at the names that a repository, an environment or a folder can give. */
function plant(
  project: string,
  marks: string,
  write: (name: string, content: string, mode?: number) => void,
): void {
  const program = (name: string): string =>
    `#!/bin/sh\n: > '${join(marks, name.replaceAll('/', '_'))}'\ncat\n`
  for (const name of PYTHONS) write(name, program(name), 0o755)
  for (const name of HOOKS) write(`.git/hooks/${name}`, program(name), 0o755)
  for (const name of ['venv', '.venv']) write(`${name}/pyvenv.cfg`, `home = ${project}\nversion = 3.11.2\n`)
  const python = `open(${JSON.stringify(join(marks, 'module'))}, 'w')\n`
  for (const name of ['sitecustomize', 'usercustomize', 'platform', 'json']) write(`${name}.py`, python)
  const script = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(join(marks, 'configuration'))}, '')\nexport default {}\n`
  write('lineaprint.config.mjs', script)
  const planted = join(project, 'planted')
  const settings = {
    'core.fsmonitor': planted,
    'core.pager': planted,
    'core.sshCommand': planted,
    'diff.external': planted,
    'diff.planted.textconv': planted,
    'diff.planted.command': planted,
    'filter.planted.clean': planted,
    'filter.planted.smudge': planted,
    'filter.planted.process': planted,
    'alias.status': `!${planted}`,
  }
  for (const [key, value] of Object.entries(settings))
    execFileSync('git', ['config', '--file', join(project, '.git/config'), key, value])
}

/** Return the names of the planted programs that ran. */
export function marksIn(folder: string): string[] {
  return readdirSync(join(folder, 'marks'))
}
