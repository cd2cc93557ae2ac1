import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { listModel, readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

const MODELS = 'vectors/models/checkpoint'
const { files } = JSON.parse(readFileSync(join(MODELS, 'expected.json'), 'utf8')) as {
  readonly files: readonly { file: string; format: string; tree: { blake3: string; sha256: string } }[]
}

test.each(files)(
  '$file is named for what it is, and its files are digested',
  async ({ file, format, tree }) => {
    const listing = await listModel(join(MODELS, file), { algorithm: 'both' })
    expect(listing).toMatchObject({ format, tensorCount: 0, tensors: [] })
    expect(listing.incomplete).toMatch(/^this is a .*checkpoint.*; its tensors are not read, only its files$/)
    expect(listing.weights).toBeUndefined()
    expect(listing.architecture).toBeUndefined()
    expect([listing.digests.tree?.blake3, listing.digests.tree?.sha256].map(String)).toEqual([
      tree.blake3,
      tree.sha256,
    ])
    expect(listing.files.length).toBeGreaterThan(1)
    await expect(readModel(join(MODELS, file))).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_UNSUPPORTED' })
  },
)

test('both kinds are there', () => {
  expect([...new Set(files.map(({ format }) => format))]).toEqual(['dcp', 'orbax'])
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
