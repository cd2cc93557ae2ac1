import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listModel, readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

interface Expected {
  readonly file: string
  readonly tree: { readonly blake3: string; readonly sha256: string }
}

function expectedOf(format: string): readonly Expected[] {
  const text = readFileSync(join('vectors/models', format, 'expected.json'), 'utf8')
  return (JSON.parse(text) as { readonly files: readonly Expected[] }).files
}

const CASES = ['dcp', 'orbax'].flatMap((format) => expectedOf(format).map((each) => ({ format, ...each })))

test.each(CASES)('$format, $file: named for what it is, and its files are digested', async (expected) => {
  const { format, file, tree } = expected
  const path = join('vectors/models', format, file)
  const listing = await listModel(path, { algorithm: 'both' })
  expect(listing).toMatchObject({ format, tensorCount: 0, tensors: [] })
  expect(listing.incomplete).toMatch(/^this is a .*checkpoint.*; its tensors are not read, only its files$/)
  expect(listing.weights).toBeUndefined()
  expect(listing.architecture).toBeUndefined()
  expect([listing.digests.tree?.blake3, listing.digests.tree?.sha256].map(String)).toEqual([
    tree.blake3,
    tree.sha256,
  ])
  expect(listing.files.length).toBeGreaterThan(1)
  await expect(readModel(path)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
})

test('a name alone makes no checkpoint', async () => {
  for (const folder of [
    folderOf({ '.metadata': 'text', '__0_0.distcp': '' }),
    folderOf({ '.metadata': '\u0080\u0002' }),
    folderOf({ _METADATA: '{}', 'model.txt': '' }),
    folderOf({ 'manifest.ocdbt': 'text' }),
  ])
    await expect(listModel(folder)).rejects.toMatchObject({
      code: expect.stringMatching(/NOT_FOUND|UNSUPPORTED/) as string,
    })
})

test('weights that the caller names are read', async () => {
  const folder = folderOf({
    _METADATA: '{"tree_metadata": {}}',
    'model.safetensors': safetensors({ w: floats([1]) }),
  })
  expect((await listModel(folder)).format).toBe('orbax')
  expect((await readModel(folder, { weights: 'model.safetensors' })).format).toBe('safetensors')
})
