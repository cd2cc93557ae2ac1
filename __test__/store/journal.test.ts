import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { metricEvent } from '../../src/tracking/metrics.ts'
import { isEvent } from '../../src/record/check-event.ts'
import { decodeFloat } from '../../src/json/special-floats.ts'
import { readJournal } from '../../src/store/journal-read.ts'
import { Journal } from '../../src/store/journal.ts'
import { eventSchema } from '../../src/record/event-schema.ts'
import { folderOf } from '../support/folder.ts'
import { rounds } from '../support/random.ts'
import type { JournalEvent } from '../../src/record/events.ts'
import type { JournalReport } from '../../src/store/journal-read.ts'

async function read(path: string): Promise<JournalReport & { list: JournalEvent[] }> {
  const list: JournalEvent[] = []
  const report = await readJournal(path, (event) => list.push(event))
  return { ...report, list }
}

function newPath(): string {
  return join(folderOf(), 'events.jsonl')
}

test('events come back in order, one per line, numbered from 1', async () => {
  const path = newPath()
  const journal = await Journal.create(path)
  journal.append({ type: 'notes', notes: 'line\nbreak \u2028 and "quotes"' })
  journal.append({ type: 'tags', tags: ['ä', '\u{1f600}'] })
  await journal.flush()
  expect(readFileSync(path, 'utf8').trimEnd().split('\n').length).toBe(2)
  journal.append({ type: 'metadata', values: { a: [1, null] } })
  await journal.close()
  const { list, problems, tornBytes } = await read(path)
  expect(problems).toEqual([])
  expect(tornBytes).toBe(0)
  expect(list.map(({ seq, type }) => [seq, type])).toEqual([
    [1, 'notes'],
    [2, 'tags'],
    [3, 'metadata'],
  ])
  expect(list[0]).toMatchObject({ notes: 'line\nbreak \u2028 and "quotes"' })
})

test('every number survives: NaN, the infinities, and all doubles', async () => {
  const path = newPath()
  const journal = await Journal.create(path)
  const values = [
    ...fc.sample(fc.double(), 500),
    NaN,
    Infinity,
    -Infinity,
    Number.MIN_VALUE,
    Number.MAX_VALUE,
    0.1 + 0.2,
  ]
  for (const value of values) journal.append(metricEvent('m', value, {}).event)
  await journal.close()
  const { list } = await read(path)
  const back = list.map((event) => (event.type === 'metric' ? decodeFloat(event.value) : undefined))
  // JSON has no sign for zero.
  expect(back).toEqual(values.map((value) => (value === 0 ? 0 : value)))
})

test('a loop that never yields keeps order and bounded memory', async () => {
  const path = newPath()
  const journal = await Journal.create(path)
  const total = 60_000
  for (let step = 0; step < total; step++) journal.append({ type: 'metric', name: 'm', value: step, step })
  // More than the queue may hold is on its way to the disk before anybody waits.
  expect(readFileSync(path).length).toBeGreaterThan(3_000_000)
  await journal.close()
  const { list, problems } = await read(path)
  expect(problems).toEqual([])
  expect(list.length).toBe(total)
  expect(list.every((event, index) => event.type === 'metric' && event.step === index)).toBe(true)
})

test('appends during writes keep their order', async () => {
  const path = newPath()
  const journal = await Journal.create(path)
  const flushes: Promise<void>[] = []
  for (let round = 0; round < 200; round++) {
    for (let step = 0; step < round % 7; step++)
      journal.append({ type: 'notes', notes: 'x'.repeat(round * 50) })
    if (round % 3 === 0) flushes.push(journal.flush())
    if (round % 5 === 0) await new Promise(setImmediate)
  }
  await Promise.all(flushes)
  await journal.close()
  expect((await read(path)).problems).toEqual([])
})

test('flush means on disk', async () => {
  const path = newPath()
  const journal = await Journal.create(path)
  for (let round = 1; round <= 20; round++) {
    journal.append({ type: 'notes', notes: String(round) })
    await journal.flush()
    expect(readFileSync(path, 'utf8')).toContain(`"notes":"${round}"}\n`)
  }
  await journal.close()
})

test('a torn last line is left out and reported, wherever it is torn', async () => {
  const path = newPath()
  const journal = await Journal.create(path)
  journal.append({ type: 'notes', notes: 'first' })
  journal.append({ type: 'notes', notes: 'zweite Zeile, mit ä' })
  await journal.close()
  const whole = readFileSync(path)
  const firstEnd = whole.indexOf('\n') + 1
  for (let length = whole.length - 1; length >= firstEnd; length--) {
    writeFileSync(path, whole.subarray(0, length))
    const { list, tornBytes, problems } = await read(path)
    expect(list.length, `cut at ${length}`).toBe(1)
    expect(tornBytes).toBe(length - firstEnd)
    expect(problems).toEqual([])
  }
  truncateSync(path, 0)
  expect(await read(path)).toMatchObject({ events: 0, tornBytes: 0, problems: [] })
})

