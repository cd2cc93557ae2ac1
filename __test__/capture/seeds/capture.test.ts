import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createGenerator,
  currentSeed,
  defaultGenerator,
  releaseGenerator,
  restoreSeeds,
  seedVariables,
  seedsCapture,
  setSeeds,
  parseSeedsCapture,
  seedDigestFields,
} from '../../../src/capture/seeds/capture.ts'
import { restoreProcess } from '../../../src/capture/seeds/registry.ts'
import { jsonDigest } from '../../../src/json/digest.ts'
import { objectAt } from '../fixture.ts'
import type { Captured } from '../../../src/core/component.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

function fieldsOf(value: JsonObject): JsonObject {
  return seedDigestFields(parseSeedsCapture(value))
}

const NAMES = ['default', 'a', 'b']

function forget(): void {
  for (const name of NAMES) releaseGenerator(name)
  restoreProcess(undefined, new Map())
}

beforeEach(() => {
  for (const name of [
    'PYTHONHASHSEED',
    'LINEAPRINT_SEED',
    'CUBLAS_WORKSPACE_CONFIG',
    'TF_DETERMINISTIC_OPS',
  ]) {
    vi.stubEnv(name, undefined)
  }
  forget()
})

afterEach(() => {
  vi.unstubAllEnvs()
})

function look(): Promise<Captured> {
  return seedsCapture.capture({ directory: '/', algorithm: 'blake3' })
}

test.each([-1, 1.5, Number.NaN, Infinity, 2 ** 53, -1n, 2n ** 53n, '42', null, undefined, {}])(
  '%s is no seed',
  (seed) => {
    const given = seed as number
    const error = expect.objectContaining({ code: 'ERR_LINEAPRINT_ARGUMENT', field: 'seed' })
    expect(() => setSeeds(given)).toThrow(error)
    expect(() => createGenerator(given)).toThrow(error)
    expect(() => seedVariables(given)).toThrow(error)
    expect(currentSeed()).toBeUndefined()
  },
)

describe('setting seeds', () => {
  test('says what was seeded and what cannot be reached', () => {
    createGenerator(5, { name: 'a', stream: 2 })
    const report = setSeeds(42)
    expect(report).toMatchObject({
      seed: 42,
      variables: { PYTHONHASHSEED: '42', LINEAPRINT_SEED: '42' },
      notes: [],
    })
    expect(Object.fromEntries(report.targets.map(({ name, status }) => [name, status]))).toEqual({
      lineaprint: 'seeded',
      'lineaprint a': 'own-seed',
      'Math.random': 'unreachable',
      'node:crypto': 'unreachable',
      'Python hash': 'through-variables',
      'Python random': 'through-variables',
      'Python numpy': 'through-variables',
      'Python torch': 'through-variables',
      'Python tensorflow': 'through-variables',
      'Python jax': 'through-variables',
    })
    expect(JSON.parse(JSON.stringify(report))).toStrictEqual(report)
    expect(process.env['PYTHONHASHSEED']).toBeUndefined()
  })

  test('0, the greatest seed, and the same as a bigint', () => {
    expect(setSeeds(-0).seed).toBe(0)
    expect(Object.is(setSeeds(-0).seed, 0)).toBe(true)
    const first = setSeeds(Number.MAX_SAFE_INTEGER)
    expect(setSeeds(BigInt(Number.MAX_SAFE_INTEGER))).toEqual(first)
    expect(first.variables).toEqual({ PYTHONHASHSEED: '4294967295', LINEAPRINT_SEED: '9007199254740991' })
    expect(first.notes).toEqual([
      'PYTHONHASHSEED takes 32 bits: it is 4294967295, the remainder of the seed divided by 2^32',
    ])
  })

  test('seeding again begins the same generator again', () => {
    expect(() => defaultGenerator()).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_STATE' }))
    setSeeds(42)
    const generator = defaultGenerator()
    const first = generator.next()
    setSeeds(42)
    expect(defaultGenerator()).toBe(generator)
    expect(generator.next()).toBe(first)
  })

  test('deterministic libraries only where they are asked for', () => {
    expect(seedVariables(1)).toEqual({ PYTHONHASHSEED: '1', LINEAPRINT_SEED: '1' })
    expect(setSeeds(1, { deterministic: true }).variables).toEqual({
      PYTHONHASHSEED: '1',
      LINEAPRINT_SEED: '1',
      CUBLAS_WORKSPACE_CONFIG: ':4096:8',
      TF_DETERMINISTIC_OPS: '1',
      LINEAPRINT_DETERMINISTIC: '1',
    })
  })

  test('Python takes what it is given', ({ skip }) => {
    const run = (): string =>
      execFileSync('python3', ['-c', 'print(hash("lineaprint"), list({"a", "b", "c", "d"}))'], {
        env: { ...process.env, ...seedVariables(2 ** 40 + 5) },
        encoding: 'utf8',
      })
    try {
      execFileSync('python3', ['--version'])
    } catch {
      skip('there is no Python')
    }
    expect(run()).toBe(run())
  })
})

