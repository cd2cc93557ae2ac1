/** Outputs whose bytes differ: the same tensors, close ones, or others. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compareOutputs } from '../../src/reproduce/verdicts/outputs.ts'
import { compareFiles } from '../../src/compare/tensor-files.ts'
import { compareMetrics } from '../../src/reproduce/verdicts/metrics.ts'
import type { MetricSummary } from '../../src/reproduce/verdicts/metrics.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'
import { temporaryFolder } from '../capture/fixture.ts'
import { floats, fromHeader, safetensors } from '../support/safetensors.ts'
import type { FileVerdict } from '../../src/compare/file-verdict.ts'
import type { StoredRun } from '../../src/store/runs.ts'
import type { TensorToWrite } from '../support/safetensors.ts'

type Tensors = Readonly<Record<string, TensorToWrite>>

async function verdict(before: Tensors, after: Tensors, tolerance?: number): Promise<FileVerdict> {
  const root = folderOf({ 'a.safetensors': safetensors(before), 'b.safetensors': safetensors(after) })
  const [a, b] = [join(root, 'a.safetensors'), join(root, 'b.safetensors')]
  return compareFiles(a, b, { tolerance, signal: undefined })
}

function raw(dtype: string, array: Uint16Array | Float64Array | Int32Array): TensorToWrite {
  return { dtype, shape: [array.length], data: new Uint8Array(array.buffer) }
}

test('another order and other metadata, the same tensors', async () => {
  const [one, two] = [floats([1, NaN]), floats([2])]
  const root = folderOf({
    'a.safetensors': safetensors({ one, two }),
    'b.safetensors': safetensors({ two, one }, { made: 'later' }),
  })
  const found = await compareFiles(join(root, 'a.safetensors'), join(root, 'b.safetensors'), {
    tolerance: undefined,
    signal: undefined,
  })
  expect(found).toMatchObject({ verdict: 'same-tensors', differences: [] })
})

test('without a tolerance bits decide, and the tensors are named', async () => {
  const found = await verdict({ a: floats([1]), b: floats([1]) }, { a: floats([1]), b: floats([1.0000001]) })
  expect(found.verdict).toBe('different')
  expect(found.differences).toEqual([
    {
      field: 'b',
      before: expect.stringMatching(/^F32 \[1\] blake3:/) as string,
      after: expect.stringMatching(/^F32 \[1\] blake3:/) as string,
    },
  ])
  expect(found).not.toHaveProperty('maxDifference')
})

test.each([
  ['F64', raw('F64', new Float64Array([1, -2, 0])), raw('F64', new Float64Array([1.25, -2, -0])), 0.25],
  ['F32', floats([1, 2, 3]), floats([1, 2.5, 3]), 0.5],
  // 1 and 1 + 2^-10; the smallest subnormal and 0; NaN with two payloads; infinity.
  [
    'F16',
    raw('F16', new Uint16Array([0x3c00, 0x0001, 0x7e00, 0x7c00])),
    raw('F16', new Uint16Array([0x3c01, 0x0000, 0x7e01, 0x7c00])),
    2 ** -10,
  ],
  // 1 and 1 + 2^-7; minus infinity.
  [
    'BF16',
    raw('BF16', new Uint16Array([0x3f80, 0xff80])),
    raw('BF16', new Uint16Array([0x3f81, 0xff80])),
    2 ** -7,
  ],
])('%s: the largest difference, and the tolerance is one that counts', async (_, before, after, largest) => {
  expect(await verdict({ w: before }, { w: after }, largest)).toMatchObject({
    verdict: 'within-tolerance',
    maxDifference: largest,
  })
  expect(await verdict({ w: before }, { w: after }, largest * 0.99)).toMatchObject({
    verdict: 'different',
    maxDifference: largest,
  })
})

test('the largest difference is found beyond the first piece', async () => {
  const values = Array.from({ length: (4 << 20) / 4 + 3 }, (_, index) => index % 7)
  const changed = [...values.slice(0, -1), (values.at(-1) ?? 0) + 2]
  expect(await verdict({ w: floats(values) }, { w: floats(changed) }, 1)).toMatchObject({ maxDifference: 2 })
})

test('NaN is equal to NaN only, infinity to itself only', async () => {
  const close = async (a: number, b: number): Promise<string> =>
    (await verdict({ w: floats([a]), x: floats([1]) }, { w: floats([b]), x: floats([2]) }, 1e30)).verdict
  expect(await close(NaN, NaN)).toBe('within-tolerance')
  expect(await close(NaN, 0)).toBe('different')
  expect(await close(0, NaN)).toBe('different')
  expect(await close(Infinity, Infinity)).toBe('within-tolerance')
  expect(await close(Infinity, -Infinity)).toBe('different')
  expect(await close(Infinity, 3)).toBe('different')
})

test('no tolerance covers another dtype, another shape, integers, or a tensor that is not there', async () => {
  const integers = (values: number[]): TensorToWrite => raw('I32', new Int32Array(values))
  const cases: [Tensors, Tensors, string][] = [
    [{ w: floats([1]) }, { w: raw('F64', new Float64Array([1])) }, 'w'],
    [{ w: floats([1, 2], [1, 2]) }, { w: floats([1, 2], [2, 1]) }, 'w'],
    [{ n: integers([1]), w: floats([1]) }, { n: integers([2]), w: floats([1.1]) }, 'n'],
    [{ v: floats([1]), w: floats([1]) }, { w: floats([1]) }, 'v'],
    [{ w: floats([1]) }, { v: floats([1]), w: floats([1]) }, 'v'],
  ]
  for (const [before, after, name] of cases) {
    const found = await verdict(before, after, 100)
    expect(found.verdict, name).toBe('different')
    expect(found.differences.map(({ field }) => field)).toEqual([name])
  }
})

test('a file that is no safetensors file', async () => {
  const root = folderOf({
    'a.safetensors': safetensors({ w: floats([1]) }),
    'b.safetensors': fromHeader('{'),
    'a.txt': 'a',
    'b.txt': 'b',
  })
  const compare = (name: string): Promise<FileVerdict> =>
    compareFiles(join(root, `a.${name}`), join(root, `b.${name}`), { tolerance: 1, signal: undefined })
  expect(await compare('txt')).toEqual({ verdict: 'different', detail: 'the bytes differ', differences: [] })
  expect(await compare('safetensors')).toMatchObject({
    verdict: 'different',
    detail: expect.stringContaining('the tensors cannot be compared: ') as string,
  })
})

/** A run with one output. */
function recordedOutput(path: string): Promise<StoredRun> {
  return finished(temporaryFolder(), {}, (tracker) => tracker.trackOutput(path, 'o'))
}

