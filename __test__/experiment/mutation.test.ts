/**
 * One thing at a time is changed in and around a recorded run, and `verify` has to name it. What it cannot see is
 * tested as well, below: `docs/verify.md` lists it.
 */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  cpSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { LineaprintError } from '../../src/errors.ts'
import { verifyFiles, verifyRecord } from '../../src/experiment/verify-files.ts'
import { verifyRun } from '../../src/experiment/verify.ts'
import { readRun } from '../../src/store/runs.ts'
import { formatRecord, parseRecord, sealRecord } from '../../src/store/seal.ts'
import { onlyRun } from '../cli/runs/support.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { keptFolder } from '../support/kept-folder.ts'
import { git } from '../capture/fixture.ts'
import type { Outcome } from '../support/program.ts'
import type { Verification, VerifyOptions } from '../../src/experiment/verify.ts'
import type { StoredRun } from '../../src/store/runs.ts'

const SCRIPT = `import json, os, random, sys
random.seed(int(os.environ['LINEAPRINT_SEED']))
rows = open('data/train.csv').read().split()
print('training with', sys.argv[1:])
print('a warning', file=sys.stderr)
os.makedirs('out', exist_ok=True)
json.dump({'rows': len(rows), 'draw': random.random()}, open('out/result.json', 'w'))
open(os.path.join(os.environ['LINEAPRINT_RUN_DIRECTORY'], 'side.txt'), 'w').write('beside the record')
`

const LOCK = (version: string): string => `numpy==${version}\n`
const METADATA = (version: string): string => `Metadata-Version: 2.1\nName: somelib\nVersion: ${version}\n`
const MANIFEST = (version: string): string => `{"name":"dep","version":"${version}"}`
const WEIGHTS = (last: number): Uint8Array =>
  safetensors({ 'layer.w': floats([1, 2, 3]), 'layer.b': floats([last]) })

const FILES = {
  'train.py': SCRIPT,
  'helper.py': 'x = 1\n',
  'staged.py': 'y = 1\n',
  'tool.sh': '#!/bin/sh\n',
  'requirements.txt': LOCK('1.26.0'),
  'package.json': '{"name":"project","version":"1.0.0"}',
  'lineaprint.config.json': '{"environment":{"variables":["LEARNING_MODE"]}}',
  '.gitignore': 'data/\nmodels/\nout/\nnode_modules/\nsite/\nignored/\n__pycache__/\n',
  'data/train.csv': '1,2\n3,4\n',
  'models/base.safetensors': WEIGHTS(4),
  'node_modules/dep/package.json': MANIFEST('1.0.0'),
  'site/somelib-1.0.dist-info/METADATA': METADATA('1.0'),
  'ignored/extra.py': 'z = 1\n',
}

const COMMAND = ['python3', 'train.py', '--rate', '0.1']
const SEED = 42
/** The present as it was when the run started. */
const AS_RECORDED: VerifyOptions = { command: COMMAND, seed: SEED }

let root = ''
let folder = ''
let run: StoredRun

function environment(): Record<string, string> {
  return {
    PYTHONPATH: join(root, 'site'),
    OMP_NUM_THREADS: '2',
    LEARNING_MODE: 'fast',
    PYTHONDONTWRITEBYTECODE: '1',
  }
}

const inRoot = (name: string): string => join(root, name)

function verifyCommand(...args: string[]): Promise<Outcome> {
  const rest = ['--seed', String(SEED), '--', ...COMMAND]
  return lineaprint(['verify', '@latest', ...args, ...rest], { cwd: root, env: environment() })
}

beforeAll(async () => {
  root = keptFolder(FILES)
  git(root, 'init', '-q')
  git(root, 'add', '.')
  git(root, 'commit', '-qm', 'first')
  appendFileSync(inRoot('train.py'), '# dirty\n')
  appendFileSync(inRoot('staged.py'), '# staged\n')
  git(root, 'add', 'staged.py')
  writeFileSync(inRoot('untracked.py'), 'u = 1\n')
  const inputs = ['--dataset', 'train=data/train.csv', '--model', 'base=models/base.safetensors']
  const args = [
    'run',
    '--seed',
    String(SEED),
    ...inputs,
    '--output',
    'result=out/result.json',
    '--',
    ...COMMAND,
  ]
  const outcome = await lineaprint(args, { cwd: root, env: environment() })
  if (outcome.code !== 0) throw new Error(`the run failed: ${outcome.stderr}`)
  folder = onlyRun(root).folder
  run = await readRun(folder)
}, 120_000)

