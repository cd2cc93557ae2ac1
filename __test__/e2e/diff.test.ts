import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished } from '../tracking/support.ts'

const model = (...values: number[]): Uint8Array => safetensors({ w: floats(values) })

test('files, folders and models by what they are', async () => {
  const cwd = folderOf({
    'a.txt': 'a',
    'b.txt': 'b',
    'x/f': '1',
    'y/f': '2',
    'm/model.safetensors': model(1, 2),
    'n.safetensors': model(1, NaN),
  })
  const diff = (...args: string[]): ReturnType<typeof lineaprint> => lineaprint(['diff', ...args], { cwd })
  expect(await diff('a.txt', 'a.txt')).toMatchObject({ code: 0, stdout: '' })
  expect(await diff('a.txt', 'b.txt')).toMatchObject({ code: 1, stdout: 'changed\tb.txt\t\t1\t1\n' })
  expect(await diff('x', 'y')).toMatchObject({ code: 1, stdout: 'changed\tf\t\t1\t1\n' })
  expect(await diff('x', 'y', '--ignore', 'f')).toMatchObject({ code: 0, stdout: '' })
  const models = await diff('m', 'n.safetensors', '--values', '--json')
  expect(models.code).toBe(1)
  expect(JSON.parse(models.stdout)).toMatchObject({
    kind: 'model',
    tensors: [
      {
        status: 'changed',
        name: 'w',
        values: { changed: 1, maxAbsolute: null, nan: { before: 0, after: 1 } },
      },
    ],
  })
})

test('a mix, a wrong option and nothing are errors of one line', async () => {
  const cwd = folderOf({ 'a.txt': 'a', 'x/f': '1' })
  const wrong = async (...args: string[]): Promise<[number | null, string]> => {
    const { code, stdout, stderr } = await lineaprint(['diff', ...args], { cwd })
    expect(stdout).toBe('')
    expect(stderr.trim().split('\n')).toHaveLength(1)
    return [code, stderr]
  }
  expect(await wrong('a.txt', 'x')).toEqual([
    2,
    expect.stringContaining('"a.txt" is a file, "x" is a folder'),
  ])
  expect(await wrong('a.txt', 'a.txt', '--values')).toEqual([
    2,
    expect.stringContaining('--values applies to models'),
  ])
  expect(await wrong('a.txt', './no')).toEqual([3, expect.stringContaining('no such file')])
  expect(await wrong('a.txt', 'no-run')).toEqual([
    3,
    expect.stringMatching(/no-run: there is no file, folder or run/),
  ])
})

test('runs: exit code, order, plot, and a damaged record', async () => {
  const cwd = folderOf()
  const run = (experimentName: string, rate: number): ReturnType<typeof finished> =>
    finished(cwd, { experimentName, metadata: { rate } }, (tracker) => {
      for (let step = 0; step < 9; step++) tracker.logMetric('<loss>', step < 4 ? 1 : rate, { step })
    })
  const a = await run('one', 0.1)
  const b = await run('two', 0.2)
  const diff = (...args: string[]): ReturnType<typeof lineaprint> => lineaprint(['diff', ...args], { cwd })
  const answer = await diff('one', '@latest', '--plot', 'plots/out.svg')
  expect(answer).toMatchObject({ code: 1, stderr: '' })
  expect(answer.stdout.split('\n').map((line) => line.split('\t').slice(0, 4))).toEqual([
    ['configuration', 'metadata.rate', '0.1', '0.2'],
    ['metrics', 'metrics.<loss>', '0.1', '0.2'],
    ['not compared', 'environment', '', ''],
    ['not compared', 'git', '', ''],
    ['not compared', 'seeds', '', ''],
    ['first divergence', 'step 4', '', ''],
    [''],
  ])
  expect(readFileSync(join(cwd, 'plots/out.svg'), 'utf8')).toContain('>&lt;loss&gt;<')
  expect(readdirSync(join(cwd, 'plots'))).toEqual(['out.svg'])
  const ignored = ['metadata.*', 'metrics'].flatMap((pattern) => ['--ignore', pattern])
  expect((await diff('one', 'two', ...ignored)).code).toBe(0)
  // What neither run captured could hide a difference.
  expect((await diff('one', 'two', ...ignored, '--check')).code).toBe(1)
  const uncaptured = ['environment', 'git', 'seeds'].flatMap((name) => ['--ignore', name])
  expect((await diff('one', 'two', ...ignored, ...uncaptured, '--check')).code).toBe(0)
  // A folder of a run is a run, wherever it lies.
  expect(JSON.parse((await diff(a.folder, b.id, '--json')).stdout)).toMatchObject({
    kind: 'run',
    firstCause: 'configuration',
  })
  writeFileSync(join(b.folder, 'run.json'), '{"schema":')
  expect(await diff('one', '@latest', '--plot', 'out.png')).toMatchObject({ code: 2, stdout: '' })
  const damaged = await diff('one', b.id, '--plot', 'no.svg')
  expect(damaged).toMatchObject({ code: 3, stdout: '' })
  expect(damaged.stderr).toContain('the record is damaged')
  expect(existsSync(join(cwd, 'no.svg'))).toBe(false)
})

test('the change of each layer is drawn, and only with --values', async () => {
  const layers = (value: number): Uint8Array =>
    safetensors({ 'm.0.w': floats([1, 2]), 'm.1.w': floats([2, value]), 'm.2.w': floats([1]) })
  const cwd = folderOf({ 'a.safetensors': layers(4), 'b.safetensors': layers(5) })
  const args = ['diff', 'a.safetensors', 'b.safetensors', '--svg', 'new/change.svg']
  expect(await lineaprint(args, { cwd })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--svg draws what --values computes'),
  })
  const { code, stdout } = await lineaprint([...args, '--values', '--json'], { cwd })
  expect(code).toBe(1)
  expect(JSON.parse(stdout)).toMatchObject({
    sameFamily: true,
    layers: [
      { name: 'm.0', changed: 0 },
      { name: 'm.1', changed: 1, relative: expect.closeTo(1 / Math.sqrt(20), 12) },
      { name: 'm.2', changed: 0 },
    ],
  })
  const svg = readFileSync(join(cwd, 'new/change.svg'), 'utf8')
  expect(svg).toContain('a.safetensors → b.safetensors')
  expect(svg.match(/<rect class="bar"/g)).toHaveLength(1)
})

test('a tensor of another type or shape is named so, and a tokenizer by its fields', async () => {
  const cwd = folderOf({
    'a/model.safetensors': safetensors({ t: floats([1, 2]), u: floats([1, 2]) }),
    'b/model.safetensors': safetensors({
      t: { dtype: 'BF16', shape: [2], data: Uint8Array.of(0x80, 0x3f, 0, 0x40) },
      u: floats([1, 2], [2, 1]),
    }),
    'a/tokenizer_config.json': '{"model_max_length": 512}',
    'b/tokenizer_config.json': '{"model_max_length": 1024}',
  })
  const { code, stdout } = await lineaprint(['diff', 'a', 'b', '--values'], { cwd })
  expect(code).toBe(1)
  const rows = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))
  expect(rows[0]?.slice(0, 2)).toEqual(['retyped', 't'])
  expect(rows[0]?.at(-1)).toBe('0 of 2 changed (0 %), the values are the same')
  expect(rows[1]?.slice(0, 2)).toEqual(['reshaped', 'u'])
  expect(rows.at(-1)).toEqual(['tokenizer', 'tokenizer_config.json model_max_length', '512', '1024'])
})
