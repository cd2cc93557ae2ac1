import fc from 'fast-check'
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { Generator } from '../../../src/capture/seeds/capture.ts'

const SEED = fc.maxSafeNat()
const STREAM = fc.nat(5)

/** The generator as its authors publish it, with numbers of any size: slow and obvious. */
class Reference {
  s0: bigint
  s1: bigint

  constructor(seed: bigint) {
    const mix = (step: bigint): bigint => {
      let z = BigInt.asUintN(64, seed + step * 0x9e3779b97f4a7c15n)
      z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n)
      z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d049bb133111ebn)
      return z ^ (z >> 31n)
    }
    this.s0 = mix(1n)
    this.s1 = mix(2n)
  }

  step(): bigint {
    const rotate = (x: bigint, by: bigint): bigint => BigInt.asUintN(64, (x << by) | (x >> (64n - by)))
    const result = BigInt.asUintN(64, this.s0 + this.s1)
    const s1 = this.s1 ^ this.s0
    this.s0 = BigInt.asUintN(64, rotate(this.s0, 24n) ^ s1 ^ (s1 << 16n))
    this.s1 = rotate(s1, 37n)
    return result
  }

  jump(): void {
    let [s0, s1] = [0n, 0n]
    for (const word of [0xdf900294d8f554a5n, 0x170865df4b3201fcn]) {
      for (let bit = 0n; bit < 64n; bit++) {
        if ((word >> bit) & 1n) [s0, s1] = [s0 ^ this.s0, s1 ^ this.s1]
        this.step()
      }
    }
    ;[this.s0, this.s1] = [s0, s1]
  }

  next(): number {
    const high = (this.step() & 0xffffffffn) >> 5n
    const low = (this.step() & 0xffffffffn) >> 6n
    return Number((high << 26n) | low) / 2 ** 53
  }

  get state(): string {
    return [this.s0, this.s1].map((word) => word.toString(16).padStart(16, '0')).join('')
  }
}

test('it is the published generator, seeds and jumps included', () => {
  fc.assert(
    fc.property(SEED, STREAM, (seed, stream) => {
      const reference = new Reference(BigInt(seed))
      for (let jump = 0; jump < stream; jump++) reference.jump()
      const generator = new Generator(seed, stream)
      expect(generator.state().state).toBe(reference.state)
      for (let draw = 0; draw < 10; draw++) expect(generator.next()).toBe(reference.next())
      expect(generator.state().state).toBe(reference.state)
    }),
  )
})

test('known values, so that no version can change them unseen', () => {
  const generator = new Generator(42)
  expect(generator.state()).toEqual({
    version: 1,
    algorithm: 'xoroshiro128plus',
    seed: 42,
    stream: 0,
    state: 'bdd732262feb6e9528efe333b266f103',
  })
  expect([generator.next(), generator.integer(1, 6), generator.normal()]).toMatchInlineSnapshot(`
    [
      0.884069414773014,
      4,
      -1.3230278158594162,
    ]
  `)
  expect(generator.shuffle([0, 1, 2, 3, 4, 5, 6, 7])).toMatchInlineSnapshot(`
    [
      5,
      3,
      1,
      6,
      2,
      4,
      7,
      0,
    ]
  `)
})

describe('save, draw, restore, draw the same', () => {
  test('in this process', () => {
    fc.assert(
      fc.property(SEED, STREAM, fc.nat(50), (seed, stream, before) => {
        const generator = new Generator(seed, stream)
        for (let draw = 0; draw < before; draw++) generator.next()
        const saved = JSON.parse(JSON.stringify(generator.state())) as unknown
        const draw = (from: Generator): unknown[] => [
          from.next(),
          from.normal(3, 2),
          from.integer(-5, 1e15),
          from.shuffle([1, 2, 3, 4, 5]),
          from.state(),
        ]
        const first = draw(generator)
        expect(draw(Generator.restore(saved))).toEqual(first)
        expect(draw(generator.resume(saved))).toEqual(first)
      }),
    )
  })

  test('in a new process', () => {
    const generator = new Generator(7, 3)
    generator.normal()
    const state = JSON.stringify(generator.state())
    const room = new URL('../../../src/capture/seeds/generator.ts', import.meta.url).href
    const script = `
      const { Generator } = await import(${JSON.stringify(room)})
      const generator = Generator.restore(${state})
      console.log(JSON.stringify([generator.next(), generator.normal(), generator.integer(0, 9), generator.state()]))`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    expect(JSON.parse(output)).toEqual([
      generator.next(),
      generator.normal(),
      generator.integer(0, 9),
      generator.state(),
    ])
  })
})

