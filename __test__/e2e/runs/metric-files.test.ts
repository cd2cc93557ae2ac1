/** `lineaprint run --metrics`: files in which the command writes metrics. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptyRepository, git } from '../../capture/fixture.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { FAST, onlyRun } from './support.ts'

const SLOW = { timeout: 120_000 }

const WRITE = `const fs = require('fs')
fs.writeFileSync('metrics.json', '{"val":{"acc":0.5},"step":9}')
fs.writeFileSync('log.csv', 'epoch,loss,phase\\n0,2,train\\n1,NaN,train\\n')
fs.writeFileSync('events.jsonl', '{"lr":0.1}\\n{"lr":0.2}\\n{"l')`

test('values of all formats are in the record, each with its file', SLOW, async () => {
  const root = folderOf()
  const names = ['metrics.json', 'log.csv', 'events.jsonl', 'none.json']
  const args = names.flatMap((name) => ['--metrics', name])
  const run = await lineaprint(['run', ...args, '--', process.execPath, '-e', WRITE], {
    cwd: root,
    env: FAST,
  })
  expect(run.code, run.stderr).toBe(0)
  const { record } = onlyRun(root)
  expect(record.status).toBe('finished')
  expect(record.metrics).toMatchObject({
    'val.acc': { last: 0.5, lastStep: 9, sources: ['metrics.json'] },
    loss: { count: 2, nanCount: 1, lastStep: 1, sources: ['log.csv'] },
    lr: { count: 2, last: 0.2, lastStep: 1, sources: ['events.jsonl'] },
  })
  expect(record.metrics).not.toHaveProperty('phase')
  expect(record.metricFiles).toMatchObject([
    { path: join(root, 'metrics.json'), source: 'metrics.json', status: 'read', format: 'json', values: 1 },
    { source: 'log.csv', status: 'read', format: 'csv', rows: 2, values: 2 },
    { source: 'events.jsonl', status: 'read', rows: 2 },
    { source: 'none.json', status: 'not-checked', reason: 'there is no such file' },
  ])
  expect(record.warnings).toMatchObject([
    expect.stringContaining('events.jsonl: 1 row could not be read'),
    expect.stringContaining('the metrics of none.json were not read'),
  ])
})

test('rows are in the journal while the command runs', SLOW, async () => {
  const root = folderOf()
  // It ends once its first row is in the journal.
  const program = `const fs = require('fs')
fs.writeFileSync('log.jsonl', '{"a":1}\\n')
const journal = process.env.LINEAPRINT_RUN_DIRECTORY + '/events.jsonl'
const timer = setInterval(() => {
  if (!fs.readFileSync(journal, 'utf8').includes('"type":"metric"')) return
  clearInterval(timer)
  fs.appendFileSync('log.jsonl', '{"a":2}\\n')
}, 50)`
  const args = ['run', '--metrics', 'log.jsonl', '--', process.execPath, '-e', program]
  const { code } = await lineaprint(args, { cwd: root, env: FAST })
  expect(code).toBe(0)
  expect(onlyRun(root).record.metrics).toMatchObject({ a: { count: 2, last: 2 } })
})

test('a file of another name is wrong usage, before the command starts', async () => {
  const root = folderOf()
  const args = [
    'run',
    '--json',
    '--metrics',
    'm.txt',
    '--',
    process.execPath,
    '-e',
    `require('fs').writeFileSync('x','')`,
  ]
  const { code, stdout } = await lineaprint(args, { cwd: root, env: FAST })
  expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'ERR_LINEAPRINT_ARGUMENT', field: 'metrics' } })
  expect(code).toBe(2)
  expect(existsSync(join(root, 'x'))).toBe(false)
})

test('reproduce reads the file of the new run, and compares its values', SLOW, async () => {
  const root = emptyRepository()
  git(root, 'commit', '-q', '--allow-empty', '-m', 'base')
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }
  const program = `require('fs').writeFileSync('m.json', '{"acc":0.75}')`
  const args = ['run', '--metrics', 'm.json', '--', process.execPath, '-e', program]
  const run = await lineaprint(args, { cwd: root, env })
  expect(run.code, run.stderr).toBe(0)
  expect(onlyRun(root).record.flags).toEqual([])
  const again = await lineaprint(['reproduce', '@latest', '--into', `${folderOf()}/tree`], { cwd: root, env })
  expect(again.stdout).toContain('same\tmetrics\tacc\t0.75')
  expect(again.code, again.stdout).toBe(0)
})

test('a configuration file names them too, and model files as outputs', SLOW, async () => {
  const root = emptyRepository()
  const program = `const fs = require('fs')
const head = Buffer.from('{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')
const size = Buffer.alloc(8)
size.writeUInt32LE(head.length)
fs.writeFileSync('m.safetensors', Buffer.concat([size, head, Buffer.alloc(4)]))
fs.writeFileSync('log.csv', 'loss\\n2\\n')
fs.writeFileSync('more.json', '{"acc":1,"big":1e999}')`
  writeFileSync(join(root, 'program.cjs'), program)
  writeFileSync(join(root, 'lineaprint.config.json'), '{"metricFiles":["log.csv"],"autoOutputs":true}')
  git(root, 'add', '-A')
  git(root, 'commit', '-qm', 'program')
  const args = ['run', '--metrics', 'more.json', '--', process.execPath, 'program.cjs']
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }
  const { code, stderr } = await lineaprint(args, { cwd: root, env })
  expect(code, stderr).toBe(0)
  const { record } = onlyRun(root)
  expect(record.metrics).toMatchObject({
    loss: { last: 2, sources: ['log.csv'] },
    acc: { last: 1, sources: ['more.json'] },
  })
  expect(record.metrics).not.toHaveProperty('big')
  expect(record.warnings).toContainEqual(
    'more.json: numbers of 1 row were left out; the first: "big" is too large for a double',
  )
  expect(record.outputs).toMatchObject({ 'm.safetensors': { status: 'tracked' } })
})

test('a file of another kind in the configuration is refused before the command starts', SLOW, async () => {
  const root = folderOf({ 'lineaprint.config.json': '{"metricFiles":["log.txt"]}' })
  const { code, stderr } = await lineaprint(['run', '--', process.execPath, '-e', '0'], {
    cwd: root,
    env: FAST,
  })
  expect(code).not.toBe(0)
  expect(stderr).toContain('a file with metrics has another name')
  expect(existsSync(join(root, '.lineaprint'))).toBe(false)
})
