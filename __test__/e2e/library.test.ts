/** The library, as a program of its own imports it. */
import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'

test('a new process tracks a run with everything switched on', { timeout: 60_000 }, () => {
  const root = folderOf()
  const program = `
    import { ExperimentTracker } from ${JSON.stringify(resolve('src/index.ts'))}
    const tracker = new ExperimentTracker({ experimentName: 'fresh' })
    await tracker.run((run) => run.logMetric('loss', 1, { step: 1 }))
    console.log(tracker.getExperimentSummary().status)`
  const args = ['--input-type=module-typescript', '--disable-warning=ExperimentalWarning', '-e', program]
  expect(execFileSync(process.execPath, args, { cwd: root, encoding: 'utf8' })).toBe('finished\n')
  expect(readdirSync(join(root, '.lineaprint/runs'))).toHaveLength(1)
})
