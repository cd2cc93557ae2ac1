/**
 * Which commands start which programs: programs are planted at every name that a record, a folder or a repository can
 * give, and on `PATH` stand programs that leave a mark. `docs/security.md` has the table.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { keptFolder } from '../support/kept-folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { Outcome } from '../support/program.ts'

/** Programs on `PATH`. Those that the machine does not have end at once. */
const ON_PATH =
  'git python3 python nvidia-smi conda uv cc c++ rustc cargo nvcc npm pnpm pip poetry node'.split(' ')

const folder = keptFolder()
const project = join(folder, 'project')
const marks = join(folder, 'marks')
const bin = join(folder, 'bin')

/** Variables of the person who looks: no environment is active. */
const VARIABLES = {
  PATH: `${bin}:${process.env['PATH'] ?? ''}`,
  MARKS: marks,
  PYTHONPATH: `.:lib:${project}/lib`,
  VIRTUAL_ENV: '',
  CONDA_PREFIX: '',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@example.org',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@example.org',
} as const

/** The same for somebody on whose `PATH` relative folders come first, in which programs are planted. */
const LOOKING = { ...VARIABLES, PATH: `.:node_modules/.bin::${VARIABLES.PATH}` } as const

function mark(name: string): string {
  return `echo '${name}' >> '${marks}'`
}

function write(path: string, text: string, mode = 0o644): string {
  const file = join(project, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, mode)
  return file
}

/** Plants a program below the project that leaves a mark. */
function plant(path: string): string {
  return write(path, `#!/bin/sh\n${mark(`planted ${path}`)}\n`, 0o755)
}

function git(args: readonly string[], cwd = project): string {
  return execFileSync('git', args, { cwd, env: { ...process.env, ...VARIABLES }, encoding: 'utf8' })
}

function marked(): string[] {
  return existsSync(marks) ? [...new Set(readFileSync(marks, 'utf8').trim().split('\n'))].toSorted() : []
}

/** Runs the program, and returns what it has started. */
async function started(
  args: readonly string[],
  cwd = project,
): Promise<{ outcome: Outcome; marks: string[] }> {
  rmSync(marks, { force: true })
  const outcome = await lineaprint(args, { cwd, env: LOOKING })
  return { outcome, marks: marked() }
}

/** Changes a copy of the run, as a stranger can. */
function forge(name: string, change: (record: Forged) => void): void {
  const runs = join(project, '.lineaprint', 'runs')
  const own = readdirSync(runs).find((id) => id.startsWith('2')) ?? ''
  cpSync(join(runs, own), join(runs, name), { recursive: true })
  const path = join(runs, name, 'run.json')
  const record = JSON.parse(readFileSync(path, 'utf8')) as Forged
  Object.assign(record, { id: name, name })
  change(record)
  writeFileSync(path, JSON.stringify(record))
}

interface Forged {
  readonly command: { argv: string[]; workingDirectory: string }
  readonly captures: Record<
    string,
    { value: Record<string, Record<string, unknown>>; status: string; digest: string }
  >
}

/** Modules that Python imports at its start, for `-c`, for the packages, and for what it prints. */
const MODULES = (
  'sitecustomize usercustomize json platform re ast linecache traceback tokenize inspect csv zipfile email textwrap ' +
  'locale subprocess string struct warnings contextlib typing'
).split(' ')

const CONFIGURATIONS = ['ts', 'js', 'mjs'].map((extension) => `lineaprint.config.${extension}`)
const HOOKS = (
  'post-index-change post-checkout reference-transaction pre-auto-gc post-rewrite fsmonitor-watchman sendemail-validate ' +
  'pre-commit post-merge push-to-checkout'
).split(' ')

