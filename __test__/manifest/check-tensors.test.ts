import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkTensors } from '../../src/manifest/check-tensors.ts'
import { createManifest, formatManifest } from '../../src/manifest/manifest.ts'
import { writeSafetensors } from '../../src/model/safetensors.ts'
import { folderOf } from '../support/folder.ts'
import type { ModelTensors } from '../../src/model/model-tensors.ts'

const TENSORS: ModelTensors = {
  a: { data: Float32Array.of(1, -0, NaN), shape: [3] },
  b: { data: Uint16Array.of(0x3f80, 0xc000), shape: [2], dtype: 'BF16' },
  c: { data: new Int8Array(0), shape: [0] },
  d: { data: new Uint8Array((9 << 20) + 1), shape: [(9 << 20) + 1] },
}

test.each(['blake3', 'sha256', 'both'] as const)('equal tensors are the same: %s', async (algorithm) => {
  const path = join(folderOf(), 'm.safetensors')
  await writeSafetensors(path, TENSORS)
  const manifest = await createManifest(path, { tensors: true, algorithm })
  const written = join(folderOf(), 'manifest.json')
  writeFileSync(written, formatManifest(manifest))
  const bytes: number[] = []
  for (const given of [manifest, written, Buffer.from(`\ufeff${formatManifest(manifest)}`)]) {
    const check = await checkTensors(given, TENSORS, {
      onProgress: ({ bytesDone }) => void bytes.push(bytesDone),
    })
    expect(check.same).toBe(true)
    expect(check.tensors).toEqual(['a', 'b', 'c', 'd'].map((name) => ({ name, status: 'same' })))
    expect(check.counts).toEqual({ same: 4, changed: 0, missing: 0, extra: 0, 'not-checked': 0 })
  }
  expect(Math.max(...bytes)).toBe((9 << 20) + 1 + 16)
})

test('every difference is named', async () => {
  const path = join(folderOf(), 'm.safetensors')
  await writeSafetensors(path, TENSORS)
  const manifest = await createManifest(path, { tensors: true })
  const listed = (name: string): string =>
    String(manifest.tensors?.find((tensor) => tensor.name === name)?.digest)
  const check = await checkTensors(manifest, {
    // The payload of a NaN and the sign of a zero count.
    a: { data: Float32Array.of(1, 0, NaN), shape: [3] },
    b: { data: Int16Array.of(0x3f80, -0x4000), shape: [2] },
    d: { data: new Uint8Array((9 << 20) + 1), shape: [1, (9 << 20) + 1] },
    z: { data: Uint8Array.of(1), shape: [1] },
  })
  expect(check.same).toBe(false)
  expect(check.tensors).toEqual([
    {
      name: 'a',
      status: 'changed',
      expected: listed('a'),
      received: expect.stringMatching(/^blake3:[0-9a-f]{64}$/) as string,
    },
    { name: 'b', status: 'changed', expected: 'BF16 [2]', received: 'I16 [2]' },
    { name: 'c', status: 'missing' },
    { name: 'd', status: 'changed', expected: `U8 [${(9 << 20) + 1}]`, received: `U8 [1, ${(9 << 20) + 1}]` },
    { name: 'z', status: 'extra' },
  ])
  expect(check.counts).toEqual({ same: 0, changed: 3, missing: 1, extra: 1, 'not-checked': 0 })
})

test('elements without a form in memory are not checked, and not the same', async () => {
  const path = join(folderOf(), 'm.npy')
  const text = "{'descr': '<c16', 'fortran_order': False, 'shape': (1,), }\n"
  const head = [0x93, ...Buffer.from('NUMPY'), 1, 0, text.length, 0]
  writeFileSync(path, Buffer.concat([Buffer.from(head), Buffer.from(text), Buffer.alloc(16)]))
  const manifest = await createManifest(path, { tensors: true })
  const name = manifest.tensors?.[0]?.name ?? 'none'
  const check = await checkTensors(manifest, { [name]: { data: new Uint8Array(16), shape: [16] } })
  expect(check).toEqual({
    same: false,
    tensors: [{ name, status: 'not-checked', reason: 'elements of C128 have no form in memory' }],
    counts: { same: 0, changed: 0, missing: 0, extra: 0, 'not-checked': 1 },
  })
})

test('what lists no tensors is refused', async () => {
  const path = join(folderOf(), 'm.safetensors')
  await writeSafetensors(path, TENSORS)
  const code = 'ERR_LINEAPRINT_FORMAT'
  const files = await createManifest(path)
  await expect(checkTensors(files, TENSORS)).rejects.toMatchObject({
    code,
    received: 'a manifest of files alone',
  })
  await expect(checkTensors(path, TENSORS)).rejects.toMatchObject({ code })
  await expect(checkTensors(`${path}.json`, TENSORS)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  const manifest = await createManifest(path, { tensors: true })
  const edited = formatManifest(manifest).replace('"shape":[3]', '"shape":[4]')
  await expect(checkTensors(Buffer.from(edited), TENSORS)).rejects.toMatchObject({ code, field: 'model' })
})

test('a signal stops the check', async () => {
  const path = join(folderOf(), 'm.safetensors')
  await writeSafetensors(path, TENSORS)
  const manifest = await createManifest(path, { tensors: true })
  await expect(checkTensors(manifest, TENSORS, { signal: AbortSignal.abort('enough') })).rejects.toBe(
    'enough',
  )
})
