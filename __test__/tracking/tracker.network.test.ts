import { Socket } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { folderOf } from '../support/folder.ts'

test('a whole run with its default options opens no connection', { timeout: 60_000 }, async () => {
  onTestFinished(() => void vi.restoreAllMocks())
  const connect = vi.spyOn(Socket.prototype, 'connect')
  const fetched = vi.spyOn(globalThis, 'fetch')
  const tracker = new ExperimentTracker({}, { directory: folderOf({ d: '1' }), environment: {} })
  await tracker.startExperiment()
  await tracker.trackDataset('d', 'd')
  tracker.logMetric('loss', 1)
  await tracker.finishExperiment()
  expect(connect).not.toHaveBeenCalled()
  expect(fetched).not.toHaveBeenCalled()
})
