/** What is said of a record that is damaged, word for word: one case for each kind of thing a schema refuses. */
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

function said(change: object): string {
  try {
    parseRecord(Buffer.from(JSON.stringify({ ...record, ...change })), 'run.json')
    return 'nothing'
  } catch (error) {
    return (error as Error).message
  }
}

test.each([
  [{ id: 1 }, 'id: Invalid input: expected string, received number'],
  [{ name: undefined }, 'name: Invalid input: expected string, received undefined'],
  [{ status: 'x' }, 'status: Invalid option: expected one of "running"|"finished"|"failed"|"killed"|"lost"'],
  [{ startedAt: 'x' }, 'startedAt: Invalid ISO datetime'],
  [{ startedAt: '2024-01-01T00:00:00+02:00' }, 'startedAt: Invalid ISO datetime'],
  [{ process: 1 }, 'process: Invalid input: expected object, received number'],
  [{ tags: {} }, 'tags: Invalid input: expected array, received object'],
  [{ metadata: [] }, 'metadata: an object'],
  [{ captures: [] }, 'captures: Invalid input: expected record, received array'],
  [{ captures: JSON.parse('{"__proto__":{"status":"off"}}') as unknown }, 'captures: forbidden name'],
  [
    { captures: { x: {} } },
    "captures.x.status: Invalid discriminator value. Expected 'captured' | 'failed' | 'off'",
  ],
  [{ datasets: { x: 1 } }, 'datasets.x: Invalid input: expected object, received number'],
  [{ metrics: { x: { ...METRIC, count: -1 } } }, 'metrics.x.count: Too small: expected number to be >=0'],
  [
    { metrics: { x: { ...METRIC, count: 1.5 } } },
    'metrics.x.count: Invalid input: expected int, received number',
  ],
  [{ metrics: { x: { ...METRIC, first: 'x' } } }, 'metrics.x.first: Invalid input'],
  [{ files: [{}] }, 'files.0: Invalid input'],
] as const)('%j', (change, words) => {
  expect(said(change)).toBe(`run.json: the record is damaged at ${words}`)
})

test("the language of the program's own schemas is not touched, and does not matter", () => {
  expect(z.config().localeError).toBeUndefined()
  const { localeError } = z.locales.de()
  z.config({ localeError })
  try {
    expect(said({ id: 1 })).toMatch(/expected string, received number$/)
    expect(z.config().localeError).toBe(localeError)
  } finally {
    z.config({ localeError: undefined })
  }
})
