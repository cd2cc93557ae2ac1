import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { LogFile } from '../../src/command/log-file.ts'
import { folderOf } from '../support/folder.ts'
import type { LogCounts, LogPiece } from '../../src/command/log-text.ts'

const LIMITS = { head: 1000, tail: 500 }

function piece(text: string): LogPiece {
  return {
    text: Buffer.from(text),
    bytes: text.length,
    lines: text.split('\n').length - 1,
    redacted: 0,
    rewritten: 0,
  }
}

interface Finished {
  readonly folder: string
  readonly text: string
  readonly kept: LogCounts
  readonly omitted: LogCounts
}

async function finished(pieces: readonly string[], limits: typeof LIMITS = LIMITS): Promise<Finished> {
  const folder = folderOf()
  const file = await LogFile.create(folder, 'out.log', limits)
  for (const text of pieces) await file.add(piece(text))
  const totals = await file.finish()
  await file.close()
  expect(file.failure).toBeUndefined()
  return { folder, text: readFileSync(join(folder, 'out.log'), 'utf8'), ...totals }
}

/** Whether a file is a part of the output: the log of its beginning, another one of what its first line says. */
function isPartOf(all: string, text: string, name: string): boolean {
  if (name === 'out.log') return all.startsWith(text)
  const [title, begin] = /^\[lineaprint: the output from byte (\d+) on\]\n/.exec(text) ?? []
  return title !== undefined && all.startsWith(text.slice(title.length), Number(begin))
}

const lines = (count: number): string[] => Array.from({ length: count }, (_, index) => `line ${index}\n`)

test.each([0, 1, 100, 150])('%i lines fit, and are kept as they are', async (count) => {
  const { text, omitted, folder } = await finished(lines(count))
  expect(text).toBe(lines(count).join(''))
  expect(omitted).toEqual({ bytes: 0, lines: 0, redacted: 0, rewritten: 0 })
  expect(readdirSync(folder)).toEqual(['out.log'])
})

// Pieces end within blocks, at their ends, and in the file that is emptied next.
test.each([180, 185, 200, 250, 333, 1000, 5000])(
  'of %i lines the first and the last are kept',
  async (count) => {
    const all = lines(count).join('')
    // The blocks of a log of this size are larger than its end, so the pieces are as well.
    const { text, kept, omitted, folder } = await finished(lines(count), { head: 1000, tail: 500 })
    expect(readdirSync(folder)).toEqual(['out.log'])
    const [head = '', number = '', between = '', tail = ''] =
      /^(.*\n)\[lineaprint: (\d+) bytes, (\d+) lines, left out here\]\n(.*)$/s.exec(text)?.slice(1) ?? []
    expect(all.startsWith(head)).toBe(true)
    expect(all.endsWith(tail)).toBe(true)
    expect(head.length).toBeGreaterThan(980)
    expect(head.length).toBeLessThanOrEqual(1000)
    expect(tail.endsWith(`line ${count - 1}\n`)).toBe(true)
    expect(head.length + Number(number) + tail.length).toBe(all.length)
    expect(head.split('\n').length + tail.split('\n').length + Number(between)).toBe(
      all.split('\n').length + 1,
    )
    expect(kept.bytes).toBe(head.length + tail.length)
    expect(omitted.bytes).toBe(Number(number))
    expect(omitted.lines).toBe(Number(between))
  },
)

test('the end is as long as its limit, but for a block', async () => {
  const limits = { head: 1 << 20, tail: 1 << 20 }
  const text = `${'x'.repeat(999)}\n`
  const { kept } = await finished(
    Array.from({ length: 10_000 }, () => text),
    limits,
  )
  expect(kept.bytes).toBeLessThanOrEqual(2 << 20)
  expect(kept.bytes).toBeGreaterThan((2 << 20) - (1 << 16) - 2000)
})

test('a line that was cut ends before the note', async () => {
  const { text } = await finished(['a'.repeat(1000), 'b'.repeat(500), 'c'.repeat(400), 'd'.repeat(100)])
  expect(text).toBe(
    `${'a'.repeat(1000)}\n[lineaprint: 500 bytes, 0 lines, left out here]\n${'c'.repeat(400)}${'d'.repeat(100)}`,
  )
})

test('before it is finished, each file is a part of the output that says where it begins', async () => {
  const folder = folderOf()
  const file = await LogFile.create(folder, 'out.log', LIMITS)
  let all = ''
  for (const line of lines(400)) {
    all += line
    await file.add(piece(line))
    const untitled = readdirSync(folder).filter(
      (name) => !isPartOf(all, readFileSync(join(folder, name), 'utf8'), name),
    )
    expect(untitled).toEqual([])
    // The end is always on disk.
    expect(readdirSync(folder).some((name) => readFileSync(join(folder, name), 'utf8').endsWith(line))).toBe(
      true,
    )
  }
  await file.close()
})

test('a state is shown until something is written', async () => {
  const folder = folderOf()
  const file = await LogFile.create(folder, 'out.log', LIMITS)
  const shown = (): string => readFileSync(join(folder, 'out.log'), 'utf8')
  await file.add(piece('a\n'))
  await file.show(Buffer.from('100 %'))
  expect(shown()).toBe('a\n100 %')
  await file.show(Buffer.from('9 %'))
  expect(shown()).toBe('a\n9 %')
  await file.add(piece('b\n'))
  expect(shown()).toBe('a\nb\n')
  await file.show(Buffer.from('50 %'))
  const { kept } = await file.finish()
  await file.close()
  expect(shown()).toBe('a\nb\n')
  expect(kept.bytes).toBe(4)
})

test('what cannot be written is left out, and a line says so', async () => {
  const folder = folderOf()
  // The first of the further files cannot be made.
  writeFileSync(join(folder, 'out.log.end-1'), 'of another')
  const file = await LogFile.create(folder, 'out.log', LIMITS)
  for (const line of lines(400)) await file.add(piece(line))
  const { kept, omitted } = await file.finish()
  await file.close()
  const all = lines(400).join('')
  expect(file.failure).toMatchObject({ code: 'EEXIST' })
  expect(readFileSync(join(folder, 'out.log.end-1'), 'utf8')).toBe('of another')
  const text = readFileSync(join(folder, 'out.log'), 'utf8')
  expect(all.startsWith(text.slice(0, kept.bytes))).toBe(true)
  expect(kept.bytes + omitted.bytes).toBe(all.length)
})
