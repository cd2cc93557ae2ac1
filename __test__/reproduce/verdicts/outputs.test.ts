/** Outputs of two runs: what both recorded decides, and the original adds what no record holds. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { diffRuns } from '../../../src/diff/runs.ts'
import { compareOutputs } from '../../../src/reproduce/verdicts/outputs.ts'
import { parseTracked } from '../../../src/record/tracked.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { finished, inRun } from '../../tracking/support.ts'
import type { ReproduceItem } from '../../../src/reproduce/types.ts'
import type { TrackedEntry, TrackedFolder } from '../../../src/record/tracked.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

type Files = Readonly<Record<string, string | Uint8Array>>

const MODEL = safetensors({ w: floats([1]), v: floats([2]) })
const REORDERED = safetensors({ v: floats([2]), w: floats([1]) }, { made: 'later' })
const OTHER = safetensors({ w: floats([1.5]), v: floats([2]) })

/** A run with these files as its output. */
async function runWith(root: string, files: Files): Promise<StoredRun> {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, 'out', name)), { recursive: true })
    writeFileSync(join(root, 'out', name), content)
  }
  return finished(root, {}, (tracker) => tracker.trackOutput(join(root, 'out'), 'o'))
}

/** The verdict about two outputs: with the original in its folder, and after that is gone. */
async function bothWays(
  before: Files,
  after: Files,
  outputIgnore: readonly string[] = [],
): Promise<{ here: ReproduceItem; gone: ReproduceItem; runs: readonly [StoredRun, StoredRun] }> {
  const [first, second] = [folderOf(), folderOf()]
  const runs = [await runWith(first, before), await runWith(second, after)] as const
  const verdict = async (): Promise<ReproduceItem> => {
    const [item] = await compareOutputs(...runs, { tolerance: undefined, signal: undefined }, outputIgnore)
    if (item === undefined) throw new Error('no output')
    return item
  }
  const here = await verdict()
  renameSync(join(first, 'out'), join(first, 'moved'))
  return { here, gone: await verdict(), runs }
}

test.each<[string, Files, Files, string]>([
  [
    'a file beside equal weights',
    { 'm.safetensors': MODEL, eval: '1' },
    { 'm.safetensors': MODEL, eval: '2' },
    'different',
  ],
  [
    'a file beside reordered weights',
    { 'm.safetensors': MODEL, eval: '1' },
    { 'm.safetensors': REORDERED, eval: '2' },
    'different',
  ],
  [
    'a new file beside reordered weights',
    { 'm.safetensors': MODEL },
    { 'm.safetensors': REORDERED, b: '' },
    'different',
  ],
  [
    'reordered weights',
    { 'm.safetensors': MODEL, a: '1' },
    { 'm.safetensors': REORDERED, a: '1' },
    'same-tensors',
  ],
  ['other weights', { 'm.safetensors': MODEL }, { 'm.safetensors': OTHER }, 'different'],
  ['a nested file that is gone', { 'a/b': '1', c: '' }, { c: '' }, 'different'],
])('%s: the verdict does not depend on the original', async (_, before, after, verdict) => {
  const { here, gone } = await bothWays(before, after)
  expect([here.verdict, gone.verdict]).toEqual([verdict, verdict])
  expect(gone.differences).toEqual(here.differences)
})

/** A `.npy` file of two numbers; the padding of its header is no content. */
function npy(numbers: readonly [number, number], padding = 0, type = '<f4'): Buffer {
  const head = `{'descr': '${type}', 'fortran_order': False, 'shape': (2,), }${' '.repeat(padding)}\n`
  const file = Buffer.alloc(10 + head.length + 8)
  file.write('\x93NUMPY\x01\x00', 0, 'latin1')
  file.writeUInt16LE(head.length, 8)
  file.write(head, 10, 'latin1')
  numbers.forEach((number, index) => file.writeFloatLE(number, 10 + head.length + 4 * index))
  return file
}

test.each<[string, string, string | Uint8Array, string | Uint8Array, string, string]>([
  ['reordered weights', 'sub/m.safetensors', MODEL, REORDERED, 'same-tensors', ''],
  ['other weights', 'sub/m.safetensors', MODEL, OTHER, 'different', 'tensor'],
  ['a table with other line ends', 'sub/t.csv', 'a,b\n1,2\n', 'a,b\r\n1,2\r\n', 'same-table', ''],
  ['a table with another column', 'sub/t.csv', 'a,b\n1,2\n', 'a,b\n1,3\n', 'different', ': b'],
  ['an array with another header', 'a.npy', npy([1, 2]), npy([1, 2], 5), 'same-tensors', ''],
  ['an array with other numbers', 'a.npy', npy([1, 2]), npy([1, 3]), 'different', 'elements differ'],
  ['an array of another type', 'a.npy', npy([1, 2]), npy([1, 2], 0, '<i4'), 'different', 'it was <f4'],
])(
  '%s below a folder: the verdict does not depend on the original',
  async (_, name, first, second, verdict, part) => {
    const { here, gone, runs } = await bothWays(
      { 'm.safetensors': MODEL, [name]: first },
      { 'm.safetensors': MODEL, [name]: second },
    )
    expect([here.verdict, gone.verdict]).toEqual([verdict, verdict])
    expect(gone.differences).toEqual(here.differences)
    expect(gone.detail).toContain(`${name}: `)
    expect(gone.detail).toContain(part)
    expect(gone.detail).toContain('the original cannot be read')
    const fields = (await diffRuns(...runs)).differences.map(({ field }) => field)
    expect(fields).toContain(`outputs.o.files.${name}`)
  },
)