afterEach(() => void vi.unstubAllEnvs())

/** Verifies with the environment of the run, and what a case changes of it. */
async function verify(options: VerifyOptions = AS_RECORDED): Promise<Verification> {
  for (const [name, value] of Object.entries(environment())) if (!stubbed.has(name)) vi.stubEnv(name, value)
  // The captures look where the command worked, whatever the working directory of this process is.
  return verifyRun(await readRun(folder), options)
}

const stubbed = new Set<string>()

function found({ items }: Verification): string[] {
  return items
    .filter(({ counts }) => counts)
    .map(({ section, name, status }) => `${section} ${name} ${status}`)
    .toSorted()
}

function fields({ items }: Verification): string[] {
  return items.flatMap(({ differences }) =>
    differences.filter(({ counts }) => counts).map(({ field }) => field),
  )
}

/** Writes another content, and gives what puts the old one back, with its mode. */
function replace(name: string, content: string | Uint8Array): () => void {
  const path = inRoot(name)
  const [before, { mode }] = [readFileSync(path), statSync(path)]
  writeFileSync(path, content)
  return () => {
    writeFileSync(path, before)
    chmodSync(path, mode)
  }
}

function edit(name: string, from: string, to: string): () => void {
  const text = readFileSync(inRoot(name), 'utf8')
  expect(text, `${name} holds ${from}`).toContain(from)
  return replace(name, text.replace(from, to))
}

function setVariable(name: string, value: string | undefined): () => void {
  stubbed.add(name)
  vi.stubEnv(name, value)
  return () => void stubbed.delete(name)
}

function flip(content: Uint8Array, at: number): Buffer {
  const flipped = Buffer.from(content)
  flipped[at] = flipped[at]! ^ (1 << (at % 8))
  return flipped
}

interface Mutation {
  readonly what: string
  /** Changes one thing, and gives what puts it back. */
  readonly change: () => () => void
  /** What the present is said to be. @default as recorded */
  readonly options?: VerifyOptions
  /** Everything that counts, and nothing else. */
  readonly items: readonly string[]
  /** The fields that have to be named. */
  readonly fields?: readonly string[]
}

const nothing = (): (() => void) => () => undefined

