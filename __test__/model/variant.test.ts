import { expect, test } from 'vitest'
import { variantWeights } from '../../src/model/variant.ts'

const BOTH = ['model.safetensors', 'model.fp16.safetensors', 'config.json']

test.each([
  ['no variant', BOTH, undefined, 'model.safetensors'],
  ['a variant', BOTH, 'fp16', 'model.fp16.safetensors'],
  ['another variant', BOTH, 'bf16', undefined],
  ['only a variant', ['model.fp16.safetensors'], undefined, undefined],
  [
    'the shards of a variant',
    [
      'model.safetensors.index.json',
      'model.safetensors.index.fp16.json',
      'model.fp16-00001-of-00002.safetensors',
    ],
    'fp16',
    'model.safetensors.index.fp16.json',
  ],
  ['the older suffix', ['pytorch_model.bin', 'diffusion_flax_model.msgpack'], undefined, 'pytorch_model.bin'],
  [
    'two names of one suffix',
    ['model.safetensors', 'diffusion_pytorch_model.safetensors'],
    undefined,
    undefined,
  ],
  ['a file and an index', ['model.safetensors', 'model.safetensors.index.json'], undefined, undefined],
  ['a variant that is a pattern', ['model.x.safetensors'], '.*', undefined],
] as const)('%s', (_, names, variant, expected) => {
  expect(variantWeights(names, variant)).toBe(expected)
})