test('folders: shards of one model, files one by one, and what is new or gone', async () => {
  const [one, two, close] = [floats([1, 2]), floats([3]), floats([3.5])]
  const index = (map: Record<string, string>): string => JSON.stringify({ metadata: {}, weight_map: map })
  const root = folderOf({
    'whole/model.safetensors': safetensors({ one, two }),
    'sharded/model.safetensors.index.json': index({ one: 'a.safetensors', two: 'b.safetensors' }),
    'sharded/a.safetensors': safetensors({ one }),
    'sharded/b.safetensors': safetensors({ two }),
    'close/model.safetensors.index.json': index({ one: 'a.safetensors', two: 'b.safetensors' }),
    'close/a.safetensors': safetensors({ one }),
    'close/b.safetensors': safetensors({ two: close }),
    'deep/x/w.safetensors': safetensors({ one, two }),
    'deep/log.txt': 'a',
    'other/x/w.safetensors': safetensors({ two, one }),
    'other/new.txt': 'a',
  })
  const compare = async (a: string, b: string, tolerance?: number): Promise<unknown> => {
    const [before, after] = [await recordedOutput(join(root, a)), await recordedOutput(join(root, b))]
    return (await compareOutputs(before, after, { tolerance, signal: undefined }))[0]
  }
  expect(await compare('whole', 'sharded')).toMatchObject({ verdict: 'same-tensors' })
  expect(await compare('sharded', 'whole')).toMatchObject({ verdict: 'same-tensors' })
  expect(await compare('whole', 'close')).toMatchObject({
    verdict: 'different',
    detail: '1 of 2 tensors differ: two',
    differences: expect.arrayContaining([expect.objectContaining({ field: 'two' })]) as unknown,
  })
  expect(await compare('sharded', 'close', 0.5)).toMatchObject({
    verdict: 'within-tolerance',
    maxDifference: 0.5,
  })
  expect(await compare('deep', 'other')).toMatchObject({
    verdict: 'different',
    detail: 'log.txt: gone; new.txt: new; x/w.safetensors: the bytes differ, every tensor is the same',
  })
})

/** A metric with one value, or with what is given. */
function metric(last: number, given: Partial<MetricSummary> = {}): MetricSummary {
  const value: MetricSummary['last'] = Number.isNaN(last) ? { __float__: 'NaN' } : last
  const bound = Number.isNaN(last) ? null : last
  const nanCount = Number.isNaN(last) ? 1 : 0
  return { first: value, last: value, min: bound, max: bound, count: 1, nanCount, lastStep: null, ...given }
}

const metrics = (values: readonly (readonly [string, number])[]): Map<string, MetricSummary> =>
  new Map(values.map(([name, value]) => [name, metric(value)]))

test.each([
  ['first', { first: 2 }],
  ['min', { min: 0.5 }],
  ['max', { max: 1.5 }],
  ['count', { count: 2 }],
  ['nanCount', { nanCount: 1 }],
  ['lastStep', { lastStep: 3 }],
] as const)('metrics with the same last value are different if their %s differs', (field, given) => {
  const [before, after] = [new Map([['m', metric(1)]]), new Map([['m', metric(1, given)]])]
  for (const tolerance of [undefined, 0.25])
    expect(compareMetrics(before, after, tolerance)).toMatchObject([
      { verdict: 'different', differences: [{ field }] },
    ])
  const isValue = ['first', 'min', 'max'].includes(field)
  expect(compareMetrics(before, after, 1)[0]?.verdict).toBe(isValue ? 'within-tolerance' : 'different')
})

test('metrics: equal, close, different, missing, new', () => {
  const before = metrics([
    ['equal', 1],
    ['nan', NaN],
    ['close', 1],
    ['far', 1],
    ['gone', 1],
  ])
  const after = metrics([
    ['equal', 1],
    ['nan', NaN],
    ['close', 1.0625],
    ['far', NaN],
    ['new', 1],
  ])
  const found = (tolerance?: number): string[] =>
    compareMetrics(before, after, tolerance).map(({ name, verdict: one, maxDifference }) =>
      [name, one, ...(maxDifference === undefined ? [] : [maxDifference])].join(' '),
    )
  expect(found(0.0625)).toEqual([
    'equal same',
    'nan same',
    'close within-tolerance 0.0625',
    'far different Infinity',
    'gone missing',
    'new different',
  ])
  expect(found()[2]).toBe('close different 0.0625')
})
