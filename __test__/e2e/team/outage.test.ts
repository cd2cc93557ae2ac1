/** What a server of a team withstands: a database that is down, a kill at any moment, another version, a loss of the disk. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { postgresPrograms } from '../../../scripts/postgres.mjs'
import { RunDatabase } from '../../../src/database/team/database.ts'
import { TeamAdministration } from '../../../src/database/team/administration.ts'
import { TeamClient } from '../../../src/server/team/client.ts'
import { readRun } from '../../../src/store/runs.ts'
import { checkRunId } from '../../../src/core/run-id.ts'
import { contentDigests } from '../../../src/record/tracked.ts'
import { projectStore } from '../../../src/server/team/project.ts'
import { runFolder, storeIn } from '../../../src/store/store.ts'
import { pushRun } from '../../../src/transfer/push.ts'
import { folderOf } from '../../support/folder.ts'
import { PROGRAM, lineaprint } from '../../support/program.ts'
import { finished, started } from '../../tracking/support.ts'
import { isInstalled, startDatabases, startTeam, wayTo } from './support.ts'
import type { ChildProcess } from 'node:child_process'
import type { StoredRun } from '../../../src/store/runs.ts'
import type { Databases } from './support.ts'

/** Start the program on a port, and wait until it listens. */
async function startProgram(address: string, objects: string, port: number): Promise<[ChildProcess, number]> {
  const [node, main] = PROGRAM
  const child = spawn(
    node,
    [main, 'server', '--objects', objects, '--port', String(port), '--database', address, '--json'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  while (!text.includes('}')) {
    if (child.exitCode !== null) throw new Error(`the server ended: ${child.exitCode}`)
    await sleep(20)
  }
  return [child, (JSON.parse(text) as { port: number }).port]
}

async function pushAll(
  client: TeamClient,
  runs: readonly StoredRun[],
  signal: AbortSignal,
): Promise<string[]> {
  const states: string[] = []
  for (const run of runs) states.push((await pushRun(client, run, { signal })).state)
  return states
}

describe.skipIf(!isInstalled)('the server of a team', { timeout: 240_000 }, () => {
  let databases: Databases

  beforeAll(async () => {
    databases = await startDatabases()
  }, 120_000)

  afterAll(async () => {
    await databases?.stop()
  }, 60_000)

  test('while the database is down runs are taken, and the index and the audit log catch up', async () => {
    const way = await wayTo(await databases.create())
    const team = await startTeam(way.address)
    try {
      const [writer, admin] = [await team.client('writer'), await team.client('admin')]
      const before = await finished(folderOf(), { experimentId: 'before' })
      await pushRun(writer, before)
      expect((await admin.runs()).total).toBe(1)
      way.cut()
      const root = folderOf()
      const tracker = await started(root, { experimentId: 'meanwhile' })
      tracker.logMetric('loss', 1)
      await tracker.flush()
      const send = async (file: string): Promise<string> => {
        const bytes = new Uint8Array(readFileSync(join(tracker.runDirectory, file)))
        return (await writer.live('meanwhile', file, 0, bytes)).state
      }
      expect([await send('run.json'), await send('events.jsonl')]).toEqual(['appended', 'appended'])
      expect((await writer.run('meanwhile')).record.metrics['loss']).toMatchObject({ last: 1 })
      await tracker.finishExperiment()
      expect((await pushRun(writer, await readRun(tracker.runDirectory))).state).toBe('pushed')
      await expect(writer.runs()).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_SERVICE',
        message: expect.stringContaining('the database of the server does not answer') as string,
      })
      // One whose token was never checked is not let in.
      const stranger = await team.ask('/projects/vision/store', `lp_${'b'.repeat(43)}`)
      expect(stranger.status).toBe(503)
      expect(await stranger.text()).not.toContain('postgres')
      way.mend()
      await expect
        .poll(async () => (await admin.runs().catch(() => undefined))?.total, { timeout: 30_000 })
        .toBe(2)
      await pushRun(writer, await finished(folderOf(), { experimentId: 'after' }))
      const { entries } = await admin.audit()
      expect(entries.map(({ action, subject }) => `${action} ${subject}`).slice(0, 3)).toEqual([
        'run.push after',
        'run.push meanwhile',
        'run.start meanwhile',
      ])
      expect((await admin.runs({ where: "name = 'experiment'" })).matched).toBe(3)
    } finally {
      await team.stop()
      await way.close()
    }
  })

  test('a change that no audit log can tell is not made', async () => {
    const way = await wayTo(await databases.create())
    const team = await startTeam(way.address)
    try {
      const writer = await team.client('writer')
      await pushRun(writer, await finished(folderOf(), { experimentId: 'before' }))
      way.cut()
      const blocked = join(team.root, 'audit-pending.jsonl')
      mkdirSync(blocked)
      const runs = join(team.root, 'projects', 'vision', 'runs')
      const run = await finished(folderOf(), { experimentId: 'pushed' })
      await expect(pushRun(writer, run, { signal: AbortSignal.timeout(2000) })).rejects.toThrow(
        /does not keep|timeout/,
      )
      const tracker = await started(folderOf(), { experimentId: 'live' })
      const bytes = new Uint8Array(readFileSync(join(tracker.runDirectory, 'run.json')))
      await expect(writer.live('live', 'run.json', 0, bytes)).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_SERVICE',
      })
      expect(readdirSync(runs)).toEqual(['before'])
      rmSync(blocked, { recursive: true })
      expect((await pushRun(writer, run)).state).toBe('pushed')
      expect((await writer.live('live', 'run.json', 0, bytes)).state).toBe('appended')
      await tracker.finishExperiment()
    } finally {
      await team.stop()
      await way.close()
    }
  })

  test('a database that hangs, or is behind a silent network, is down: runs are taken, lists answer 503, and all recovers', async () => {
    const way = await wayTo(await databases.create())
    const team = await startTeam(way.address)
    const answerWithin = async (path: string, token: string): Promise<number> =>
      (await team.ask(path, token, { signal: AbortSignal.timeout(15_000) })).status
    try {
      const writer = await team.client('writer')
      const token = await team.token('reader')
      await pushRun(writer, await finished(folderOf(), { experimentId: 'before' }))
      const list = '/projects/vision/runs'
      expect(await answerWithin(list, token)).toBe(200)
      for (const [id, hang, wake] of [
        ['stopped', databases.hang, databases.wake],
        ['silent', way.silence, way.mend],
      ] as const) {
        const run = await finished(folderOf(), { experimentId: id })
        hang()
        try {
          const asked = Array.from({ length: 20 }, async () => answerWithin(list, token))
          expect((await pushRun(writer, run)).state).toBe('pushed')
          expect(new Set(await Promise.all(asked))).toEqual(new Set([503]))
          expect(await answerWithin('/projects/vision/contents?kind=models', token)).toBe(503)
          expect(await answerWithin(list, `lp_${'c'.repeat(43)}`)).toBe(503)
          expect((await writer.run(id)).seal).toBe('holds')
        } finally {
          wake()
        }
        const ids = async (): Promise<string[] | undefined> =>
          (await writer.runs().catch(() => undefined))?.runs.map((each) => each.id)
        await expect.poll(ids, { timeout: 30_000, interval: 250 }).toContain(id)
      }
      const admin = await team.client('admin')
      const pushes = (await admin.audit()).entries.filter(({ action }) => action === 'run.push')
      expect(pushes.map(({ subject }) => subject)).toEqual(['silent', 'stopped', 'before'])
      // A server ends, although its database hangs.
      databases.hang()
    } finally {
      await team.stop()
      databases.wake()
      await way.close()
    }
  })

  test('lists, contents and lineage agree: after a push, a removal, a restart, and a lost database', async () => {
    const objects = folderOf()
    let team = await startTeam(await databases.create(), { objects })
    const work = folderOf({ 'raw.txt': 'raw', 'other.txt': 'other' })
    const linked = async (id: string, reads: string, makes: string): Promise<StoredRun> =>
      finished(work, { experimentId: id }, async (tracker) => {
        await tracker.trackDataset(join(work, reads), 'data')
        writeFileSync(join(work, makes), `made by ${id}`)
        await tracker.trackOutput(join(work, makes), 'made')
      })
    const agree = async (expected: readonly string[]): Promise<void> => {
      const token = await team.token('reader')
      const json = async <T>(path: string): Promise<T> => {
        const response = await team.ask(`/projects/vision${path}`, token)
        expect([path, response.status]).toEqual([path, 200])
        return (await response.json()) as T
      }
      const { runs } = await json<{ runs: { id: string }[] }>('/runs')
      expect(runs.map(({ id }) => id).toSorted()).toEqual(expected)
      const { contents } = await json<{ contents: { digest: string }[] }>('/contents?kind=datasets')
      const uses = new Set<string>()
      for (const { digest } of contents) {
        const body = await json<Record<'made' | 'used', { runs: { run: string }[] }>>(
          `/contents/${encodeURIComponent(digest)}`,
        )
        for (const kind of ['made', 'used'] as const)
          for (const { run } of body[kind].runs) uses.add(`${run} ${kind} ${digest}`)
      }
      // What the records say, which were read one by one.
      const recorded = new Set<string>()
      for (const id of expected) {
        const { record } = await readRun(runFolder(projectStore(objects, 'vision'), checkRunId(id)))
        for (const [section, kind] of [
          ['datasets', 'used'],
          ['outputs', 'made'],
        ] as const)
          for (const [name, entry] of Object.entries(record[section]))
            for (const digest of entry.status === 'tracked' ? contentDigests(section, name, entry) : [])
              recorded.add(`${id} ${kind} ${digest}`)
      }
      expect(uses).toEqual(recorded)
      for (const id of expected) {
        const { nodes } = await json<{ nodes: { kind: string; run: string }[] }>(`/lineage?of=${id}`)
        expect(nodes.map(({ run }) => run)).toContain(id)
        expect(nodes.filter(({ run }) => !expected.includes(run))).toEqual([])
      }
      expect(readdirSync(join(objects, 'projects/vision')).filter((name) => name.includes('sqlite'))).toEqual(
        [],
      )
    }
    try {
      const writer = await team.client('writer')
      const runs = [
        await linked('first', 'raw.txt', 'middle.txt'),
        await linked('second', 'middle.txt', 'end.txt'),
        await linked('third', 'other.txt', 'aside.txt'),
      ]
      for (const [at, run] of runs.entries()) {
        await pushRun(writer, run)
        await agree(['first', 'second', 'third'].slice(0, at + 1))
      }
      await (await team.client('admin')).remove('first')
      await agree(['second', 'third'])
      const { address } = team
      await team.stop()
      team = await startTeam(address, { objects })
      await agree(['second', 'third'])
      await pushRun(await team.client('writer'), runs[0] as StoredRun)
      await agree(['first', 'second', 'third'])
      // The tables are removed under the server, and then the whole database is lost.
      const sql = new pg.Client(address)
      await sql.connect()
      await sql.query('drop schema lineaprint_vision cascade')
      await sql.end()
      const token = await team.token('reader')
      await expect
        .poll(async () => (await team.ask('/projects/vision/runs', token)).status, { timeout: 20_000 })
        .toBe(200)
      await agree(['first', 'second', 'third'])
      await team.stop()
      team = await startTeam(await databases.create(), { objects })
      await agree(['first', 'second', 'third'])
    } finally {
      await team.stop()
    }
  })

  test('a server that is killed during a push shows nothing half, and the push goes on', async () => {
    const address = await databases.create()
    const administration = TeamAdministration.open(address)
    const { token } = await administration.createToken({ project: 'vision', role: 'writer', name: 'ci' })
    await administration.close()
    const [root, objects] = [folderOf(), folderOf()]
    writeFileSync(join(root, 'model.bin'), Buffer.alloc(30_000_000, 'x'))
    const runs = []
    for (let index = 0; index < 3; index++)
      runs.push(
        await finished(
          root,
          { experimentId: `killed-${index}`, keep: { outputs: true } },
          async (tracker) => {
            for (let step = 0; step < 20_000; step++) tracker.logMetric('loss', step, { step })
            await tracker.trackOutput(join(root, 'model.bin'), 'model')
          },
        ),
      )
    let [server, port] = await startProgram(address, objects, 0)
    try {
      const client = new TeamClient({ url: `http://127.0.0.1:${port}`, token })
      const folder = join(objects, 'projects/vision/runs')
      let states: string[] = []
      // Each try goes on where the one before it was cut off.
      for (let kills = 0; states.length < runs.length; kills++) {
        const dead = new AbortController()
        const push = pushAll(client, runs, dead.signal).then(
          (all) => (states = all),
          () => undefined,
        )
        await Promise.race([push, sleep(60 + 130 * kills)])
        server.kill('SIGKILL')
        await once(server, 'close')
        dead.abort()
        await push
        ;[server] = await startProgram(address, objects, port)
        const names = existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith('.')) : []
        for (const id of names)
          expect(await client.run(id)).toMatchObject({ seal: 'holds', status: 'finished' })
      }
      for (const run of runs) {
        expect(await pushRun(client, run)).toMatchObject({ state: 'unchanged', sent: 0, missingObjects: [] })
        expect(await client.run(run.id)).toMatchObject({ seal: 'holds' })
      }
      expect((await client.runs()).total).toBe(3)
    } finally {
      server.kill('SIGKILL')
      await once(server, 'close')
    }
  })

  test('two servers never use one database', async () => {
    const address = await databases.create()
    const team = await startTeam(address)
    await expect(startTeam(address)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_SERVICE',
      message: expect.stringContaining('another server uses it') as string,
    })
    await team.stop()
    await (await startTeam(address)).stop()
  })

  test('a database that sync made goes on as it was, beside the tables of the server', async () => {
    const address = await databases.create()
    const root = folderOf()
    await finished(root, { experimentId: 'synced' }, (tracker) => tracker.logMetric('loss', 1))
    const synced = RunDatabase.open(address)
    await synced.sync(storeIn(root))
    const team = await startTeam(address)
    try {
      const client = await team.client('writer')
      await pushRun(client, await finished(folderOf(), { experimentId: 'pushed' }))
      expect((await client.runs()).runs.map(({ id }) => id)).toEqual(['pushed'])
      expect((await synced.list()).runs.map(({ id }) => id)).toEqual(['synced'])
      const { written, unchanged } = await synced.sync(storeIn(root))
      expect(written + unchanged).toBe(1)
    } finally {
      await team.stop()
      await synced.close()
    }
    const sql = new pg.Client(address)
    await sql.connect()
    try {
      // The steps are done once, and a later version is not touched.
      const { rows } = await sql.query('select version from lineaprint.migration order by version')
      expect(rows).toEqual([{ version: 1 }])
      await sql.query('insert into lineaprint.migration (version) values (1000)')
      await expect(startTeam(address)).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_SERVICE',
        message: expect.stringContaining('of a later version') as string,
      })
      await sql.query('delete from lineaprint.migration where version = 1000')
    } finally {
      await sql.end()
    }
  })

  test('an index of another form is made again, and a backup is whole', async () => {
    const address = await databases.create()
    const objects = folderOf()
    const team = await startTeam(address, { objects })
    const client = await team.client('admin')
    const reader = await team.token('reader')
    writeFileSync(join(objects, 'model.bin'), 'weights')
    await pushRun(
      client,
      await finished(folderOf(), { experimentId: 'kept', keep: { outputs: true } }, async (tracker) => {
        tracker.logMetric('loss', 1)
        await tracker.trackOutput(join(objects, 'model.bin'), 'model')
      }),
    )
    expect((await client.runs()).total).toBe(1)
    // A backup while the server runs: the database first, then runs, then objects.
    const programs = postgresPrograms() ?? ''
    const dump = spawnSync(join(programs, 'pg_dump'), ['--dbname', address], { encoding: 'utf8' })
    expect([dump.status, dump.stderr]).toEqual([0, ''])
    await pushRun(client, await finished(folderOf(), { experimentId: 'since' }))
    const archive = join(folderOf(), 'backup.tar')
    const tar = spawnSync('sh', ['-c', `tar -cf "${archive}" projects/*/runs projects/*/objects`], {
      cwd: objects,
      encoding: 'utf8',
    })
    expect([tar.status, tar.stderr]).toEqual([0, ''])
    await team.stop()

    const restored = await databases.create()
    const load = spawnSync(
      join(programs, 'psql'),
      ['--dbname', restored, '--quiet', '-v', 'ON_ERROR_STOP=1'],
      {
        encoding: 'utf8',
        input: dump.stdout,
      },
    )
    expect([load.status, load.stderr]).toEqual([0, ''])
    const sql = new pg.Client(restored)
    await sql.connect()
    await sql.query("update lineaprint_vision.meta set value = 'older' where key = 'form'")
    await sql.query('alter table lineaprint_vision.run drop column duration')
    await sql.end()
    const folder = folderOf()
    mkdirSync(folder, { recursive: true })
    expect(spawnSync('tar', ['-xf', archive], { cwd: folder }).status).toBe(0)
    const again = await startTeam(restored, { objects: folder })
    try {
      const back = new TeamClient({ url: again.url, token: reader })
      expect((await back.runs()).runs.map(({ id }) => id).toSorted()).toEqual(['kept', 'since'])
      expect(await back.run('kept')).toMatchObject({ seal: 'holds' })
      const store = folderOf()
      const env = { LINEAPRINT_TOKEN: reader, LINEAPRINT_SERVER: again.url }
      const pulled = await lineaprint(['pull', '--all', '--json'], { cwd: store, env })
      expect([pulled.code, pulled.stderr]).toEqual([0, ''])
      const got = await lineaprint(['get', 'kept', 'model', '--to', 'out'], { cwd: store })
      expect([got.code, readdirSync(join(store, 'out'))]).toEqual([0, ['model.bin']])
    } finally {
      await again.stop()
    }
  })
})
