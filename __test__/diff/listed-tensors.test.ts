import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { diffListedTensors, listKindOf } from '../../src/diff/listed-tensors.ts'
import { createManifest, formatManifest } from '../../src/manifest/manifest.ts'
import { readModel } from '../../src/model/read.ts'
import { formatTensors } from '../../src/record/tensor-list.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { AlgorithmChoice } from '../../src/core/digest.ts'

const BEFORE = safetensors({
  changed: floats([1, 2]),
  moved: floats([5, 6, 7]),
  removed: floats([8]),
  reshaped: floats([1, 2, 3, 4], [2, 2]),
  retyped: floats([0, 0]),
  same: floats([9, 9]),
})
const AFTER = safetensors({
  added: floats([4, 4, 4, 4, 4]),
  changed: floats([1, 3]),
  elsewhere: floats([5, 6, 7]),
  reshaped: floats([1, 2, 3, 4], [4, 1]),
  retyped: { dtype: 'I32', shape: [2], data: new Uint8Array(8) },
  same: floats([9, 9]),
})

const EXPECTED = [
  ['added', 'added', undefined, undefined],
  ['changed', 'changed', ['data'], undefined],
  ['renamed', 'elsewhere', undefined, 'moved'],
  ['removed', 'removed', undefined, undefined],
  ['changed', 'reshaped', ['shape'], undefined],
  ['changed', 'retyped', ['dtype'], undefined],
]

async function listsOf(name: string, model: Uint8Array, algorithm: AlgorithmChoice = 'blake3') {
  const path = join(folderOf({ [name]: model }), name)
  const [manifest, list] = [`${path}.manifest.json`, `${path}.tensors.json`]
  writeFileSync(manifest, formatManifest(await createManifest(path, { tensors: true, algorithm })))
  writeFileSync(list, formatTensors((await readModel(path, { algorithm })).tensors))
  return { path, manifest, list }
}

test('manifests, tensor lists and models are compared by the digests of their tensors', async () => {
  for (const algorithm of ['blake3', 'sha256'] as const) {
    const before = await listsOf('a.safetensors', BEFORE, algorithm)
    const after = await listsOf('b.safetensors', AFTER, algorithm)
    for (const [a, b] of [
      [before.manifest, after.path],
      [before.path, after.manifest],
      [before.manifest, after.manifest],
      [before.list, after.manifest],
      [before.list, after.path],
    ] as const) {
      const found = await diffListedTensors(a, b)
      expect(found.tensors.map(({ status, name, differs, from }) => [status, name, differs, from])).toEqual(
        EXPECTED,
      )
      expect(found).toMatchObject({ same: false, counts: { added: 1, removed: 1, changed: 3, renamed: 1 } })
    }
    const same = await diffListedTensors(before.manifest, before.path)
    expect(same).toMatchObject({ same: true, tensors: [], after: { from: 'model', tensorCount: 6 } })
  }
})

test('a list is recognised by its schema, and nothing else is one', async () => {
  const { path, manifest, list } = await listsOf('a.safetensors', BEFORE)
  expect(await listKindOf(manifest)).toBe('manifest')
  expect(await listKindOf(list)).toBe('tensor-list')
  expect(await listKindOf(path)).toBeUndefined()
  const folder = folderOf({ 'a.json': '{"schema": "other"}', 'b.json': '' })
  expect(await listKindOf(join(folder, 'a.json'))).toBeUndefined()
  expect(await listKindOf(join(folder, 'b.json'))).toBeUndefined()
})

test('digests of two algorithms, of samples, and manifests without tensors are refused', async () => {
  const blake3 = await listsOf('a.safetensors', BEFORE)
  const sha256 = await listsOf('a.safetensors', BEFORE, 'sha256')
  await expect(diffListedTensors(blake3.manifest, sha256.manifest)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    path: sha256.manifest,
    expected: 'blake3',
    received: 'sha256',
  })
  const folder = folderOf({
    'a.json':
      '{"schema":"lineaprint/tensors/v1","tensors":[{"name":"a","dtype":"F32","shape":[1],"digest":"sampled(x):00"}]}',
  })
  await expect(diffListedTensors(join(folder, 'a.json'), blake3.path)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    expected: 'blake3 or sha256',
  })
  const plain = join(folder, 'plain.json')
  writeFileSync(plain, formatManifest(await createManifest(blake3.path)))
  await expect(diffListedTensors(plain, blake3.path)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_ARGUMENT',
    path: plain,
  })
})
