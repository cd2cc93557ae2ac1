import { expect, test } from 'vitest'
import { withAbsolutePath } from '../../src/subprocess/search-path.ts'

test.each([
  ['/usr/bin:/bin', '/usr/bin:/bin'],
  ['.:/usr/bin', '/usr/bin'],
  [':/usr/bin', '/usr/bin'],
  ['/usr/bin:', '/usr/bin'],
  ['/usr/bin::node_modules/.bin:/bin', '/usr/bin:/bin'],
  ['./venv/bin:../bin', undefined],
  ['', undefined],
])('%j', (path, kept) => {
  expect(withAbsolutePath({ A: '1', PATH: path })).toEqual({
    A: '1',
    ...(kept !== undefined && { PATH: kept }),
  })
})

test('without the variable, and with absolute folders alone, the variables stay', () => {
  for (const variables of [{ A: '1' }, { PATH: '/bin' }]) expect(withAbsolutePath(variables)).toBe(variables)
})
