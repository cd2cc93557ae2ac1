import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { readDataset } from '../../../src/dataset/read.ts'
import { folderOf } from '../../support/folder.ts'
import { ROOT } from '../../vectors/support.ts'

/** Folders that `MDSWriter` wrote, and their digests by Python from what `MDSReader` gives (vectors/write_mds.py). */
const WRITTEN = join(ROOT, 'vectors', 'mds')

interface Expected {
  readonly records: number
  readonly blake3: string
  readonly sha256: string
}

const EXPECTED = JSON.parse(readFileSync(join(WRITTEN, 'expected.json'), 'utf8')) as Record<string, Expected>

function expected(name: string): Expected {
  const answer = EXPECTED[name]
  if (answer === undefined) throw new Error(`no answer for ${name}`)
  return answer
}

/** A copy of a fixture that a test may change. */
function copyOf(name: string): string {
  const root = folderOf()
  cpSync(join(WRITTEN, name), root, { recursive: true })
  return root
}

interface Shard {
  [field: string]: unknown
  raw_data: { basename: string; bytes: number; hashes: Record<string, string> }
  zip_data: { basename: string; bytes: number; hashes: Record<string, string> } | null
}

/** Change the index of a folder. */
function change(root: string, update: (shards: Shard[], index: Record<string, unknown>) => void): void {
  const path = join(root, 'index.json')
  const index = JSON.parse(readFileSync(path, 'utf8')) as { shards: Shard[]; [field: string]: unknown }
  update(index.shards, index)
  writeFileSync(path, JSON.stringify(index))
}

function first(shards: Shard[]): Shard {
  const [shard] = shards
  if (shard === undefined) throw new Error('no shard')
  return shard
}

test('the samples have one digest, whatever the size and the compression of the shards', async () => {
  const { records, blake3, sha256 } = expected('one')
  expect(expected('shards')).toEqual(expected('one'))
  for (const [name, files] of [
    ['one', 1],
    ['shards', 4],
    ['zstd', 3],
    ['gzip', 2],
  ] as const) {
    const report = await readDataset(join(WRITTEN, name), { algorithm: 'both' })
    expect(report.sequence, name).toMatchObject({ format: 'mds', records, files })
    expect(report.sequence?.digests.blake3?.hex, name).toBe(blake3)
    expect(report.sequence?.digests.sha256?.hex, name).toBe(sha256)
    expect(report.warnings, name).toEqual(
      name === 'gzip' ? ['index.json states hashes that are not checked: blake2b'] : [],
    )
  }
})

test('folders that name splits are one sequence each', async () => {
  const report = await readDataset(join(WRITTEN, 'splits'))
  expect(report.splits?.list.map(({ name, sequence }) => [name, sequence?.digest.hex])).toEqual([
    ['train', expected('splits/train').blake3],
    ['validation', expected('splits/val').blake3],
  ])
  expect(report.warnings).toEqual([])
})

test('an index above two folders of shards has the samples of both', async () => {
  const root = copyOf('splits')
  const shards = ['train', 'val'].flatMap((folder) => {
    const index = JSON.parse(readFileSync(join(root, folder, 'index.json'), 'utf8')) as { shards: Shard[] }
    for (const shard of index.shards) shard.raw_data.basename = `${folder}/${shard.raw_data.basename}`
    return index.shards
  })
  writeFileSync(join(root, 'index.json'), JSON.stringify({ version: 2, shards }))
  const report = await readDataset(root)
  expect(report.sequence?.digest.hex).toBe(expected('one').blake3)
})

test('a shard that was decompressed beside its index is read as it is', async () => {
  const root = copyOf('zstd')
  const name = 'shard.00000.mds'
  writeFileSync(join(root, name), zstdDecompressSync(readFileSync(join(root, `${name}.zstd`))))
  expect((await readDataset(root)).sequence?.digest.hex).toBe(expected('one').blake3)
  rmSync(join(root, `${name}.zstd`))
  const report = await readDataset(root)
  expect(report.sequence?.digest.hex).toBe(expected('one').blake3)
  expect(report.warnings).toEqual([])
})

