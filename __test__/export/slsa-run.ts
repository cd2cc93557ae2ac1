import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finished } from '../tracking/support.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { repositoryOf } from './repository.ts'
import type { AlgorithmChoice } from '../../src/core/digest.ts'
import type { StoredRun } from '../../src/store/runs.ts'

/** A run in a changed repository, with inputs and outputs of every kind. */
export async function makeRun(algorithm: AlgorithmChoice): Promise<StoredRun> {
  const root = repositoryOf({
    'data.csv': 'a\n1\n',
    'folder/x': 'x',
    'model/model.safetensors': safetensors({ w: floats([1]) }),
  })
  writeFileSync(join(root, 'data.csv'), 'a\n2\n')
  const options = { algorithm, enableGitTracking: true, experimentName: 'e', metadata: { lr: NaN } }
  return finished(root, options, async (tracker) => {
    await tracker.trackDataset('data.csv', 'data')
    await tracker.trackDataset('folder', 'folder')
    await tracker.trackModel('model', 'base')
    await tracker.setSeeds(42)
    writeFileSync(join(root, 'out.bin'), 'result')
    await tracker.trackOutput('out.bin', 'out')
    await tracker.trackOutput('folder', 'out folder')
  })
}
