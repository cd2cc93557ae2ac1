/** Runs that are read while they change. */
import { rmSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RunReader } from '../../src/server/run-reader.ts'
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { finished } from '../tracking/support.ts'

test('a run that is removed while it is read is gone, and not damaged', async () => {
  const root = folderOf()
  const { folder } = await finished(root, { experimentId: 'removed' })
  const reader = new RunReader(storeIn(root))
  // They wait for each other.
  const [first, ...others] = Array.from({ length: 20 }, async () => reader.run('removed'))
  await first
  rmSync(folder, { recursive: true })
  const results = await Promise.allSettled(others)
  const failures = results.flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  )
  expect(failures.length).toBeGreaterThan(10)
  for (const failure of failures) expect(failure).toMatchObject({ code: 'ERR_LINEAPRINT_RUN' })
})
