/** Seeds that programs set themselves: they are the effective ones, in the record, in `show` and in `diff`. */
import { expect, test } from 'vitest'
import { FAST } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { plainPython, programsOf, python, targetsOf } from './support.ts'

const SLOW = { timeout: 120_000 }

test.each([
  ['numpy', 'np.random.seed(1009); np.random.rand()', { numpy: '1009' }],
  ['random', 'random.seed(a=1010); random.random()', { random: '1010' }],
  ['both', 'random.seed(11); np.random.seed(seed=12)', { numpy: '12', random: '11' }],
  ['default_rng', 'np.random.default_rng(13).random()', { 'numpy default_rng': '13' }],
  ['the system', 'random.seed(); random.random()', { random: null }],
  ['the same seed as the run', 'random.seed(77); np.random.seed(77); random.random()', {}],
  ['lineaprint.seed', 'random.seed(lineaprint.seed()); random.random()', {}],
  [
    'for a moment',
    'before = np.random.get_state(); np.random.seed(0); np.random.set_state(before); np.random.rand()',
    {},
  ],
  [
    'a state that was read in this process',
    'random.random(); s = random.getstate(); random.seed(9); random.random(); random.random(); random.setstate(s)\ns = np.random.get_state(); np.random.rand(); np.random.set_state(s); np.random.rand()',
    {},
  ],
  [
    'a state that was read after an own seed',
    'np.random.seed(4); np.random.rand(); s = np.random.get_state(); np.random.rand(); np.random.seed(5); np.random.rand(); np.random.rand(); np.random.set_state(s); np.random.rand()',
    { numpy: '4' },
  ],
  [
    'a state of another generator',
    'random.setstate(random.Random(5).getstate())',
    { random: 'a saved state' },
  ],
  ['set_seeds', 'lineaprint.set_seeds(5); random.random()', {}],
  [
    'restore',
    'lineaprint.checkpoint("c"); lineaprint.restore(os.environ["LINEAPRINT_RUN_DIRECTORY"], "c")',
    {},
  ],
  ['none', 'random.random(); np.random.rand(); np.random.default_rng().random()', {}],
] as const)('the effective seed: %s', SLOW, async (_, line, own) => {
  const { record, stderr, root } = await python(`import lineaprint, random, numpy as np\n${line}`, {
    options: ['--seed', '77'],
  })
  const [program] = programsOf(record)
  const found = (program?.['ownSeeds'] ?? []) as { name: string; seed: string | null }[]
  expect(Object.fromEntries(found.map(({ name, seed }) => [name, seed]))).toEqual(own)
  const names = Object.keys(own)
  const shown = await lineaprint(['show', '@latest'], { cwd: root, env: FAST })
  for (const name of names) expect(targetsOf(program)[name]).toBe('own-seed')
  const listed = Object.entries(own).map(([name, seed]) => `${name} ${seed ?? 'from the system'}`)
  const seeds = names.length === 1 ? 'seed' : 'seeds'
  const wanted =
    names.length === 0
      ? []
      : [`program.py set its own ${seeds}, which replaced --seed 77: ${listed.join(', ')}`]
  expect(record.warnings).toEqual(wanted)
  expect(stderr.split('\n').filter((entry) => entry.startsWith('lineaprint: warning: '))).toEqual(
    wanted.map((warning) => `lineaprint: warning: ${warning}`),
  )
  const lines = shown.stdout.split('\n').filter((entry) => /^ +own seeds/.test(entry))
  expect(lines).toEqual(names.length === 0 ? [] : [`   own seeds  ${listed.join(', ')}`])
})

