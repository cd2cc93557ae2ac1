/** Outputs that are models: one read gives what reading them as datasets and as models gives. */
import { existsSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readDataset } from '../../src/dataset/read.ts'
import { readOutput } from '../../src/tracking/read-output.ts'
import { parseTensors } from '../../src/record/tensor-list.ts'
import { readModel } from '../../src/model/read.ts'
import { createManifest } from '../../src/manifest/manifest.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished, inRun, runProgram } from './support.ts'
import type { OutputReport } from '../../src/tracking/read-output.ts'
import type { AlgorithmChoice } from '../../src/core/digest.ts'

const ON = { models: { tensors: true } }
const ONE = safetensors({ b: floats([1, 2, 3]), a: floats([4]) })
const TWO = safetensors({ c: floats([5, 6]) })
const index = (weights: Readonly<Record<string, string>>): string => JSON.stringify({ weight_map: weights })

/** What is to come out: the dataset, and the tensors of the model as BLAKE3. */
async function slow(path: string, algorithm: AlgorithmChoice): Promise<unknown> {
  return {
    ...(await readDataset(path, { algorithm, statistics: false })),
    ...(await filesOf(path, algorithm)),
    tensors: (await readModel(path)).tensors,
  }
}

/** The files of a folder, as its manifest lists them; none of a file. */
async function filesOf(path: string, algorithm: AlgorithmChoice = 'blake3'): Promise<object> {
  const { type, entries } = await createManifest(path, { algorithm })
  return type === 'file' ? {} : { entries }
}

/** What was read, with the list of files written out, and without the contents of further models. */
async function read(...options: Parameters<typeof readOutput>): Promise<OutputReport> {
  const { folder, contents: _, ...report } = await readOutput(...options)
  return { ...report, ...(folder && { entries: [...folder.entries()] }) }
}

const MODELS: Readonly<Record<string, Readonly<Record<string, string | Uint8Array>>>> = {
  'a file': { 'm.safetensors': ONE },
  'a file with an upper-case ending': { 'm.SAFETENSORS': ONE },
  'a file beside a configuration that is damaged': { 'm.safetensors': ONE, 'config.json': '{' },
  'a folder with one file': { 'm/x.safetensors': ONE },
  'a folder with other files at all depths': {
    'm/x.safetensors': ONE,
    'm/config.json': '{}',
    'm/vocab.txt': 'hello\n',
    'm/deep/er/x.safetensors': TWO,
    'm/.git/skipped': 'x',
    'm/deep/Same': 'x',
    'm/deep/same': 'x',
  },
  'shards and their index': {
    'm/x.safetensors.index.json': index({ a: 'x-1.safetensors', b: 'x-1.safetensors', c: 'x-2.safetensors' }),
    'm/x-1.safetensors': ONE,
    'm/x-2.safetensors': TWO,
    'm/x-00003-of-00003.safetensors': TWO,
  },
  'a name that means something in a pattern': {
    'm/!a[b]{c,d}*?\\ .safetensors': ONE,
    'm/b .safetensors.txt': 'x',
  },
  'a name that another one is equal to without case': { 'm/x.safetensors': ONE, 'm/X.safetensorS': 'x' },
}

describe.each(['blake3', 'sha256', 'both'] as const)('%s', (algorithm) => {
  test.each(Object.entries(MODELS))('%s', async (_, files) => {
    const root = folderOf(files)
    const name = readdirSync(root).find((one) => one.startsWith('m')) ?? ''
    const path = join(root, name)
    const expected = await slow(path, algorithm).catch(() => undefined)
    // A damaged configuration has nothing to say about tensors.
    if (expected === undefined) rmSync(join(root, 'config.json'))
    const wanted = expected ?? (await slow(path, algorithm))
    if (expected === undefined) writeFileSync(join(root, 'config.json'), '{')
    expect(await read(path, { algorithm }, ON)).toEqual(wanted)
  })

  test.runIf(process.platform === 'linux')('weights behind links, and names that are not UTF-8', async () => {
    const root = folderOf({ 'm/config.json': '{}', 'real.safetensors': ONE })
    writeFileSync(Buffer.concat([Buffer.from(join(root, 'm/a')), Buffer.from([0xff])]), 'x')
    symlinkSync('../real.safetensors', join(root, 'm/x.safetensors'))
    const path = join(root, 'm')
    const found = await read(path, { algorithm }, ON)
    expect(found).toEqual(await slow(path, algorithm))
    expect(found.warnings).toHaveLength(2)
    rmSync(join(root, 'm/x.safetensors'))
    writeFileSync(join(root, 'm/x.safetensors'), ONE)
    const plain = await read(path, { algorithm }, ON)
    expect(plain).toEqual(await slow(path, algorithm))
    expect(plain.warnings).toHaveLength(1)
    expect(plain.digest.equals(found.digest)).toBe(true)
  })
})

