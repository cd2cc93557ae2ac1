/** What a program reported, in records of this version and in those of 0.1.0. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isProduct } from '../../../src/record/products.ts'
import { isEvent } from '../../../src/record/check-event.ts'
import { isReported, reporterOf } from '../../../src/record/reported-by.ts'
import { formatRecord, parseRecord, sealRecord } from '../../../src/record/seal.ts'
import { readRun } from '../../../src/store/runs.ts'
import { compareReported } from '../../../src/reproduce/verdicts/reported.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { finished } from '../../tracking/support.ts'
import type { RunRecord, TrackedRecord } from '../../../src/record/record.ts'

const BY = { language: 'python', program: 1, pid: 7 }

/** The record with its model as a program reported it. */
function reported(record: RunRecord, mark: object): RunRecord {
  const models = Object.entries(record.models).map(([name, entry]) => [name, { ...entry, ...mark }])
  return sealRecord({ ...record, models: Object.fromEntries(models) as RunRecord['models'] })
}

test.each([
  ['this version', (existed: object) => ({ reportedBy: { ...BY, ...existed } })],
  ['0.1.0', (existed: object) => ({ saidBy: { ...BY, ...existed } })],
] as const)('a record of %s: read, shown, and compared', { timeout: 60_000 }, async (_, mark) => {
  const root = folderOf({ 'net.safetensors': safetensors({ w: floats([1]) }) })
  const { folder, id } = await finished(root, {}, (tracker) => tracker.trackModel('net.safetensors', 'net'))
  const path = join(folder, 'run.json')
  const plain = parseRecord(readFileSync(path), path)
  expect(isReported(plain.models['net'] as TrackedRecord)).toBe(false)
  for (const existed of [{}, { existed: false }, { existed: true }]) {
    writeFileSync(path, formatRecord(reported(plain, mark(existed))))
    const run = await readRun(folder)
    const entry = run.record.models['net'] as TrackedRecord
    expect(reporterOf(entry)).toEqual({ ...BY, ...existed })
    expect(isReported(entry)).toBe(true)
    expect(isProduct(entry)).toBe(!('existed' in existed && existed.existed))
    expect(await compareReported(run, run)).toMatchObject([
      { section: 'models', name: 'net', verdict: 'same' },
    ])
  }
  const { stdout } = await lineaprint(['show', id], { cwd: root })
  expect(stdout).toContain('recorded by the program')
})

test('an event of 0.1.0 is read, and what is no reporter is refused', () => {
  const event = (mark: object): object => ({
    seq: 1,
    time: '2025-01-01T00:00:00.000Z',
    type: 'tracked',
    section: 'models',
    name: 'net',
    entry: { status: 'tracked', ...mark },
  })
  expect(isEvent(event({ saidBy: BY }))).toBe(true)
  expect(isEvent(event({ reportedBy: BY }))).toBe(true)
  for (const odd of [null, 'python', { ...BY, program: -1 }, { ...BY, existed: 'no' }])
    expect(isEvent(event({ reportedBy: odd })), JSON.stringify(odd)).toBe(false)
})
