import { join, parse, posix, win32 } from 'node:path'
import { expect, test } from 'vitest'
import { isInside, isSafeRelativePath } from '../../src/util/paths.ts'

test.each([
  ['/a', '/a', true],
  ['/a', '/a/', true],
  ['/a/', '/a', true],
  ['/a', '/a/b', true],
  ['/a/', '/a/b/c', true],
  ['/a', '/ab', false],
  ['/ab', '/a', false],
  ['/a/b', '/a', false],
  ['/a', '/b/a', false],
  ['/a', '/a/../b', false],
  ['/a', '/b/../a/c', true],
  ['/a', '/a/..x', true],
  ['/a', '/a/..', false],
  ['/a', '/a/...', true],
  ['/a', '/..x', false],
  ['/', '/', true],
  ['/', '/a', true],
  ['/a', '/', false],
  ['/a', '/a\\b', false],
  ['/a', 'a', false],
  ['', '/a', false],
  ['/a', '', false],
])('%s and %s: %s', (folder, path, expected) => {
  expect(isInside(folder, path, posix)).toBe(expected)
})

test.each([
  ['C:\\a', 'C:\\a\\b', true],
  ['C:\\a', 'C:/a/b', true],
  ['C:\\a\\', 'c:\\A', true],
  ['C:\\a', 'C:\\ab', false],
  ['C:\\a', 'D:\\a', false],
  ['C:\\', 'C:\\a', true],
  ['C:\\a', 'C:\\a\\..x', true],
  ['C:\\a', 'C:\\a\\..\\b', false],
  ['\\\\host\\share', '\\\\host\\share\\a', true],
  ['\\\\host\\share', '\\\\host\\other\\a', false],
])('Windows: %s and %s: %s', (folder, path, expected) => {
  expect(isInside(folder, path, win32)).toBe(expected)
})

test('the rules of this system are the default', () => {
  const root = parse(import.meta.dirname).root
  expect(isInside(import.meta.dirname, import.meta.filename)).toBe(true)
  expect(isInside(root, import.meta.filename)).toBe(true)
  expect(isInside(import.meta.filename, import.meta.dirname)).toBe(false)
  expect(isInside(import.meta.dirname, join(import.meta.dirname, '..'))).toBe(false)
})

test('paths from a record that stay below the folder that they are joined to', () => {
  for (const path of ['a', 'a/b', '..x', 'a/..x', '.', 'a..'])
    expect({ path, is: isSafeRelativePath(path) }).toEqual({ path, is: true })
  for (const path of ['', '..', '../a', 'a/../b', 'a\\..\\b', '/a', 'a\0b'])
    expect({ path, is: isSafeRelativePath(path) }).toEqual({ path, is: false })
})
