import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeModel } from '../../src/model/describe.ts'
import { structureText } from '../../src/model/structure-text.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { JsonValue } from '../../src/core/json-value.ts'
import type { ModelStructure } from '../../src/model/describe.ts'

/** The structure of a model of two layers with this configuration. */
async function structure(config: JsonValue | string): Promise<ModelStructure> {
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  const folder = folderOf({
    'model.safetensors': safetensors({ 'l.0.w': floats([1, 2]), 'l.1.w': floats([3, 4]) }),
    'config.json': text,
  })
  return (await describeModel(folder)).structure
}

test('type, classes and hyperparameters are those of the configuration', async () => {
  const found = await structure({
    architectures: ['TinyForCausalLM'],
    model_type: 'tiny',
    hidden_size: 64,
    text_config: { hidden_act: 'silu', mrope: [1, 2] },
    layers: [{ a: 1 }],
    torch_dtype: 'bfloat16',
  })
  expect(found).toEqual({
    type: 'tiny',
    classes: ['TinyForCausalLM'],
    hyperparameters: { hidden_size: 64, 'text_config.hidden_act': 'silu', 'text_config.mrope': [1, 2] },
    layers: [{ pattern: 'l.{0,1}.w', dtype: 'F32', shape: [2], tensors: 2, parameters: 4, bytes: 16 }],
  })
})

test('a configuration of another form says nothing', async () => {
  for (const config of ['[]', '1', '{"architectures":1,"model_type":{}}', '{"architectures":[null]}'])
    expect(await structure(config)).toMatchObject({ classes: [] })
  expect(await structure('{"a":NaN,"__proto__":3}')).toMatchObject({ hyperparameters: { a: 'NaN' } })
})

test.each([
  [{ quant_method: 'gptq', bits: 4, group_size: 128 }, 'gptq', { bits: 4, group_size: 128 }],
  [{ quant_method: 'awq', version: 'gemm' }, 'awq', { version: 'gemm' }],
  [{ load_in_4bit: true }, 'bitsandbytes', { load_in_4bit: true }],
  [{ bits: 8 }, 'not stated', { bits: 8 }],
])('quantisation as the configuration states it: %j', async (stated, method, settings) => {
  const { quantisation, hyperparameters } = await structure({ quantization_config: stated })
  expect(quantisation).toEqual({ method, settings })
  expect(hyperparameters).toEqual({})
})

test('a model of Keras has the classes of its layers, and its own configuration decides', async () => {
  const path = 'vectors/models/keras/plain.keras'
  const { listing, structure: found } = await describeModel(path)
  expect(found).toMatchObject({
    type: 'Sequential',
    layerClasses: { InputLayer: 1, Dense: 2, BatchNormalization: 1 },
  })
  expect(listing.config?.name).toBe('plain.keras')
  expect(listing.config?.ignored).toEqual(expect.arrayContaining(['build_config', 'compile_config']))
  const { listing: legacy } = await describeModel('vectors/models/keras/legacy.h5')
  expect(legacy.config?.name).toBe('legacy.h5')
  const { listing: without } = await describeModel('vectors/models/keras/weights.weights.h5')
  expect(without.config).toBeUndefined()
})

test('a GGUF file says its architecture and the types of its blocks', async () => {
  const { listing, structure: found } = await describeModel('vectors/models/gguf/quantised.gguf')
  expect(found).toMatchObject({ type: 'fixture', quantisation: { method: 'ggml', settings: { Q4_K: 1 } } })
  expect(listing.config).toBeUndefined()
  expect(listing.family?.kind).toBe('family')
})

test('models that differ in sizes have one family and two architectures', async () => {
  const folders = [2, 3].map((size) =>
    folderOf({
      'model.safetensors': safetensors(
        Object.fromEntries(Array.from({ length: size }, (_, n) => [`l.${n}.w`, floats(Array(size).fill(1))])),
      ),
      'config.json': JSON.stringify({ model_type: 'tiny', num_layers: size, hidden_size: size }),
    }),
  )
  const [a, b] = await Promise.all(folders.map(async (folder) => (await describeModel(folder)).listing))
  expect(a?.family?.toString()).toBe(b?.family?.toString())
  expect(a?.architecture?.toString()).not.toBe(b?.architecture?.toString())
  expect(a?.digests.family?.blake3?.toString()).toBe(a?.family?.toString())
})

test('the text names everything, escapes what is foreign, and is the same each time', async () => {
  const folder = folderOf({
    'model.safetensors': safetensors({ 'a\u001b[31m': floats([1]), b: floats([1]) }),
    'config.json': '{"model_type":"tiny\\n","_name_or_path":"x","eps":1e-5}',
  })
  mkdirSync(join(folder, 'other'))
  writeFileSync(join(folder, 'other/readme'), '')
  const described = await describeModel(folder)
  const text = structureText('m', described)
  expect(text).not.toContain('\u001b')
  expect(text.split('\n\n').map((section) => section.split('\n')[0])).toEqual([
    'model',
    'digests',
    'layers',
    'hyperparameters',
    'left out of the architecture',
    'ties',
  ])
  expect(text).toContain('  type        tiny\\n\n')
  expect(text).toContain('  eps  0.00001\n')
  expect(text).toContain(described.listing.family?.toString())
  expect(structureText('m', await describeModel(folder))).toBe(text)
})