const MUTATIONS: readonly Mutation[] = [
  {
    what: 'a byte of data',
    change: () => edit('data/train.csv', '3,4', '3,5'),
    items: ['datasets train changed'],
    fields: ['digest'],
  },
  {
    what: 'data that is gone',
    change: () => {
      renameSync(inRoot('data/train.csv'), inRoot('data/moved.csv'))
      return () => renameSync(inRoot('data/moved.csv'), inRoot('data/train.csv'))
    },
    items: ['datasets train missing'],
  },
  {
    what: 'one weight',
    change: () => replace('models/base.safetensors', WEIGHTS(4.0000005)),
    items: ['models base changed'],
    fields: ['weights', 'layer.b'],
  },
  {
    what: 'an output',
    change: () => edit('out/result.json', '"rows"', '"Rows"'),
    items: ['outputs result changed'],
  },
  {
    what: 'the seed',
    change: nothing,
    options: { ...AS_RECORDED, seed: SEED + 1 },
    items: ['seeds seeds changed'],
    fields: ['seed', 'generators.default.state'],
  },
  {
    what: 'a pinned version in a lock file',
    change: () => replace('requirements.txt', LOCK('1.26.1')),
    items: ['code git changed', 'environment environment changed'],
    fields: ['changed.requirements.txt'],
  },
  {
    what: 'an installed version of npm',
    change: () => replace('node_modules/dep/package.json', MANIFEST('1.0.1')),
    items: ['environment environment changed'],
    fields: ['npm.packages.dep'],
  },
  {
    what: 'an installed version of Python',
    change: () => replace('site/somelib-1.0.dist-info/METADATA', METADATA('1.1')),
    items: ['environment environment changed'],
    fields: ['python.packages.somelib'],
  },
  {
    what: 'a source line of a clean file',
    change: () => edit('helper.py', 'x = 1', 'x = 2'),
    items: ['code git changed'],
    fields: ['changed.helper.py'],
  },
  {
    what: 'a source line of a file that was dirty',
    change: () => edit('train.py', '# dirty', '# Dirty'),
    items: ['code git changed'],
    fields: ['changed.train.py'],
  },
  {
    what: 'a staged change, with the file as it was',
    change: () => {
      const before = readFileSync(inRoot('staged.py'))
      appendFileSync(inRoot('staged.py'), '# more\n')
      git(root, 'add', 'staged.py')
      writeFileSync(inRoot('staged.py'), before)
      return () => void git(root, 'add', 'staged.py')
    },
    items: ['code git changed'],
    fields: ['changed.staged.py'],
  },
  {
    what: 'a staged change that is not staged any more',
    change: () => {
      git(root, 'reset', '-q', '--', 'staged.py')
      return () => void git(root, 'add', 'staged.py')
    },
    items: ['code git changed'],
    fields: ['changed.staged.py'],
  },
  {
    what: 'an untracked file of the start',
    change: () => edit('untracked.py', 'u = 1', 'u = 2'),
    items: ['code git changed'],
    fields: ['untracked.untracked.py'],
  },
  {
    what: 'an untracked file that is gone',
    change: () => {
      rmSync(inRoot('untracked.py'))
      return () => writeFileSync(inRoot('untracked.py'), 'u = 1\n')
    },
    items: ['code git changed'],
    fields: ['untracked.untracked.py'],
  },
  {
    what: 'the executable bit of a tracked file',
    change: () => {
      chmodSync(inRoot('tool.sh'), 0o755)
      return () => chmodSync(inRoot('tool.sh'), 0o644)
    },
    items: ['code git changed'],
    fields: ['changed.tool.sh'],
  },
  {
    what: 'the executable bit of an untracked file',
    change: () => {
      chmodSync(inRoot('untracked.py'), 0o755)
      return () => chmodSync(inRoot('untracked.py'), 0o644)
    },
    items: ['code git changed'],
    fields: ['untracked.untracked.py'],
  },
  {
    what: 'another commit with the same files',
    change: () => {
      git(root, 'commit', '-q', '--allow-empty', '-m', 'second')
      return () => void git(root, 'reset', '-q', '--soft', 'HEAD~1')
    },
    items: ['code git changed'],
    fields: ['commit'],
  },
  {
    what: 'an argument of the command',
    change: nothing,
    options: { ...AS_RECORDED, command: [...COMMAND.slice(0, -1), '0.2'] },
    items: ['command argv changed'],
    fields: ['argv.3'],
  },
  {
    what: 'an argument more, and one less',
    change: nothing,
    options: { ...AS_RECORDED, command: [...COMMAND, '--fast'] },
    items: ['command argv changed'],
    fields: ['argv.4'],
  },
  {
    what: 'a variable of the list',
    change: () => setVariable('OMP_NUM_THREADS', '3'),
    items: ['environment environment changed'],
    fields: ['variables.OMP_NUM_THREADS'],
  },
  {
    what: 'a variable of the list that is new',
    change: () => setVariable('CUDA_VISIBLE_DEVICES', '1'),
    items: ['environment environment changed'],
    fields: ['variables.CUDA_VISIBLE_DEVICES'],
  },
  {
    what: 'a variable that the configuration names',
    change: () => setVariable('LEARNING_MODE', 'slow'),
    items: ['environment environment changed'],
    fields: ['variables.LEARNING_MODE'],
  },
]