test('columns and tensors below a folder are named by verify, diff and reproduce', async () => {
  const root = folderOf()
  const [before, after] = [
    { 'sub/t.csv': 'a,b\n1,2\n', 'sub/m.safetensors': MODEL },
    { 'sub/t.csv': 'a,b\n1,3\n', 'sub/m.safetensors': OTHER },
  ]
  const { gone, runs } = await bothWays(before, after)
  const [first, second] = runs
  const names = gone.differences.map(({ field }) => field)
  expect(names).toEqual(expect.arrayContaining(['sub/t.csv', 'sub/t.csv: b', 'sub/m.safetensors']))
  expect(names.some((name) => name.startsWith('sub/m.safetensors: '))).toBe(true)
  expect((await diffRuns(first, second)).differences.map(({ field }) => field)).toEqual(
    expect.arrayContaining(['outputs.o.files.sub/t.csv: b']),
  )
  const run = await runWith(root, before)
  writeFileSync(join(root, 'out/sub/t.csv'), 'a,b\n1,3\n')
  const { items } = await verifyRun(run, { level: 'data', directory: root })
  expect(items.find(({ section }) => section === 'outputs')).toMatchObject({
    status: 'changed',
    detail: expect.stringContaining('sub/t.csv: 1 of 2 columns differ: b') as string,
    differences: [{ field: 'digest' }, { field: 'sub/t.csv' }, { field: 'sub/t.csv: b' }],
  })
})

test('an array that is an output of its own is compared by its recorded content', async () => {
  const [first, second] = [folderOf(), folderOf()]
  const track = (root: string, content: Buffer): Promise<StoredRun> => {
    writeFileSync(join(root, 'a.npy'), content)
    return finished(root, {}, (tracker) => tracker.trackOutput(join(root, 'a.npy'), 'o'))
  }
  const before = await track(first, npy([1, 2]))
  const compare = async (after: StoredRun): Promise<string | undefined> =>
    (await compareOutputs(before, after, { tolerance: undefined, signal: undefined }))[0]?.verdict
  const same = await track(second, npy([1, 2], 7))
  const third = await track(folderOf(), npy([1, 3]))
  rmSync(join(first, 'a.npy'))
  expect([await compare(same), await compare(third)]).toEqual(['same-tensors', 'different'])
})

test.each<[string, string | Uint8Array, string | Uint8Array]>([
  ['t.csv', 'a,b\n1,2\n', 'a,b\n1,3\n'],
  ['a.npy', npy([1, 2]), npy([1, 3])],
  ['m.safetensors', MODEL, OTHER],
])('%s: without the original a tolerance cannot be applied, which is stated', async (name, first, second) => {
  const roots = [folderOf(), folderOf()] as const
  const track = (root: string, content: string | Uint8Array): Promise<StoredRun> => {
    writeFileSync(join(root, name), content)
    return finished(root, {}, (tracker) => tracker.trackOutput(join(root, name), 'o'))
  }
  const runs = [await track(roots[0], first), await track(roots[1], second)] as const
  const options = { tolerance: 10, signal: undefined }
  expect(await compareOutputs(...runs, options)).toMatchObject([{ verdict: 'within-tolerance' }])
  rmSync(join(roots[0], name))
  expect(await compareOutputs(...runs, options)).toMatchObject([
    { verdict: 'different', detail: expect.stringMatching(/tolerance cannot be applied$/) as string },
  ])
})

test('a file whose content neither the run nor its original shows differs by its bytes', async () => {
  const [first, second] = [folderOf(), folderOf()]
  const before = await runWith(first, { 'sub/t.csv': 'a,b\n1,2\n' })
  const after = await runWith(second, { 'sub/t.csv': 'a,b\r\n1,2\r\n' })
  const { contentsFile } = parseTracked(
    'outputs',
    'o',
    before.record.outputs['o'] as TrackedEntry,
  ) as TrackedFolder
  const list = inRun(before, contentsFile ?? '')
  const compare = (): Promise<ReproduceItem[]> =>
    compareOutputs(before, after, { tolerance: undefined, signal: undefined })
  rmSync(list)
  rmSync(join(first, 'out'), { recursive: true })
  expect(await compare()).toMatchObject([
    { verdict: 'different', detail: expect.stringMatching(/^sub\/t\.csv: the bytes differ; /) as string },
  ])
  writeFileSync(list, '{"schema":"lineaprint/contents/v1","files":[{"path":"sub/t.csv"}]}')
  await expect(compare()).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
})

