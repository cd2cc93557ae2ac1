import { expect, test } from 'vitest'
import { LineaprintError } from '../../src/core/errors.ts'
import { canonicalBytes, canonicalJson } from '../../src/json/canonical.ts'
import { parseJson } from '../../src/json/parse.ts'
import { jsonDigest } from '../../src/json/digest.ts'
import { ALGORITHMS, readCases } from './support.ts'
import type { JsonKind } from '../../src/json/digest.ts'
import type { WrittenDigests } from './support.ts'

interface RecordCase {
  readonly name: string
  readonly kind: JsonKind
  readonly text: string
  readonly canonical: string
  readonly digests: WrittenDigests
}

interface CanonicalCase {
  readonly name: string
  readonly bits?: string
  readonly text?: string
  readonly canonical?: string
  readonly lossyIntegers?: readonly string[]
  readonly refused?: string
}

const records = readCases('json.json') as readonly RecordCase[]
const all = readCases('canonical-json.json') as readonly CanonicalCase[]
const texts = all.flatMap((each) => (each.text === undefined ? [] : [{ ...each, text: each.text }]))
const numbers = all.flatMap((each) => (each.bits === undefined ? [] : [{ ...each, bits: each.bits }]))

test.each(records)('a record: $name', ({ kind, text, canonical, digests }) => {
  const { value } = parseJson(text)
  expect(canonicalJson(value)).toBe(canonical)
  const both = jsonDigest(kind, value, 'both')
  for (const algorithm of ALGORITHMS) {
    expect(both[algorithm]?.toString()).toBe(digests[algorithm])
    expect(jsonDigest(kind, value, algorithm)[algorithm]?.toString()).toBe(digests[algorithm])
  }
})

test.each(texts.filter(({ refused }) => refused === undefined))(
  'canonical: $name',
  ({ text, canonical, lossyIntegers }) => {
    for (const source of [text, new TextEncoder().encode(text)]) {
      const document = parseJson(source)
      expect(canonicalJson(document.value)).toBe(canonical)
      expect(document.lossyIntegers).toEqual(lossyIntegers)
    }
    // What is canonical stays as it is, and its bytes are UTF-8.
    expect(canonicalJson(parseJson(canonical ?? '').value)).toBe(canonical)
    expect(new TextDecoder('utf-8', { fatal: true }).decode(canonicalBytes(parseJson(text).value))).toBe(
      canonical,
    )
  },
)

test.each(texts.filter(({ refused }) => refused !== undefined))('refused: $name', ({ text }) => {
  expect(() => canonicalJson(parseJson(text).value)).toThrow(LineaprintError)
  expect(() => canonicalJson(parseJson(new TextEncoder().encode(text)).value)).toThrow(LineaprintError)
})

test.each(numbers)('$name', ({ bits, canonical }) => {
  const value = Buffer.from(bits, 'hex').readDoubleBE()
  expect(canonicalJson(value)).toBe(canonical)
})
