/** Tracked things as they are recorded and read back, and what else may stand in a record. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LineaprintError } from '../../src/core/errors.ts'
import { recordedAlgorithm, recordedOutputDir } from '../../src/record/configuration.ts'
import { TRACKED_SECTIONS } from '../../src/record/record.ts'
import { identityDigests, parseTracked, trackedPath } from '../../src/record/tracked.ts'
import { isEvent } from '../../src/record/check-event.ts'
import { reporterOf } from '../../src/record/reported-by.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished } from '../tracking/support.ts'
import { rounds } from '../support/random.ts'
import type { JsonObject, JsonValue } from '../../src/core/json-value.ts'
import type { TrackedSection } from '../../src/record/record.ts'
import type { TrackedEntry } from '../../src/record/tracked.ts'
import type { StoredRun } from '../../src/store/runs.ts'

/** Return what was parsed; `undefined` where the record is damaged. Other errors are thrown on. */
function unlessDamaged<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_RECORD') return undefined
    throw error
  }
}

async function trackedRun(algorithm: 'blake3' | 'sha256' | 'both'): Promise<StoredRun> {
  const root = folderOf({
    'data.csv': 'a,b\n1,2\n',
    'folder/a': 'x',
    'model/model.safetensors': safetensors({ a: floats([1, 2]) }),
    'model/config.json': '{"model_type":"x"}',
    'model/tokenizer.json': '{}',
  })
  return finished(root, { algorithm }, async (tracker) => {
    await tracker.trackDataset(join(root, 'data.csv'), 'table')
    await tracker.trackDataset(join(root, 'folder'), 'folder')
    await tracker.trackDataset(new Float32Array([1, 2]), 'array')
    await tracker.trackDataset({ x: new Float32Array(2), y: new Int8Array(1) }, 'arrays')
    await tracker.trackDataset([1, 'two'], 'items')
    await tracker.trackDataset([{ a: 1 }, { a: null }], 'rows')
    await tracker.trackDataset({ train: [{ a: 1 }], test: [{ a: 2 }] }, 'splits in memory')
    await tracker.trackModel(join(root, 'model'), 'net')
    await tracker.trackTokenizer(join(root, 'model'), 'words')
    writeFileSync(join(root, 'out.txt'), 'x')
    await tracker.trackOutput(join(root, 'out.txt'), 'file')
    await tracker.trackOutput(join(root, 'model'), 'saved')
    await expect(tracker.trackOutput(join(root, 'missing'), 'missing')).rejects.toThrow(/missing/)
  })
}

function entriesOf({ record }: StoredRun): [TrackedSection, string, TrackedEntry][] {
  return TRACKED_SECTIONS.flatMap((section) =>
    Object.entries(record[section]).flatMap(([name, entry]): [TrackedSection, string, TrackedEntry][] =>
      entry.status === 'tracked' ? [[section, name, entry]] : [],
    ),
  )
}

test.each(['blake3', 'sha256', 'both'] as const)(
  'what is tracked with %s is read back with the values that were recorded',
  async (algorithm) => {
    const run = await trackedRun(algorithm)
    const entries = entriesOf(run)
    expect(entries.map(([section, name]) => `${section}.${name}`).toSorted()).toEqual([
      'datasets.array',
      'datasets.arrays',
      'datasets.folder',
      'datasets.items',
      'datasets.rows',
      'datasets.splits in memory',
      'datasets.table',
      'models.net',
      'outputs.file',
      'outputs.saved',
      'tokenizers.words',
    ])
    for (const [section, name, entry] of entries) {
      const parsed = parseTracked(section, name, entry)
      expect(entry).toMatchObject(parsed)
      expect(parsed.digests).toEqual(entry['digests'])
      expect(trackedPath(entry)).toBe(entry['path'])
      expect(reporterOf(entry)).toBeUndefined()
      const { digest, architecture, weights } = entry
      expect(identityDigests(section, name, entry)).toEqual(digest ?? { architecture, weights })
    }
    const { datasets, models, outputs } = run.record
    expect(parseTracked('datasets', 'table', datasets['table'] as TrackedEntry)).toMatchObject({
      kind: 'file',
      table: { rows: 1, columns: [{ name: 'a' }, { name: 'b' }] },
    })
    expect(parseTracked('models', 'net', models['net'] as TrackedEntry)).toMatchObject({
      tensorCount: 1,
      files: [{ name: 'model.safetensors' }],
      config: { name: 'config.json' },
      tensorsFile: 'models/net.tensors.json',
    })
    expect(trackedPath(outputs['missing'] ?? { status: 'off' })).toMatch(/missing$/)
    expect(recordedAlgorithm(run.record)).toBe(algorithm)
    expect(recordedOutputDir(run.record)).toBe(run.record.configuration['outputDir'])
  },
)

describe('hostile entries', () => {
  const tracked = (fields: JsonObject): TrackedEntry => ({ ...fields, status: 'tracked' })

  test.each([
    ['datasets', {}, 'datasets.x.kind'],
    ['datasets', { kind: 'file', digest: 7 }, 'datasets.x.digest'],
    ['outputs', { kind: 'folder', digest: 'd', path: '/a', bytes: 1 }, 'outputs.x.files'],
    ['models', { architecture: 'a' }, 'models.x.weights'],
    ['tokenizers', { digest: 'd' }, 'tokenizers.x.path'],
  ] as const)('%s: what is damaged is named', (section, fields, field) => {
    expect(() => parseTracked(section, 'x', tracked(fields))).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD', field }),
    )
  })

  test('an entry without a program that reported it, and one with a damaged one', () => {
    expect(reporterOf({ status: 'off' })).toBeUndefined()
    const saidBy = { language: 'python', program: 1, pid: 7, existed: true }
    expect(reporterOf(tracked({ saidBy }))).toEqual(saidBy)
    expect(reporterOf(tracked({ reportedBy: saidBy }))).toEqual(saidBy)
    for (const field of ['saidBy', 'reportedBy']) {
      const entry = tracked({ [field]: 7 })
      // Readers of records refuse it, so that nobody has to ask again.
      expect(
        isEvent({
          seq: 1,
          time: '2025-01-01T00:00:00.000Z',
          type: 'tracked',
          section: 'datasets',
          name: 'x',
          entry,
        }),
      ).toBe(false)
    }
  })

  test('a hash function that is not known', () => {
    expect(recordedAlgorithm({ configuration: {} })).toBe('blake3')
    expect(() => recordedAlgorithm({ configuration: { algorithm: 'md5' } })).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD', field: 'algorithm' }),
    )
  })

  test('whatever stands in an entry, there is a value or an error of lineaprint', async () => {
    const entries = entriesOf(await trackedRun('both'))
    const json = fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>
    const changes = fc.tuple(
      fc.constantFrom(...entries),
      fc.nat(30),
      fc.option(json, { nil: undefined }),
      fc.constantFrom(...TRACKED_SECTIONS),
    )
    fc.assert(
      fc.property(changes, ([[, name, entry], index, other, section]) => {
        const names = Object.keys(entry)
        const changed = names[index % names.length] ?? 'kind'
        const { [changed]: _, ...rest } = entry as JsonObject
        const hostile = tracked(other === undefined ? rest : { ...rest, [changed]: other })
        const parsed = unlessDamaged(() => parseTracked(section, name, hostile))
        if (parsed === undefined) return
        const again = tracked({ ...(parsed as unknown as JsonObject) })
        expect(parseTracked(section, name, again)).toEqual(parsed)
      }),
      { numRuns: rounds(1000) },
    )
  })
})