describe('named generators', () => {
  test('a name is taken until it is released', () => {
    const generator = createGenerator(1, { name: 'a' })
    expect(() => createGenerator(1, { name: 'a' })).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_STATE', field: 'name' }),
    )
    expect(releaseGenerator('a')).toBe(true)
    expect(releaseGenerator('a')).toBe(false)
    expect(createGenerator(1, { name: 'a' })).not.toBe(generator)
    expect(() => createGenerator(1, { name: '' })).toThrow(expect.objectContaining({ field: 'name' }))
    expect(() => createGenerator(1, { stream: -1 })).toThrow(expect.objectContaining({ field: 'stream' }))
  })
})

describe('capture', () => {
  test('holds the seed, its source, and every bit of every named generator', async () => {
    setSeeds(42)
    const other = createGenerator(7, { name: 'b', stream: 1 })
    other.next()
    createGenerator(8)
    vi.stubEnv('PYTHONHASHSEED', '3')
    const captured = await look()
    expect(captured.value).toMatchObject({
      seed: 42,
      source: 'setSeeds',
      variables: { PYTHONHASHSEED: '3', LINEAPRINT_SEED: null },
      generators: { default: defaultGenerator().state(), b: other.state() },
      v8: process.versions.v8,
      mathRandomSeed: null,
    })
    const fields = {
      seed: 42,
      pythonHashSeed: '3',
      generators: {
        b: { algorithm: 'xoroshiro128plus', state: other.state().state },
        default: { algorithm: 'xoroshiro128plus', state: defaultGenerator().state().state },
      },
    }
    expect(fieldsOf(captured.value)).toEqual(fields)
    expect(captured.digest).toBe(jsonDigest('seeds', fields).blake3?.toString())
  })

  test('two seeds have two digests, and a draw does not change the recorded seed', async () => {
    setSeeds(1)
    const one = await look()
    defaultGenerator().next()
    const drawn = await look()
    setSeeds(2)
    const two = await look()
    expect(new Set([one.digest, two.digest, drawn.digest]).size).toBe(3)
    expect([one, drawn, two].map(({ value }) => value['seed'])).toEqual([1, 1, 2])
  })

  test('the seed in LINEAPRINT_SEED is recorded, and an invalid one is a warning', async () => {
    vi.stubEnv('LINEAPRINT_SEED', '17')
    expect((await look()).value).toMatchObject({ seed: 17, source: 'LINEAPRINT_SEED' })
    for (const text of ['', ' 1', '-1', '1e3', '0x10', '9007199254740992']) {
      vi.stubEnv('LINEAPRINT_SEED', text)
      const { value, warnings } = await look()
      expect(value['seed']).toBeNull()
      expect(warnings.join()).toContain('LINEAPRINT_SEED is not a valid seed')
    }
  })

  test('what Math.random was seeded with is seen from within', () => {
    const room = new URL('../../../src/capture/seeds/capture.ts', import.meta.url).href
    const script = `
      const { seedsCapture } = await import(${JSON.stringify(room)})
      console.log(JSON.stringify((await seedsCapture.capture({ directory: '/', algorithm: 'sha256' }))))`
    const output = execFileSync(process.execPath, ['--random-seed=99', '--input-type=module', '-e', script])
    const captured = JSON.parse(output.toString()) as Captured
    expect(captured.value['mathRandomSeed']).toBe('99')
    expect(captured.digest).toMatch(/^seeds\.v1\.sha256:/)
  })

  test('comparison', async () => {
    const none = await look()
    setSeeds(1)
    const one = await look()
    setSeeds(2)
    const two = await look()
    expect(seedsCapture.compare(one, one)).toEqual({ status: 'same', differences: [] })
    expect(seedsCapture.compare(none, none).status).toBe('same')
    expect(seedsCapture.compare(one, none)).toMatchObject({
      status: 'not-checked',
      reason: expect.stringMatching(/no seed is set/) as string,
    })
    expect(seedsCapture.compare(one, two)).toMatchObject({
      status: 'changed',
      differences: [{ field: 'generators.default.state' }, { field: 'seed', before: '1', after: '2' }],
    })
    expect(seedsCapture.compare(none, one).status).toBe('changed')
  })
})