test.each([
  ['nothing like it', { 'm.safetensors': 'x' }, 'm.safetensors'],
  ['a folder of files', { 'm/a': 'x' }, 'm'],
  ['two candidates', { 'm/a.safetensors': ONE, 'm/b.safetensors': TWO }, 'm'],
  [
    'an index that does not fit',
    { 'm/x.safetensors.index.json': index({ z: 'x.safetensors' }), 'm/x.safetensors': ONE },
    'm',
  ],
  ['an index alone', { 'x.safetensors.index.json': index({}) }, 'x.safetensors.index.json'],
])('%s is an output as any other', async (_, files, name) => {
  const path = join(folderOf(files), name)
  expect(await read(path, {}, ON)).toEqual({
    ...(await readDataset(path, { statistics: false })),
    ...(await filesOf(path)),
  })
})

test('what is not there is told as for a dataset, and without the option no tensors are read', async () => {
  const root = folderOf({ 'm.safetensors': ONE })
  const absent = join(root, 'absent.safetensors')
  const told = await readDataset(absent).catch((error: unknown) => error)
  await expect(readOutput(absent, {}, ON)).rejects.toEqual(told)
  const path = join(root, 'm.safetensors')
  expect(await readOutput(path, {}, { models: { tensors: false } })).toEqual(await readDataset(path))
  const controller = new AbortController()
  controller.abort(new Error('enough'))
  await expect(readOutput(path, { signal: controller.signal }, ON)).rejects.toThrow('enough')
})

test('a run keeps the tensors, and gives its caller what a dataset has', async () => {
  const root = folderOf({ 'm.safetensors': ONE })
  let report: unknown
  const run = await finished(root, { algorithm: 'sha256' }, async (tracker) => {
    report = await tracker.trackOutput('m.safetensors', 'm')
  })
  expect(report).toEqual(await readDataset(join(root, 'm.safetensors'), { algorithm: 'sha256' }))
  const file = inRun(run, 'outputs/m.tensors.json')
  const { tensors } = await readModel(join(root, 'm.safetensors'))
  expect(parseTensors(readFileSync(file), file)).toEqual(
    tensors.map(({ name, dtype, shape, digest, file: holder }) => ({
      name,
      dtype,
      shape,
      digest: digest.toString(),
      file: holder,
    })),
  )
})

/** What the system counts as read by a process, whether from the disk or from memory. */
const COUNTER = '/proc/self/io'

test.runIf(existsSync(COUNTER))('the bytes of a model are read once', { timeout: 60_000 }, async () => {
  const size = 64 << 20
  const large = safetensors({ w: { dtype: 'U8', shape: [size], data: new Uint8Array(size).fill(7) } })
  const root = folderOf({ 'one.safetensors': large, 'dir/m.safetensors': large, 'dir/config.json': '{}' })
  const source = `
    import { readFileSync } from 'node:fs'
    const read = () => Number(/rchar: (\\d+)/.exec(readFileSync('${COUNTER}', 'utf8'))[1])
    const tracker = new ExperimentTracker({ outputDir: '.', ...off })
    await tracker.startExperiment()
    for (const name of ['one.safetensors', 'dir']) {
      const before = read()
      await tracker.trackOutput(name, name)
      console.log(read() - before)
    }
    await tracker.finishExperiment()`
  const { code, stdout, stderr } = await runProgram(source, root)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const counts = stdout.trim().split('\n').map(Number)
  expect(counts).toHaveLength(2)
  for (const count of counts) {
    expect(count).toBeGreaterThanOrEqual(size)
    expect(count).toBeLessThan(size * 1.25)
  }
})
