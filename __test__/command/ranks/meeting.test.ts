import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { meetingName } from '../../../src/command/ranks/launch.ts'
import { Announcement, readMeeting } from '../../../src/command/ranks/meeting.ts'
import { thisProcess } from '../../../src/util/process-identity.ts'
import { folderOf } from '../../support/folder.ts'
import { LAUNCH } from './launch-fixture.ts'

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
  writeFileSync(join(folder, old), JSON.stringify(gone), { mode: 0o600 })
  writeFileSync(join(folder, 'notes'), 'mine')
  await Announcement.make(root, { ...LAUNCH, group: 'b' })
  const names = readdirSync(folder)
  expect(names).toContain(meetingName(LAUNCH))
  expect(names).toContain('notes')
  expect(names).not.toContain(old)
})

/** A store whose announcement is that of a run which takes ranks. */
async function announced(): Promise<{ root: string; folder: string; path: string; text: string }> {
  const root = folderOf()
  chmodSync(root, 0o770)
  await (await Announcement.make(root, LAUNCH)).open('/tmp/socket')
  const folder = join(root, 'launches')
  const path = join(folder, meetingName(LAUNCH))
  return { root, folder, path, text: readFileSync(path, 'utf8') }
}

test.runIf(process.platform !== 'win32')(
  'an announcement that somebody else can write is not believed',
  async () => {
    const { root, path } = await announced()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(await readMeeting(root, LAUNCH)).toMatchObject({ socket: '/tmp/socket' })
    chmodSync(path, 0o660)
    expect(await readMeeting(root, LAUNCH)).toBeUndefined()
  },
)

test.runIf(process.platform !== 'win32')(
  'nothing else at the names of launches is read or waited for',
  async () => {
    const { root, folder, text } = await announced()
    writeFileSync(join(root, 'elsewhere'), text, { mode: 0o600 })
    const [link, fifo, long] = ['link', 'fifo', 'long'].map((group) => ({ ...LAUNCH, group }))
    if (link === undefined || fifo === undefined || long === undefined) throw new Error('no launches')
    symlinkSync(join(root, 'elsewhere'), join(folder, meetingName(link)))
    expect(spawnSync('mkfifo', [join(folder, meetingName(fifo))]).status).toBe(0)
    writeFileSync(join(folder, meetingName(long)), text + ' '.repeat(1 << 17), { mode: 0o600 })
    for (const launch of [link, fifo, long]) {
      expect(await readMeeting(root, launch)).toBeUndefined()
    }
  },
)

test.runIf(process.platform !== 'win32')(
  'what stands at the names of launches stops no other launch',
  async () => {
    const { root, folder } = await announced()
    const fifo = join(folder, 'f'.repeat(32))
    expect(spawnSync('mkfifo', [fifo]).status).toBe(0)
    const shared = join(folder, 'e'.repeat(32))
    writeFileSync(shared, 'of another user')
    chmodSync(shared, 0o666)
    const announcement = await Announcement.make(root, { ...LAUNCH, group: 'b' })
    await announcement.close()
    expect([fifo, shared].map((path) => existsSync(path))).toEqual([true, true])
  },
)
