import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { cyclonedxBill } from '../../src/export/cyclonedx.ts'
import { makeRecord } from './cyclonedx-record.ts'

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
