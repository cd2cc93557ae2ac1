import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffModels } from '../../src/model/diff/diff.ts'
import { readModel } from '../../src/model/read.ts'
import { readRun } from '../../src/store/runs.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished } from '../tracking/support.ts'

const FIRST = { k: floats([1, 2, 3]), q: floats([4]) }
const SECOND = { k: floats([9, 2, 3]), q: floats([4]) }
const INDEX = 'model.safetensors.index.json'

/** The files of a sharded model. */
function shards(tensors: typeof FIRST, index = INDEX, stem = 'part'): Record<string, string | Uint8Array> {
  const map = Object.fromEntries(Object.keys(tensors).map((name) => [name, `${stem}-${name}.safetensors`]))
  const files = Object.entries(tensors).map(
    ([name, tensor]) => [`${stem}-${name}.safetensors`, safetensors({ [name]: tensor })] as const,
  )
  return { ...Object.fromEntries(files), [index]: JSON.stringify({ weight_map: map }) }
}

test('a folder that can be loaded in two ways is refused with both names', async () => {
  const one = safetensors(FIRST)
  const two = safetensors(SECOND)
  const cases: Record<string, Record<string, string | Uint8Array>> = {
    'an index and a single file': { ...shards(FIRST), 'model.safetensors': two },
    'two precisions': { 'model.safetensors': one, 'model.fp16.safetensors': two },
    'a model and an adapter': { 'model.safetensors': one, 'adapter_model.safetensors': two },
    'a sharded model and a file of other names': { ...shards(FIRST), 'consolidated.safetensors': two },
    'two indexes': { ...shards(FIRST), ...shards(SECOND, 'model.fp16.safetensors.index.json', 'half') },
    'shards without an index': { 'a-1-of-2.safetensors': one, 'a-2-of-2.safetensors': two },
  }
  for (const [name, files] of Object.entries(cases)) {
    const error: unknown = await readModel(folderOf(files)).catch((reason: unknown) => reason)
    expect(error, name).toMatchObject({ code: 'ERR_LINEAPRINT_AMBIGUOUS', field: 'weights' })
    const candidates = Object.keys(files).filter((file) => !/^(?:part|half)-/.test(file))
    for (const file of candidates) expect(String(error), name).toContain(file)
  }
})

test('two candidates of equal weights are one model, which is said', async () => {
  const folder = folderOf({ ...shards(FIRST), 'model.safetensors': safetensors(FIRST, { format: 'pt' }) })
  const report = await readModel(folder)
  const alone = await readModel(folderOf({ 'x.safetensors': safetensors(FIRST) }))
  expect(report.weights.equals(alone.weights)).toBe(true)
  expect(report.warnings).toEqual([
    expect.stringMatching(/equal weights.*model\.safetensors was read.*index/),
  ])
  expect(report.selectedWeights).toBeUndefined()
})

test('a stale index is named, and does not hide the model beside it', async () => {
  const stale = {
    [INDEX]: JSON.stringify({ weight_map: { k: 'gone-1.safetensors', q: 'gone-2.safetensors' } }),
  }
  const report = await readModel(folderOf({ ...stale, 'model.safetensors': safetensors(FIRST) }))
  expect(report.warnings).toEqual([expect.stringMatching(/index\.json is stale.*gone-1\.safetensors/)])
  await expect(readModel(folderOf(stale))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
    message: expect.stringContaining('is stale') as string,
  })
})

test('an incomplete download is no stale index: both candidates are named', async () => {
  const { 'part-q.safetensors': _, ...incomplete } = shards(FIRST)
  await expect(
    readModel(folderOf({ ...incomplete, 'adapter_model.safetensors': safetensors(SECOND) })),
  ).rejects.toThrow(/index\.json \(incomplete: 1 of the 2 shards.*part-q\.safetensors\), adapter_model/)
})

