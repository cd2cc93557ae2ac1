/** Digest at save and verify at load, with PyTorch and JAX beside safetensors. */
import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { BRIDGE } from '../e2e/python-bridge/support.ts'
import { COMMAND } from '../e2e/python-bridge/standalone.ts'
import { ACTIVATED, PYTHON, SLOW } from './support.ts'

test('tensors of every dtype are saved and loaded as safetensors does', SLOW, () => {
  const program = resolve('__test__/frameworks/programs/load/load.py')
  const text = execFileSync(PYTHON, [program], {
    encoding: 'utf8',
    env: { ...process.env, ...ACTIVATED, PYTHONPATH: BRIDGE, LINEAPRINT_COMMAND: COMMAND },
  })
  const same = { changed: 0, missing: 0, extra: 0, 'not-checked': 0 }
  expect(JSON.parse(text)).toEqual({
    version: expect.stringMatching(/^2\./) as string,
    'same file': true,
    'same tensors': true,
    moved: ['meta'],
    checked: { ...same, same: 22 },
    'own memory': true,
    'sha256 without command': true,
    arrays: true,
    'numpy bf16': 'bfloat16',
    tied: ['embed.weight', 'head.weight', 'transposed'],
    module: true,
    loads: '<All keys matched successfully>',
    'after a change': { ...same, same: 1, changed: 2 },
    'on meta': ['not-checked', 'changed', 'same'],
    jax: [['layer.b', 'layer.w'], true],
  })
})
