import { copyFileSync, cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashTable } from '../../../src/dataset/table.ts'
import { readDataset } from '../../../src/dataset/read.ts'
import { folderOf } from '../../support/folder.ts'
import { ROOT } from '../../vectors/support.ts'

/** A folder that `datasets` wrote with `save_to_disk`, and the same rows in other files (vectors/write_datasets.py). */
const SAVED = join(ROOT, 'vectors', 'datasets')

/** A copy of a fixture that a test may change. */
function copyOf(name: string): string {
  const root = folderOf()
  cpSync(join(SAVED, name), root, { recursive: true })
  return root
}

function change(root: string, file: string, update: (value: Record<string, unknown>) => void): void {
  const path = join(root, file)
  const value = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  update(value)
  writeFileSync(path, JSON.stringify(value))
}

test('a saved dataset is one table, equal to Parquet of the same rows, whatever its shards', async () => {
  const parquet = await hashTable(join(SAVED, 'train.parquet'))
  for (const name of ['saved', 'saved-in-shards']) {
    const report = await readDataset(join(SAVED, name))
    expect(report.warnings, name).toEqual([])
    expect(report.splits, name).toBeUndefined()
    expect(report.table?.digest.toString(), name).toBe(parquet.digest.toString())
  }
  expect((await readDataset(join(SAVED, 'saved-in-shards'))).table).toMatchObject({
    files: 3,
    format: 'arrow',
  })
})

test('a saved dictionary has a table for each split, as a repository with the same rows does', async () => {
  const [saved, hub] = [await readDataset(join(SAVED, 'saved-splits')), await readDataset(join(SAVED, 'hub'))]
  expect(saved.splits?.list.map(({ name, table }) => [name, table?.rows])).toEqual([
    ['test', 4],
    ['train', 10],
  ])
  expect(hub.splits?.digest.toString()).toBe(saved.splits?.digest.toString())
  expect([...saved.warnings, ...hub.warnings]).toEqual([])
})

test('another README, fingerprint or cache file changes the folder and not its table', async () => {
  const before = await readDataset(join(SAVED, 'saved'))
  const root = copyOf('saved')
  writeFileSync(join(root, 'README.md'), '# another\n')
  change(root, 'state.json', (state) => (state['_fingerprint'] = '0123'))
  copyFileSync(join(root, 'data-00000-of-00001.arrow'), join(root, 'cache-0123.arrow'))
  const after = await readDataset(root)
  expect(after.digest.equals(before.digest)).toBe(false)
  expect(after.table?.digest.toString()).toBe(before.table?.digest.toString())
})

test('the order of the rows is that of state.json', async () => {
  const root = copyOf('saved-in-shards')
  const before = await readDataset(root)
  change(root, 'state.json', (state) => {
    state['_data_files'] = (state['_data_files'] as unknown[]).toReversed()
  })
  expect((await readDataset(root)).table?.digest.toString()).not.toBe(before.table?.digest.toString())
})

test('rows that are declared and not there are a warning', async () => {
  const root = copyOf('saved-splits')
  change(root, 'train/dataset_info.json', (info) => (info['splits'] = { train: { num_examples: 11 } }))
  const report = await readDataset(root)
  expect(report.splits?.list).toHaveLength(2)
  expect(report.warnings).toEqual(['dataset_dict.json declares 11 rows, and split train has 10'])
  const hub = copyOf('hub')
  const card = join(hub, 'README.md')
  writeFileSync(card, readFileSync(card, 'utf8').replace('num_examples: 4', 'num_examples: 5'))
  expect((await readDataset(hub)).warnings).toEqual(['README.md declares 5 rows, and split test has 4'])
})

test.each<
  readonly [name: string, file: string, update: (value: Record<string, unknown>) => void, message: RegExp]
>([
  [
    'a data file outside',
    'state.json',
    (state) => (state['_data_files'] = [{ filename: '../x.arrow' }]),
    /state\.json/,
  ],
  [
    'a data file that is lost',
    'state.json',
    (state) => (state['_data_files'] = [{ filename: 'x.arrow' }]),
    /state\.json/,
  ],
  ['no data file', 'state.json', (state) => delete state['_data_files'], /state\.json/],
  [
    'indices',
    'state.json',
    (state) => (state['_indices_data_files'] = [{ filename: 'i.arrow' }]),
    /state\.json/,
  ],
])('%s leaves a saved dataset without a table', async (_, file, update, message) => {
  const root = copyOf('saved')
  change(root, file, update)
  const report = await readDataset(root)
  expect(report.table).toBeUndefined()
  expect(report.warnings.join('\n')).toMatch(message)
})

test('descriptions that are damaged or huge are named', async () => {
  const broken = { 'dataset_dict.json': '{', 'state.json': '[]', 'dataset_info.json': ' '.repeat(17 << 20) }
  for (const [file, content] of Object.entries(broken)) {
    const root = copyOf(file === 'dataset_dict.json' ? 'saved-splits' : 'saved')
    writeFileSync(join(root, file), content)
    const report = await readDataset(root)
    expect(report.table ?? report.splits, file).toBeUndefined()
    expect(report.warnings.join('\n'), file).toContain(file)
  }
  const splits = copyOf('saved-splits')
  writeFileSync(join(splits, 'dataset_dict.json'), '{"splits":["../train"]}')
  expect((await readDataset(splits)).warnings.join('\n')).toMatch(/dataset_dict\.json: it does not describe/)
})

test('the card of a repository says which files are of which split', async () => {
  const card = (text: string): string => `---\n${text}\n---\n# data\n`
  const config = 'configs:\n- config_name: default\n  data_files:\n'
  const files = {
    'data/first-1.csv': 'a\n1\n',
    'data/first-10.csv': 'a\n3\n',
    'data/first-2.csv': 'a\n2\n',
    'b.csv': 'a\n9\n',
  }
  const both = `${config}  - split: one\n    path: data/first-*\n  - split: two\n    path:\n    - b.csv`
  const report = await readDataset(folderOf({ ...files, 'README.md': card(both) }))
  expect(report.splits?.list).toMatchObject([
    { name: 'one', table: { rows: 3, files: 3 } },
    { name: 'two', table: { rows: 1, files: 1 } },
  ])
  const plain = await hashTable(join(folderOf({ 'a.csv': 'a\n1\n2\n3\n' }), 'a.csv'))
  expect(report.splits?.list[0]?.table?.digest.toString()).toBe(plain.digest.toString())
  for (const [text, message] of [
    [
      `${config}  - split: one\n    path: nothing*\n  - split: two\n    path: b.csv`,
      /files of the split one|README\.md/,
    ],
    ['configs:\n- config_name: en\n- config_name: fr', /several configurations: en, fr/],
    ['a: [', /its description is not YAML/],
  ] as const) {
    const refused = await readDataset(folderOf({ ...files, 'README.md': card(text) }))
    expect(refused.table ?? refused.splits, text).toBeUndefined()
    expect(refused.warnings.join('\n')).toMatch(message)
  }
})

test('a README without a description changes nothing', async () => {
  const files = { 'a.csv': 'a\n1\n' }
  for (const readme of ['# text\n', '---\nlicense: mit\n---\n', '---\n- list\n---\n']) {
    const report = await readDataset(folderOf({ ...files, 'README.md': readme }))
    expect(report.table?.rows).toBe(1)
    expect(report.warnings).toEqual([])
  }
})
