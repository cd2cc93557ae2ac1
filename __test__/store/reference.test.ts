import { expect, test } from 'vitest'
import { isRunId } from '../../src/core/run-id.ts'
import { resolveReference } from '../../src/store/reference.ts'
import { findRun } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import type { RunId } from '../../src/core/run-id.ts'
import type { Candidates } from '../../src/store/reference.ts'

/** Id, experiment, run name, tags. */
type Made = readonly [id: string, name: string, runName: string | null, ...tags: string[]]

const RUNS: readonly Made[] = [
  ['a-1', 'base', 'first'],
  ['a-2', 'other', null, 'best', 'many'],
  ['b-1', 'base', 'second', 'many'],
  ['b-2', 'base', 'twice'],
  ['c-1', 'other', 'twice'],
  ['c-2', 'first', null, 'base'],
  ['d', 'a', null],
  ['d-1', 'odd~2', null],
]

function idOf(text: string): RunId {
  if (isRunId(text)) return text
  throw new Error(`not an id: ${text}`)
}

function candidatesOf(made: readonly Made[]): Candidates {
  const runs = made.map(([id, name, runName, ...tags], index) => ({
    id: idOf(id),
    name,
    runName,
    tags,
    status: 'finished' as const,
    startedAt: new Date(index * 1000).toISOString(),
    finishedAt: null,
    durationMs: null,
    notes: '',
    parent: null,
    continues: null,
    folder: `/store/${id}`,
    argv: [],
    launch: null,
  }))
  return { runs, ids: runs.map(({ id }) => id) }
}

const ALL = candidatesOf(RUNS)

function found(reference: string): string {
  return resolveReference(reference, ALL, '/store')
}

test.each([
  ['@latest', 'd-1'],
  ['@latest~0', 'd-1'],
  ['@latest~1', 'd'],
  ['@latest~7', 'a-1'],
  ['@previous', 'd'],
  ['@previous~1', 'c-2'],
  ['second', 'b-1'],
  ['second~1', 'a-1'],
  ['best', 'a-2'],
  ['other', 'c-1'],
  ['other~1', 'a-2'],
  ['c-1~1', 'a-2'],
  ['b-2~2', 'a-1'],
  // An experiment whose name ends like a step back.
  ['odd~2', 'd-1'],
  ['odd~2~0', 'd-1'],
  // An id that others begin with, and an experiment with the name of a beginning that several ids have.
  ['d', 'd'],
  ['d~0', 'd'],
  ['a', 'd'],
])('%s is the run %s', (reference, id) => {
  expect(found(reference)).toBe(id)
})

test.each([
  ['first', ['a-1 (its run name)', 'c-2 (the newest of the experiment)']],
  ['base', ['b-2 (the newest of the experiment)', 'c-2 (its tag)']],
  ['base~1', ['b-2 (the newest of the experiment)', 'c-2 (its tag)']],
  ['twice', ['b-2', 'c-1']],
  ['twice~1', ['b-2', 'c-1']],
  ['many', ['a-2', 'b-1']],
  ['b-', ['b-1', 'b-2']],
])('%s fits several runs, which the error names', (reference, names) => {
  expect(() => found(reference)).toThrow(
    expect.objectContaining({
      code: 'ERR_LINEAPRINT_AMBIGUOUS',
      hint: `use one of ${names.join(', ')}`,
    }) as Error,
  )
})

test.each([
  '',
  'nothing',
  '@latest~8',
  '@previous~7',
  'second~2',
  '~1',
  '@',
  '@latest~',
  '@latest~-1',
  'nothing~1',
])('%j is no run', (reference) => {
  expect(() => found(reference)).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_RUN' }) as Error)
})

test.each([
  ['@latst', 'did you mean "@latest"? "lineaprint list" shows the runs'],
  ['secnd~3', 'did you mean "second"? "lineaprint list" shows the runs'],
  ['quite another', expect.stringMatching(/^use an id, /) as string],
])('%j is no run, and the hint names one that is near', (reference, hint) => {
  expect(() => found(reference)).toThrow(expect.objectContaining({ hint }) as Error)
})

test('a folder that cannot be read as a run is found by its beginning, and is not in the order', () => {
  const { runs } = ALL
  const ids = [...ALL.ids, idOf('zzz-damaged')]
  expect(resolveReference('zzz', { runs, ids }, '/store')).toBe('zzz-damaged')
  expect(resolveReference('@latest', { runs, ids }, '/store')).toBe('d-1')
})

test('a store of 100,000 runs', () => {
  const many = candidatesOf(
    Array.from({ length: 100_000 }, (_, index): Made => [
      `run-${index}`,
      'base',
      `name ${index}`,
      `tag ${index}`,
    ]),
  )
  expect(resolveReference('name 5~3', many, '/store')).toBe('run-2')
  expect(resolveReference('tag 99999', many, '/store')).toBe('run-99999')
  expect(resolveReference('base~99999', many, '/store')).toBe('run-0')
  expect(() => resolveReference('run-', many, '/store')).toThrow(/100000 runs begin with "run-"/)
})

test('a run keeps its name, which must not read as a reference', async () => {
  const root = folderOf()
  const { id, record } = await finished(root, { experimentName: 'base', runName: 'mine' })
  expect(record.runName).toBe('mine')
  expect((await finished(root, { experimentName: 'base' })).record).not.toHaveProperty('runName')
  expect((await findRun(storeIn(root), 'mine')).id).toBe(id)
  expect((await findRun(storeIn(root), 'base~1')).id).toBe(id)
  for (const runName of ['', '@mine', '-x', 'a~1', 'a~007', '__proto__'])
    await expect(finished(root, { runName }), runName).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_CONFIGURATION',
      field: 'runName',
    })
})

test('a secret in the name of a run is not recorded', async () => {
  const token = `ghp_${'a1B2c3D4e5'.repeat(4).slice(0, 36)}`
  const { record } = await finished(folderOf(), { runName: `with ${token}` })
  expect(JSON.stringify(record)).not.toContain(token)
  expect(record.runName).toMatch(/^with <redacted/)
  expect(record.configuration['runName']).toBe(record.runName)
})
