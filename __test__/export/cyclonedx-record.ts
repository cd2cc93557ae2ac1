import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { finished } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import type { RunRecord } from '../../src/record/record.ts'

/** The record of a run that tracks one thing of every kind, with packages of Python. */
export async function makeRecord(): Promise<RunRecord> {
  const root = folderOf({
    'data.csv': 'a\n1\n',
    'model/model.safetensors': safetensors({ w: floats([1]) }),
    'model/vocab.txt': 'hello\n',
  })
  const { record } = await finished(
    root,
    { algorithm: 'both', enableSeedTracking: true },
    async (tracker) => {
      await tracker.trackDataset('data.csv', 'data')
      await tracker.trackDataset({ data: Float32Array.of(1), shape: [1] }, 'memory')
      await tracker.trackModel('model', 'net')
      await tracker.trackTokenizer('model', 'tok')
      writeFileSync(join(root, 'out.bin'), 'result')
      await tracker.trackOutput('out.bin', 'out "<&')
      await expect(tracker.trackDataset('absent', 'absent')).rejects.toThrow(/absent/)
      tracker.logMetric('loss', NaN)
    },
  )
  const python = {
    status: 'present',
    direct: {},
    lockFiles: {},
    packages: { numpy: ['2.4.6'], odd: ['1.0+local', '2.0', '2.0'], none: [], strange: ['x y'] },
  }
  const environment = {
    status: 'captured',
    digest: 'environment.v1.blake3:00',
    value: { python },
    warnings: [],
  } as const
  return { ...record, captures: { ...record.captures, environment } }
}
