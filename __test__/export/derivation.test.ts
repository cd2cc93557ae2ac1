import { expect, test } from 'vitest'
import { derivationStatement } from '../../src/export/derivation.ts'
import { deriveModel } from '../../src/model/derivation/derive.ts'
import { vector } from '../model/derivation/support.ts'

test('a statement names the digests of both models and the rule of each tensor', async () => {
  const derivation = await deriveModel(vector('llama'), vector('f32.safetensors'), {
    files: true,
    algorithm: 'both',
  })
  const statement = derivationStatement(derivation)
  const hex = expect.stringMatching(/^[0-9a-f]{64}$/) as string
  expect(statement).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'f32.safetensors', digest: { blake3: hex, sha256: hex } }],
    predicateType: 'urn:lineaprint:derivation:v1',
    predicate: {
      explained: true,
      counts: { cast: 21 },
      before: { weights: { 'weights.v1.blake3': hex }, files: [{ name: 'model.safetensors' }] },
      unused: [],
    },
  })
  const { tensors } = statement['predicate'] as { tensors: { name: string }[] }
  expect(tensors.find(({ name }) => name === 'lm_head.weight')).toEqual({
    name: 'lm_head.weight',
    dtype: 'F32',
    shape: [32, 32],
    digest: { blake3: hex },
    verdict: 'cast',
    sources: [{ name: 'lm_head.weight', dtype: 'BF16', shape: [32, 32], digest: { blake3: hex } }],
    rule: ['cast BF16 to F32, exact'],
  })
})