beforeAll(async () => {
  mkdirSync(bin)
  const search = (name: string): string =>
    spawnSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).stdout.trim()
  for (const name of ON_PATH) {
    const real = search(name)
    const rest = real === '' ? 'exit 1' : `exec '${real}' "$@"`
    writeFileSync(join(bin, name), `#!/bin/sh\n${mark(name)}\n${rest}\n`, { mode: 0o755 })
  }
  mkdirSync(project)
  git(['init', '-q', '-b', 'main', '.'])
  write('t.py', 'print(1)\n')
  write('Makefile', 'all:\n')
  write('data.csv', 'a,b\n1,2\n')
  write('data.txt', 'alpha\n')
  write('m/model.safetensors', Buffer.from(safetensors({ w: floats([1]) })).toString('latin1'))
  writeFileSync(join(project, 'm/model.safetensors'), safetensors({ w: floats([1]) }))
  write('.gitignore', '.lineaprint\n*.config.*\n.venv\nvenv\n')
  write('.gitattributes', 'data.txt filter=rot diff=rot\nt.py filter=a=b\n')
  git(['add', '.'])
  git(['commit', '-q', '-m', 'one'])
  const inner = join(folder, 'inner')
  mkdirSync(inner)
  git(['init', '-q', '-b', 'main', '.'], inner)
  writeFileSync(join(inner, 'x.txt'), 'x')
  writeFileSync(join(inner, '.gitattributes'), '* filter=inner\n')
  git(['add', '.'], inner)
  git(['commit', '-q', '-m', 'inner'], inner)
  git(['-c', 'protocol.file.allow=always', 'submodule', '--quiet', 'add', inner, 'sub'])
  git(['commit', '-q', '-m', 'two'])
  await lineaprint(['run', '--name', 'own', '--', 'sh', '-c', 'true'], { cwd: project, env: VARIABLES })
  for (const path of [
    ...'.venv/bin/python .venv/bin/python3 venv/bin/python venv/bin/python3 venv/bin/accelerate env/bin/python'.split(
      ' ',
    ),
    ...ON_PATH.flatMap((name) => [
      name,
      `node_modules/.bin/${name}`,
      `toolchain/bin/${name}`,
      `miniconda/bin/${name}`,
    ]),
    ...HOOKS.flatMap((name) => [`.git/hooks/${name}`, `hooks/${name}`]),
    'planted',
  ])
    plant(path)
  for (const name of ['.venv', 'venv', 'env'])
    write(`${name}/pyvenv.cfg`, `home = ${project}\nversion = 3.11.2\n`)
  write('venv/lib/python3.11/site-packages/six-1.16.0.dist-info/METADATA', 'Name: six\nVersion: 1.16.0\n\n')
  const python = `import os\nos.system(${JSON.stringify(mark('planted module'))})\n`
  for (const name of MODULES) for (const place of ['.', 'lib']) write(`${place}/${name}.py`, python)
  // A framework whose build file is parsed, for which Python needs further modules.
  write('lib/numpy-1.0.dist-info/METADATA', 'Name: numpy\nVersion: 1.0\n\n')
  write('lib/numpy/__config__.py', 'CONFIG = {"a": 1}\n')
  write(
    'venv/lib/python3.11/site-packages/evil.pth',
    `import os; os.system(${JSON.stringify(mark('planted .pth'))})\n`,
  )
  write('Cargo.toml', '[package]\n')
  write('Makefile', `all:\n\t${mark('planted make')}\n$(shell ${mark('planted make')})\n`)
  write('rust-toolchain.toml', `[toolchain]\npath = "${project}/toolchain"\n`)
  write('.tool-versions', `python path:${project}/toolchain\n`)
  write('package.json', JSON.stringify({ name: 'p', scripts: { prepare: mark('planted script') } }))
  write('uv.lock', 'version = 1\n')
  write('miniconda/conda-meta/six.json', '{"name":"six","version":"1"}')
  const javascript = (name: string): string =>
    `import { appendFileSync } from 'node:fs'\nappendFileSync(${JSON.stringify(marks)}, 'planted ${name}\\n')\nexport default { outputDir: '.' }\n`
  const [first = ''] = CONFIGURATIONS
  write(first, javascript(first))
  const program = join(project, 'planted')
  const settings = (name: string): (readonly [string, string])[] => [
    ...['clean', 'smudge', 'process'].map((key) => [`filter.${name}.${key}`, program] as const),
    [`filter.${name}.required`, 'true'],
    ['core.fsmonitor', program],
    ['core.hooksPath', join(project, 'hooks')],
    ['core.sshCommand', program],
    ['core.pager', program],
    ['core.editor', program],
    ['core.askPass', program],
    ['core.gitProxy', program],
    ['core.alternateRefsCommand', program],
    ['credential.helper', `!${program}`],
    ['diff.external', program],
    ['diff.rot.command', program],
    ['diff.rot.textconv', program],
    ['gpg.program', program],
    ['log.showSignature', 'true'],
    ['alias.status', `!${program}`],
    ['uploadpack.packObjectsHook', program],
    ['extensions.partialClone', 'origin'],
    ['remote.origin.promisor', 'true'],
    ['remote.origin.url', `ext::${program}`],
    ['remote.origin.uploadpack', program],
    ['protocol.ext.allow', 'always'],
    ['core.repositoryFormatVersion', '1'],
  ]
  const configure = (cwd: string, name: string): void => {
    const path = join(git(['rev-parse', '--absolute-git-dir'], cwd).trim(), 'config')
    for (const [key, value] of settings(name)) execFileSync('git', ['config', '--file', path, key, value])
  }
  configure(project, 'rot')
  execFileSync('git', ['config', '--file', join(project, '.git/config'), 'filter.a=b.clean', program])
  configure(join(project, 'sub'), 'inner')
  // Of the same length and with another time, so that only the content tells.
  writeFileSync(join(project, 'data.txt'), 'alphb\n')
  writeFileSync(join(project, 't.py'), 'print(2)\n')
  writeFileSync(join(project, 'sub/x.txt'), 'y')
  mkdirSync(join(project, 'nested'))
  execFileSync('git', ['init', '-q', '.'], { cwd: join(project, 'nested') })
  configure(join(project, 'nested'), 'rot')
  const here = '/proc/self/cwd'
  const commands = {
    path: ['./venv/bin/python3', 't.py'],
    absolute: [join(project, 'venv/bin/python3'), 't.py'],
    accelerate: ['venv/bin/accelerate', 'launch'],
    other: ['uv', 'run', 't.py'],
    project: ['poetry', 'run', 'python', 't.py'],
    compiled: ['cargo', 'run'],
    script: ['npm', 'run', 'prepare'],
  }
  for (const [name, argv] of Object.entries(commands)) {
    forge(name, ({ command, captures }) => {
      command.argv = argv
      command.workingDirectory = here
      const { environment, git: code } = captures
      if (environment === undefined || code === undefined) throw new Error('the run has no captures')
      Object.assign(code.value, { root: name === 'other' ? project : here })
      Object.assign(environment.value, {
        python: {
          ...environment.value['python'],
          command: `${here}/venv/bin/python3`,
          executable: `${here}/venv/bin/python3`,
          prefix: `${here}/venv`,
          packages: { six: ['1.15.0'] },
        },
        conda: { status: 'present', prefix: `${here}/miniconda`, name: 'conda', packages: {} },
      })
      captures['own'] = { ...environment, value: {} }
    })
  }
}, 120_000)