test('damage in the middle is named and the rest is read', async () => {
  const path = newPath()
  const line = (seq: number): string => `{"seq":${seq},"time":"t","type":"notes","notes":"n"}`
  const bad = [
    '',
    'null',
    '[]',
    '{"seq":2}',
    '\u0000\u0000',
    '{"seq":2,"time":"t","type":"unknown"}',
    '{"seq":"2","time":"t","type":"notes","notes":"n"}',
    '{"seq":2,"time":"t","type":"tracked","section":"__proto__","name":"x","entry":{"status":"off"}}',
  ]
  for (const middle of bad) {
    writeFileSync(path, `${line(1)}\n${middle}\n${line(3)}\n`)
    const { list, problems } = await read(path)
    expect(
      list.map(({ seq }) => seq),
      middle,
    ).toEqual([1, 3])
    expect(problems).toEqual(['line 2 is damaged', 'line 3 has sequence number 3 instead of 2'])
  }
  writeFileSync(
    path,
    Buffer.concat([Buffer.from(`${line(1)}\n`), Buffer.from([0xff, 0x0a]), Buffer.from(`${line(2)}\n`)]),
  )
  expect((await read(path)).problems).toEqual(['line 2 is damaged'])
})

test('random bytes never crash the reader', { timeout: 30_000 }, async () => {
  const path = newPath()
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
      writeFileSync(path, bytes)
      expect((await read(path)).list.length).toBeLessThanOrEqual(bytes.length)
    }),
    { numRuns: rounds(100) },
  )
})

test('a journal that is there already is not written over', async () => {
  const path = join(folderOf({ 'events.jsonl': 'precious' }), 'events.jsonl')
  await expect(Journal.create(path)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  expect(readFileSync(path, 'utf8')).toBe('precious')
})

test('a closed journal refuses events', async () => {
  const journal = await Journal.create(newPath())
  await journal.close()
  expect(() => journal.append({ type: 'notes', notes: '' })).toThrow(
    expect.objectContaining({ code: 'ERR_LINEAPRINT_STATE' }),
  )
  await journal.close()
})

test('the quick look at a metric lets through what the schema does, and no more', () => {
  const odd = fc.oneof(
    fc.constantFrom(
      undefined,
      null,
      true,
      'text',
      0,
      1,
      1.5,
      -1,
      2 ** 53,
      1e999,
      NaN,
      [],
      {},
      { __float__: 'NaN' },
    ),
    fc.double(),
    fc.string(),
  )
  const head = fc.record({ seq: fc.oneof(fc.nat(), odd), time: fc.oneof(fc.string(), odd) })
  const body = fc.record({ name: odd, value: odd, step: odd }, { requiredKeys: [] })
  let seen = 0
  fc.assert(
    fc.property(head, body, (first, second) => {
      const value = { ...first, type: 'metric', ...second }
      const expected = eventSchema().safeParse(value).success
      if (expected) seen++
      expect(isEvent(value)).toBe(expected)
    }),
    { numRuns: rounds(1500) },
  )
  expect(seen).toBeGreaterThan(10)
})

test('a journal that is longer than one read is read whole, wherever the reads end', async () => {
  const path = newPath()
  const journal = await Journal.create(path)
  const notes = fc.sample(fc.string({ unit: 'grapheme', maxLength: 40_000 }), 150)
  for (const each of notes) journal.append({ type: 'notes', notes: each.toWellFormed() })
  journal.append({ type: 'notes', notes: 'ä'.repeat(1 << 21) })
  await journal.close()
  const { list, problems, tornBytes } = await read(path)
  expect(problems).toEqual([])
  expect(tornBytes).toBe(0)
  expect(list.map((event) => (event.type === 'notes' ? event.notes.length : -1))).toEqual([
    ...notes.map((each) => each.length),
    1 << 21,
  ])
})

test.skipIf(process.platform === 'win32')('a FIFO for a journal is refused and stops nobody', async () => {
  const path = newPath()
  expect(spawnSync('mkfifo', [path]).status).toBe(0)
  await expect(read(path)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE', path })
})

test('a journal of terabytes without a line is not read to its end', async () => {
  const path = join(folderOf({ 'events.jsonl': '' }), 'events.jsonl')
  writeFileSync(path, '{"seq":1}\n')
  truncateSync(path, 2 ** 40)
  const { problems, tornBytes } = await readJournal(path, () => undefined)
  expect(problems.at(-1)).toMatch(/^line 2 is longer than any event/)
  expect(tornBytes).toBe(0)
})

test('a FIFO in place of a journal is an error', async () => {
  const path = join(folderOf(), 'events.jsonl')
  execFileSync('mkfifo', [path])
  await expect(readJournal(path, () => undefined)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
})