test('an original that a later run replaced counts as gone', async () => {
  const [root, second] = [folderOf(), folderOf()]
  const before = await runWith(root, { 'sub/t.csv': 'a,b\n1,2\n', x: '1' })
  const after = await runWith(second, { 'sub/t.csv': 'a,b\r\n1,2\r\n', x: '1' })
  const compare = (): Promise<ReproduceItem[]> =>
    compareOutputs(before, after, { tolerance: undefined, signal: undefined })
  expect(await compare()).toMatchObject([{ verdict: 'same-table' }])
  writeFileSync(join(root, 'out/sub/t.csv'), 'a,b\n1,4\n')
  expect(await compare()).toMatchObject([
    { verdict: 'same-table', detail: expect.stringContaining('has changed since the run') as string },
  ])
})

test('volatile files and fields are left out, and named', async () => {
  const state = (loss: number, time: number): string =>
    JSON.stringify({ log_history: [{ loss, train_runtime: time }] })
  const first: Files = {
    'events.out.tfevents.17.host': 'a',
    'runs/Mar03_10-11-12_host/x': 'a',
    'checkpoint-5/trainer_state.json': state(1, 2),
    result: '1',
  }
  const second: Files = {
    'events.out.tfevents.18.host': 'b',
    'runs/Mar03_11-00-00_host/x': 'a',
    'checkpoint-5/trainer_state.json': state(1, 3),
    result: '1',
  }
  const { here, gone, runs } = await bothWays(first, second)
  expect(gone).toEqual(here)
  expect(here).toMatchObject({ verdict: 'same', differences: [] })
  expect(here.detail).toMatch(
    /^every other file is the same; left out: 4 volatile files \(.*\), volatile fields of checkpoint-5\/trainer_state\.json$/,
  )
  const { leftOut, differences } = await diffRuns(...runs)
  expect(differences.filter(({ cause }) => cause === 'outputs')).toEqual([])
  expect({ leftOut }).toMatchObject({
    leftOut: [{ field: 'outputs.o', reason: expect.stringContaining('4 volatile files') as string }],
  })
  const loss = await bothWays(first, { ...second, 'checkpoint-5/trainer_state.json': state(2, 3) })
  expect([loss.here.verdict, loss.gone.verdict]).toEqual(['different', 'different'])
  expect(loss.gone.detail).toMatch(/^checkpoint-5\/trainer_state\.json: the bytes differ; left out: /)
})

test('folders whose names are times are matched, if each output has one', async () => {
  const run = (time: string, line = 'a', extra: Files = {}): Files => ({
    [`runs/${time}/model.safetensors`]: MODEL,
    [`runs/${time}/.hydra/overrides.yaml`]: '[]',
    [`runs/${time}/train.log`]: `[2026-11-29 08:15:0${time.at(-1)},1] ${line}`,
    fixed: '1',
    ...extra,
  })
  const [one, two, three] = ['2026-11-29_08-15-01', '2026-11-30_08-15-02', '2026-11-30_08-15-03']
  const { here, gone, runs } = await bothWays(run(one), run(two))
  expect(gone).toEqual(here)
  expect(here).toMatchObject({
    verdict: 'same',
    detail: `every other file is the same; left out: volatile fields of runs/${one}/train.log, times in the paths of 3 files`,
    differences: [],
  })
  const { differences } = await diffRuns(...runs)
  expect(differences.filter(({ cause }) => cause === 'outputs')).toEqual([])

  const other = { ...run(two, 'b'), [`runs/${two}/model.safetensors`]: OTHER }
  const changed = await bothWays(run(one), other)
  expect(changed.here).toMatchObject({
    verdict: 'different',
    detail: expect.stringContaining(`runs/${one}/model.safetensors: 1 of 2 tensors differ: w`) as string,
  })
  // The log differs in its text, whatever can be said of the model.
  expect(changed.gone.verdict).toBe('different')
  // Hydra's default has two levels.
  const [before, after] = ['2026-11-29/08-15-01', '2026-11-29/08-15-02']
  expect((await bothWays(run(before), run(after))).gone.verdict).toBe('same')
  // Two folders of one output: nothing tells which is meant.
  const several = await bothWays(run(one), run(two, 'a', { [`runs/${three}/model.safetensors`]: MODEL }))
  expect(several.gone).toMatchObject({ verdict: 'different' })
  expect(several.gone.detail).toContain(`runs/${one}/model.safetensors: gone`)
})

