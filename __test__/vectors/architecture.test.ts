import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { toDigests } from '../../src/core/digest.ts'
import { embeddedConfig } from '../../src/model/config.ts'
import { native } from '../../src/native/load.ts'
import { readModel } from '../../src/model/read.ts'
import { ALGORITHMS, readCases, safetensors, temporaryFolder } from './support.ts'
import type { VectorTensor, WrittenDigests } from './support.ts'

interface ArchitectureCase {
  readonly name: string
  readonly config: string | null
  /** The configuration is in the model file, not beside it. */
  readonly embedded?: true
  readonly tensors: readonly VectorTensor[]
  readonly digests: WrittenDigests
}

const cases = readCases('architecture.json') as readonly ArchitectureCase[]

test.each(cases.filter(({ embedded }) => embedded !== true))(
  'a folder with its configuration: $name',
  async ({ config, tensors, digests }) => {
    using folder = temporaryFolder()
    const path = join(folder.path, 'model.safetensors')
    writeFileSync(path, safetensors(tensors))
    for (const name of config === null ? [undefined] : ['adapter_config.json', 'config.json']) {
      // The second name is looked at first, so it decides as soon as it is there.
      if (name !== undefined) writeFileSync(join(folder.path, name), config ?? '')
      const model = await readModel(folder.path, { algorithm: 'both' })
      expect(model.config?.name).toBe(name)
      for (const algorithm of ALGORITHMS) {
        expect(model.digests.architecture[algorithm]?.toString()).toBe(digests[algorithm])
      }
      // The configuration beside a file is that of the file.
      expect((await readModel(path)).architecture.toString()).toBe(digests.blake3)
      if (name === 'adapter_config.json') writeFileSync(join(folder.path, name), '{"other": 1}')
    }
  },
)

test.each(cases.filter(({ embedded }) => embedded))('a configuration in the file: $name', (each) => {
  const config = embeddedConfig('keras', new Map([['config.json', each.config ?? '']]), 'model.keras')
  const types = {
    names: each.tensors.map(({ name }) => name),
    dtypes: each.tensors.map(({ dtype }) => dtype),
    shapes: each.tensors.map(({ shape }) => [...shape]),
  }
  const raw = native.architectureDigest(types, config?.canonical ?? new Uint8Array(), 'both')
  const found = toDigests(raw, 'architecture')
  for (const algorithm of ALGORITHMS) expect(found[algorithm]?.toString()).toBe(each.digests[algorithm])
})