test('the encoding, the name and the order of samples count', async () => {
  const root = copyOf('one')
  const digests = new Set([expected('one').blake3])
  for (const update of [
    (shard: Shard) => ((shard['column_encodings'] as string[])[3] = 'jpeg'),
    (shard: Shard) => ((shard['column_names'] as string[])[3] = 'picture'),
  ]) {
    change(root, (shards) => update(first(shards)))
    digests.add((await readDataset(root)).sequence?.digest.hex ?? '')
  }
  const other = copyOf('shards')
  change(other, (shards, index) => (index['shards'] = shards.toReversed()))
  digests.add((await readDataset(other)).sequence?.digest.hex ?? '')
  expect(digests.size).toBe(4)
})

/** The warning about a folder that a change made one without a digest. */
async function refusal(name: string, damage: (root: string) => void): Promise<string> {
  const root = copyOf(name)
  damage(root)
  const report = await readDataset(root)
  expect([report.sequence, report.splits]).toEqual([undefined, undefined])
  const warning = report.warnings.find((sentence) => sentence.startsWith('no sequence digest: '))
  return (warning ?? '').replaceAll(root, '.')
}

/** Write over bytes of a file. */
function overwrite(path: string, at: number, bytes: readonly number[]): void {
  const file = readFileSync(path)
  file.set(bytes, at)
  writeFileSync(path, file)
}

const SHARD = 'shard.00000.mds'

