/** `lineaprint log`: programs in any language report to their run. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { PROGRAM, lineaprint } from '../../support/program.ts'
import { FAST, onlyRun } from './support.ts'
import type { RunRecord } from '../../../src/record/record.ts'
import type { Outcome } from '../../support/program.ts'

const SLOW = { timeout: 120_000 }

/** Runs a shell script in which `log` is `lineaprint log`. */
async function script(text: string): Promise<Outcome & { record: RunRecord }> {
  const root = folderOf()
  const [node, main] = PROGRAM
  writeFileSync(join(root, 's.sh'), `log() { '${node}' '${main}' log "$@"; }\n${text}`)
  const outcome = await lineaprint(['run', '--', 'sh', 's.sh'], { cwd: root, env: FAST })
  return { ...outcome, record: onlyRun(root).record }
}

test('values, parameters, tags and a note of a shell script stand in the record', SLOW, async () => {
  const { code, stderr, record } = await script(`set -e
log metric loss 0.5 --step 1
log metric loss nan --step 2
log metric loss -inf --step 3
log metric low -3
log param rate 0.001
log param name resnet
log param password hunter2hunter2
log param id 007
log param big 12345678901234567890
log param flag true
log tag first second
log note 'a note'`)
  expect(code, stderr).toBe(0)
  expect(record.metrics).toMatchObject({
    loss: { count: 3, nanCount: 1, first: 0.5, last: { __float__: '-Infinity' }, lastStep: 3 },
    low: { last: -3, lastStep: null },
  })
  expect(record.metrics['loss']).not.toHaveProperty('process')
  const values = Object.entries(record.parameters ?? {}).map(([name, { value }]) => [name, value])
  expect(Object.fromEntries(values)).toEqual({
    rate: 0.001,
    name: 'resnet',
    password: '<redacted>',
    id: '007',
    big: '12345678901234567890',
    flag: true,
  })
  expect(record.tags).toEqual(['first', 'second'])
  expect(record.notes).toBe('a note')
  expect(record.warnings).toEqual([])
})

test('lines of JSON are values, and a wrong one costs nothing but itself', SLOW, async () => {
  const { stdout, stderr, record } = await script(`
seq 1 2000 | while read n; do echo "{\\"a\\":{\\"b\\":$n},\\"step\\":$n}"; done | log metric --stdin --json
printf '{"c":1}\\nno JSON\\n{"c":2}' | log metric --stdin --step 7
echo "code $?"`)
  expect(record.metrics['a.b']).toMatchObject({ count: 2000, last: 2000, lastStep: 2000 })
  expect(record.metrics['c']).toMatchObject({ count: 2, last: 2, lastStep: 7 })
  expect(JSON.parse(stdout.slice(0, stdout.lastIndexOf('}') + 1))).toMatchObject({ count: 2000, refused: 0 })
  expect(stdout).toContain('code 3')
  expect(stderr).toContain('line 2 of stdin was not logged')
})

test('ranks are told apart by the variables of their launcher', SLOW, async () => {
  const { record } = await script(`for rank in 1 0 2; do RANK=$rank log metric loss $rank; done`)
  expect(Object.keys(record.metrics)).toEqual(['loss', 'loss/rank 1', 'loss/rank 2'])
  expect(record.metrics['loss']).toMatchObject({ last: 0 })
  expect(record.processes?.map(({ rank }) => rank)).toEqual([1, 0, 2])
})

test.each([
  [['metric', 'loss', 'abc'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['metric', 'loss'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['metric', 'loss', '1', '--stpe', '3'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['metric', 'loss', '1', '--step', 'x'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['param', 'a'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['param', 'a', 'b', '--step', '3'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['tag'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['note', 'two', 'words'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  [['other', 'a'], 'ERR_LINEAPRINT_ARGUMENT', 2],
  // Outside of a run.
  [['metric', 'loss', '1'], 'ERR_LINEAPRINT_STATE', 3],
  [['metric', '--stdin'], 'ERR_LINEAPRINT_STATE', 3],
])('%j: %s', async (words, code, exitCode) => {
  const outcome = await lineaprint(['log', ...words, '--json'], { cwd: folderOf(), input: '{"a":1}\n' })
  expect(JSON.parse(outcome.stdout)).toMatchObject({ error: { code } })
  expect(outcome.code).toBe(exitCode)
})

test('a run that has ended takes nothing, and the error says so', SLOW, async () => {
  const env = { LINEAPRINT_RUN_ID: 'x', LINEAPRINT_BRIDGE: join(folderOf(), 'gone') }
  const ended = await lineaprint(['log', 'metric', 'loss', '1', '--json'], { env })
  expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'ERR_LINEAPRINT_STATE' } })
  expect(ended.stderr).toContain('the run has ended')
  const without = await lineaprint(['log', 'metric', 'loss', '1'], { env: { ...env, LINEAPRINT_BRIDGE: '' } })
  expect(without.stderr).toContain('this run takes no reports')
  expect([ended.code, without.code]).toEqual([3, 3])
})
