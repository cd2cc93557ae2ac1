import { stderr, stdout } from 'node:process'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { print, printError } from '../../../src/cli/shared/output.ts'
import { Pace, barLine, progressBar } from '../../../src/cli/shared/progress.ts'

const WORK = { bytesDone: 250e6, bytesTotal: 1e9, filesDone: 3, filesTotal: 12 }

test.each([
  [200, 'hashing [########----------------------]  25 %, 100 MB/s, 8 s left, 1.00 GB in all, 3 of 12 files'],
  [80, 'hashing [###---------]  25 %, 100 MB/s, 8 s left, 1.00 GB in all, 3 of 12 files'],
  [40, 'hashing  25 %, 100 MB/s, 8 s left'],
  [20, 'hashing  25 %'],
  [5, 'hash'],
  [1, 'h'],
])('in %i columns', (columns, text) => {
  const line = barLine('hashing', WORK, { rate: 100e6 }, columns)
  expect(line).toBe(text)
  expect(line.length).toBeLessThan(Math.max(2, columns))
})

test('a stream has no end that is known: what was read, and the rate', () => {
  const stream = { bytesDone: 5e6, bytesTotal: 5e6, filesDone: 0, filesTotal: 0 }
  expect(barLine('hashing', stream, { rate: 1e6 }, 80)).toBe('hashing 5.00 MB, 1.00 MB/s')
})

test('a rate of nothing promises no end', () => {
  expect(barLine('hashing', WORK, { rate: 0 }, 80)).not.toContain('left')
  expect(barLine('hashing', WORK, { rate: undefined }, 80)).not.toMatch(/left|\/s/)
})

test('the rate is that of the last seconds, and another job begins anew', () => {
  const pace = new Pace()
  expect(pace.rate).toBeUndefined()
  pace.add({ bytesDone: 0 }, 0)
  expect(pace.rate).toBeUndefined()
  for (let second = 1; second <= 10; second++) pace.add({ bytesDone: second * 100 }, second * 1000)
  expect(pace.rate).toBe(100)
  for (let second = 11; second <= 20; second++) pace.add({ bytesDone: 1000 }, second * 1000)
  expect(pace.rate).toBe(0)
  pace.add({ bytesDone: 10 }, 21_000)
  expect(pace.rate).toBeUndefined()
  pace.add({ bytesDone: 20 }, 22_000)
  expect(pace.rate).toBe(10)
})

let written = ''
const { isTTY, columns } = stderr

beforeEach(() => {
  written = ''
  vi.useFakeTimers({ toFake: ['performance'] })
  const take = (text: unknown): boolean => {
    written += String(text)
    return true
  }
  vi.spyOn(stderr, 'write').mockImplementation(take)
  vi.spyOn(stdout, 'write').mockImplementation(take)
  Object.assign(stderr, { isTTY: true, columns: 80 })
  vi.stubEnv('TERM', 'xterm')
})

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
  vi.unstubAllEnvs()
  Object.assign(stderr, { isTTY, columns })
})

/** A screen of one cursor: what is still on it. Codes about whole lines and the cursor are known. */
function screenOf(text: string): string[] {
  const lines = ['']
  let row = 0
  for (const [piece] of text.matchAll(/\u001b\[[?0-9;]*[a-zA-Z]|\r\n|[\r\n]|[^\u001b\r\n]+/g)) {
    if (piece.endsWith('\n')) {
      row++
      lines[row] ??= ''
    } else if (piece === '\u001b[2K') lines[row] = ''
    else if (piece === '\u001b[1A') row = Math.max(0, row - 1)
    else if (piece.startsWith('\u001b') || piece === '\r') continue
    else lines[row] += piece
  }
  return lines.filter((line) => line !== '')
}

test('a bar is drawn below what is printed, and is gone at the end', async () => {
  const bar = progressBar('hashing')
  bar.onProgress?.(WORK)
  expect(written).toBe('')
  vi.advanceTimersByTime(600)
  bar.onProgress?.({ ...WORK, bytesDone: 300e6 })
  await vi.waitFor(() => {
    bar.onProgress?.({ ...WORK, bytesDone: 400e6 })
    expect(screenOf(written)).toEqual([expect.stringMatching(/^hashing \[#+-+\] {2}40 %/)])
  })
  printError('lineaprint: warning: one')
  expect(screenOf(written)).toEqual(['lineaprint: warning: one'])
  bar.onProgress?.({ ...WORK, bytesDone: 500e6 })
  print('two')
  bar.onProgress?.({ ...WORK, bytesDone: 600e6 })
  expect(screenOf(written)).toEqual(['lineaprint: warning: one', 'two', expect.stringMatching(/60 %/)])
  // The end of a job takes the bar away: a command may print next.
  bar.onProgress?.({ bytesDone: 1e9, bytesTotal: 1e9, filesDone: 12, filesTotal: 12 })
  expect(screenOf(written)).toEqual(['lineaprint: warning: one', 'two'])
  bar.onProgress?.({ ...WORK, bytesDone: 10e6 })
  bar.end()
  bar.end()
  expect(screenOf(written)).toEqual(['lineaprint: warning: one', 'two'])
})

test('without a terminal, and on a dumb one, nothing is reported', () => {
  vi.stubEnv('TERM', 'dumb')
  expect(progressBar('hashing').onProgress).toBeUndefined()
  vi.stubEnv('TERM', 'xterm')
  Object.assign(stderr, { isTTY: undefined })
  expect(progressBar('hashing').onProgress).toBeUndefined()
})
