/** The folder of compiled code is private to the user, or there is none. */
import { chmodSync, existsSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { compileCacheFolder } from '../../../src/cli/shared/compile-cache.ts'
import { folderOf } from '../../support/folder.ts'

afterEach(() => vi.unstubAllEnvs())

function cacheHome(): string {
  const root = folderOf()
  vi.stubEnv('XDG_CACHE_HOME', root)
  return root
}

test('the folder is made with permissions for this user alone', () => {
  const root = cacheHome()
  expect(compileCacheFolder()).toBe(join(root, 'lineaprint', 'compiled'))
  expect(statSync(join(root, 'lineaprint', 'compiled')).mode & 0o777).toBe(0o700)
  // The second call finds it.
  expect(compileCacheFolder()).toBe(join(root, 'lineaprint', 'compiled'))
})

test('a relative XDG_CACHE_HOME does not count, as its specification says', () => {
  const root = folderOf()
  vi.stubEnv('HOME', root)
  vi.stubEnv('XDG_CACHE_HOME', 'relative')
  expect(compileCacheFolder()).toBe(join(root, '.cache', 'lineaprint', 'compiled'))
  expect(existsSync('relative')).toBe(false)
})

test.each([
  ['that others may write to', (folder: string) => chmodSync(folder, 0o777)],
  ['that a group may write to', (folder: string) => chmodSync(folder, 0o770)],
])('a folder %s is not used', (_, change) => {
  const root = cacheHome()
  for (const name of ['', 'compiled']) {
    mkdirSync(join(root, 'lineaprint', 'compiled'), { recursive: true, mode: 0o700 })
    change(join(root, 'lineaprint', name))
    expect(compileCacheFolder()).toBeUndefined()
    chmodSync(join(root, 'lineaprint', name), 0o700)
  }
})

test('a link, a file and a parent that is a file are not used', () => {
  const root = cacheHome()
  mkdirSync(join(root, 'elsewhere'))
  mkdirSync(join(root, 'lineaprint'), { mode: 0o700 })
  symlinkSync(join(root, 'elsewhere'), join(root, 'lineaprint', 'compiled'))
  expect(compileCacheFolder()).toBeUndefined()
  const other = cacheHome()
  writeFileSync(join(other, 'lineaprint'), '')
  expect(compileCacheFolder()).toBeUndefined()
})