test('files that somebody else knows to be volatile', async () => {
  const [before, after] = [
    { 'log/a.txt': '1', b: '' },
    { 'log/a.txt': '2', b: '' },
  ]
  expect((await bothWays(before, after)).gone.verdict).toBe('different')
  const { gone, runs } = await bothWays(before, after, ['log/'])
  expect(gone).toMatchObject({ verdict: 'same', detail: expect.stringContaining('log/a.txt') as string })
  const fields = async (outputIgnore: readonly string[]): Promise<string[]> =>
    (await diffRuns(...runs, { outputIgnore })).differences
      .filter(({ cause }) => cause === 'outputs')
      .map(({ field }) => field)
  expect(await fields([])).toEqual(['outputs.o.digest', 'outputs.o.files.log/a.txt'])
  expect(await fields(['log/'])).toEqual([])
  // A pattern can also take back one of the list.
  const events = [
    { 'events.out.tfevents.1': '1', b: '' },
    { 'events.out.tfevents.1': '2', b: '' },
  ] as const
  expect((await bothWays(...events, ['!events.*'])).gone.verdict).toBe('different')
})

test('an output of volatile files alone is not compared', async () => {
  const { here } = await bothWays({ 'events.out.tfevents.1': '1' }, { 'events.out.tfevents.2': '1' })
  expect(here).toMatchObject({
    verdict: 'not-compared',
    detail: expect.stringContaining('all files') as string,
  })
})

test('a run without a list of files, and a damaged list', async () => {
  const [first, second] = [folderOf(), folderOf()]
  const before = await runWith(first, { 'm.safetensors': MODEL, a: '1' })
  const after = await runWith(second, { 'm.safetensors': REORDERED, a: '1' })
  const compare = async (): Promise<ReproduceItem | undefined> =>
    (await compareOutputs(before, after, { tolerance: undefined, signal: undefined }))[0]
  const list = inRun(before, 'outputs/o.files.json')
  rmSync(list)
  expect(await compare()).toMatchObject({ verdict: 'same-tensors' })
  rmSync(join(first, 'out'), { recursive: true })
  expect(await compare()).toMatchObject({
    verdict: 'not-compared',
    detail: expect.stringMatching(
      /every tensor of the model is the same; the files cannot be compared/,
    ) as string,
  })
  writeFileSync(list, '{"schema":"lineaprint/manifest/v1"}')
  expect(await compare()).toMatchObject({
    verdict: 'not-compared',
    detail: expect.stringContaining('damaged') as string,
  })
})

test('verify and diff name files and tensors of inputs and outputs', async () => {
  const root = folderOf({ 'ds/x/one': '1', 'ds/two': '2', 'ds/three': '3' })
  const run = (files: Files): Promise<StoredRun> => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(root, name), content)
    return finished(root, {}, async (tracker) => {
      await tracker.trackDataset(join(root, 'ds'), 'd')
      await tracker.trackOutput(join(root, 'm.safetensors'), 'm')
    })
  }
  const before = await run({ 'm.safetensors': MODEL })
  rmSync(join(root, 'ds/three'))
  const after = await run({ 'ds/x/one': 'one', 'ds/new': '', 'm.safetensors': OTHER })
  const { items } = await verifyRun(before)
  const selected = items.filter(({ section }) => section === 'datasets' || section === 'outputs')
  expect(selected.map(({ detail, differences }) => [detail, differences.map(({ field }) => field)])).toEqual([
    [
      expect.stringMatching(/; 3 of 4 files differ: three \(gone\), x\/one, new \(new\)$/),
      ['digest', 'three', 'x/one', 'new'],
    ],
    [expect.stringMatching(/; 1 of 2 tensors differ: w$/), ['digest', 'w']],
  ])
  const { differences } = await diffRuns(before, after)
  expect(differences.map(({ field }) => field)).toEqual([
    'datasets.d.digest',
    'datasets.d.files.new',
    'datasets.d.files.three',
    'datasets.d.files.x/one',
    'outputs.m.digest',
    'outputs.m.tensors.w',
  ])
})

test.runIf(process.platform === 'linux')('names that are not UTF-8 are told apart', async () => {
  const root = folderOf({ 'ds/a': '1' })
  const at = (byte: number): Buffer => Buffer.concat([Buffer.from(join(root, 'ds/b')), Buffer.from([byte])])
  for (const byte of [0xfe, 0xff]) writeFileSync(at(byte), '1')
  const run = await finished(root, {}, (tracker) => tracker.trackDataset(join(root, 'ds'), 'd'))
  writeFileSync(at(0xff), '2')
  const item = (await verifyRun(run)).items.find(({ section }) => section === 'datasets')
  expect(item?.detail).toContain('1 of 3 files differ: b\\xff')
})
