import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LineaprintError } from '../../../src/core/errors.ts'
import { Access, checkRole } from '../../../src/server/team/access.ts'
import type { TokenInfo } from '../../../src/database/team/tokens.ts'

const TOKEN = `lp_${'a'.repeat(43)}`

const INFO: TokenInfo = {
  id: 1,
  name: 'ci',
  project: 'vision',
  role: 'writer',
  createdAt: '2026-01-01T00:00:00.000Z',
  usedAt: null,
  revokedAt: null,
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

/** A source of one token that counts its questions. */
function sourceOf() {
  const source = {
    asked: 0,
    state: 'up' as 'up' | 'down' | 'hangs' | 'revoked',
    useToken: async (): Promise<TokenInfo | undefined> => {
      source.asked++
      if (source.state === 'down') throw new LineaprintError('ERR_LINEAPRINT_SERVICE', 'down')
      if (source.state === 'hangs') await new Promise(() => undefined)
      return source.state === 'revoked' ? undefined : INFO
    },
  }
  return source
}

test('a token counts for five seconds without a question', async () => {
  const source = sourceOf()
  const access = new Access(source)
  for (let round = 0; round < 3; round++) expect(await access.check(`Bearer ${TOKEN}`, 'a')).toBe(INFO)
  expect(source.asked).toBe(1)
  source.state = 'revoked'
  vi.advanceTimersByTime(5_001)
  await expect(access.check(`Bearer ${TOKEN}`, 'a')).rejects.toMatchObject({ status: 401 })
})

test('a known token counts while the database is down or hangs, for a day', async () => {
  const source = sourceOf()
  const access = new Access(source)
  await access.check(`Bearer ${TOKEN}`, 'a')
  source.state = 'down'
  vi.advanceTimersByTime(10_000)
  expect(await access.check(`Bearer ${TOKEN}`, 'a')).toBe(INFO)
  const { asked } = source
  expect(await access.check(`Bearer ${TOKEN}`, 'a')).toBe(INFO)
  expect(source.asked).toBe(asked)
  source.state = 'hangs'
  vi.advanceTimersByTime(10_000)
  const waiting = access.check(`Bearer ${TOKEN}`, 'a')
  await vi.advanceTimersByTimeAsync(1_001)
  expect(await waiting).toBe(INFO)
  const other = new Access({
    useToken: async () => Promise.reject(new LineaprintError('ERR_LINEAPRINT_SERVICE', 'x')),
  })
  await expect(other.check(`Bearer ${TOKEN}`, 'a')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_SERVICE' })
})

test('a known token does not count after a day of an outage', async () => {
  const source = sourceOf()
  const access = new Access(source)
  await access.check(`Bearer ${TOKEN}`, 'a')
  source.state = 'down'
  vi.advanceTimersByTime(25 * 3_600_000)
  await expect(access.check(`Bearer ${TOKEN}`, 'a')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_SERVICE' })
})

test('texts that are no token are refused without a question', async () => {
  const source = sourceOf()
  const access = new Access(source)
  for (const text of [undefined, '', 'Bearer', 'Bearer lp_short', `Basic ${TOKEN}`, `Bearer ${TOKEN} x`])
    await expect(access.check(text, 'a')).rejects.toMatchObject({ status: 401 })
  expect(source.asked).toBe(0)
})

test('a role includes those before it, in its own project', () => {
  const allows = (role: TokenInfo['role'], project: string, wanted: TokenInfo['role']): boolean => {
    try {
      checkRole({ ...INFO, role }, project, wanted)
      return true
    } catch {
      return false
    }
  }
  const roles = ['reader', 'writer', 'admin'] as const
  for (const [at, role] of roles.entries())
    for (const [wantedAt, wanted] of roles.entries()) {
      expect(allows(role, 'vision', wanted)).toBe(at >= wantedAt)
      expect(allows(role, 'speech', wanted)).toBe(false)
    }
})