/** The table of the page: the programs of each command. */
function table(): Map<string, string[]> {
  const rows = readFileSync('docs/security.md', 'utf8').matchAll(/^\| (`.*?) +\| (.*?) +\|$/gm)
  const names = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => name ?? [])
  return new Map(
    [...rows].flatMap(([, commands = '', programs = '']) =>
      names(commands).map((command) => [command, names(programs)] as const),
    ),
  )
}

const STORE = ['--output-dir', '.']
const FORGED = ['path', 'absolute', 'accelerate', 'other', 'project', 'compiled', 'script']

const COMMANDS: readonly (readonly [string, readonly (readonly string[])[]])[] = [
  [
    'hash',
    [
      ['hash', '.'],
      ['hash', 'm', '--tensors'],
    ],
  ],
  ['manifest', [['manifest', 'm', '--tensors', '-o', join(folder, 'manifest.json')]]],
  ['check', [['check', join(folder, 'manifest.json'), 'm']]],
  ['model', [['model', 'm']]],
  ['dataset', [['dataset', 'data.csv']]],
  ['list', [['list', ...STORE]]],
  ['show', FORGED.map((name) => ['show', name, ...STORE])],
  [
    'diff',
    [
      ['diff', 'data.csv', 'data.txt'],
      ['diff', 'm', 'm'],
      ['diff', 'path', 'other', ...STORE],
    ],
  ],
  ['diff --patch', [['diff', 'path', 'other', '--patch', join(folder, 'patch'), ...STORE]]],
  [
    'export',
    ['json', 'yaml', 'slsa', 'cyclonedx', 'wandb'].map((form) => ['export', 'path', '-f', form, ...STORE]),
  ],
  ['capture seeds', [['capture', 'seeds']]],
  ['verify --data', FORGED.map((name) => ['verify', name, '--data', ...STORE])],
  ['verify --code', FORGED.map((name) => ['verify', name, '--code', ...STORE, '--', 'true'])],
  ['verify', FORGED.map((name) => ['verify', name, ...STORE])],
  ['verify --strict', FORGED.map((name) => ['verify', name, '--strict', ...STORE])],
  ['reproduce --no-run', [['reproduce', 'own', '--no-run', '--into', join(folder, 'again'), ...STORE]]],
  ['capture env', [['capture', 'env']]],
  ['capture git', [['capture', 'git']]],
  ['doctor', [['doctor']]],
]

describe('a command that only reads starts what the table says, and nothing that was planted', () => {
  test.each(COMMANDS)('%s', { timeout: 120_000 }, async (command, calls) => {
    const allowed = table().get(command)
    expect(allowed).toBeDefined()
    const all = new Set<string>()
    for (const args of calls) {
      const result = await started(args)
      expect(
        result.marks.filter((name) => name.startsWith('planted')),
        args.join(' '),
      ).toEqual([])
      expect([0, 1], `${args.join(' ')}: ${result.outcome.stderr}`).toContain(result.outcome.code)
      for (const name of result.marks) all.add(name)
    }
    expect([...all].toSorted()).toEqual(allowed?.toSorted())
  })
})

test('what was planted works: git, the shell and the library start it', { timeout: 60_000 }, async () => {
  rmSync(marks, { force: true })
  spawnSync('git', ['status'], { cwd: project, env: { ...process.env, ...VARIABLES } })
  expect(marked()).toContain('planted planted')
  spawnSync('git', ['status'], { cwd: project, env: { ...process.env, ...LOOKING } })
  expect(marked()).toContain('planted git')
  const python = await started(['verify', 'path', ...STORE, '--', './venv/bin/python3', 't.py'])
  expect(python.marks).toContain('planted venv/bin/python3')
  const named = await started(['list', '--config', 'lineaprint.config.ts'])
  expect(named).toMatchObject({ outcome: { code: 0 }, marks: ['planted lineaprint.config.ts'] })
  const run = await started(['run', '--output-dir', join(folder, 'elsewhere'), '--', 'true'])
  expect(run.marks).toEqual(expect.arrayContaining(['planted lineaprint.config.ts', 'planted planted']))
})

test('a configuration that is a program is named, not executed, where nothing else names the store', async () => {
  const places = [
    ['list'],
    ['show', 'own'],
    ['verify', 'own'],
    ['diff', 'own', '@latest'],
    ['export', 'own', '-f', 'json'],
  ]
  for (const args of [...places, ['reproduce', 'own', '--no-run']]) {
    const { outcome, marks: left } = await started(args)
    expect({ code: outcome.code, left }, args.join(' ')).toEqual({ code: 2, left: [] })
    expect(outcome.stderr).toMatch(
      /^lineaprint: .*lineaprint\.config\.ts: only this program .*--output-dir FOLDER.*\n$/,
    )
  }
  const files = await started(['diff', 'data.csv', 'data.csv'])
  expect(files).toMatchObject({ outcome: { code: 0 }, marks: [] })
})

test('what a filter, a tool or an interpreter would have said is not checked, with the reason', async () => {
  const { outcome } = await started(['verify', 'path', ...STORE, '--json'])
  const { items } = JSON.parse(outcome.stdout) as {
    items: { name: string; status: string; detail: string }[]
  }
  const detail = (name: string, status: string): string =>
    items.find((item) => item.name === name && item.status === status)?.detail ?? 'there is no such item'
  expect(detail('git (in part)', 'not-checked')).toMatch(/changed\.data\.txt.*filter "rot"/)
  expect(detail('git (in part)', 'not-checked')).toMatch(/submodules\.sub.*filter "inner"/)
  expect(detail('interpreter', 'not-checked')).toMatch(
    /^the interpreter of this shell is another one: .*read as data/,
  )
  expect(detail('own', 'not-checked')).toMatch(/--config FILE executes/)
  const environment = items.find(({ name, status }) => name === 'environment' && status === 'changed')
  expect(environment).toMatchObject({
    differences: expect.arrayContaining([
      expect.objectContaining({ field: 'python.packages.six', before: '1.15.0', after: '1.16.0' }),
    ]) as unknown,
  })
})
