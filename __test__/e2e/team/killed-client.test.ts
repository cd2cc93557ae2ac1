/** Programs that are killed while their run is sent: what the server shows, and what `push` adds to it. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findRun } from '../../../src/database/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { COMMAND } from '../python-bridge/standalone.ts'
import { BRIDGE, PYTHON } from '../python-bridge/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { started } from '../../tracking/support.ts'
import { isInstalled, startDatabases, startTeam } from './support.ts'
import type { TeamClient } from '../../../src/server/team/client.ts'
import type { Databases, Team } from './support.ts'

/** Logs values until it is killed. */
const BODY = `
open("pid", "w").write(str(os.getpid()))
for step in range(1_000_000):
    lineaprint.log_metric("loss", step, step=step)
    print("step", step, flush=True)
    time.sleep(0.01)
`

let databases: Databases
let team: Team
let client: TeamClient
let token: string

beforeAll(async () => {
  if (!isInstalled) return
  databases = await startDatabases()
  team = await startTeam(await databases.create())
  token = await team.token('admin')
  client = await team.client('admin')
}, 120_000)

afterAll(async () => {
  await team?.stop()
  await databases?.stop()
})

function environment(): Record<string, string> {
  return {
    LINEAPRINT_TOKEN: token,
    LINEAPRINT_SERVER: team.url,
    LINEAPRINT_PYTHON: PYTHON,
    LINEAPRINT_COMMAND: COMMAND,
    LINEAPRINT_SERVER_TIMEOUT_MS: '10000',
  }
}

/** Wait until the server has values of the only run of a store. @returns Its id. */
async function sent(root: string): Promise<string> {
  const runs = join(root, '.lineaprint', 'runs')
  for (;;) {
    const id = existsSync(runs) ? readdirSync(runs).find((name) => !name.startsWith('.')) : undefined
    const journal = join(team.root, 'projects', 'vision', 'runs', id ?? '', 'events.jsonl')
    if (id !== undefined && existsSync(journal) && readFileSync(journal, 'utf8').includes('"metric"'))
      return id
    await sleep(50)
  }
}

/** Return the processes of a program and of what it started. */
function processesIn(root: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`PWD=${root}\0`)
      } catch {
        return false
      }
    })
}

/** Expect that processes have gone: none stays, not even as one that has ended and that nobody waited for. */
async function expectGone(pids: readonly string[]): Promise<void> {
  expect(pids.length).toBeGreaterThan(1)
  await expect.poll(() => pids.filter((pid) => existsSync(`/proc/${pid}`)), { timeout: 10_000 }).toEqual([])
}

const files = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .filter((name) => /^(?:run\.json|events\.jsonl|std\w+\.log)$/.test(name))
      .map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
  )

describe.runIf(isInstalled)('a run whose program is killed', { timeout: 120_000 }, () => {
  test('under lineaprint run is sealed as killed on both sides', async () => {
    const root = folderOf({ 'train.py': `import os, time, lineaprint\n${BODY}` })
    const program = lineaprint(['run', '--', PYTHON, 'train.py'], {
      cwd: root,
      env: { ...environment(), PWD: root },
    })
    const id = await sent(root)
    const pids = processesIn(root)
    process.kill(Number(readFileSync(join(root, 'pid'), 'utf8')), 'SIGKILL')
    const { code, stderr } = await program
    expect([code, stderr.includes('not fully sent')]).toEqual([137, false])
    const { status, folder } = await findRun(storeIn(root), id)
    expect(status).toBe('killed')
    expect(await client.run(id)).toMatchObject({ status, seal: 'holds' })
    expect(files(join(team.root, 'projects/vision/runs', id))).toEqual(files(folder))
    await expectGone(pids)
  })

  test('that starts its run itself is sealed as it is in the store', async () => {
    const root = folderOf({
      'train.py': `import os, time, lineaprint\nwith lineaprint.start_run():${BODY.replaceAll('\n', '\n    ')}`,
    })
    const env = { ...environment(), PWD: root, PYTHONPATH: BRIDGE }
    const program = lineaprint([], { under: [PYTHON, 'train.py'], cwd: root, env })
    const id = await sent(root)
    const pids = processesIn(root)
    process.kill(Number(readFileSync(join(root, 'pid'), 'utf8')), 'SIGKILL')
    await program
    await expect.poll(async () => (await client.run(id)).seal, { timeout: 30_000 }).toBe('holds')
    const { status, folder } = await findRun(storeIn(root), id)
    expect((await client.run(id)).status).toBe(status)
    expect(files(join(team.root, 'projects/vision/runs', id))).toEqual(files(folder))
    await expectGone(pids)
  })

  test('with its wrapper is lost on both sides, and push completes it', async () => {
    const root = folderOf({ 'train.py': `import os, time, lineaprint\n${BODY}` })
    let wrapper = 0
    const program = lineaprint(['run', '--', PYTHON, 'train.py'], {
      cwd: root,
      env: { ...environment(), PWD: root },
      started: ({ pid = 0 }) => (wrapper = pid),
    })
    const id = await sent(root)
    const pids = processesIn(root)
    for (const pid of pids)
      if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('lineaprint') || Number(pid) === wrapper)
        process.kill(Number(pid), 'SIGKILL')
    process.kill(Number(readFileSync(join(root, 'pid'), 'utf8')), 'SIGKILL')
    await program
    expect((await findRun(storeIn(root), id)).status).toBe('lost')
    const push = ['push', id, '--to', team.url, '--json']
    const { code, stdout, stderr } = await lineaprint(push, { cwd: root, env: environment() })
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('"state": "lost"')
    expect(await client.run(id)).toMatchObject({ status: 'lost', seal: 'none' })
    const { folder } = await findRun(storeIn(root), id)
    expect(files(join(team.root, 'projects/vision/runs', id))).toEqual(files(folder))
    await expectGone(pids)
  })

  test('on another machine is lost once that tells so, until it sends again', async () => {
    const tracker = await started(folderOf(), { experimentId: 'far' })
    const near = readFileSync(join(tracker.runDirectory, 'run.json'), 'utf8')
    const record = JSON.parse(near) as { process: { host: string } }
    record.process.host = 'far'
    await client.live('far', 'run.json', 0, new TextEncoder().encode(JSON.stringify(record)))
    const listed = async (): Promise<string | undefined> =>
      (await client.runs({ where: "id = 'far'" })).runs[0]?.status
    expect([(await client.run('far')).status, await listed()]).toEqual(['running', 'running'])
    await client.reportLost('far')
    expect([(await client.run('far')).status, await listed()]).toEqual(['lost', 'lost'])
    await tracker.flush()
    const journal = new Uint8Array(readFileSync(join(tracker.runDirectory, 'events.jsonl')))
    await client.live('far', 'events.jsonl', 0, journal)
    expect((await client.run('far')).status).toBe('running')
    await expect.poll(listed, { timeout: 5000 }).toBe('running')
    await tracker.finishExperiment()
    await expect(client.reportLost('absent')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
  })
})
