/** Generators of Python programs: seeded, saved, and set back, also in another process. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { deriveSeed } from '../../../src/capture/seeds/seed.ts'
import { folderOf } from '../../support/folder.ts'
import { restoresEverywhere } from './restoring.ts'
import { plainPython, programsOf, python, targetsOf } from './support.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

const SLOW = { timeout: 120_000 }

test('random and NumPy: save, draw, restore, draw the same, in a new process too', SLOW, async () => {
  const { first, next } = await restoresEverywhere({
    options: {},
    head: 'import random, numpy\nrng = numpy.random.default_rng(5)\nother = numpy.random.default_rng()\n',
    draw: '[random.random(), random.gauss(0, 1), numpy.random.rand(), numpy.random.randn(), rng.random(), rng.normal(), rng.integers(2 ** 16, dtype="uint16").item(), other.random()]',
    names: ['random', 'numpy', 'numpy default_rng 1', 'numpy default_rng 2'],
  })
  expect(next).toEqual([first, first])
})

test('what is restored is restored whole: three distinct errors, and nothing changed', SLOW, async () => {
  const run = await python(
    'import lineaprint, random, numpy\nrng = numpy.random.default_rng(1)\nlineaprint.checkpoint("c")',
  )
  const path = join(run.folder, 'generators/checkpoint-c.json')
  const good = JSON.parse(readFileSync(path, 'utf8')) as JsonObject
  const generators = good['generators'] as Record<string, JsonObject>
  const place = folderOf()
  const files: Record<string, [content: string, error: string]> = {}
  const put = (name: string, change: (states: Record<string, JsonObject>) => object, error: string): void => {
    const states = change(structuredClone(generators))
    files[name] = [JSON.stringify({ ...good, generators: states }), error]
  }
  files['torn'] = [readFileSync(path, 'utf8').slice(0, 900), 'StateCorrupt']
  files['no UTF-8'] = ['{"schema":"\u0000', 'StateCorrupt']
  files['a list'] = ['[]', 'StateCorrupt']
  files['no schema'] = [JSON.stringify({ generators }), 'StateIncomplete']
  files['no generators'] = [JSON.stringify({ schema: good['schema'] }), 'StateIncomplete']
  files['another schema'] = [JSON.stringify({ ...good, schema: 'lineaprint/generators/v2' }), 'StateCorrupt']
  const without = (key: string, field: string) => (states: Record<string, JsonObject>) => {
    const { [field]: _, ...rest } = states[key] as Record<string, unknown>
    return { ...states, [key]: rest }
  }
  const having = (key: string, fields: object) => (states: Record<string, JsonObject>) => ({
    ...states,
    [key]: { ...states[key], ...fields },
  })
  // Each leaves the generators before it good: a restore in order would have set those.
  for (const [key, field] of [
    ['random', 'words'],
    ['random', 'position'],
    ['random', 'algorithm'],
    ['numpy', 'state'],
    ['numpy', 'gauss'],
    ['numpy default_rng 1', 'state'],
    ['numpy default_rng 1', 'has_uint32'],
  ] as const)
    put(`${key} without ${field}`, without(key, field), 'StateIncomplete')
  for (const [key, fields] of [
    ['random', { words: [1, 2] }],
    ['random', { position: 625 }],
    ['random', { position: true }],
    ['random', { version: 9 }],
    ['random', { gauss: 'much' }],
    ['numpy', { algorithm: 'os.system' }],
    ['numpy', { gauss: { float: 'x' } }],
    ['numpy', { state: { key: { uint32: ['1'] }, pos: '0' } }],
    ['numpy', { state: { key: { uint32: ['4294967296'] }, pos: '0' } }],
    ['numpy default_rng 1', { state: { state: '-1', inc: '1' } }],
    ['numpy default_rng 1', { state: { state: '1'.repeat(50), inc: '1' } }],
    ['numpy default_rng 1', { has_uint32: 'x' }],
    ['numpy default_rng 1', 7],
  ] as const) {
    const change = typeof fields === 'number' ? () => ({ ...generators, [key]: fields }) : having(key, fields)
    put(`${key} ${JSON.stringify(fields).slice(0, 60)}`, change, 'StateCorrupt')
  }
  put('unknown', (states) => ({ ...states, 'os system': { algorithm: 'x' } }), 'StateCorrupt')
  const names = Object.keys(files)
  names.forEach((name, index) => writeFileSync(join(place, `${index}.json`), files[name]?.[0] ?? ''))
  const answers = plainPython(
    `import lineaprint, random, numpy
rng = numpy.random.default_rng(1)
rng.random()
def states(): return repr((random.getstate(), numpy.random.get_state(), rng.bit_generator.state))
before = states()
for number in range(${names.length}):
    try:
        lineaprint.restore("%d.json" % number)
        say("restored")
    except lineaprint.LineaprintError as error:
        say(type(error).__name__)
for missing in ("nothing.json", "empty"):
    os.makedirs("empty", exist_ok=True)
    try:
        lineaprint.restore(missing)
    except FileNotFoundError as error:
        say(type(error).__name__)
say(before == states())`,
    place,
  )
  const found = Object.fromEntries(names.map((name, index) => [name, answers[index]]))
  expect(found).toEqual(Object.fromEntries(names.map((name) => [name, files[name]?.[1]])))
  expect(answers.slice(names.length)).toEqual(['StateNotFound', 'StateNotFound', true])
  // A digit that changed is still JSON, and a possible state: the record of the run knows better.
  writeFileSync(path, readFileSync(path, 'utf8').replace(/"position":\d+/, '"position":3'))
  const [error] = plainPython(
    `import lineaprint
try:
    lineaprint.restore(${JSON.stringify(run.folder)}, "c")
except lineaprint.StateCorrupt as error:
    say(str(error))`,
    place,
  )
  expect(error).toMatch(/the file differs from the record/)
})

test('--seed reaches what is imported later, and says what it does not reach', SLOW, async () => {
  const source = `import lineaprint
say(lineaprint.seed())
import random, numpy
from numpy.random import default_rng, Generator, PCG64
say(random.random(), numpy.random.rand(), default_rng().random(), default_rng(3).random(), hash("x"))
Generator(PCG64()).random()`
  const [one, two, other] = [
    await python(source, { options: ['--seed', '42'] }),
    await python(source, { options: ['--seed', '42'] }),
    await python(source, { options: ['--seed', '9007199254740991'] }),
  ]
  expect(one.said).toEqual(two.said)
  // As programs seed them themselves.
  expect(one.said.slice(0, 3)).toEqual([42, 0.6394267984578837, 0.3745401188473625])
  expect(one.said[4]).toBe(0.08564916714362436)
  expect(other.said[0]).toBe(9007199254740991)
  // The last of them has a seed of its own.
  expect([1, 2, 3, 5].filter((at) => other.said[at] === one.said[at])).toEqual([])
  expect(other.said[1]).not.toBe(other.said[2])
  expect(targetsOf(programsOf(one.record)[0])).toEqual({
    numpy: 'seeded',
    'numpy default_rng': 'seeded',
    'numpy.random.Generator': 'unreachable',
    random: 'seeded',
  })
  const states = JSON.parse(readFileSync(join(one.folder, 'generators/end.json'), 'utf8')) as JsonObject
  expect(states).toMatchObject({ at: 'end', program: 1, seed: 42 })
  const made = (states['generators'] as Record<string, JsonObject>)['numpy default_rng 1']
  expect(made).toMatchObject({ algorithm: 'PCG64', seedSequence: { entropy: '42', spawnKey: ['0'] } })
})

test('default_rng takes all that it takes without us, and makes the same of it', SLOW, async () => {
  const source = `import numpy as np
from numpy.random import default_rng, SeedSequence, PCG64, Philox
given = default_rng(9)
say([default_rng(seed).random() for seed in (5, [1, 2, 3], np.array([1, 2, 3]), np.int64(7), SeedSequence(3), PCG64(4), Philox(5))])
say(default_rng(seed=5).random(), default_rng(given) is given, default_rng(seed=np.array([7, 8])).random())
for wrong in ((-1,), ("x",), (1, 2)):
    try:
        default_rng(*wrong)
    except (TypeError, ValueError) as error:
        say(type(error).__name__)
import inspect, pickle
say(str(inspect.signature(default_rng)), pickle.loads(pickle.dumps(default_rng)) is default_rng, default_rng.__name__)
say(len({default_rng().random(), default_rng(None).random(), default_rng(seed=None).random()}))`
  const root = folderOf()
  const without = plainPython(source, root, { PYTHONPATH: '' })
  expect((await python(source, { root })).said).toEqual(without)
  const seeded = await python(source, { root, options: ['--seed', '42'] })
  expect(seeded.said).toEqual(without)
  expect(JSON.stringify(programsOf(seeded.record)[0])).toContain('3 with a seed derived from the seed')
})

test('without a seed nothing is seeded, and the states are saved all the same', SLOW, async () => {
  const source =
    'import random, numpy\nsay(random.random(), numpy.random.rand(), numpy.random.default_rng().random())'
  const [one, two] = [await python(source), await python(source)]
  expect(one.said.filter((drawn, at) => drawn === two.said[at])).toEqual([])
  expect(targetsOf(programsOf(one.record)[0])).toMatchObject({
    random: 'recorded',
    'numpy default_rng': 'unreachable',
  })
  expect(readdirSync(join(one.folder, 'generators')).toSorted()).toEqual(['end.json', 'start.json'])
  const again = await python(
    `import lineaprint, random, numpy
print(lineaprint.restore(${JSON.stringify(one.folder)}, "start")["restored"], file=sys.stderr)
say(random.random(), numpy.random.rand())`,
  )
  expect(again.said).toEqual(one.said.slice(0, 2))
})

test(
  'set_seeds wins over --seed, is part of the digest, and reaches what is imported later',
  SLOW,
  async () => {
    const source = (seed: number): string => `import lineaprint, random
report = lineaprint.set_seeds(${seed})
import numpy
say(random.random(), numpy.random.rand(), numpy.random.default_rng().random(), {t["name"]: t["status"] for t in report["targets"]})
lineaprint.set_seeds(${seed})
say(random.random(), numpy.random.rand(), numpy.random.default_rng().random())`
    const seven = await python(source(7), { options: ['--seed', '42'] })
    const eight = await python(source(8), { options: ['--seed', '42'] })
    expect(seven.said.slice(0, 3)).toEqual(seven.said.slice(4))
    expect(seven.said[0]).not.toBe(eight.said[0])
    expect(seven.said[3]).toMatchObject({
      random: 'seeded',
      numpy: 'on-import',
      torch: 'on-import',
      hash: 'seeded',
      'os.urandom': 'unreachable',
    })
    const digests = [seven, eight].map(({ record }) => {
      const seeds = record.captures['seeds']
      return seeds?.status === 'captured' ? [seeds.digest, seeds.value['seed']] : []
    })
    expect(digests[0]?.[0]).not.toBe(digests[1]?.[0])
    expect(digests.map(([, seed]) => seed)).toEqual([42, 42])
    expect(programsOf(seven.record)[0]).toMatchObject({ seed: 7, origin: 'set_seeds', setSeeds: [7] })
  },
)

test('child processes have seeds that follow from their place, the same on both sides', SLOW, async () => {
  const source = `import lineaprint, multiprocessing, random, numpy
def work(_): return [lineaprint.seed(), random.random(), numpy.random.rand()]
if __name__ == "__main__":
    random.seed(1)
    numpy.random.seed(1)
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(1) as pool:
            say(pool.map(work, [0])[0])
    named = multiprocessing.get_context("spawn").Process(target=print, name="mine")
    named.start(); named.join()
    say(numpy.random.rand())`
  const [one, two] = [
    await python(source, { options: ['--seed', '42'] }),
    await python(source, { options: ['--seed', '42'] }),
  ]
  expect(one.said).toEqual(two.said)
  const [forked, spawned, served] = one.said as [number, number, number][]
  expect(forked?.[0]).toBe(deriveSeed(42, [1]))
  expect(spawned?.[0]).toBe(deriveSeed(42, [(1 << 20) + 2]))
  expect(served?.[0]).toBe(deriveSeed(deriveSeed(42, [1 << 21]), [1]))
  expect(new Set([forked, spawned, served].map((said) => said?.[1])).size).toBe(3)
  // What a child inherits follows from a seed already, and is the program's.
  const inherited = plainPython('import numpy\nnumpy.random.seed(1)\nsay(numpy.random.rand())', folderOf())
  expect(forked?.[2]).toBe(inherited[0])
  // The parent is where it was.
  expect(one.said.at(-1)).toBe(inherited[0])
})

test('child processes follow set_seeds', SLOW, async () => {
  const source = `import lineaprint, multiprocessing, subprocess
def work(_): return lineaprint.seed()
if __name__ == "__main__":
    lineaprint.set_seeds(7)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        say(pool.map(work, [0])[0])
    child = [sys.executable, "-c", "import lineaprint, random; print(lineaprint.seed(), random.random())"]
    say(subprocess.run(child, check=True, capture_output=True, text=True).stdout)
    import random
    random.seed(${deriveSeed(7, [(1 << 22) + 1])})
    say(str(random.random()))`
  const { said } = await python(source, { options: ['--seed', '42'] })
  // The pool has started the first interpreter.
  const worker = deriveSeed(7, [(1 << 22) + 1])
  expect(said.slice(0, 2)).toEqual([deriveSeed(7, [(1 << 20) + 1]), `${worker} ${String(said[2])}\n`])
})

test('--deterministic sets the variables, with a seed and without', SLOW, async () => {
  const source = 'say(os.environ.get("CUBLAS_WORKSPACE_CONFIG"), os.environ.get("TF_DETERMINISTIC_OPS"))'
  const { said } = await python(source, { options: ['--deterministic'] })
  expect(said).toEqual([':4096:8', '1'])
  expect((await python(source, { options: ['--seed', '1'] })).said).toEqual([null, null])
})

test('libraries that are not installed here are asked as their documentation says', SLOW, async () => {
  // Stand-ins show that the right calls are made at the right time; what the libraries do then, they cannot show.
  const root = folderOf({
    'library/tensorflow/__init__.py': `
calls = []
class random:
    set_seed = staticmethod(lambda seed: calls.append(seed))
class config:
    class experimental:
        enable_op_determinism = staticmethod(lambda: calls.append("deterministic"))
`,
    'library/jax/__init__.py': 'from . import random\n',
    'library/jax/random.py':
      'def key(seed, *, impl=None): return ("key", seed)\ndef PRNGKey(seed): return seed\n',
  })
  const source = `import tensorflow
say(tensorflow.calls)
import jax
say(jax.random.key(7, impl="x"), jax.random.PRNGKey(8))`
  const env = { PYTHONPATH: join(root, 'library') }
  const { said, record } = await python(source, { root, env, options: ['--seed', '42', '--deterministic'] })
  expect(said).toEqual([[42, 'deterministic'], ['key', 7], 8])
  const [program] = programsOf(record)
  expect(targetsOf(program)).toMatchObject({ tensorflow: 'seeded', jax: 'own-seed' })
  expect(JSON.stringify(program)).toContain('2 so far, from the seeds 7, 8')
})

test.each([
  ['', 'seeded', '1 device'],
  ['torch.manual_seed(5)', 'own-seed', '1 device, with the seeds 5'],
  ['torch.cuda.default_generators[0].seed = 6', 'own-seed', '1 device, with the seeds 6'],
])('a device of CUDA that is in use: %s', SLOW, async (line, status, detail) => {
  // A stand-in for a machine with a GPU: it keeps a seed for the CPU and one for the device.
  const root = folderOf({
    'library/torch/__init__.py': `
class Generator:
    seed = 0
    def initial_seed(self): return self.seed
class State:
    def tolist(self): return [cpu.seed % 256]
cpu = Generator()
initial_seed = cpu.initial_seed
def manual_seed(seed): cpu.seed = cuda.default_generators[0].seed = seed
def get_rng_state(): return State()
class cuda:
    default_generators = (Generator(),)
    is_initialized = staticmethod(lambda: True)
    device_count = staticmethod(lambda: 1)
    get_rng_state = staticmethod(lambda device: State())
class backends:
    class cuda:
        is_built = staticmethod(lambda: True)
`,
  })
  const env = { PYTHONPATH: join(root, 'library') }
  const { record } = await python(`import torch\n${line}`, { root, env, options: ['--seed', '42'] })
  const [program] = programsOf(record)
  const targets = program?.['targets'] as unknown as { name: string }[]
  expect(targets.find(({ name }) => name === 'torch cuda')).toEqual({ name: 'torch cuda', status, detail })
})

test.each([
  ['np.random.RandomState(7)', false],
  ['[np.random.RandomState(i) for i in range(3)]', false],
  ['np.random.Generator(np.random.PCG64(5))', false],
  ['np.random.RandomState()', true],
  ['np.random.RandomState().rand()', true],
  ['[np.random.RandomState().rand() for _ in range(3)]', true],
  ['np.random.Generator(np.random.PCG64())', true],
])('a generator that NumPy seeds from the system: %s', SLOW, async (line, isUnseeded) => {
  const { said, record } = await python(
    `import copy, pickle, threading, numpy as np
${line}
thread = threading.Thread(target=np.random.RandomState, args=(1,)); thread.start(); thread.join()
entropy = np.random.PCG64().seed_seq.entropy
say([type(change(entropy)) is int for change in (copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e)), lambda e: e + 0)])
say(json.dumps(entropy) == repr(entropy) == str(entropy))`,
    { options: ['--seed', '1'] },
  )
  expect(said).toEqual([[true, true, true], true])
  const targets = programsOf(record)[0]?.['targets'] as unknown as { name: string; detail: string }[]
  const { detail = '' } = targets.find(({ name }) => name === 'numpy.random.Generator') ?? {}
  // One is of the test itself.
  expect(Number.parseInt(detail, 10) > 1).toBe(isUnseeded)
})

test('with seeds switched off no states are kept', SLOW, async () => {
  const { said, folder, code } = await python(
    'import lineaprint, random\nsay(lineaprint.checkpoint("c"), lineaprint.set_seeds(1)["seed"])',
    { env: { LINEAPRINT_ENABLE_SEED_TRACKING: 'false' } },
  )
  expect(code).toBe(0)
  expect(said).toEqual([null, 1])
  expect(readdirSync(folder)).not.toContain('generators')
})