test.each([
  ['both set their own', 'np.random.seed(5); np.random.rand()', 'np.random.seed(5); np.random.rand()', 0, []],
  [
    'they set different ones',
    'np.random.seed(5)',
    'np.random.seed(6)',
    1,
    [{ cause: 'seeds', field: 'seeds.ownSeeds.numpy', before: '5', after: '6' }],
  ],
  [
    'one generator has the seed of the run',
    'np.random.seed(5); random.random()',
    'np.random.seed(5); random.random()',
    1,
    [{ field: 'seeds.generators.default.state' }, { field: 'seeds.seed', before: '1', after: '2' }],
  ],
  [
    'a forked worker has it',
    'np.random.seed(5); mp.get_context("fork").Pool(2).map(draw, range(2))',
    'np.random.seed(5); mp.get_context("fork").Pool(2).map(draw, range(2))',
    1,
    [{ field: 'seeds.generators.default.state' }, { field: 'seeds.seed' }],
  ],
  [
    'only one run sets its own',
    'np.random.seed(5)',
    'np.random.rand()',
    1,
    [
      { field: 'seeds.generators.default.state' },
      { field: 'seeds.ownSeeds.numpy', before: '5' },
      { field: 'seeds.seed' },
    ],
  ],
] as const)('diff of two seeds: %s', SLOW, async (_, one, two, code, differences) => {
  const root = folderOf()
  const head = 'import random, multiprocessing as mp, numpy as np\ndef draw(i): return random.random()\n'
  for (const [at, line] of [one, two].entries()) {
    const options = ['--name', `s${at + 1}`, '--seed', String(at + 1)]
    await python(`${head}${line}`, { root, options })
  }
  const args = ['diff', 's1', 's2', '--json', '--check', '--ignore', 'command.*', '--ignore', 'git*']
  const answer = await lineaprint(args, { cwd: root, env: FAST })
  const found = JSON.parse(answer.stdout) as {
    differences: { cause: string }[]
    ignored: { detail: string }[]
  }
  expect(found.differences.filter(({ cause }) => cause === 'seeds')).toMatchObject(differences)
  expect(found.differences.some(({ cause }) => cause === 'seeds')).toBe(code === 1)
  const isWithoutEffect = found.ignored.some(({ detail }) => detail.startsWith('no effect'))
  expect(isWithoutEffect).toBe(code === 0 || differences.length === 1)
})

test.each([
  ['random', 'random.random(); random.seed(5); random.random()', 'random', '5'],
  ['random, from the system', 'random.random(); random.seed()', 'random', null],
  [
    'random, a state',
    'random.random(); random.setstate(random.Random(5).getstate())',
    'random',
    'a saved state',
  ],
  ['numpy', 'np.random.rand(); np.random.seed(5); np.random.seed(6)', 'numpy', '6'],
  [
    'numpy, a state',
    'np.random.rand(); np.random.set_state(np.random.RandomState(5).get_state())',
    'numpy',
    'a saved state',
  ],
] as const)(
  'a program that drew before it set its own seed used both: %s',
  SLOW,
  async (_, line, name, own) => {
    const root = folderOf()
    for (const seed of ['1', '2']) {
      const options = ['--name', `s${seed}`, '--seed', seed]
      const { record } = await python(`import random, numpy as np\n${line}`, { root, options })
      expect(programsOf(record)[0]).toMatchObject({ used: [name], ownSeeds: [{ name, seed: own }] })
      expect(record.warnings).toEqual([
        `program.py drew numbers from --seed ${seed}, and then set its own seed: ${name} ${own ?? 'from the system'}`,
      ])
    }
    const answer = await lineaprint(['diff', 's1', 's2', '--json', '--check'], { cwd: root, env: FAST })
    const { differences } = JSON.parse(answer.stdout) as { differences: { field: string }[] }
    expect(differences).toContainEqual(
      expect.objectContaining({ field: 'seeds.seed', before: '1', after: '2' }),
    )
  },
)

test('the functions that set seeds are what they were', SLOW, async () => {
  const source = `import random, inspect, pickle, copy
import numpy as np
for function in (random.seed, random.setstate, random.getstate, np.random.seed, np.random.set_state, np.random.get_state):
    say(function.__name__, function.__qualname__, bool(function.__doc__), callable(function), hasattr(function, "__self__"))
    say(callable(pickle.loads(pickle.dumps(function))), pickle.dumps(function)[-60:].hex() if hasattr(function, "__self__") is False else 0)
say(str(inspect.signature(random.seed)), repr(random.seed)[:30], random.seed == random.seed, len({random.seed, random.seed}))
say(random.seed.__self__ is random._inst, random.seed(5), np.random.seed([1, 2, 3]), np.random.rand())
for wrong in (lambda: np.random.seed(-1), lambda: np.random.seed("x"), lambda: random.setstate(1), lambda: random.seed(1, 2, 3)):
    try:
        wrong()
    except (ValueError, TypeError) as error:
        say(type(error).__name__)
random.seed("text"); random.seed(b"bytes"); random.seed(1.5); random.seed(2 ** 200)
say(random.random())`
  const root = folderOf()
  const without = plainPython(source, root, { PYTHONPATH: '' })
  expect(without.length).toBeGreaterThan(30)
  expect((await python(source, { root })).said).toEqual(without)
  expect((await python(source, { root, options: ['--seed', '3'] })).said).toEqual(without)
})
