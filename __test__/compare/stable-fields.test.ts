/** JSON files of which some fields differ each time. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stableDigest } from '../../src/compare/stable-fields.ts'
import { hashFile } from '../../src/hash/file.ts'
import { folderOf } from '../support/folder.ts'

async function digest(name: string, content: string): Promise<string | undefined> {
  const root = folderOf({ [name]: content })
  const { size, digests } = await hashFile(join(root, name))
  return stableDigest(root, { path: name, size, digests })
}

const notebook = (id: string, time: string, source: string): string =>
  JSON.stringify({
    cells: [{ id, source, metadata: { execution: { 'iopub.execute_input': time }, tags: ['a'] } }],
    metadata: { papermill: { start_time: time }, kernelspec: { name: 'python3' } },
  })

const state = (loss: number, runtime: string): string =>
  `{"log_history":[{"loss":${loss},"step":1},{"train_runtime":${runtime},"eval_loss":${loss}}],"global_step":1}`

test('times and ids of a notebook do not count, its cells and settings do', async () => {
  const first = await digest('sub/a.ipynb', notebook('x1', '08:00', 'print(1)'))
  expect(first).toMatch(/^blake3:[0-9a-f]{64}$/)
  expect(await digest('sub/a.ipynb', notebook('y2', '09:30', 'print(1)'))).toBe(first)
  expect(await digest('sub/a.ipynb', notebook('x1', '08:00', 'print(2)'))).not.toBe(first)
})

test('durations of a trainer do not count, its losses do; NaN is a value', async () => {
  const recorded = await digest('trainer_state.json', state(0.5, '3.25'))
  expect(await digest('trainer_state.json', state(0.5, 'NaN'))).toBe(recorded)
  expect(await digest('trainer_state.json', state(0.25, '3.25'))).not.toBe(recorded)
  const results = (rate: number, loss: number): string =>
    JSON.stringify({ train_samples_per_second: rate, train_loss: loss, 'a/b': 1 })
  const first = await digest('all_results.json', results(10, 1))
  expect(await digest('all_results.json', results(12, 1))).toBe(first)
  expect(await digest('all_results.json', results(10, 2))).not.toBe(first)
})

test('the folders of Hydra do not count, its settings do', async () => {
  const settings = (folder: string, name: string): string =>
    `hydra:\n  runtime:\n    version: 1.3.8\n    cwd: ${folder}\n    output_dir: ${folder}/outputs/x\n    config_sources:\n    - path: ${folder}/configs\n      schema: file\n  job:\n    name: ${name}\n    num: 1\n`
  const recorded = await digest('o/.hydra/hydra.yaml', settings('/a', 'train'))
  expect(recorded).toMatch(/^blake3:/)
  expect(await digest('o/.hydra/hydra.yaml', settings('/b/c', 'train'))).toBe(recorded)
  expect(await digest('o/.hydra/hydra.yaml', settings('/a', 'tune'))).not.toBe(recorded)
  expect(await digest('o/.hydra/hydra.yaml', settings('/a', 'train').replace('num: 1', 'num: "1"'))).not.toBe(
    recorded,
  )
  expect(await digest('o/.hydra/config.yaml', settings('/a', 'train'))).toBeUndefined()
})

test('the time at the start of a line of a log does not count, the rest does', async () => {
  const first = await digest('train.log', '[2026-11-29 08:15:00,123][m][INFO] - loss 1\nplain\n')
  expect(await digest('train.log', '[2026-11-30 00:00:00,9][m][INFO] - loss 1\nplain\n')).toBe(first)
  expect(await digest('train.log', '[2026-11-29 08:15:00,123][m][INFO] - loss 2\nplain\n')).not.toBe(first)
  const inner = await digest('train.log', 'until 2026-11-29 08:15:00\n')
  expect(await digest('train.log', 'until 2026-11-29 08:15:01\n')).not.toBe(inner)
})

test.each([
  ['a/.hydra/hydra.yaml', 'a: 12345678901234567891', 'an integer that a number cannot hold'],
  ['a/.hydra/hydra.yaml', 'a: &x [1]\nb: *x', 'an alias'],
  ['a/.hydra/hydra.yaml', '1: a', 'a key that is not text'],
  ['a/.hydra/hydra.yaml', 'a: .nan', 'a number that JSON has not'],
  ['a/.hydra/hydra.yaml', 'a: [', 'damaged YAML'],
  ['a/.hydra/hydra.yaml', 'a: 1\na: 2', 'equal keys of YAML'],
  ['a/.hydra/hydra.yaml', 'a: !x 1', 'an unknown tag'],
  ['a/.hydra/hydra.yaml', `a: ${'['.repeat(50_000)}`, 'deep nesting'],
  ['a/.hydra/hydra.yaml', `a: ${'x'.repeat(1 << 20)}`, 'a large file of YAML'],
  ['a.log', '2026-11-29 08:15:00 a\0b', 'a text with the mark'],
  ['a.pt', 'PK', 'a file that is no zip'],
  ['config.json', '{"train_runtime":1}', 'a file that no rule names'],
  ['trainer_state.json', '{"log_history":[', 'damaged JSON'],
  ['trainer_state.json', '{"a":1,"a":2}', 'equal keys'],
  ['trainer_state.json', '{"a":12345678901234567891}', 'an integer that a number cannot hold'],
  ['a.ipynb', '{"cells":"\\ud800"}', 'half of a character'],
])('%s with %j has no such digest: %s', async (name, content) => {
  expect(await digest(name, content)).toBeUndefined()
})

test('a file that changed since it was digested has no such digest', async () => {
  const root = folderOf({ 'a.ipynb': '{"cells":[]}' })
  const { size, digests } = await hashFile(join(folderOf({ other: '{"cells":{}}' }), 'other'))
  expect(await stableDigest(root, { path: 'a.ipynb', size, digests })).toBeUndefined()
  expect(await stableDigest(root, { path: 'gone.ipynb', size, digests })).toBeUndefined()
})
