import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cyclonedxBill } from '../../src/export/cyclonedx.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { hasPeer, runPeer } from './peers.ts'
import type { RunRecord } from '../../src/record/record.ts'

async function makeRecord(): Promise<RunRecord> {
  const root = folderOf({
    'data.csv': 'a\n1\n',
    'model/model.safetensors': safetensors({ w: floats([1]) }),
    'model/vocab.txt': 'hello\n',
  })
  const { record } = await finished(
    root,
    { algorithm: 'both', enableSeedTracking: true },
    async (tracker) => {
      await tracker.trackDataset('data.csv', 'data')
      await tracker.trackDataset({ data: Float32Array.of(1), shape: [1] }, 'memory')
      await tracker.trackModel('model', 'net')
      await tracker.trackTokenizer('model', 'tok')
      writeFileSync(join(root, 'out.bin'), 'result')
      await tracker.trackOutput('out.bin', 'out "<&')
      await expect(tracker.trackDataset('absent', 'absent')).rejects.toThrow(/absent/)
      tracker.logMetric('loss', NaN)
    },
  )
  const python = {
    status: 'present',
    direct: {},
    lockFiles: {},
    packages: { numpy: ['2.4.6'], odd: ['1.0+local', '2.0', '2.0'], none: [], strange: ['x y'] },
  }
  const environment = {
    status: 'captured',
    digest: 'environment.v1.blake3:00',
    value: { python },
    warnings: [],
  } as const
  return { ...record, captures: { ...record.captures, environment } }
}

test('a bill of everything that was tracked, and of the packages', async () => {
  const record = await makeRecord()
  const bill = cyclonedxBill(record)
  const sha256 = createHash('sha256').update('result').digest('hex')
  expect(bill).toMatchObject({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: expect.stringMatching(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    ) as string,
    metadata: {
      timestamp: record.finishedAt,
      component: {
        name: record.name,
        properties: expect.arrayContaining([
          { name: 'lineaprint:seal', value: record.seal },
          { name: 'lineaprint:metric:loss', value: 'NaN' },
        ]) as unknown[],
      },
    },
  })
  const components = bill['components'] as unknown as {
    'bom-ref': string
    hashes?: unknown
    properties?: unknown
  }[]
  expect(components.map((component) => component['bom-ref'])).toEqual([
    'datasets/data',
    'datasets/memory',
    'models/net',
    'tokenizers/tok',
    'outputs/out "<&',
    'pkg:pypi/numpy@2.4.6',
    'pkg:pypi/odd@1.0%2Blocal',
    'pkg:pypi/odd@2.0',
    'pkg:pypi/strange@x%20y',
  ])
  expect(components[4]?.hashes).toContainEqual({ alg: 'SHA-256', content: sha256 })
  // A digest that is no hash of a file must not be passed off as one.
  expect(components[2]?.hashes).toBeUndefined()
  expect(JSON.stringify(components[2]?.properties)).toMatch(/weights\.v1\.sha256:[0-9a-f]{64}/)
  expect(cyclonedxBill(record)).toEqual(bill)
})

const VALIDATOR = `
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())
sys.exit(str(error) if error else 0)
`

test.skipIf(!hasPeer('validators'))(
  "CycloneDX's own strict validator finds no fault",
  { timeout: 120_000 },
  async () => {
    const empty = (await finished(folderOf())).record
    for (const record of [await makeRecord(), empty]) {
      const cwd = folderOf({ 'bill.json': JSON.stringify(cyclonedxBill(record)) })
      const { code, output } = await runPeer('validators', ['-c', VALIDATOR, 'bill.json'], { cwd })
      expect({ code, output }).toEqual({ code: 0, output: '' })
    }
    const cwd = folderOf({
      'bill.json': JSON.stringify({ ...cyclonedxBill(empty), components: [{ type: 'model' }] }),
    })
    expect((await runPeer('validators', ['-c', VALIDATOR, 'bill.json'], { cwd })).code).toBe(1)
  },
)
