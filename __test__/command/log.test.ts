import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Log } from '../../src/command/log.ts'
import { folderOf } from '../support/folder.ts'
import type { LogTotals } from '../../src/command/log-file.ts'

const MIB = 1 << 20
const LIMITS = { head: MIB, tail: MIB }
const TOKEN = ['ghp', '_', '0123456789abcdefghijABCDEFGHIJ012345'].join('')

async function logged(chunks: Iterable<string>): Promise<LogTotals & { text: string; names: string[] }> {
  const folder = folderOf()
  const log = await Log.create(folder, 'out.log', true, LIMITS)
  for (const chunk of chunks) await log.push(Buffer.from(chunk))
  const totals = await log.finish()
  await log.close()
  expect(log.failure).toBeUndefined()
  return { ...totals, text: readFileSync(join(folder, 'out.log'), 'utf8'), names: readdirSync(folder) }
}

/** Chunks of numbered lines, cut anywhere. */
function* numbered(bytes: number, size: number, line: (number: number) => string): Generator<string> {
  let [text, number] = ['', 0]
  for (let done = 0; done < bytes; done += size) {
    while (text.length < size) text += line(number++)
    yield text.slice(0, size)
    text = text.slice(size)
  }
  yield `${text}\n`
}

test.each([1000, 65_536, 300_000])(
  'of a flood in chunks of %i bytes the beginning and the end stay',
  async (size) => {
    const chunks = [...numbered(12 * MIB, size, (number) => `line ${number}\n`)]
    const all = chunks.join('')
    const { text, kept, omitted, names } = await logged(chunks)
    expect(names).toEqual(['out.log'])
    const parts = text.split(/\[lineaprint: \d+ bytes, \d+ lines, left out here\]\n/)
    const notes = [...text.matchAll(/\[lineaprint: (\d+) bytes, (\d+) lines, left out here\]\n/g)]
    expect(parts).toHaveLength(2)
    expect(all.startsWith(parts[0] ?? '-')).toBe(true)
    expect(all.endsWith(parts[1] ?? '-')).toBe(true)
    expect(Math.min(...parts.map((part) => part.length))).toBeGreaterThan(MIB - 400_000)
    expect(kept.bytes + omitted.bytes).toBe(all.length)
    expect(kept.bytes).toBe(parts.join('').length)
    expect(notes.map(([, bytes, lines]) => [Number(bytes), Number(lines)])).toEqual([
      [omitted.bytes, omitted.lines],
    ])
    expect(kept.lines + omitted.lines).toBe(all.split('\n').length - 1)
  },
)

test('secrets in what is left out, and at its edges, are in no file', async () => {
  const key = ['-----BEGIN PRIVATE KEY-----', ...Array.from({ length: 40_000 }, () => 'QUJD'.repeat(16)), '']
  // The key is longer than what waits: it begins in what is left out, and ends in the end.
  const rest = 'KEYEND'.repeat(8)
  const chunks = [
    ...numbered(4 * MIB, 65_536, (number) => `${number} ${TOKEN}\n`),
    ...numbered(10 * MIB, 65_536, (number) => `${number} ${TOKEN} and more\n`),
    ...numbered(key.join('\n').length, 65_536, (number) => `${key[number] ?? rest}\n`),
  ]
  const { text, kept } = await logged(chunks)
  expect(text).not.toMatch(/ghp_|QUJDQUJD/)
  expect(kept.redacted).toBeGreaterThan(10_000)
})

test('output without a line end is searched as a whole, and held in part', async () => {
  const all = `${'word '.repeat(1_500_000)}${TOKEN} end`
  const chunks = all.match(/[^]{1,65536}/g) ?? []
  const { text, omitted, kept } = await logged(chunks)
  expect(text.endsWith('<redacted> end')).toBe(true)
  expect(omitted.bytes + kept.bytes).toBe(all.length)
})

test('what waits is written when no more comes', { timeout: 60_000 }, async () => {
  const folder = folderOf()
  const log = await Log.create(folder, 'out.log', true, LIMITS)
  for (const chunk of numbered(8 * MIB, 65_536, (number) => `line ${number}\n`))
    await log.push(Buffer.from(chunk))
  await log.push(Buffer.from('the end\n'))
  const isThere = (): boolean =>
    readdirSync(folder).some((name) => readFileSync(join(folder, name), 'utf8').endsWith('the end\n'))
  await expect.poll(isThere, { timeout: 50_000 }).toBe(true)
  await log.close()
})
