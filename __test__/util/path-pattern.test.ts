import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { pathMatcher } from '../../src/util/path-pattern.ts'
import { emptyRepository } from '../capture/fixture.ts'

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

test.each([
  [['*.log']],
  [['/a.log']],
  [['deep/a.log']],
  [['logs/']],
  [['a/']],
  [['run-[0-9][0-9]']],
  [['run-[!0]*/']],
  [['?mile.txt']],
  [['a\\[b\\].txt', 'star\\*']],
  [['**/a.log']],
  [['deep/**/a.log']],
  [['deep/**']],
  [['x/*/z']],
  [['x/*']],
  [['*.log', '!deep/a.log']],
  [['[a-c]*']],
])('%j matches what git ignores by it', (patterns) => {
  const root = emptyRepository()
  writeFileSync(join(root, '.gitignore'), patterns.join('\n'))
  const ignored = PATHS.filter((path) => isIgnoredByGit(root, path))
  expect(PATHS.filter(pathMatcher(patterns))).toEqual(ignored)
})

function isIgnoredByGit(root: string, path: string): boolean {
  try {
    execFileSync('git', ['-c', 'core.quotePath=false', 'check-ignore', '-q', '--no-index', path], {
      cwd: root,
    })
    return true
  } catch {
    return false
  }
}

test('many stars take no more than the product of both lengths', () => {
  expect(pathMatcher([`${'*a'.repeat(300)}*b`])('a'.repeat(20_000))).toBe(false)
  expect(pathMatcher([`${'**/'.repeat(300)}b`])('a/'.repeat(5_000))).toBe(false)
})