test('an unchanged run is the same, at every level', { timeout: 120_000 }, async () => {
  for (const level of ['data', 'code', 'default'] as const) {
    const answer = await verify({ ...AS_RECORDED, level })
    expect(found(answer)).toEqual([])
    expect(answer.same).toBe(true)
  }
  const strict = await verifyCommand('--strict')
  expect(strict).toMatchObject({ code: 0, stderr: '' })
  expect(strict.stdout.split('\n').filter((line) => line !== '' && !line.startsWith('same\t'))).toEqual([])
})

test.each(MUTATIONS)(
  '$what',
  { timeout: 120_000 },
  async ({ change, options, items, fields: named = [] }) => {
    const undo = change()
    try {
      const answer = await verify(options)
      expect(found(answer)).toEqual(items)
      expect(fields(answer)).toEqual(expect.arrayContaining([...named]))
      expect(answer.same).toBe(false)
    } finally {
      undo()
    }
  },
)

test('each was undone: the run is the same again', { timeout: 120_000 }, async () => {
  expect(found(await verify())).toEqual([])
})

test('a level looks away from what is not its own, and still shows it', { timeout: 120_000 }, async () => {
  const undo = [edit('data/train.csv', '3,4', '3,5'), edit('helper.py', 'x = 1', 'x = 2')]
  const other = { ...AS_RECORDED, seed: 7 }
  try {
    const at = async (level: VerifyOptions['level']): Promise<string[]> =>
      found(await verify({ ...other, level }))
    expect(await at('data')).toEqual(['datasets train changed'])
    expect(await at('code')).toEqual(['code git changed'])
    expect(await at('default')).toEqual(['code git changed', 'datasets train changed', 'seeds seeds changed'])
    const { items } = await verify({ ...other, level: 'data' })
    const shown = items.filter(({ status }) => status === 'changed').map(({ section }) => section)
    expect(shown.toSorted()).toEqual(['code', 'datasets', 'seeds'])
  } finally {
    for (const one of undo) one()
  }
})

test('a new untracked file counts where everything does', { timeout: 120_000 }, async () => {
  writeFileSync(inRoot('new.py'), '')
  try {
    const normal = await verify()
    expect(normal.same).toBe(true)
    expect(normal.items.find(({ name }) => name === 'git')).toMatchObject({
      status: 'changed',
      counts: false,
      differences: [{ field: 'untracked.new.py', counts: false }],
    })
    const strict = await verifyCommand('--strict')
    expect(strict.code).toBe(1)
    expect(strict.stdout).toContain('changed\tcode\tgit\tuntracked.new.py\n')
  } finally {
    rmSync(inRoot('new.py'))
  }
})

test('what was not checked is a failure where everything counts', { timeout: 120_000 }, async () => {
  const rest = await verify({ level: 'default' })
  expect(rest.same).toBe(true)
  const open = rest.items.filter(({ status }) => status === 'not-checked')
  expect(open.map(({ section, detail }) => [section, detail])).toEqual([
    ['command', 'no command was given to compare with'],
    ['seeds', 'no seed is set in this process, and none was given to compare with'],
  ])
  const strict = await lineaprint(['verify', '@latest', '--strict'], { cwd: root, env: environment() })
  expect(strict.code).toBe(1)
  expect(strict.stdout).toMatch(/^not-checked\tcommand\targv/m)
})

