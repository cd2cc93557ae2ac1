import { expect, test } from 'vitest'
import { Digest } from '../../src/core/digest.ts'
import { checkSample, sampleOptions } from '../../src/hash/sample/options.ts'
import { isPlan, parsePlan, writePlan } from '../../src/core/sample-plan.ts'
import type { SamplePlan, Sampled } from '../../src/core/sample-plan.ts'

const HEX = 'af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'
const PLAN: SamplePlan = { strategy: 'strided', seed: 0n, amount: [1, 1000], above: 0 }

test('the written form of a plan is read back with the digest', () => {
  const forms: readonly [text: string, of: Sampled, plan: SamplePlan][] = [
    ['file,strided,share=1/1000,unit=bytes/16384', 'file', PLAN],
    ['tensor,blocks,count=64,unit=element', 'tensor', { ...PLAN, strategy: 'blocks', amount: 64 }],
    ['tree,strided,share=1/1000,unit=file', 'tree', { ...PLAN, above: 7 }],
    ['weights,strided,share=1/1000,above=7,unit=element', 'weights', { ...PLAN, above: 7 }],
    [
      'weights,random,seed=18446744073709551615,count=2,unit=element',
      'weights',
      { strategy: 'random', seed: (1n << 64n) - 1n, amount: 2, above: 0 },
    ],
    [
      'file,random,seed=0,share=1/9007199254740991,unit=bytes/16384',
      'file',
      { ...PLAN, strategy: 'random', amount: [1, Number.MAX_SAFE_INTEGER] },
    ],
  ]
  for (const [text, of, plan] of forms) {
    expect(writePlan(of, plan)).toBe(text)
    // The threshold is written only where it decides what is read.
    const parsed = parsePlan(text)
    expect(parsed).toEqual({ ...plan, above: of === 'weights' ? plan.above : 0 })
    expect(parsed && checkSample(sampleOptions(parsed))).toEqual(parsed)
    const digest = Digest.parse(`sampled(${text}).v1.blake3:${HEX}`)
    expect(digest).toMatchObject({ kind: 'sampled', plan: text, type: `sampled(${text}).v1.blake3` })
    expect(digest.toString()).toBe(`sampled(${text}).v1.blake3:${HEX}`)
    expect(JSON.stringify(digest)).toBe(`"${digest.toString()}"`)
  }
})

test('a plan that is written in another way is refused', () => {
  for (const text of [
    '',
    'file',
    'dir,strided,count=2,unit=file',
    'file,strided,count=2,unit=element',
    'file,strided,count=2,unit=bytes/4096',
    'file,strided,count=1,unit=bytes/16384',
    'file,strided,count=02,unit=bytes/16384',
    'file,strided,count=9007199254740992,unit=bytes/16384',
    'file,strided,share=2/4,unit=bytes/16384',
    'file,strided,share=1/1,unit=bytes/16384',
    'file,strided,share=0/2,unit=bytes/16384',
    'file,strided,share=3/2,unit=bytes/16384',
    'file,strided,share=0.5,unit=bytes/16384',
    'file,strided,seed=1,count=2,unit=bytes/16384',
    'file,random,count=2,unit=bytes/16384',
    'file,random,seed=18446744073709551616,count=2,unit=bytes/16384',
    'file,strided,count=2,above=3,unit=bytes/16384',
    'weights,strided,count=2,above=0,unit=element',
    'file,strided,count=2,share=1/2,unit=bytes/16384',
    'file,strided,count=2,unit=bytes/16384,',
    'file, strided,count=2,unit=bytes/16384',
    'file,strided,count=2,unit=bytes/16384\n',
  ]) {
    expect(parsePlan(text)).toBeUndefined()
    expect(isPlan(text), text).toBe(false)
    const written = `sampled(${text}).v1.blake3:${HEX}`
    expect(() => Digest.parse(written), text).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', received: JSON.stringify(written) }),
    )
    expect(() => new Digest('blake3', HEX, 'sampled', text), text).toThrow(
      expect.objectContaining({
        code: 'ERR_LINEAPRINT_ARGUMENT',
        expected: expect.stringContaining('a plan') as string,
      }),
    )
  }
  const plan = writePlan('file', PLAN)
  for (const text of ['sampled', `sampled()`, `tree(${plan})`, `(${plan})`, `sampled(${plan}`]) {
    const written = `${text}.v1.blake3:${HEX}`
    expect(() => Digest.parse(written), text).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', received: JSON.stringify(written) }),
    )
  }
  const second = `sampled(${plan}).v2.blake3:${HEX}`
  expect(() => Digest.parse(second)).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', received: JSON.stringify(second) }),
  )
  expect(() => new Digest('blake3', HEX, 'tree', plan)).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', expected: 'no plan' }),
  )
  expect(() => new Digest('blake3', HEX, 'sampled')).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', received: 'none' }),
  )
})

test('a sample compares with one of its own plan alone', () => {
  const written = (text: string): Digest => Digest.parse(`${text}:${HEX}`)
  const one = written(`sampled(${writePlan('file', PLAN)}).v1.blake3`)
  expect(one.equals(written(one.type))).toBe(true)
  for (const other of [
    'blake3',
    'tree.v1.blake3',
    `sampled(${writePlan('file', PLAN)}).v1.sha256`,
    `sampled(${writePlan('tensor', PLAN)}).v1.blake3`,
    `sampled(${writePlan('file', { ...PLAN, amount: [1, 999] })}).v1.blake3`,
    `sampled(${writePlan('file', { ...PLAN, amount: 1000 })}).v1.blake3`,
    `sampled(${writePlan('file', { ...PLAN, strategy: 'random' })}).v1.blake3`,
  ]) {
    for (const compare of [() => one.equals(written(other)), () => written(other).equals(one)]) {
      expect(compare, other).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_INCOMPARABLE' }))
    }
  }
})
