import { resolve, sep } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineaprintError } from '../../src/core/errors.ts'
import { checkRunPaths, objectName, parseObjectName } from '../../src/transfer/wire.ts'
import { rounds } from '../support/random.ts'

const HEX = 'ab'.repeat(32)

function refused(...paths: readonly string[]): boolean {
  try {
    checkRunPaths(paths.map((path) => ({ path, bytes: 0, blake3: HEX })))
    return false
  } catch (error) {
    if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_RECORD') return true
    throw error
  }
}

test('names of objects are written and read', () => {
  for (const name of [
    { algorithm: 'blake3', hex: HEX, isList: false },
    { algorithm: 'sha256', hex: HEX, isList: true },
  ] as const)
    expect(parseObjectName(objectName(name))).toEqual(name)
  for (const text of ['', HEX, `blake3:${HEX}.part`, `md5:${HEX}`, `blake3:${HEX}0`, `blake3:${HEX}\n`])
    expect(parseObjectName(text)).toBeUndefined()
})

test('paths of a run that are as usual are taken', () => {
  expect(
    refused('run.json', 'events.jsonl', 'git/diff.patch', '.hidden', 'a..b', 'ä/日本.txt', 'A', 'a'),
  ).toBe(false)
})

test('whatever a path is made of, one that is taken stays in the folder', () => {
  const root = resolve('/root/run')
  const part = fc.constantFrom('..', '.', '', 'a', 'b', '/', '/', '\\', '\0', '~', 'C:', ' ', '\u202e')
  let taken = 0
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const path = parts.join('')
      if (refused(path)) return
      taken++
      expect(resolve(root, path).startsWith(root + sep), JSON.stringify(path)).toBe(true)
      expect(path).not.toMatch(/\\|\0|\/\/|^\/|\/$/)
    }),
    { numRuns: rounds(5000) },
  )
  expect(taken).toBeGreaterThan(100)
})

test('a path is there once, and no file has the name of a folder', () => {
  expect(refused('a', 'a')).toBe(true)
  expect(refused('a/b', 'a')).toBe(true)
  expect(refused('a', 'a/b/c')).toBe(true)
})
