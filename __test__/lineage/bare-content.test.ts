import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { hashBytes } from '../../src/hash/bytes.ts'
import { isBare } from '../../src/lineage/bare-content.ts'
import { readLineage } from '../../src/lineage/read.ts'
import { edgesOf, storeOf } from './support.ts'
import type { TrackedRecord } from '../../src/record/record.ts'

async function blake3Of(text: string): Promise<string> {
  return (await hashBytes(Buffer.from(text))).digest.toString()
}

test.each(['\n', '\r\n', '{}', '{}\n', '[]', '[]\r\n', 'null', 'null\n', '""', '\ufeff', '\ufeff{}\n'])(
  '%j says nothing',
  async (text) => {
    const bytes = Buffer.byteLength(text)
    expect(isBare(bytes, [await blake3Of(text)])).toBe(true)
    expect(isBare(bytes, [`sha256:${createHash('sha256').update(text).digest('hex')}`])).toBe(true)
    // A length that is not recorded tells nothing.
    expect(isBare(null, [await blake3Of(text)])).toBe(false)
  },
)

test.each(['0', '1\n', '{"a":1}', '[0]', '[null]', 'true', 'no', '{}\n{}'])(
  '%j says something',
  async (text) => {
    expect(isBare(Buffer.byteLength(text), [await blake3Of(text)])).toBe(false)
  },
)

test('files that say nothing link no runs', async () => {
  const entry = async (text: string): Promise<TrackedRecord> => ({
    status: 'tracked',
    kind: 'file',
    path: '/data/file',
    bytes: Buffer.byteLength(text),
    digest: await blake3Of(text),
  })
  const store = storeOf({
    a: { outputs: { state: await entry('{}\n'), line: await entry('\n'), text: await entry('text\n') } },
    b: { datasets: { settings: await entry('{}\n'), log: await entry('\n'), data: await entry('text\n') } },
  })
  const lineage = await readLineage(store, 'b')
  expect(edgesOf(lineage).filter((edge) => edge.endsWith('(inferred)'))).toEqual([
    'outputs a text -> datasets b data (inferred)',
  ])
  expect(lineage.notes).toEqual(
    ['settings', 'log'].map(
      (name) =>
        `${name} of run b is linked to no other run: it says nothing, such as {} or a line end, and many such files are equal`,
    ),
  )
})
