/** Declared steps. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashBytes } from '../../src/hash/bytes.ts'
import { checkSeal } from '../../src/record/seal.ts'
import { readRun } from '../../src/store/runs.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { folderOf } from '../support/folder.ts'
import { NO_CAPTURES } from './support.ts'
import type { RunRecord } from '../../src/record/record.ts'

const ARGUMENT = { code: 'ERR_LINEAPRINT_ARGUMENT' }

async function recordOf(
  work: (tracker: ExperimentTracker, root: string) => Promise<void>,
): Promise<RunRecord> {
  const root = folderOf({ 'step.py': 'print(1)\n' })
  const options = { experimentName: 'x', outputDir: root, ...NO_CAPTURES }
  const tracker = new ExperimentTracker(options, { directory: root, environment: {}, strict: true })
  await tracker.run(() => work(tracker, root))
  return (await readRun(tracker.runDirectory)).record
}

test('a step is recorded with its parameters and the digests of its code, below the seal', async () => {
  function half(value: number): number {
    return value / 2
  }
  const params = { rate: 0.5, when: NaN, token: 'hf_abcdefghijklmnopqrstuvwxyzabcdefgh' }
  const record = await recordOf(async (tracker, root) => {
    writeFileSync(join(root, 'raw'), 'raw')
    await tracker.trackDataset('raw', 'raw')
    const declared = tracker.derive('clean', { from: 'raw', step: 'halve', params, code: ['step.py', half] })
    // What is recorded is what was given.
    params.rate = 1
    await declared
    await tracker.derive('clean', { from: ['raw', 'raw'] })
    await tracker.derive('clean', { from: ['raw'] })
  })
  const source = (await hashBytes(Buffer.from(half.toString()))).digest.toString()
  expect(record.derivations).toEqual([
    {
      name: 'clean',
      from: ['raw'],
      step: 'halve',
      params: { rate: 0.5, when: { __float__: 'NaN' }, token: '<redacted>' },
      code: [
        {
          kind: 'file',
          path: expect.stringMatching(/step\.py$/) as string,
          bytes: 9,
          digest: (await hashBytes(Buffer.from('print(1)\n'))).digest.toString(),
        },
        { kind: 'source', name: 'half', bytes: Buffer.byteLength(half.toString()), digest: source },
      ],
    },
    { name: 'clean', from: ['raw'] },
  ])
  expect(checkSeal(record)).toBe('holds')
  expect(checkSeal({ ...record, derivations: [] })).toBe('broken')
})

test('a source that the run did not track is a warning; what an earlier step made is none', async () => {
  const record = await recordOf(async (tracker) => {
    await tracker.derive('b', { from: 'a' })
    await tracker.derive('c', { from: 'b' })
  })
  expect(record.warnings).toEqual(['"b" is declared to be made from "a", which the run did not track'])
})

test('a step from its own result is a warning, unless a dataset has the name, or an earlier step made it', async () => {
  const path = join(folderOf({ 'a.csv': 'v\n1\n' }), 'a.csv')
  const record = await recordOf(async (tracker) => {
    await tracker.trackOutput(path, 'same')
    await tracker.derive('same', { from: ['same'] })
    await tracker.trackDataset(path, 'both')
    await tracker.trackOutput(path, 'both')
    await tracker.derive('both', { from: ['both'] })
    await tracker.derive('twice', { from: ['both'] })
    await tracker.derive('twice', { from: ['twice'] })
    await tracker.derive('none', { from: ['none', 'gone'] })
  })
  expect(record.warnings).toEqual([
    '"same" is declared to be made from itself: no other item has this name',
    '"none" is declared to be made from itself: no other item has this name',
    '"none" is declared to be made from "gone", which the run did not track',
  ])
})

test('a step that cannot be recorded is an error that names the option', async () => {
  await recordOf(async (tracker) => {
    for (const [options, field] of [
      [{ from: [] }, 'from'],
      [{ from: [''] }, 'a name in from'],
      [{ from: 'a', step: '' }, 'step'],
      [{ from: 'a', params: { f: () => 1 } }, 'params.f'],
      [{ from: 'a', code: 3 }, 'code'],
      [{ from: 'a', parms: {} }, undefined],
    ] as const)
      await expect(tracker.derive('x', options as never)).rejects.toMatchObject({
        ...ARGUMENT,
        ...(field !== undefined && { field }),
      })
    await expect(tracker.derive('x', { from: 'a', code: 'gone.py' })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_NOT_FOUND',
    })
  })
})
