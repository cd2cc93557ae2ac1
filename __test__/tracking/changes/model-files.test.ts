import { expect, test } from 'vitest'
import { isModelFile } from '../../../src/tracking/changes/model-files.ts'

test.each(['out/model.safetensors', 'a.PT', 'ckpt/epoch=1-step=8.ckpt', 'pytorch_model.bin', 'x.onnx'])(
  '%s is a model file',
  (path) => {
    expect(isModelFile(path)).toBe(true)
  },
)

test.each(['.pt', 'pt', 'train.py', 'notes.pt/x.md', 'metrics.json', ''])('%j is none', (path) => {
  expect(isModelFile(path)).toBe(false)
})
