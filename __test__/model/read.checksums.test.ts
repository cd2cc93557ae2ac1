/** The CRC-32 of members of archives, which are hashed where they lie. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { listModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import type { ModelListing } from '../../src/model/read.ts'

const MODELS = resolve('vectors/models')

/** Read a copy of a model, with one bit of its first tensor changed, in every way that its bytes can be hashed. */
async function readDamaged(name: string): Promise<(ModelListing | Error)[]> {
  const bytes = readFileSync(join(MODELS, name))
  const sound = await listModel(join(MODELS, name))
  const start =
    sound.tensors.find(({ bytes: length, start: first }) => length > 0 && first !== undefined)?.start ?? -1
  const damaged = Buffer.from(bytes)
  damaged[start] = (damaged[start] ?? 0) ^ 1
  const path = join(folderOf({ model: damaged }), 'model')
  const answers: (ModelListing | Error)[] = []
  for (const algorithm of ['blake3', 'sha256', 'both'] as const)
    for (const files of [false, true])
      for (const threads of [1, 3])
        answers.push(
          await listModel(path, { algorithm, files, threads }).catch((error: unknown) => error as Error),
        )
  return answers
}

test.each(['table/weights.npz', 'table/model.keras'])(
  'a checksum that does not fit is refused or reported: %s is refused',
  async (name) => {
    for (const answer of await readDamaged(name))
      expect(answer).toMatchObject({
        code: 'ERR_LINEAPRINT_FORMAT',
        message: expect.stringContaining('CRC-32') as string,
        expected: expect.stringMatching(/^[0-9a-f]{8}$/) as string,
      })
  },
)

test.each(['pytorch/views.pt', 'pytorch/tied.pt', 'pytorch/module.pt'])(
  'a checksum that does not fit is refused or reported: %s, which PyTorch loads, is reported',
  async (name) => {
    const sound = await listModel(join(MODELS, name))
    expect(JSON.stringify(sound.remarks)).not.toContain('CRC-32')
    for (const answer of await readDamaged(name)) {
      expect(answer).toMatchObject({
        remarks: expect.arrayContaining([
          expect.stringMatching(/^1 of \d storages do not have the CRC-32/),
        ]) as unknown,
      })
    }
  },
)

test('the file of a module says which of its tensors are buffers', async () => {
  const { buffers, parameters } = await listModel(join(MODELS, 'pytorch/module.pt'))
  expect({ buffers, parameters }).toEqual({ buffers: { tensors: 1, elements: 3 }, parameters: 11 })
  expect(await listModel(join(MODELS, 'pytorch/tied.pt'))).not.toHaveProperty('buffers')
})
