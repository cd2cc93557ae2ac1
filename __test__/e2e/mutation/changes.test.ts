/**
 * One thing at a time is changed around a recorded run, and `verify` has to name it. What is changed in its own folder stands
 * in `record.test.ts`, what is not seen in `limits.test.ts`.
 */
import { appendFileSync, chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { git } from '../../capture/fixture.ts'
import {
  AS_RECORDED,
  COMMAND,
  LOCK,
  MANIFEST,
  METADATA,
  SEED,
  WEIGHTS,
  found,
  recordedProject,
} from './support.ts'
import type { Verification, VerifyOptions } from '../../../src/verify/verify.ts'

const { project, inRoot, verify, verifyCommand, replace, edit, setVariable } = recordedProject()

function fields({ items }: Verification): string[] {
  return items.flatMap(({ differences }) =>
    differences.filter(({ counts }) => counts).map(({ field }) => field),
  )
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
      git(project.root, 'add', 'staged.py')
      writeFileSync(inRoot('staged.py'), before)
      return () => void git(project.root, 'add', 'staged.py')
    },
    items: ['code git changed'],
    fields: ['changed.staged.py'],
  },
  {
    what: 'a staged change that is not staged any more',
    change: () => {
      git(project.root, 'reset', '-q', '--', 'staged.py')
      return () => void git(project.root, 'add', 'staged.py')
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
      git(project.root, 'commit', '-q', '--allow-empty', '-m', 'second')
      return () => void git(project.root, 'reset', '-q', '--soft', 'HEAD~1')
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
