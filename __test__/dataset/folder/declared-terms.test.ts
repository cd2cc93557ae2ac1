import { expect, test } from 'vitest'
import { readDataset } from '../../../src/dataset/read.ts'
import { keptFolder } from '../../support/kept-folder.ts'

const CSV = { 'data.csv': 'a\n1\n' }

test.each([
  ['license: mit', { licenses: ['mit'], sources: [] }],
  [
    'license: [mit, apache-2.0]\nsource_datasets:\n- extended|squad',
    { licenses: ['mit', 'apache-2.0'], sources: ['extended|squad'] },
  ],
  ['license: other\nlicense_name: own-1', { licenses: ['own-1'], sources: [] }],
])('the card %j declares what it says', async (yaml, expected) => {
  const root = keptFolder({ ...CSV, 'README.md': `---\n${yaml}\n---\n# Data\n` })
  const { declared, table } = await readDataset(root)
  expect(declared).toEqual({ file: 'README.md', ...expected })
  expect(table?.rows).toBe(1)
})

test('dataset_info.json declares its licence and its page, the card before it', async () => {
  const info = JSON.stringify({ license: 'cc0-1.0', homepage: 'https://example.org' })
  const root = keptFolder({ ...CSV, 'dataset_info.json': info })
  expect((await readDataset(root)).declared).toEqual({
    file: 'dataset_info.json',
    licenses: ['cc0-1.0'],
    sources: ['https://example.org'],
  })
  const both = keptFolder({ ...CSV, 'dataset_info.json': info, 'README.md': '---\nlicense: mit\n---\n' })
  expect((await readDataset(both)).declared?.licenses).toEqual(['mit'])
})

test('a card without terms, of other types or of none declares nothing', async () => {
  for (const text of [
    '# Data',
    '---\ntags: [a]\n---\n',
    '---\nlicense: {a: 1}\n---\n',
    `---\nlicense: ${'x'.repeat(501)}\n---\n`,
  ])
    expect(await readDataset(keptFolder({ ...CSV, 'README.md': text }))).not.toHaveProperty('declared')
  const { warnings } = await readDataset(keptFolder({ ...CSV, 'README.md': '---\nlicense: [\n---\n' }))
  expect(warnings.filter((warning) => warning.startsWith('no declared licence'))).toHaveLength(1)
})