test.for<[what: string, name: string, damage: (root: string) => void, message: RegExp]>([
  [
    'another number of samples',
    'one',
    (root) => change(root, (shards) => (first(shards)['samples'] = 41)),
    /\.\/shard\.00000\.mds: the shard has another number of samples than its index states \(expected 41, received 40\)/,
  ],
  [
    'another length',
    'one',
    (root) => change(root, (shards) => first(shards).raw_data.bytes++),
    /another length than its index states \(expected 6340 bytes, received 6339\)/,
  ],
  [
    'a number of samples in the shard that no file holds',
    'one',
    (root) => {
      overwrite(join(root, SHARD), 0, [255, 255, 255, 127])
      change(root, (shards) => (first(shards)['samples'] = 2 ** 31 - 1))
    },
    /too many samples/,
  ],
  [
    'offsets that go back',
    'one',
    (root) => overwrite(join(root, SHARD), 8, [0, 0, 0, 0]),
    /the offset of sample 1 is outside the samples or before that of another/,
  ],
  [
    'an offset behind the end',
    'one',
    (root) => overwrite(join(root, SHARD), 4 + 4 * 40, [255, 255, 255, 255]),
    /the offset of sample 40 is outside/,
  ],
  [
    'an end before that of the shard',
    'one',
    (root) => overwrite(join(root, SHARD), 4 + 4 * 40, [0xc2, 0x18]),
    /the last sample does not end where the shard does/,
  ],
  [
    'a length of a value that is beyond its sample',
    'one',
    (root) => overwrite(join(root, SHARD), readFileSync(join(root, SHARD)).readUInt32LE(4), [255, 255]),
    /sample 0 is shorter than its value of column "amount"/,
  ],
  [
    'text that is no UTF-8',
    'one',
    (root) => {
      const file = readFileSync(join(root, SHARD))
      overwrite(join(root, SHARD), file.indexOf('sämple 1') + 1, [0xff])
    },
    /sample 1 has a value of column "text" that is no UTF-8/,
  ],
  [
    'another hash',
    'shards',
    (root) => change(root, (shards) => (first(shards).raw_data.hashes['xxh64'] = '0'.repeat(16))),
    /the shard has another xxh64 than its index states \(expected 0{16}, received [0-9a-f]{16}\)/,
  ],
  [
    'another hash of the compressed file',
    'zstd',
    (root) =>
      change(root, (shards) => {
        const { zip_data: stored } = first(shards)
        if (stored) stored.hashes['sha256'] = '0'.repeat(64)
      }),
    /the compressed shard has another sha256/,
  ],
  [
    'a flipped bit in a value, which only the hash tells',
    'shards',
    (root) => {
      const path = join(root, SHARD)
      const file = readFileSync(path)
      overwrite(path, file.length - 1, [(file.at(-1) ?? 0) ^ 1])
    },
    /the shard has another sha1/,
  ],
  [
    'a compressed shard that goes on behind its end',
    'gzip',
    (root) => {
      const path = join(root, `${SHARD}.gz`)
      const file = gzipSync(Buffer.concat([gunzipSync(readFileSync(path)), Buffer.alloc(1 << 20)]))
      writeFileSync(path, file)
      change(root, (shards) => {
        const { zip_data: stored } = first(shards)
        if (stored) Object.assign(stored, { bytes: file.length, hashes: {} })
      })
    },
    /the shard is longer than its index states/,
  ],
  [
    'a compressed shard that is cut off',
    'zstd',
    (root) => {
      const path = join(root, `${SHARD}.zstd`)
      const file = readFileSync(path).subarray(0, -20)
      writeFileSync(path, file)
      change(root, (shards) => {
        const { zip_data: stored } = first(shards)
        if (stored) Object.assign(stored, { bytes: file.length, hashes: {} })
      })
    },
    /shard\.00000\.mds\.zstd: the zstd data is truncated/,
  ],
  [
    'a shard that is not there',
    'shards',
    (root) => rmSync(join(root, 'shard.00002.mds')),
    /expected shards that are in the folder, received "shard\.00002\.mds"/,
  ],
  [
    'a name that leaves the folder',
    'one',
    (root) => change(root, (shards) => (first(shards).raw_data.basename = '../shard.00000.mds')),
    /expected the name of a file in the folder/,
  ],
  [
    'a column twice',
    'one',
    (root) => change(root, (shards) => ((first(shards)['column_names'] as string[])[1] = 'amount')),
    /expected different names of columns/,
  ],
  [
    'a size that is not that of the encoding',
    'one',
    (root) => change(root, (shards) => ((first(shards)['column_sizes'] as number[])[2] = 4)),
    /expected 8 bytes for int, received 4/,
  ],
  [
    'a key of the index twice',
    'one',
    (root) => writeFileSync(join(root, 'index.json'), '{"version": 2, "version": 2, "shards": []}'),
    /index\.json/,
  ],
  [
    'another version',
    'one',
    (root) => change(root, (_, index) => (index['version'] = 3)),
    /expected version 2, received 3/,
  ],
  ['a compression that is not read', 'brotli', () => undefined, /expected zstd or gz, received "br"/],
  ['no index', 'one', (root) => rmSync(join(root, 'index.json')), /no index\.json is beside it/],
])('there is no digest: %s', async ([, name, damage, message]) => {
  const warning = await refusal(name, damage).catch((error: unknown) => String(error))
  expect(warning).toMatch(message)
})

test('folders of one split, or of none beside one, are not told apart', async () => {
  const root = copyOf('splits')
  renameSync(join(root, 'val'), join(root, 'train-2'))
  expect((await readDataset(root)).warnings).toEqual([
    'no sequence digest: which split each index.json is of is not told by its folder: train-2/, train/',
  ])
  renameSync(join(root, 'train-2'), join(root, 'more'))
  expect((await readDataset(root)).warnings).toEqual([
    'no sequence digest: some folders of shards name a split and others do not',
  ])
})

test('a shard that the index does not list is a warning', async () => {
  const root = copyOf('one')
  writeFileSync(join(root, 'shard.00001.mds'), 'left over')
  const report = await readDataset(root)
  expect(report.sequence?.digest.hex).toBe(expected('one').blake3)
  expect(report.warnings).toEqual(['1 shard is not listed in index.json, for example shard.00001.mds'])
})

test('an index of another program is none of shards', async () => {
  const root = folderOf({ 'index.json': '{"version": 2, "shards": []}' })
  mkdirSync(join(root, 'more'))
  const report = await readDataset(root)
  expect([report.sequence, report.warnings]).toEqual([undefined, []])
})
