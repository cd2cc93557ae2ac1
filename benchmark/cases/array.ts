/** Cases of an array in memory. */
import { createHash } from 'node:crypto'
import { hashArray } from '../../src/hash/array.ts'
import { digestBytes } from '../../src/hash/bytes.ts'
import { entry } from './entry.ts'
import type { Algorithm } from '../../src/core/digest.ts'
import type { Inputs } from '../inputs.ts'
import type { Case, Contestant } from '../measure.ts'

/** Calls per measurement: one takes about a millisecond. */
const REPEATS = 20

/** Return the cases of the array. */
export function arrayCases(inputs: Inputs): Case[] {
  const title = `${inputs.sizes.elements.toLocaleString('en')} float64 in memory`
  return [
    {
      name: 'array-blake3',
      title: `${title}, BLAKE3`,
      prepare: async () => {
        const array = inputs.array()
        const alone = contestant('digestBytes, the hash alone', 'part', () => elementsDigest(array, 'blake3'))
        const node = contestant('node:crypto, SHA-256', 'peer', () => nodeCrypto(array), false)
        return entry(array.byteLength, [hashArrayContestant(array, 'blake3')], [], new Map(), [alone, node])
      },
    },
    {
      name: 'array-sha256',
      title: `${title}, SHA-256`,
      prepare: async () => {
        const array = inputs.array()
        const alone = contestant('digestBytes, the hash alone', 'part', () => elementsDigest(array, 'sha256'))
        const node = contestant('node:crypto, SHA-256', 'peer', () => nodeCrypto(array))
        return entry(array.byteLength, [hashArrayContestant(array, 'sha256')], [], new Map(), [node, alone])
      },
    },
  ]
}

async function nodeCrypto(array: Float64Array): Promise<string> {
  return createHash('sha256').update(array).digest('hex')
}

/** Return the contestant `hashArray`; only the digest of its elements can be compared with others. */
function hashArrayContestant(array: Float64Array, algorithm: Algorithm): Contestant {
  return contestant(
    'lineaprint hashArray',
    'ours',
    async () => (await hashArray(array, { algorithm })).data[algorithm]?.hex ?? '',
  )
}

async function elementsDigest(array: Float64Array, algorithm: Algorithm): Promise<string> {
  return (await digestBytes(array, { algorithm }))[algorithm]?.hex ?? ''
}

function contestant(
  name: string,
  role: Contestant['role'],
  once: () => Promise<string>,
  comparable = true,
): Contestant {
  return {
    name,
    role,
    child: false,
    repeats: REPEATS,
    run: async () => {
      let answer = ''
      for (let call = 0; call < REPEATS; call++) answer = await once()
      return answer
    },
    ...(comparable && { check: { label: 'the elements', read: once } }),
  }
}
