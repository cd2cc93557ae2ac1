/** The error about a record that is damaged: one case for each kind of thing a schema refuses. */
import { beforeAll, expect, test } from 'vitest'
import { z } from 'zod/mini'
import { parseRecord } from '../../src/record/seal.ts'
import { finished } from '../tracking/support.ts'
import { keptFolder } from '../support/kept-folder.ts'

let record: object

beforeAll(async () => {
  ;({ record } = await finished(keptFolder()))
})

const METRIC = { count: 1, nanCount: 0, first: 1, last: 1, min: 1, max: 1, lastStep: 1 }

/** The error about the record with this change. */
function refusal(change: object): unknown {
  try {
    parseRecord(Buffer.from(JSON.stringify({ ...record, ...change })), 'run.json')
    return undefined
  } catch (error) {
    return error
  }
}

test.each([
  [{ id: 1 }, 'id', 'string'],
  [{ name: undefined }, 'name', 'string'],
  [{ status: 'x' }, 'status', '"running"|"finished"'],
  [{ startedAt: 'x' }, 'startedAt', 'ISO datetime'],
  [{ startedAt: '2024-01-01T00:00:00+02:00' }, 'startedAt', 'ISO datetime'],
  [{ process: 1 }, 'process', 'object'],
  [{ tags: {} }, 'tags', 'array'],
  [{ metadata: [] }, 'metadata', 'an object'],
  [{ captures: [] }, 'captures', 'record'],
  [{ captures: JSON.parse('{"__proto__":{"status":"off"}}') as unknown }, 'captures', 'forbidden name'],
  [{ captures: { x: {} } }, 'captures.x.status', "'captured' | 'failed' | 'off'"],
  [{ datasets: { x: 1 } }, 'datasets.x', 'object'],
  [{ metrics: { x: { ...METRIC, count: -1 } } }, 'metrics.x.count', '>=0'],
  [{ metrics: { x: { ...METRIC, count: 1.5 } } }, 'metrics.x.count', 'int'],
  [{ metrics: { x: { ...METRIC, first: 'x' } } }, 'metrics.x.first', 'Invalid input'],
  [{ files: [{}] }, 'files.0', 'Invalid input'],
] as const)('%j', (change, field, expected) => {
  expect(refusal(change)).toMatchObject({
    code: 'ERR_LINEAPRINT_RECORD',
    path: 'run.json',
    field,
    message: expect.stringContaining(expected) as string,
  })
})

test("the language of the program's own schemas is not touched, and does not matter", () => {
  expect(z.config().localeError).toBeUndefined()
  const { localeError } = z.locales.de()
  z.config({ localeError })
  try {
    expect(refusal({ id: 1 })).toHaveProperty(
      'message',
      expect.stringMatching(/expected string, received number$/),
    )
    expect(z.config().localeError).toBe(localeError)
  } finally {
    z.config({ localeError: undefined })
  }
})
