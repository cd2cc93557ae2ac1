import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { formatExport, latestName } from '../../src/export/files.ts'
import { toYaml } from '../../src/export/yaml.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import type { RunRecord } from '../../src/record/record.ts'

/** Texts and numbers that one YAML reader or another takes for something else. */
const TRICKY = {
  texts: [
    'no',
    'yes',
    'On',
    'null',
    '~',
    '',
    ' ',
    '1',
    '1_000',
    '0x1f',
    '0o17',
    '017',
    '1e3',
    '1:30',
    '12:30:45',
    '2025-01-01',
    '2025-01-01T00:00:00Z',
    '.nan',
    '.inf',
    '=',
    '<<',
    '- a',
    '# c',
    'a: b',
    '&a',
    '*a',
    '!t',
    '%',
    '@',
    '`',
    "'",
    '"',
    'a\nb',
    'a\n',
    '\ttab',
    'ä\u{1f600}',
    '\u0085',
    '\u2028',
    '\u0007',
    '...',
    '---',
    'x'.repeat(300),
  ],
  numbers: [0, -1, 0.1, 1e21, 1e-7, -1.5e300, 5e-324, 123456789012, 9007199254740991],
  no: 'a key',
  '1': 'another',
  null: 'a third',
  nothing: null,
  truth: [true, false],
  nested: { empty: {}, list: [[], [1, [2]]] },
}

async function trickyRecord(root: string): Promise<{ record: RunRecord; folder: string }> {
  return finished(
    root,
    { experimentName: '../no', saveToJson: true, saveToYaml: true, metadata: TRICKY },
    (tracker) => {
      for (const value of [NaN, Infinity, -Infinity]) tracker.logMetric('m', value)
    },
  )
}

test('copies are written where the configuration asks, and say what the record says', async () => {
  const root = folderOf()
  const { record, folder } = await trickyRecord(root)
  expect(latestName('../no', 'json')).toBe('%2E.%2Fno_latest.json')
  for (const format of ['json', 'yaml'] as const) {
    const content = await formatExport(record, format)
    expect(readFileSync(join(folder, `experiment.${format}`), 'utf8')).toBe(content)
    expect(readFileSync(join(root, '.lineaprint', latestName('../no', format)), 'utf8')).toBe(content)
  }
  expect(JSON.parse(readFileSync(join(folder, 'experiment.json'), 'utf8'))).toEqual(record)
  const plain = await finished(root, { experimentName: 'plain' })
  expect(readdirSync(plain.folder).toSorted()).toEqual(['events.jsonl', 'run.json'])
  expect(readdirSync(join(root, '.lineaprint')).some((name) => name.startsWith('plain'))).toBe(false)
})

test('the newest run of an experiment takes the place of the one before', async () => {
  const root = folderOf()
  await finished(root, { experimentName: 'e', saveToJson: true })
  const second = await finished(root, { experimentName: 'e', saveToJson: true })
  const latest = JSON.parse(readFileSync(join(root, '.lineaprint/e_latest.json'), 'utf8')) as RunRecord
  expect(latest.id).toBe(second.id)
})

test.each(['1.1', '1.2'] as const)('YAML %s reads back as the same', async (version) => {
  const { record } = await trickyRecord(folderOf())
  const text = toYaml(record)
  expect(text).not.toMatch(/(^|[\s[,])[!&*][A-Za-z]/m)
  const back = parse(text, { version }) as RunRecord
  expect(back.metadata).toEqual(TRICKY)
  expect(back.metrics['m']).toEqual({
    count: 3,
    nanCount: 1,
    first: NaN,
    last: -Infinity,
    min: -Infinity,
    max: Infinity,
    lastStep: null,
  })
  expect({ ...back, metrics: {}, metadata: {} }).toEqual({ ...record, metrics: {}, metadata: {} })
})

const hasPyYaml = spawnSync('python3', ['-c', 'import yaml']).status === 0

test.runIf(hasPyYaml)('safe_load of PyYAML reads the same', async () => {
  const root = folderOf()
  const { record } = await trickyRecord(root)
  writeFileSync(join(root, 'x.yaml'), toYaml(record))
  const program =
    'import json,sys,yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1], encoding="utf-8"))["metadata"]))'
  const { stdout, stderr } = spawnSync('python3', ['-c', program, join(root, 'x.yaml')], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual(TRICKY)
})
