import { expect, test } from 'vitest'
import { canonicalJson } from '../../src/json/canonical.ts'
import { meaningful } from '../../src/model/config.ts'
import { CONFIG_RULES } from '../../src/model/config-rules.ts'
import { parseJson } from '../../src/json/parse.ts'
import { jsonDigest } from '../../src/json/digest.ts'
import { familyDigest } from '../../src/model/family.ts'
import { ALGORITHMS, readCases } from './support.ts'
import type { WrittenDigests } from './support.ts'

interface FamilyCase {
  readonly name: string
  readonly config: string | null
  readonly embedded?: true
  readonly tensors: readonly { readonly name: string; readonly dtype: string; readonly shape: number[] }[]
  readonly document: string
  readonly digests: WrittenDigests
}

const cases = readCases('family.json') as readonly FamilyCase[]

test.each(cases)('$name', ({ config, embedded, tensors, document, digests }) => {
  const more = embedded === true ? CONFIG_RULES.embeddedKeys : []
  const value = config === null ? undefined : meaningful(parseJson(config).value, '', [], more)
  const family = familyDigest(tensors, value, 'both')
  for (const algorithm of ALGORITHMS) expect(family[algorithm]?.toString()).toBe(digests[algorithm])
  // The order of tensors does not count.
  expect(familyDigest(tensors.toReversed(), value, 'both')).toEqual(family)
  expect(canonicalJson(parseJson(document).value)).toBe(document)
  expect(jsonDigest('family', parseJson(document).value, 'both')).toEqual(family)
})
