import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createManifest, formatManifest, parseManifest } from '../../src/manifest/manifest.ts'
import { manifestOf } from '../../src/manifest/written.ts'
import { writeSafetensors } from '../../src/model/safetensors.ts'
import { folderOf } from '../support/folder.ts'
import type { ModelTensors } from '../../src/model/model-tensors.ts'

const TENSORS: ModelTensors = {
  b: { data: Uint16Array.of(0x3f80, 0xc000), shape: [2], dtype: 'BF16' },
  a: { data: Float32Array.of(1, -0, NaN), shape: [3] },
}

test.each(['blake3', 'sha256', 'both'] as const)('it is the manifest of the file: %s', async (algorithm) => {
  const path = join(folderOf(), 'm.safetensors')
  const written = await writeSafetensors(path, TENSORS, { algorithm, files: true })
  const text = formatManifest(manifestOf(written))
  expect(text).toBe(formatManifest(await createManifest(path, { algorithm, tensors: true })))
  expect(formatManifest(parseManifest(text))).toBe(text)
})

test('without the digest of the file there is none', async () => {
  const written = await writeSafetensors(join(folderOf(), 'm.safetensors'), TENSORS)
  expect(() => manifestOf(written)).toThrow(expect.objectContaining({ field: 'digests.file' }))
})
