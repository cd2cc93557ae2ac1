import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { VERIFY_LEVELS, VERIFY_RULES, judge } from '../../src/verify/level.ts'
import { item } from '../../src/compare/check-item.ts'
import type { VerifyLevel } from '../../src/verify/level.ts'

/** The table of `docs/verify.md`, as the rules say it. */
function tableOfRules(): string[][] {
  return VERIFY_RULES.map(({ section, description, levels }) => [
    section,
    description,
    ...VERIFY_LEVELS.map((level) => (levels.includes(level) ? 'yes' : '')),
  ])
}

test('the document says what the rules say', () => {
  const rows = readFileSync('docs/verify.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.split('|').length === 8)
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
  expect(rows.slice(2)).toEqual(tableOfRules())
})

const LEVELS: readonly VerifyLevel[] = VERIFY_LEVELS
const countsAt = (...args: Parameters<typeof item>): string[] =>
  LEVELS.filter((level) => judge(item(...args), level).counts)
const change = (field: string): { field: string; before: string; after: string } => ({
  field,
  before: 'a',
  after: 'b',
})

test('what counts where', () => {
  const ALL = ['data', 'code', 'default', 'strict']
  expect(countsAt('record', 'seal', 'changed', 'broken')).toEqual(ALL)
  expect(countsAt('files', 'stdout.log', 'missing')).toEqual(['default', 'strict'])
  expect(countsAt('command', 'argv', 'changed', '', [change('argv.1')])).toEqual([
    'code',
    'default',
    'strict',
  ])
  expect(countsAt('code', 'git', 'missing', 'it is gone')).toEqual(['code', 'default', 'strict'])
  expect(countsAt('code', 'git', 'changed', '', [change('changed.a.py')])).toEqual([
    'code',
    'default',
    'strict',
  ])
  expect(countsAt('code', 'git', 'changed', '', [change('untracked.a.py')])).toEqual([
    'code',
    'default',
    'strict',
  ])
  expect(countsAt('code', 'git', 'changed', '', [{ field: 'untracked.a.py', after: 'b' }])).toEqual([
    'strict',
  ])
  expect(countsAt('code', 'git', 'changed', '', [{ field: 'changed.a.py', after: 'b' }])).toEqual([
    'code',
    'default',
    'strict',
  ])
  for (const field of [
    'system.release',
    'system',
    'gpu.driver',
    'gpu',
    'machine.system.kernel',
    'lineaprint',
  ])
    expect(countsAt('environment', 'environment', 'changed', '', [change(field)]), field).toEqual(['strict'])
  for (const field of [
    'python.packages.numpy',
    'npm.lockFiles.x',
    'node.version',
    'variables.TZ',
    'systems',
    'python',
  ])
    expect(countsAt('environment', 'environment', 'changed', '', [change(field)]), field).toEqual([
      'default',
      'strict',
    ])
  expect(countsAt('datasets', 'd', 'changed', '', [change('digest')])).toEqual(['data', 'default', 'strict'])
  expect(countsAt('models', 'm', 'missing')).toEqual(['data', 'default', 'strict'])
  expect(countsAt('trackers', 'own', 'changed', '', [change('anything')])).toEqual(['default', 'strict'])
  for (const section of ['record', 'datasets', 'seeds', 'command'])
    expect(countsAt(section, 'x', 'not-checked', 'off')).toEqual(['strict'])
  expect(countsAt('record', 'seal', 'same')).toEqual([])
})

test('of an item with several differences each is judged by itself', () => {
  const found = item('environment', 'environment', 'changed', '', [
    change('system.cpu'),
    change('node.version'),
  ])
  expect(judge(found, 'default')).toMatchObject({
    counts: true,
    differences: [
      { field: 'system.cpu', counts: false },
      { field: 'node.version', counts: true },
    ],
  })
  expect(judge(found, 'data')).toMatchObject({
    counts: false,
    differences: [{ counts: false }, { counts: false }],
  })
})
