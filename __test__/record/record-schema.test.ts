import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { beforeAll, expect, test } from 'vitest'
import { runRecordSchema } from '../../src/record/record-schema.ts'
import { finished, started } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { ValidateFunction } from 'ajv/dist/2020.js'

type Json = Record<string, unknown>

const schema = JSON.parse(readFileSync('schema/run.schema.json', 'utf8')) as Json
let validate: ValidateFunction

beforeAll(() => {
  const ajv = new Ajv2020({ strict: true, allErrors: true, allowUnionTypes: true })
  addFormats.default(ajv)
  validate = ajv.compile(schema)
})

function complaints(value: unknown): unknown {
  return validate(value) ? [] : validate.errors
}

test('it is what the reader of records uses', () => {
  const command = [join('scripts', 'run-schema.mjs'), '--check']
  expect(execFileSync(process.execPath, command, { encoding: 'utf8' })).toBe('')
  expect(schema['$id']).toBe('urn:lineaprint:run:v1')
})

test('the package hands it out', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Json; files: string[] }
  expect(manifest.exports['./schema/run.json']).toBe('./schema/run.schema.json')
  expect(manifest.files).toContain('schema/run.schema.json')
  expect(createRequire(import.meta.url).resolve('lineaprint/schema/run.json')).toMatch(/run\.schema\.json$/)
})

test(
  'real records fit: running, finished and failed, with everything in them',
  { timeout: 60_000 },
  async () => {
    const root = folderOf({
      'data.csv': 'a\n1\n',
      'model/model.safetensors': safetensors({ w: floats([1]) }),
      'model/vocab.txt': 'hello\n',
    })
    const captures = { enableEnvironmentTracking: true, enableGitTracking: true, enableSeedTracking: true }
    const run = await finished(
      root,
      { ...captures, metadata: { lr: NaN, deep: { __proto: [1] } } },
      async (tracker) => {
        await tracker.trackDataset('data.csv', 'data')
        await tracker.trackModel('model', 'net')
        await tracker.trackTokenizer('model', 'tok')
        await tracker.trackOutput('data.csv', 'out')
        await expect(tracker.trackDataset('nothing', 'absent')).rejects.toThrow(/nothing/)
        for (const value of [1, NaN, -Infinity]) tracker.logMetric('constructor', value)
        tracker.fail(new Error('for the record'))
      },
    )
    expect(run.record.status).toBe('failed')
    expect(complaints(run.record)).toEqual([])
    const running = await started(root)
    expect(complaints(JSON.parse(readFileSync(join(running.runDirectory, 'run.json'), 'utf8')))).toEqual([])
    await running.finishExperiment()
  },
)

test('what the reader refuses does not fit, and what a later version adds does', async () => {
  const { record } = await finished(folderOf(), {}, (tracker) => tracker.logMetric('m', 1))
  const changed = (change: Json): Json => ({ ...(record as unknown as Json), ...change })
  for (const change of [
    { schema: 'lineaprint/run/v2' },
    { status: 'done' },
    { startedAt: 'yesterday' },
    { tags: 'a' },
    { metadata: [] },
    { metrics: { m: { count: -1 } } },
    { datasets: { d: { status: 'failed' } } },
    { datasets: JSON.parse('{"__proto__":{"status":"off"}}') as unknown },
    { files: [{ path: 'x' }] },
    { seal: 1 },
    { captures: { git: { status: 'captured', digest: 'd', value: {} } } },
  ]) {
    expect({ change, reader: runRecordSchema().safeParse(changed(change)).success }).toEqual({
      change,
      reader: false,
    })
    expect(validate(changed(change)), JSON.stringify(change)).toBe(false)
  }
  expect(complaints(changed({ later: true }))).toEqual([])
})