describe('the folder of the run', () => {
  test('every byte of run.json', { timeout: 480_000 }, () => {
    const bytes = readFileSync(join(folder, 'run.json'))
    expect(isRecordRefused(bytes)).toBe(false)
    const missed: number[] = []
    for (let at = 0; at < bytes.length; at++) if (!isRecordRefused(flip(bytes, at))) missed.push(at)
    expect(missed).toEqual([])
  })

  test(
    'every file in it: changed, cut, gone, and one by the name of another',
    { timeout: 120_000 },
    async () => {
      const names = run.record.files.map(({ path }) => path)
      expect(names).toEqual(
        expect.arrayContaining([
          'events.jsonl',
          'git/diff.patch',
          'git/staged.patch',
          'git/untracked/untracked.py',
          'models/base.tensors.json',
          'side.txt',
          'stderr.log',
          'stdout.log',
        ]),
      )
      for (const name of names) {
        const path = join(folder, name)
        const content = readFileSync(path)
        const step = Math.max(1, Math.ceil(content.length / 8))
        for (let at = 0; at < content.length; at += step) {
          writeFileSync(path, flip(content, at))
          expect(await badFiles(), `byte ${at} of ${name}`).toEqual([`${name} changed`])
        }
        writeFileSync(path, content.subarray(0, -1))
        expect(await badFiles()).toEqual([`${name} changed`])
        rmSync(path)
        expect(await badFiles()).toEqual([`${name} missing`])
        writeFileSync(path, content)
      }
      copyFileSync(join(folder, 'stderr.log'), join(folder, 'kept.log'))
      copyFileSync(join(folder, 'stdout.log'), join(folder, 'stderr.log'))
      expect(await badFiles()).toEqual(['stderr.log changed'])
      renameSync(join(folder, 'kept.log'), join(folder, 'stderr.log'))
      expect(await badFiles()).toEqual([])
    },
  )
})

/**
 * Whether the check of a record, given these bytes of it, says that it is not the sealed one. The full parser refuses
 * more than the quick one and gives the same, so it is asked only where the quick one finds nothing.
 */
function isRecordRefused(recordBytes: Uint8Array): boolean {
  return isRefused(recordBytes, true) || isRefused(recordBytes, false)
}

function isRefused(recordBytes: Uint8Array, quick: boolean): boolean {
  try {
    const record = parseRecord(recordBytes, 'run.json', { quick })
    // One that says that it never ended has no seal, and is told as such.
    return verifyRecord({ ...run, record, recordBytes, status: record.status }).some(
      ({ status }) => status !== 'same',
    )
  } catch (error) {
    if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_RECORD') return true
    throw error
  }
}

async function badFiles(): Promise<string[]> {
  const items = await verifyFiles(run, undefined)
  return items
    .filter(({ status }) => status === 'changed' || status === 'missing')
    .map(({ name, status }) => `${name} ${status}`)
}

describe('what verify cannot see', () => {
  const counted = async (): Promise<string[]> => found(await verify())

  test('a file that git ignores and nobody declared', { timeout: 60_000 }, async () => {
    const undo = edit('ignored/extra.py', 'z = 1', 'z = 2')
    expect(await counted()).toEqual([])
    undo()
  })

  test(
    'an installed package that was edited in place, under its old version',
    { timeout: 60_000 },
    async () => {
      writeFileSync(inRoot('node_modules/dep/index.js'), 'edited')
      expect(await counted()).toEqual([])
      rmSync(inRoot('node_modules/dep/index.js'))
    },
  )

  test('a variable that is on no list', { timeout: 60_000 }, async () => {
    vi.stubEnv('SOME_OTHER_SWITCH', 'on')
    expect(await counted()).toEqual([])
  })

  test('times, and the permissions of data', { timeout: 60_000 }, async () => {
    utimesSync(inRoot('data/train.csv'), new Date(0), new Date(0))
    chmodSync(inRoot('data/train.csv'), 0o755)
    chmodSync(inRoot('helper.py'), 0o600)
    expect(await counted()).toEqual([])
    chmodSync(inRoot('helper.py'), 0o644)
  })

  test('a file that git was told not to look at', { timeout: 60_000 }, async () => {
    git(root, 'update-index', '--assume-unchanged', 'helper.py')
    const undo = edit('helper.py', 'x = 1', 'x = 2')
    expect(await counted()).toEqual([])
    undo()
    git(root, 'update-index', '--no-assume-unchanged', 'helper.py')
  })

  test('a record that was changed and sealed again, without its old seal', async () => {
    const copy = join(keptFolder(), 'copy')
    cpSync(folder, copy, { recursive: true })
    const forged = sealRecord({ ...run.record, notes: 'better than it was' })
    writeFileSync(join(copy, 'run.json'), formatRecord(forged))
    const again = await readRun(copy)
    expect(verifyRecord(again)).toMatchObject([{ status: 'same' }])
    // What gives it away is the seal itself, noted elsewhere.
    expect(again.record.seal).not.toBe(run.record.seal)
  })
})
