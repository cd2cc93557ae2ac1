import { expect, test } from 'vitest'
import { LaunchedRun } from '../../../src/command/ranks/launched-run.ts'
import { readMeeting } from '../../../src/command/ranks/meeting.ts'
import { storeIn } from '../../../src/store/store.ts'
import { MetricFiles } from '../../../src/tracking/metric-files/metric-files.ts'
import { folderOf } from '../../support/folder.ts'
import { startedRecorder } from '../../tracking/support.ts'
import { LAUNCH } from './launch-fixture.ts'

test('the announcement follows the run', async () => {
  const root = folderOf()
  const recorder = await startedRecorder(root)
  const meeting = (): ReturnType<typeof readMeeting> => readMeeting(storeIn(root).root, LAUNCH)
  const run = await LaunchedRun.announce(LAUNCH, recorder, new MetricFiles(recorder))
  expect(await meeting()).toMatchObject({ socket: null, hasEnded: false })
  await run.open({ LINEAPRINT_BRIDGE: '/x/bridge', LINEAPRINT_SCRATCH: '/x' })
  expect(await meeting()).toMatchObject({ socket: '/x/bridge', hasEnded: false })
  await run.settle(undefined, new AbortController().signal)
  expect(await meeting()).toMatchObject({ hasEnded: true })
  expect((await recorder.finish('failed')).warnings).toEqual([])
})

test('a run that no program can reach keeps nobody waiting', async () => {
  const root = folderOf()
  const recorder = await startedRecorder(root)
  const run = await LaunchedRun.announce(LAUNCH, recorder, new MetricFiles(recorder))
  await run.open({ LINEAPRINT_BRIDGE: '' })
  expect(await readMeeting(storeIn(root).root, LAUNCH)).toMatchObject({ hasEnded: true })
  await recorder.finish()
})
