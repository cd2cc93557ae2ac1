/** Generated runs for tests of queries. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { encodeFloat } from '../../src/json/special-floats.ts'
import { checkRunId } from '../../src/core/run-id.ts'
import { formatRecord } from '../../src/record/seal.ts'
import type { RunRecord } from '../../src/record/record.ts'
import type { Store } from '../../src/store/store.ts'

/** A finished record with fields replaced. */
export function recordOf(id: string, fields: Partial<RunRecord> = {}): RunRecord {
  return {
    schema: 'lineaprint/run/v1',
    id: checkRunId(id),
    name: 'experiment',
    status: 'finished',
    startedAt: '2026-01-01T00:00:00.000Z',
    finishedAt: '2026-01-01T00:01:00.000Z',
    durationMs: 60_000,
    lineaprint: '0.1.0',
    parent: null,
    process: { pid: 1, startTime: null, host: 'h', bootId: null, pidNamespace: null },
    command: { argv: ['train'], workingDirectory: '/', wrapped: true, exitCode: 0, signal: null },
    tags: [],
    notes: '',
    metadata: {},
    configuration: {},
    captures: {},
    datasets: {},
    models: {},
    tokenizers: {},
    outputs: {},
    metrics: {},
    failure: null,
    warnings: [],
    files: [],
    seal: `run.v1.blake3:${'0'.repeat(64)}`,
    ...fields,
  }
}

/** Write a record into a store. */
export function writeRun(store: Store, record: RunRecord): void {
  const folder = join(store.runs, record.id)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'run.json'), formatRecord(record))
}

/** Texts that databases take differently: by case, accents, wildcards, NUL, surrogates and beyond the first plane. */
const TEXTS = [
  '',
  'a',
  'A',
  'b',
  'ä',
  'a%',
  'a_',
  '[a]',
  'a*',
  '\\',
  'z\0',
  '\ud800',
  '\u{1f600}',
  '\uffff',
  "'",
  '"',
  '0.01',
  'True',
]

/** One of the texts that are hard to compare. */
export const TEXT: fc.Arbitrary<string> = fc.constantFrom(...TEXTS)

/** One of the numbers that are hard to compare. */
export const NUMBER: fc.Arbitrary<number> = fc.constantFrom(
  0,
  -0,
  0.01,
  0.1,
  1,
  -1,
  1e300,
  5e-324,
  2 ** 53,
  Infinity,
  -Infinity,
  NaN,
)

const NAMES = ['loss', 'val/loss', 'a.b', 'é"x']

const metric = fc.tuple(NUMBER, NUMBER, fc.option(NUMBER)).map(([last, max, min]) => ({
  count: 3,
  nanCount: 0,
  first: 0,
  last: encodeFloat(last),
  min: min === null ? null : encodeFloat(min),
  max: encodeFloat(max),
  lastStep: null,
}))

const parameter = fc
  .oneof(TEXT, NUMBER.filter(Number.isFinite), fc.boolean(), fc.constant(null), fc.constant([1, 'a']))
  .map((value) => ({ value, sources: ['argparse'] }))

const dataset = fc.constantFrom('0', 'ab', 'f').map(
  (digit) =>
    ({
      status: 'tracked',
      kind: 'array',
      digest: `array.v1.blake3:${digit.repeat(64).slice(0, 64)}`,
      bytes: 1,
      dtype: 'float32',
      shape: [1],
    }) as const,
)

/** Fields of a record by which runs are found. */
export const FIELDS: fc.Arbitrary<Partial<RunRecord>> = fc.record({
  name: TEXT,
  status: fc.constantFrom('finished', 'failed', 'killed'),
  startedAt: fc.constantFrom('2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00Z', '2025-06-01T12:00:00.5Z'),
  finishedAt: fc.constantFrom('2026-01-02T00:00:00.000Z', null),
  durationMs: fc.constantFrom(0, 1500, null),
  parent: fc.option(fc.constantFrom('a', 'b'), { nil: null }),
  continues: fc.constantFrom('a', 'run-0'),
  notes: TEXT,
  tags: fc.uniqueArray(TEXT, { maxLength: 3 }),
  metrics: fc.dictionary(fc.constantFrom(...NAMES), metric, { noNullPrototype: true }),
  parameters: fc.dictionary(fc.constantFrom(...NAMES), parameter, { noNullPrototype: true }),
  datasets: fc.dictionary(TEXT, dataset, { noNullPrototype: true, maxKeys: 2 }),
})

