/** Runs that are sent to a real server while they go on, from programs of both languages. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findRun } from '../../../src/database/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { standalone } from '../python-bridge/standalone.ts'
import { PYTHON } from '../python-bridge/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { started } from '../../tracking/support.ts'
import { isInstalled, startDatabases, startTeam } from './support.ts'
import type { StoredRun } from '../../../src/store/runs.ts'
import type { Databases, Team } from './support.ts'

/** Logs a value, waits for a file, and logs another. It prints the token, as a program may. */
const BODY = `
print(json.dumps("the token is " + os.environ["LINEAPRINT_TOKEN"]), flush=True)
lineaprint.log_metric("loss", 0.5, step=0)
open("started", "w").close()
while not os.path.exists("go-on"):
    time.sleep(0.02)
lineaprint.log_metric("loss", 0.25, step=1)
`

let databases: Databases
let team: Team
let token: string

beforeAll(async () => {
  if (!isInstalled) return
  databases = await startDatabases()
  team = await startTeam(await databases.create())
  token = await team.token('writer')
}, 120_000)

afterAll(async () => {
  await team?.stop()
  await databases?.stop()
})

function environment(): Record<string, string> {
  return { LINEAPRINT_TOKEN: token, LINEAPRINT_SERVER: team.url, LINEAPRINT_PYTHON: PYTHON }
}

interface RunOnServer {
  readonly status: string
  readonly seal: string
  readonly record: { readonly metrics: Readonly<Record<string, { readonly count: number }>> }
}

/** The only run of the project with a name, once it is as expected. */
async function onServer(name: string, isExpected: (run: RunOnServer) => boolean): Promise<RunOnServer> {
  for (;;) {
    const list = await team.ask(
      `/projects/vision/runs?where=${encodeURIComponent(`name = '${name}'`)}`,
      token,
    )
    const { runs } = (await list.json()) as { runs: { id: string }[] }
    const [first] = runs
    if (first !== undefined) {
      const response = await team.ask(`/projects/vision/runs/${first.id}`, token)
      const run = (await response.json()) as RunOnServer
      if (isExpected(run)) return run
    }
    await sleep(100)
  }
}

async function untilFile(path: string): Promise<void> {
  while (!existsSync(path)) await sleep(50)
}

/** Every file of a folder, by its name. */
function contentOf(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => {
        const path = join(entry.parentPath, entry.name)
        return [path.slice(folder.length), readFileSync(path, 'latin1')]
      }),
  )
}

function expectSame({ id, folder }: StoredRun): void {
  const there = contentOf(join(team.root, 'projects', 'vision', 'runs', id))
  const here = contentOf(folder)
  expect(there).toEqual(here)
  for (const [name, text] of Object.entries(here)) expect(text.includes(token), name).toBe(false)
}

const logged = ({ record }: RunOnServer): number => record.metrics['loss']?.count ?? 0

describe.runIf(isInstalled)(
  'a run shows on the server while it goes on, and is there sealed at its end',
  () => {
    test('of lineaprint run, whose Python program logs values', { timeout: 120_000 }, async () => {
      const root = folderOf({ 'train.py': `import json, os, time, lineaprint\n${BODY}` })
      const program = lineaprint(['run', '--name', 'wrapped', '--', PYTHON, 'train.py'], {
        cwd: root,
        env: environment(),
      })
      await untilFile(join(root, 'started'))
      const running = await onServer('wrapped', (run) => logged(run) === 1)
      expect(running).toMatchObject({ status: 'running', seal: 'none' })
      writeFileSync(join(root, 'go-on'), '')
      const { code, stderr } = await program
      expect(code, stderr).toBe(0)
      expect(stderr).not.toContain('warning: the run was not fully sent')
      expect(await onServer('wrapped', (run) => logged(run) === 2)).toMatchObject({
        status: 'finished',
        seal: 'holds',
      })
      expectSame(await findRun(storeIn(root), '@latest'))
    })

    test('of a Python program that starts its run itself', { timeout: 120_000 }, async () => {
      const root = folderOf()
      const source = `import time, lineaprint\nwith lineaprint.start_run(name="alone"):${BODY.replaceAll('\n', '\n    ')}`
      const program = standalone(source, { root, env: environment() })
      await untilFile(join(root, 'started'))
      expect(await onServer('alone', (run) => logged(run) === 1)).toMatchObject({ status: 'running' })
      writeFileSync(join(root, 'go-on'), '')
      const { code, stderr } = await program
      expect(code, stderr).toBe(0)
      expect(await onServer('alone', (run) => logged(run) === 2)).toMatchObject({
        status: 'finished',
        seal: 'holds',
      })
      expectSame(await findRun(storeIn(root), '@latest'))
    })

    test('of the tracker in TypeScript, with what it kept', { timeout: 120_000 }, async () => {
      const root = folderOf({ 'model.bin': 'weights' })
      const tracker = await started(
        root,
        { experimentName: 'typed', server: team.url, keep: { outputs: true } },
        { environment: environment() },
      )
      tracker.logMetric('loss', 0.5, { step: 0 })
      expect(await onServer('typed', (run) => logged(run) === 1)).toMatchObject({ status: 'running' })
      await tracker.trackOutput(join(root, 'model.bin'), 'model')
      expect((await tracker.finishExperiment()).warnings).toEqual([])
      expectSame(await findRun(storeIn(root), '@latest'))
      const { stdout } = await lineaprint(['pull', tracker.id, '--from', team.url, '--json'], {
        cwd: folderOf(),
        env: environment(),
      })
      expect(stdout).toContain(tracker.id)
    })
  },
)

test.runIf(isInstalled)(
  'a run that a server did not get names the command that sends it, and that command does',
  { timeout: 120_000 },
  async () => {
    const root = folderOf()
    const env = {
      ...environment(),
      LINEAPRINT_SERVER_TIMEOUT_MS: '2000',
      LINEAPRINT_SERVER: 'http://127.0.0.1:9',
    }
    const args = ['run', '--name', 'late', '--', process.execPath, '-e', '1']
    const { code, stderr } = await lineaprint(args, { cwd: root, env })
    expect(code).toBe(0)
    const [, command = ''] = /; to complete it: lineaprint (push \S+ --to \S+)/.exec(stderr) ?? []
    const push = command.replace('http://127.0.0.1:9', team.url).split(' ')
    expect(await lineaprint(push, { cwd: root, env })).toMatchObject({ code: 0 })
    expect(await onServer('late', () => true)).toMatchObject({ status: 'finished', seal: 'holds' })
    expectSame(await findRun(storeIn(root), '@latest'))
  },
)
