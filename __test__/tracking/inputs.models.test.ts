/** Records of models beyond their digests: the base of an adapter, a copy, a description. */
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readRun } from '../../src/store/runs.ts'
import { contentOf, piecePath } from '../../src/store/objects/layout.ts'
import { storeIn } from '../../src/store/store.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { parseTracked } from '../../src/record/tracked.ts'
import { keptCopyOf } from '../../src/record/overwritten.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished, started } from './support.ts'
import type { ExperimentOptions } from '../../src/config/options.ts'
import type { KeptCopy } from '../../src/record/overwritten.ts'
import type { StoredRun } from '../../src/store/runs.ts'
import type { TrackedModel } from '../../src/record/tracked.ts'
import type { TrackedModelOptions } from '../../src/tracking/inputs.ts'
import type { VerifyItem } from '../../src/verify/verify.ts'

const ONE = safetensors({ w: floats([1]) })
const FILES = {
  'base/model.safetensors': ONE,
  'base/config.json': '{"model_type": "tiny", "hidden_size": 1}',
  'base/vocab.txt': 'a',
  'base/notes.txt': 'not a part of the model',
  'adapter/adapter_config.json': '{"peft_type": "LORA", "base_model_name_or_path": "owner/base", "r": 1}',
  'adapter/adapter_model.safetensors': safetensors({ a: floats([2]) }),
  'pipeline/model_index.json': '{"_class_name": "P", "s": ["d", "S"], "u": ["d", "U"]}',
  'pipeline/s/scheduler_config.json': '{"steps": 1}',
  'pipeline/u/model.safetensors': ONE,
}

beforeEach(() => {
  vi.stubEnv('HF_HUB_CACHE', folderOf())
})
afterEach(() => {
  vi.unstubAllEnvs()
})

interface Tracked {
  readonly root: string
  readonly run: StoredRun
  readonly model: TrackedModel
  readonly kept: KeptCopy | undefined
}

/** Track a model of a new folder with these files. A base is a path below it. */
async function tracked(
  path: string,
  options: ExperimentOptions = {},
  own: TrackedModelOptions = {},
): Promise<Tracked> {
  const root = folderOf(FILES)
  const base = typeof own.base === 'string' ? { base: join(root, own.base) } : {}
  const run = await finished(root, options, (tracker) => tracker.trackModel(path, 'net', { ...own, ...base }))
  const entry = run.record.models['net']
  if (entry?.status !== 'tracked') throw new Error('it is not tracked')
  return { root, run, model: parseTracked('models', 'net', entry), kept: keptCopyOf('models', 'net', entry) }
}

function pathsOf(kept: KeptCopy | undefined): readonly string[] {
  return kept?.status === 'kept' ? kept.files.map(({ path }) => path) : []
}

async function verified({ run }: Tracked): Promise<VerifyItem | undefined> {
  const { items } = await verifyRun(await readRun(run.folder))
  return items.find(({ section }) => section === 'models')
}

test('the base of an adapter is in the record, and verify checks both', async () => {
  const run = await tracked('adapter', {}, { base: 'base' })
  expect(run.model.adapter).toMatch(/^adapter\.v1\.blake3:/)
  expect(run.model.base).toMatchObject({ status: 'bound', label: 'owner/base', path: join(run.root, 'base') })
  expect(await verified(run)).toMatchObject({ status: 'same' })
  writeFileSync(join(run.root, 'base/model.safetensors'), safetensors({ w: floats([2]) }))
  expect(await verified(run)).toMatchObject({ status: 'changed', differences: [{ field: 'adapter' }] })
  rmSync(join(run.root, 'base'), { recursive: true })
  expect(await verified(run)).toMatchObject({
    status: 'not-checked',
    detail: expect.stringContaining('its base is not checked') as string,
  })
})

test('without the base the record says why', async () => {
  const run = await tracked('adapter')
  expect(run.model.adapter).toBeUndefined()
  expect(run.model.base).toMatchObject({
    status: 'not-checked',
    label: 'owner/base',
    reason: expect.stringContaining('has no repository "owner/base"') as string,
  })
  expect(await verified(run)).toMatchObject({ status: 'same' })
})

test('a pipeline is recorded with its components, and another scheduler is another pipeline', async () => {
  const run = await tracked('pipeline')
  expect(run.model.pipeline).toMatch(/^pipeline\.v1\.blake3:/)
  expect(await verified(run)).toMatchObject({ status: 'same' })
  writeFileSync(join(run.root, 'pipeline/s/scheduler_config.json'), '{"steps": 2}')
  expect(await verified(run)).toMatchObject({ status: 'changed', differences: [{ field: 'pipeline' }] })
})

test('one name stands for one pipeline, also where only a scheduler differs', async () => {
  const root = folderOf(FILES)
  const tracker = await started(root, {}, { strict: true })
  await tracker.trackModel('pipeline', 'net')
  writeFileSync(join(root, 'pipeline/s/scheduler_config.json'), '{"steps": 2}')
  await expect(tracker.trackModel('pipeline', 'net')).rejects.toThrow(/already has other content/)
  await tracker.finishExperiment()
})

test('a copy of a model is kept on request: its weights, configuration and tokenizer', async () => {
  const { root, kept } = await tracked('base', { models: { keep: true } })
  expect(pathsOf(kept)).toEqual(['config.json', 'model.safetensors', 'vocab.txt'])
  const file = kept?.status === 'kept' ? kept.files[1] : undefined
  const content = contentOf(file?.digests ?? {}, ONE.length)
  const copy = content === undefined ? '' : piecePath(storeIn(root), content)
  expect(readFileSync(copy)).toEqual(Buffer.from(ONE))
  expect(statSync(copy).mode & 0o777).toBe(0o400)
  const plain = await tracked('base')
  expect(plain.kept).toBeUndefined()
  expect(readdirSync(join(plain.root, '.lineaprint'))).not.toContain('objects')
})

test('a model in memory is not kept, and a warning says so', async () => {
  const root = folderOf()
  const { record } = await finished(root, { models: { keep: true } }, (tracker) =>
    tracker.trackModel({ w: { data: Float32Array.of(1), shape: [1] } }, 'net'),
  )
  expect(record.models['net']).toMatchObject({ kept: { status: 'failed', reason: 'it was in memory' } })
  expect(record.warnings).toEqual(['no copy of the model "net" was kept: it was in memory'])
})

test('a file and a pipeline are kept as well', async () => {
  for (const [path, names] of [
    ['base/model.safetensors', ['']],
    ['pipeline', ['model_index.json', 's/scheduler_config.json', 'u/model.safetensors']],
  ] as const)
    expect(pathsOf((await tracked(path, { models: { keep: true } })).kept)).toEqual(names)
})

test('a description of a model is written on request, as text and as JSON', async () => {
  const { run, model } = await tracked('base', { models: { description: true } })
  expect(model.descriptionFiles).toEqual(['models/net_architecture.txt', 'models/net_architecture.json'])
  const [text = '', json = ''] = (model.descriptionFiles ?? []).map((file) =>
    readFileSync(join(run.folder, file), 'utf8'),
  )
  expect(text).toContain('hidden_size  1')
  expect(JSON.parse(json)).toMatchObject({
    name: 'net',
    type: 'tiny',
    digests: { weights: { blake3: model.weights } },
  })
  expect(run.record.models['net']).not.toHaveProperty('structure')
  expect((await tracked('base')).model.descriptionFiles).toBeUndefined()
})
