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

test.each([
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
