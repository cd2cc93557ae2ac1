import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { meetingName } from '../../../src/command/ranks/launch.ts'
import { Announcement, readMeeting } from '../../../src/command/ranks/meeting.ts'
import { thisProcess } from '../../../src/util/process-identity.ts'
import { folderOf } from '../../support/folder.ts'
import type { Launch } from '../../../src/command/ranks/launch.ts'

const LAUNCH: Launch = {
  launcher: 'torchrun',
  group: 'a',
  rank: 0,
  localRank: 0,
  size: 2,
  node: 'n',
  parent: 'p',
}

test('a run is announced, takes ranks, and ends', async () => {
  const root = folderOf()
  expect(await readMeeting(root, LAUNCH)).toBeUndefined()
  const announcement = await Announcement.make(root, LAUNCH)
  const other = { ...LAUNCH, rank: 1, localRank: 1, parent: 'another shell' }
  expect(await readMeeting(root, other)).toMatchObject({
    process: thisProcess(),
    parent: 'p',
    socket: null,
    hasEnded: false,
  })
  await announcement.open('/tmp/socket')
  expect(await readMeeting(root, other)).toMatchObject({ socket: '/tmp/socket', hasEnded: false })
  await announcement.close()
  expect(await readMeeting(root, other)).toMatchObject({ socket: null, hasEnded: true })
  expect(await readMeeting(root, { ...other, group: 'b' })).toBeUndefined()
})

test.each([
  '',
  '{',
  'null',
  '[]',
  '{"schema":"lineaprint/launch/v2"}',
  '{"schema":"lineaprint/launch/v1","parent":1}',
])('a file with %j is none of ours', async (text) => {
  const root = folderOf()
  mkdirSync(join(root, 'launches'))
  writeFileSync(join(root, 'launches', meetingName(LAUNCH)), text)
  expect(await readMeeting(root, LAUNCH)).toBeUndefined()
})

test('what launches of processes that are gone have left is removed, and nothing else', async () => {
  const root = folderOf()
  await Announcement.make(root, LAUNCH)
  const folder = join(root, 'launches')
  const text = readFileSync(join(folder, meetingName(LAUNCH)), 'utf8')
  const gone = JSON.parse(text) as { process: { pid: number; startTime: number | null } }
  gone.process.startTime = 1
  gone.process.pid = 999_999_999
  const old = '0'.repeat(32)
  writeFileSync(join(folder, old), JSON.stringify(gone))
  writeFileSync(join(folder, 'notes'), 'mine')
  await Announcement.make(root, { ...LAUNCH, group: 'b' })
  const names = readdirSync(folder)
  expect(names).toContain(meetingName(LAUNCH))
  expect(names).toContain('notes')
  expect(names).not.toContain(old)
})