test('a shard that no index names is left over beside one, and a candidate without one', async () => {
  const shard = safetensors(SECOND)
  const report = await readModel(folderOf({ ...shards(FIRST), 'model-00003-of-00003.safetensors': shard }))
  expect(report.weights.equals((await readModel(folderOf(shards(FIRST)))).weights)).toBe(true)
  expect(report.warnings).toEqual([expect.stringContaining('model-00003-of-00003.safetensors')])
  const alone = { 'm-00001-of-00002.safetensors': shard, 'm-00002-of-00002.safetensors': safetensors(FIRST) }
  await expect(readModel(folderOf(alone))).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_AMBIGUOUS',
    message: expect.stringContaining('2 shards and no index that names them') as string,
  })
  // An interrupted download can leave one shard, which is no whole model.
  const one = await readModel(folderOf({ 'm-00001-of-00002.safetensors': shard }))
  expect(one.warnings).toEqual([expect.stringContaining('the model may be incomplete')])
  const whole = await readModel(folderOf({ 'm-00001-of-00001.safetensors': shard }))
  expect(whole.warnings).toEqual([])
})

test('the option weights chooses, and is checked', async () => {
  const folder = folderOf({ ...shards(FIRST), 'model.safetensors': safetensors(SECOND) })
  const [index, file] = [
    await readModel(folder, { weights: INDEX }),
    await readModel(folder, { weights: 'model.safetensors' }),
  ]
  expect(index.weights.equals((await readModel(join(folder, INDEX))).weights)).toBe(true)
  expect(file.weights.equals((await readModel(join(folder, 'model.safetensors'))).weights)).toBe(true)
  expect(index.weights.equals(file.weights)).toBe(false)
  expect(file.selectedWeights).toBe('model.safetensors')
  for (const weights of ['other.safetensors', '../model.safetensors', 'config.json', '']) {
    await expect(readModel(folder, { weights })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_NOT_FOUND',
      field: 'weights',
    })
  }
  await expect(
    readModel(join(folder, 'model.safetensors'), { weights: 'model.safetensors' }),
  ).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
})

test('copies in other formats are reported and not read', async () => {
  const report = await readModel(
    folderOf({
      'model.safetensors': safetensors(FIRST),
      'pytorch_model.bin': 'x',
      'model.Q4_0.gguf': 'x',
      'training_args.bin': 'x',
      'optimizer.pt': 'x',
    }),
  )
  expect(report.otherCopies).toEqual(['model.Q4_0.gguf', 'pytorch_model.bin'])
  const notOne = readModel(folderOf({ 'pytorch_model.bin': 'x' }))
  await expect(notOne).rejects.toThrow(/pytorch_model\.bin: this is text; it is not read as a model/)
})

test('a comparison chooses in the folders that have several', async () => {
  const both = folderOf({ ...shards(FIRST), 'model.safetensors': safetensors(SECOND) })
  const single = folderOf(shards(FIRST))
  await expect(diffModels(single, both)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_AMBIGUOUS' })
  expect((await diffModels(single, both, { weights: INDEX })).same).toBe(true)
  expect((await diffModels(single, both, { weights: 'model.safetensors' })).sameWeights).toBe(false)
  await expect(diffModels(single, both, { weights: 'none.safetensors' })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
})

test('verify reads the weights that the run chose', async () => {
  const folder = folderOf({ ...shards(FIRST), 'model.safetensors': safetensors(SECOND) })
  const run = await finished(folderOf(), {}, (tracker) => tracker.trackModel(folder, 'm', { weights: INDEX }))
  expect(run.record.models['m']).toMatchObject({ status: 'tracked', selectedWeights: INDEX })
  const { items } = await verifyRun(await readRun(run.folder))
  expect(items.find(({ section }) => section === 'models')).toMatchObject({ status: 'same' })
})

test('weights of TensorFlow.js end in .bin as those of PyTorch do, and belong to its model.json', async () => {
  for (const name of ['plain', 'sharded', 'quantised']) {
    const { format, files, otherCopies } = await readModel(join('vectors/models/tfjs', name))
    expect({ name, format, otherCopies }).toEqual({ name, format: 'tfjs', otherCopies: undefined })
    expect(files.map((file) => file.name)).toContain('model.json')
  }
  // A model.json of something else lists nothing.
  const listed = { 'model.json': '{"weightsManifest": 5}', 'pytorch_model.bin': 'no weights' }
  await expect(readModel(folderOf(listed))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
})