const text = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`
const number = (value: number): string => String(value).replace('Infinity', 'inf').replace('NaN', 'nan')
const operator = fc.constantFrom('=', '!=', '<', '<=', '>', '>=')
const ordered = NUMBER.filter((value) => !Number.isNaN(value))
const named = (prefix: string): fc.Arbitrary<string> =>
  fc.constantFrom(...NAMES, 'none').map((name) => `${prefix}.${text(name)}`)
const part = fc.constantFrom('', '.last', '.min', '.max', '.count')

/** Comparisons of every kind, as they are written. */
const comparison: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(named('metrics'), part, operator, ordered)
    .map(([field, end, sign, value]) => `${field}${end} ${sign} ${number(value)}`),
  fc
    .tuple(named('params'), operator, ordered)
    .map(([field, sign, value]) => `${field} ${sign} ${number(value)}`),
  fc.tuple(named('params'), operator, TEXT).map(([field, sign, value]) => `${field} ${sign} ${text(value)}`),
  fc
    .tuple(named('params'), fc.constantFrom('= true', '!= false', '= null', '!= null', '= nan'))
    .map(([field, end]) => `${field} ${end}`),
  fc
    .tuple(named('metrics'), part, fc.constantFrom('= null', '!= null', '= nan', '!= nan'))
    .map(([field, end, rest]) => `${field}${end} ${rest}`),
  fc
    .tuple(
      fc.constantFrom('name', 'notes', 'parent', 'continues', 'run_name', 'id', 'command'),
      operator,
      TEXT,
    )
    .map(([field, sign, value]) => `${field} ${sign} ${text(value)}`),
  fc
    .tuple(fc.constantFrom('name', 'notes', 'parent', 'params.loss'), TEXT, fc.constantFrom('', '*', '?'))
    .map(([field, value, end]) => `${field} ~ ${text(`${end}${value}${end}`)}`),
  fc
    .tuple(
      fc.constantFrom('tags', 'inputs', 'outputs'),
      fc.oneof(TEXT, fc.constantFrom('abababab', 'array.v1.blake3:00000000', 'ffffffffff')),
    )
    .map(([field, value]) => `${field} has ${text(value)}`),
  fc
    .tuple(fc.constantFrom('finished', 'duration', 'parent', 'notes'), fc.constantFrom('= null', '!= null'))
    .map(([field, end]) => `${field} ${end}`),
  fc.constantFrom(
    'duration >= 1.5',
    'started < "2026-01-01"',
    'finished > "2026-01-01T12:00Z"',
    'status in ("failed", "killed")',
    'name not in ("a", "b")',
  ),
)

/** Expressions. */
export const EXPRESSION: fc.Arbitrary<string> = fc.letrec<{ tree: string }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    comparison,
    fc
      .tuple(tie('tree'), fc.constantFrom('and', 'or'), tie('tree'))
      .map(([a, word, b]) => `(${a} ${word} ${b})`),
    tie('tree').map((tree) => `not (${tree})`),
  ),
})).tree

/** Keys of orders. */
export const SORT: fc.Arbitrary<string[]> = fc.array(
  fc
    .tuple(
      fc.constantFrom('', '-'),
      fc.oneof(
        named('metrics'),
        named('params'),
        fc.constantFrom(
          'name',
          'notes',
          'started',
          'finished',
          'duration',
          'parent',
          'id',
          'command',
          'status',
        ),
      ),
    )
    .map(([sign, field]) => `${sign}${field}`),
  { maxLength: 3 },
)
