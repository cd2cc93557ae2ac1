import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pathMatcher } from '../../src/util/path-pattern.ts'
import { GIT_ENVIRONMENT, emptyRepository } from '../capture/fixture.ts'

const PATHS = [
  'a',
  'a.log',
  'deep/a.log',
  'deep/er/a.log',
  'logs/x',
  'deep/logs/x',
  'run-07/out',
  'run-7b/out',
  'emile.txt',
  'a[b].txt',
  'star*',
  'x/y/z',
]

const CASES = [
  ['*.log'],
  ['/a.log'],
  ['deep/a.log'],
  ['logs/'],
  ['a/'],
  ['run-[0-9][0-9]'],
  ['run-[!0]*/'],
  ['?mile.txt'],
  ['a\\[b\\].txt', 'star\\*'],
  ['**/a.log'],
  ['deep/**/a.log'],
  ['deep/**'],
  ['x/*/z'],
  ['x/*'],
  ['*.log', '!deep/a.log'],
  ['[a-c]*'],
]

test('patterns match what git ignores by them', () => {
  // Git answers for all of them at once: each has a folder, with a file of patterns of its own.
  const root = emptyRepository()
  const lists = CASES.map((patterns, index) => {
    mkdirSync(join(root, String(index)))
    writeFileSync(join(root, String(index), '.gitignore'), patterns.join('\n'))
    return PATHS.map((path) => `${index}/${path}`)
  })
  const ignored = execFileSync('git', ['check-ignore', '--no-index', '--stdin', '-z'], {
    cwd: root,
    env: GIT_ENVIRONMENT,
    input: lists.flat().join('\0'),
    encoding: 'utf8',
  }).split('\0')
  const expected = lists.map((list) => list.filter((path) => ignored.includes(path)))
  expect(expected.flat().length).toBeGreaterThan(CASES.length)
  for (const [index, patterns] of CASES.entries()) {
    const matched = PATHS.filter(pathMatcher(patterns)).map((path) => `${index}/${path}`)
    expect(matched, JSON.stringify(patterns)).toEqual(expected[index])
  }
})

test('many stars take no more than the product of both lengths', () => {
  expect(pathMatcher([`${'*a'.repeat(300)}*b`])('a'.repeat(20_000))).toBe(false)
  expect(pathMatcher([`${'**/'.repeat(300)}b`])('a/'.repeat(5_000))).toBe(false)
})
