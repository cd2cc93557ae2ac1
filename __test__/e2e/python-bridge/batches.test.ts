/** Loaders of Python whose passes are recorded. */
import { expect, test } from 'vitest'
import { lineaprint } from '../../support/program.ts'
import { FAST } from '../runs/support.ts'
import { python } from './support.ts'

const SLOW = { timeout: 120_000 }

const HEAD = `
import lineaprint, numpy, random
class Loader:
    """A shuffling loader that fails when it is told to."""
    def __init__(self, seed, fail=None):
        self.seed, self.fail = seed, fail
    def __len__(self):
        return 4
    def __iter__(self):
        order = numpy.random.default_rng(self.seed).permutation(8)
        for at in range(0, 8, 2):
            if at == self.fail:
                raise OSError("disk")
            rows = order[at:at + 2]
            yield [rows.astype("f4").reshape(2, 1), rows]
`

test(
  'the loop gets the same objects, exceptions and length, and generators are as before',
  SLOW,
  async () => {
    const { said, record, code } = await python(`${HEAD}
given = list(Loader(1))
tracked = lineaprint.track_batches(given, "list")
before = random.getstate(), str(numpy.random.get_state())
say(all(a is b for a, b in zip(tracked, given)), len(tracked), len(list(tracked)), tracked[0] is given[0], bool(tracked))
say(before == (random.getstate(), str(numpy.random.get_state())))
loader = Loader(1, fail=4)
tracked = lineaprint.track_batches(loader, "failing")
tracked.seed = 2
say(loader.seed, tracked.fail, isinstance(tracked, Loader), len(tracked))
seen = []
try:
    for batch in tracked:
        seen.append(batch)
except OSError as error:
    say(len(seen), str(error))
one = lineaprint.track_batches(iter(given), "iterator")
say(next(one) is given[0], iter(one) is one, len(list(one)))
try:
    len(lineaprint.track_batches((batch for batch in given), "generator"))
except TypeError as error:
    say("no length")
for batch in lineaprint.track_batches([[object()]], "strange"):
    say("went on")
for lone in (["x\\ud800"], {"\\ud800": [1]}):
    for batch in lineaprint.track_batches([["a"], lone], "lone"):
        pass
`)
    expect([code, said]).toEqual([
      0,
      [true, 4, 4, true, true, true, 2, 4, false, 4, 2, 'disk', true, true, 3, 'no length', 'went on'],
    ])
    expect(Object.keys(record.digests ?? {}).toSorted()).toEqual([
      'order of failing, epoch 0',
      'order of iterator, epoch 0',
      'order of list, epoch 0',
      'order of list, epoch 1',
      'samples of iterator, epoch 0',
      'samples of list, epoch 0',
      'samples of list, epoch 1',
    ])
    expect(record.warnings.filter((warning) => warning.includes('track_batches'))).toEqual([
      expect.stringContaining('batch 1: '),
      expect.stringMatching(/batch 2: a text of it is not Unicode: 'x\\ud800'/),
      expect.stringMatching(/batch 2: a key of it is not Unicode: '\\ud800'/),
    ])
  },
)

test('diff says from which batch on two runs got another order, or other data', SLOW, async () => {
  const program = (order: string): string => `${HEAD}
for batch in lineaprint.track_batches([[numpy.float32([[i]]), numpy.array([i])] for i in ${order}], "train"):
    pass
`
  const { root } = await python(program('[0, 1, 2, 3]'))
  for (const [order, sentence] of [
    ['[0, 1, 3, 2]', 'the same data in another order, from batch 3 on'],
    ['[0, 9, 2, 3]', 'other data, from batch 2 on'],
  ] as const) {
    await python(program(order), { root })
    const { stdout } = await lineaprint(['diff', '@latest~1', '@latest', '--json'], { cwd: root, env: FAST })
    const { differences } = JSON.parse(stdout) as { differences: { field: string; detail?: string }[] }
    expect(differences.find(({ field }) => field === 'digests.order of train, epoch 0')?.detail).toBe(
      sentence,
    )
    await python(program('[0, 1, 2, 3]'), { root })
  }
})

test('without a run, the loader is returned as it is', SLOW, async () => {
  const { said } = await python(`
import subprocess
code = "import lineaprint; l = [1]; print(lineaprint.track_batches(l) is l)"
environment = {key: value for key, value in os.environ.items() if not key.startswith("LINEAPRINT")}
say(subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True).stdout)
`)
  expect(said).toEqual(['True\n'])
})

test('what gives its data once is no dataset, and stays as it is', SLOW, async () => {
  const { said, record } = await python(`
import lineaprint
class DataLoader:
    def __iter__(self): raise AssertionError("it was read")
once = (value for value in [1, 2])
lineaprint.track_dataset(once, "once")
lineaprint.track_dataset(DataLoader(), "loader")
say(list(once))
`)
  expect(said).toEqual([[1, 2]])
  expect(record.warnings.filter((warning) => warning.includes('track_dataset'))).toEqual([
    expect.stringMatching(/a generator is not read.* wrap it in track_batches/),
    expect.stringMatching(/a DataLoader is not read/),
  ])
})