describe('what is drawn', () => {
  test('whole numbers stay in their range, and every one of a small range comes', () => {
    fc.assert(
      fc.property(SEED, fc.maxSafeInteger(), fc.maxSafeNat(), (seed, min, span) => {
        const max = Math.min(min + span, Number.MAX_SAFE_INTEGER)
        const drawn = new Generator(seed).integer(min, max)
        expect(Number.isSafeInteger(drawn) && drawn >= min && drawn <= max).toBe(true)
      }),
    )
    const generator = new Generator(1)
    const counts = new Map<number, number>()
    for (let draw = 0; draw < 6000; draw++) {
      const face = generator.integer(1, 6)
      counts.set(face, (counts.get(face) ?? 0) + 1)
    }
    expect([...counts.keys()].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6])
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })

  test.each([
    [1, 0],
    [0.5, 2],
    [0, 2 ** 53],
    [Number.NaN, 1],
    [-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])('%d to %d is no range', (min, max) => {
    expect(() => new Generator(1).integer(min, max)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', field: 'max' }),
    )
  })

  test('numbers below 1 with 53 bits, and normal ones with mean 0 and deviation 1', () => {
    const generator = new Generator(3)
    const uniform = Array.from({ length: 20_000 }, () => generator.next())
    expect(uniform.every((value) => value >= 0 && value < 1 && Number.isInteger(value * 2 ** 53))).toBe(true)
    expect(uniform.some((value) => (value * 2 ** 53) % 2 === 1)).toBe(true)
    expect(mean(uniform)).toBeCloseTo(0.5, 1)
    const normal = Array.from({ length: 20_000 }, () => generator.normal())
    expect(mean(normal)).toBeCloseTo(0, 1)
    expect(mean(normal.map((value) => value ** 2))).toBeCloseTo(1, 1)
  })

  test('a shuffle keeps everything, typed arrays too, and the first draw does not give the seed away', () => {
    fc.assert(
      fc.property(SEED, fc.array(fc.integer()), (seed, array) => {
        const shuffled = new Generator(seed).shuffle([...array])
        expect(shuffled.toSorted((a, b) => a - b)).toEqual(array.toSorted((a, b) => a - b))
      }),
    )
    const array = Float32Array.from({ length: 50 }, (_, index) => index)
    expect(new Generator(9).shuffle(array)).toBe(array)
    expect(array[0] === 0 && array[1] === 1 && array[2] === 2).toBe(false)
    expect(new Set([0, 1, 2, 3].map((seed) => new Generator(seed).next().toFixed(2))).size).toBe(4)
  })

  test('streams differ', () => {
    const first = [0, 1, 2, 3, 65_535].map((stream) => new Generator(5, stream).next())
    expect(new Set(first).size).toBe(5)
  })
})

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

describe('states that are refused, each with its own error, and change nothing', () => {
  const state = new Generator(1).state()

  test.each<[string, unknown, string, string]>([
    ['no object', 'text', 'ERR_LINEAPRINT_RECORD', 'state'],
    ['null', null, 'ERR_LINEAPRINT_RECORD', 'state'],
    ['an array', [], 'ERR_LINEAPRINT_RECORD', 'state'],
    ['a missing field', { ...state, state: undefined }, 'ERR_LINEAPRINT_FORMAT', 'state.state'],
    ['no state', without('state'), 'ERR_LINEAPRINT_RECORD', 'state.state'],
    ['no seed', without('seed'), 'ERR_LINEAPRINT_RECORD', 'state.seed'],
    ['another version', { ...state, version: 2 }, 'ERR_LINEAPRINT_UNSUPPORTED', 'state.version'],
    [
      'another algorithm',
      { ...state, algorithm: 'mt19937' },
      'ERR_LINEAPRINT_UNSUPPORTED',
      'state.algorithm',
    ],
    ['too few digits', { ...state, state: 'ff' }, 'ERR_LINEAPRINT_FORMAT', 'state.state'],
    ['capital letters', { ...state, state: 'F'.repeat(32) }, 'ERR_LINEAPRINT_FORMAT', 'state.state'],
    ['zeros', { ...state, state: '0'.repeat(32) }, 'ERR_LINEAPRINT_FORMAT', 'state.state'],
    ['a negative seed', { ...state, seed: -1 }, 'ERR_LINEAPRINT_FORMAT', 'state.seed'],
    ['a stream beyond the last', { ...state, stream: 65_536 }, 'ERR_LINEAPRINT_FORMAT', 'state.stream'],
  ])('%s', (_, damaged, code, field) => {
    const generator = new Generator(2)
    const before = generator.state()
    expect(() => Generator.restore(damaged)).toThrow(expect.objectContaining({ code, field }))
    expect(() => generator.resume(damaged)).toThrow(expect.objectContaining({ code, field }))
    expect(generator.state()).toEqual(before)
  })

  function without(name: string): object {
    return Object.fromEntries(Object.entries(state).filter(([key]) => key !== name))
  }
})
