/** Outputs of two runs: what both recorded decides, and the original adds what no record holds. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { diffRuns } from '../../../src/diff/runs.ts'
import { compareOutputs } from '../../../src/reproduce/verdicts/outputs.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { finished, inRun } from '../../tracking/support.ts'
import type { ReproduceItem } from '../../../src/reproduce/types.ts'
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

test('weights in a subfolder are not passed over: without the original nothing says that they are the same', async () => {
  const { here, gone } = await bothWays(
    { 'm.safetensors': MODEL, 'checkpoint-1/m.safetensors': MODEL },
    { 'm.safetensors': MODEL, 'checkpoint-1/m.safetensors': REORDERED },
  )
  expect(here.verdict).toBe('same-tensors')
  expect(gone).toMatchObject({
    verdict: 'not-compared',
    detail: expect.stringMatching(/^checkpoint-1\/m\.safetensors: .*the original cannot be read/) as string,
  })
})

test('an original that a later run replaced counts as gone', async () => {
  const [root, second] = [folderOf(), folderOf()]
  const before = await runWith(root, { 'sub/t.csv': 'a,b\n1,2\n', x: '1' })
  const after = await runWith(second, { 'sub/t.csv': 'a,b\r\n1,2\r\n', x: '1' })
  const compare = (): Promise<ReproduceItem[]> =>
    compareOutputs(before, after, { tolerance: undefined, signal: undefined })
  expect(await compare()).toMatchObject([{ verdict: 'same-table' }])
  writeFileSync(join(root, 'out/sub/t.csv'), 'a,b\r\n1,2\r\n')
  expect(await compare()).toMatchObject([
    { verdict: 'not-compared', detail: expect.stringContaining('has changed since the run') as string },
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
