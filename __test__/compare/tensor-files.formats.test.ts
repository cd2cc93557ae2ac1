/** Files of every model format whose bytes differ: the tensor that changed is named. */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, extname, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { compareFiles } from '../../src/compare/tensor-files.ts'
import { presentDifference } from '../../src/compare/present-content.ts'
import { readListedDataset } from '../../src/dataset/read.ts'
import { listModel } from '../../src/model/read.ts'
import { parseTracked } from '../../src/record/tracked.ts'
import { compareOutputs } from '../../src/reproduce/verdicts/outputs.ts'
import { temporaryFolder } from '../capture/fixture.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'
import type { StoredRun } from '../../src/store/runs.ts'

const MODELS = resolve('vectors/models')
const NONE = { tolerance: undefined, signal: undefined }

/** Each format whose bytes can be changed without a checksum that no longer fits. */
const FILES = [
  'table/weights.safetensors',
  'table/zip.pt',
  'table/legacy.pt',
  'table/weights.gguf',
  'table/raw.onnx',
  'table/contiguous.h5',
  'table/weights.msgpack',
  'tflite/every-type.tflite',
]

/** Write a copy of a model in which one bit of a tensor differs; gives both paths and the name of the tensor. */
async function changedCopy(name: string): Promise<{ before: string; after: string; tensor: string }> {
  const bytes = readFileSync(join(MODELS, name))
  const { tensors } = await listModel(join(MODELS, name))
  const found = tensors.find(({ start, bytes: length }) => start !== undefined && length > 0)
  if (found?.start === undefined) throw new Error(`${name} has no tensor in one piece`)
  const changed = Buffer.from(bytes)
  changed[found.start] = (changed[found.start] ?? 0) ^ 1
  const [before, after] = [`before${extname(name)}`, `after${extname(name)}`]
  const folder = folderOf({ [before]: bytes, [after]: changed })
  return { before: join(folder, before), after: join(folder, after), tensor: found.name }
}

test.each(FILES)('the tensor that differs is named: %s', async (name) => {
  const { before, after, tensor } = await changedCopy(name)
  const verdict = await compareFiles(before, after, NONE)
  expect(verdict.verdict).toBe('different')
  expect(verdict.differences.map(({ field }) => field)).toEqual([tensor])
})

test('equal tensors are the same files only where files hold nothing else', async () => {
  const compare = (a: string, b: string): ReturnType<typeof compareFiles> =>
    compareFiles(join(MODELS, a), join(MODELS, b), NONE)
  expect(await compare('table/weights.npz', 'table/fortran.npz')).toMatchObject({ verdict: 'same-tensors' })
  expect(await compare('table/zip.pt', 'table/legacy.pt')).toMatchObject({ verdict: 'same-tensors' })
  // A graph, pairs of settings and layers are no tensors.
  for (const [a, b] of [
    ['table/raw.onnx', 'table/typed.onnx'],
    ['table/weights.gguf', 'table/big_endian.gguf'],
    ['table/contiguous.h5', 'table/chunked.h5'],
  ] as const)
    expect(await compare(a, b), a).toMatchObject({
      verdict: 'different',
      detail: 'the bytes differ, every tensor is the same; what the files hold beside them is not compared',
      differences: [],
    })
})

test('elements within the tolerance do not make a file with other parts the same', async () => {
  const { before, after } = await changedCopy('table/weights.gguf')
  expect(await compareFiles(before, after, { tolerance: 1, signal: undefined })).toMatchObject({
    verdict: 'different',
    maxDifference: expect.any(Number) as number,
  })
  const checkpoint = await changedCopy('table/zip.pt')
  expect(
    await compareFiles(checkpoint.before, checkpoint.after, { tolerance: 1, signal: undefined }),
  ).toMatchObject({ verdict: 'within-tolerance' })
})

/** A run whose output is a file. */
function recordedOutput(path: string): Promise<StoredRun> {
  return finished(temporaryFolder(), {}, (tracker) => tracker.trackOutput(path, 'o'))
}

test.each(['table/zip.pt', 'table/weights.gguf'])(
  'runs record the tensors of an output, so that they are named without the original: %s',
  async (name) => {
    const { before, after, tensor } = await changedCopy(name)
    const [first, second] = [await recordedOutput(before), await recordedOutput(after)]
    writeFileSync(before, 'gone')
    const [item] = await compareOutputs(first, second, NONE)
    expect(item).toMatchObject({ verdict: 'different', differences: [{ field: tensor }] })
    expect(item?.detail).toContain('the original has changed since the run')
  },
)

test('verify names the tensor of an output that differs from what is there', async () => {
  const { before, after, tensor } = await changedCopy('table/weights.gguf')
  const run = await recordedOutput(before)
  const entry = run.record.outputs['o']
  if (entry?.status !== 'tracked') throw new Error('not tracked')
  const found = await presentDifference(
    after,
    parseTracked('outputs', 'o', entry),
    await readListedDataset(after),
    { folder: run.folder, algorithm: 'blake3', signal: undefined },
  )
  expect(found).toMatchObject({ isSame: false, differences: [{ field: tensor }] })
  expect(basename(after)).toBe('after.gguf')
})