describe('what Python programs say', () => {
  test('the seeds they set are digest fields; without their words the rest is compared', async () => {
    setSeeds(42)
    const before = await look()
    const having = (said: JsonObject['x'][]): JsonObject => ({
      ...before.value,
      python: { status: 'reached', programs: said.map((seeds) => ({ setSeeds: seeds })) },
    })
    const told = having([[9, 7], [], [7]])
    expect(fieldsOf(told)).toEqual({ ...fieldsOf(before.value), python: [7, 9] })
    expect(fieldsOf(having([[]]))).toEqual(fieldsOf(before.value))
    const capture = (value: JsonObject): Captured => ({
      digest: String(jsonDigest('seeds', fieldsOf(value)).blake3),
      value,
      warnings: [],
    })
    expect(seedsCapture.compare(capture(told), before)).toMatchObject({ status: 'same' })
    expect(seedsCapture.compare(capture(told), capture(having([[8]])))).toMatchObject({
      status: 'changed',
      differences: [{ field: 'python', before: '7, 9', after: '8' }],
    })
    for (const python of [7, { programs: {} }, { programs: [7] }, { programs: [{ setSeeds: ['x'] }] }])
      expect(() => fieldsOf({ ...before.value, python })).toThrow(
        expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD' }),
      )
  })
})

describe('restoring', () => {
  test('seed and generators go on where they stood, for those who hold them too', async () => {
    setSeeds(42)
    const held = defaultGenerator()
    const other = createGenerator(7, { name: 'a', stream: 1 })
    other.next()
    const { value } = await look()
    const drawn = [held.next(), other.next()]
    setSeeds(1)
    restoreSeeds(JSON.parse(JSON.stringify(value)) as JsonObject)
    expect(currentSeed()).toBe(42)
    expect([held.next(), other.next()]).toEqual(drawn)
    forget()
    restoreSeeds(value)
    expect(defaultGenerator().next()).toBe(drawn[0])
  })

  test('a damaged state is refused and changes nothing', async () => {
    setSeeds(42)
    createGenerator(7, { name: 'a' })
    const { value } = await look()
    const generators = objectAt(value, 'generators')
    setSeeds(1)
    const before = (await look()).digest
    const damaged: JsonObject[] = [
      { ...value, generators: { ...generators, z: { ...objectAt(generators, 'a'), state: 'no' } } },
      { ...value, generators: 'none' },
      { ...value, seed: -1 },
      { seed: 42 },
      { generators },
    ]
    for (const record of damaged) {
      expect(() => restoreSeeds(record)).toThrow(
        expect.objectContaining({
          code: expect.stringMatching(/^ERR_LINEAPRINT_(RECORD|FORMAT)$/) as string,
        }),
      )
      expect((await look()).digest).toBe(before)
    }
  })
})
