/** The database of a team, in a PostgreSQL of its own, asked by the library and by the commands. */
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { postgresPrograms, startPostgres } from '../../../scripts/postgres.mjs'
import { checkRunId } from '../../../src/core/run-id.ts'
import { annotate } from '../../../src/store/annotations.ts'
import { readMetrics } from '../../../src/store/metrics/series.ts'
import { readRun } from '../../../src/store/runs.ts'
import { runFolder, storeIn } from '../../../src/store/store.ts'
import { listRuns } from '../../../src/database/runs.ts'
import { checkAddress } from '../../../src/database/team/address.ts'
import { connectTeam, withDatabase } from '../../../src/database/team/connect.ts'
import { RunDatabase } from '../../../src/database/team/database.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { finished } from '../../tracking/support.ts'
import type { Outcome } from '../../support/program.ts'

const isInstalled = postgresPrograms() !== undefined
let server: Awaited<ReturnType<typeof startPostgres>> | undefined
let admin: pg.Client

/** The server trusts everyone on loopback, so any password does. */
const PASSWORD = 'gey%2Fheim$&x'
const SECRETS = [PASSWORD, decodeURIComponent(PASSWORD)]

let databases = 0

/** Create an empty database, and return its address. */
async function newDatabase(): Promise<string> {
  const name = `team_${databases++}`
  await admin.query(`create database ${name}`)
  const { host, port, user } = server?.options ?? {}
  return `postgres://${user}:${PASSWORD}@${String(host)}:${port}/${name}`
}

async function withClient(address: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client(address)
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

async function storeOf(...losses: readonly number[]): Promise<string> {
  const root = folderOf()
  for (const [index, loss] of losses.entries())
    await finished(root, { experimentId: `run-${loss}`, experimentName: 'sweep', tags: ['t'] }, (tracker) => {
      for (let step = 0; step < 3; step++) tracker.logMetric('loss', loss * (3 - step), { step })
      tracker.logMetric('special', [NaN, -0, Infinity][index % 3] ?? 0)
    })
  return root
}

beforeAll(async () => {
  if (!isInstalled) return
  server = await startPostgres()
  admin = new pg.Client(server.options)
  await admin.connect()
}, 120_000)

afterAll(async () => {
  await admin?.end()
  await server?.stop()
}, 60_000)

const SLOW = { timeout: 240_000 }

test.skipIf(!isInstalled)('a database answers as the stores do that were added to it', SLOW, async () => {
  const roots = [await storeOf(1, 2), await storeOf(3)]
  const stores = roots.map((root) => storeIn(root))
  const database = RunDatabase.open(await newDatabase())
  for (const store of stores) await database.sync(store)
  const filter = { where: 'metrics.loss >= 1', sort: ['-metrics.loss'], columns: ['auto', 'tags'] }
  const { runs, total } = await database.list(filter)
  const local = await Promise.all(stores.map((store) => listRuns(store, filter)))
  const expected = local.flatMap((list) =>
    list.runs.map((run) => ({ ...run, folder: '', values: undefined })),
  )
  expect(total).toBe(3)
  expect(runs.map((run) => ({ ...run, values: undefined }))).toEqual(
    expected.toReversed().toSorted((a, b) => (a.id < b.id ? 1 : -1)),
  )
  expect(runs.map(({ values }) => values?.['metrics.loss'])).toEqual([3, 2, 1])
  const [first, second] = stores
  if (first === undefined || second === undefined) return
  const stored = await Promise.all(['run-1', 'run-2'].map((id) => readRun(join(first.runs, id))))
  expect(await database.metrics(['run-1', 'run-2'])).toEqual(await readMetrics(stored))
  const only = await database.metrics([await database.find('@latest')], { metric: ['l*'] })
  expect(only.series.map(({ run, name, values }) => [run, name, [...values]])).toEqual([
    ['run-3', 'loss', [9, 6, 3]],
  ])
  // What has not changed is not written again, and an annotation is a change.
  await new Promise((resolve) => setTimeout(resolve, 3200))
  await database.sync(first)
  expect(await database.sync(first)).toMatchObject({ written: 0, unchanged: 2 })
  await annotate(runFolder(first, checkRunId('run-1')), { addTags: ['best'] })
  expect(await database.sync(first)).toMatchObject({ written: 1, unchanged: 1 })
  expect((await database.list({ tags: ['best'] })).runs.map(({ id }) => id)).toEqual(['run-1'])
  // A run that is gone stays until somebody wants it removed, and only that store removes it.
  rmSync(join(first.runs, 'run-2'), { recursive: true })
  expect(await database.sync(first)).toMatchObject({ removed: 0 })
  expect(await database.sync(second, { prune: true })).toMatchObject({ removed: 0 })
  expect(await database.sync(first, { prune: true })).toMatchObject({ removed: 1 })
  expect((await database.list()).runs.map(({ id }) => id)).toEqual(['run-1', 'run-3'])
  await expect(database.find('run-2')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RUN' })
  expect((await database.metrics(['run-2'])).series).toEqual([])
  await database.close()
})

test.skipIf(!isInstalled)('the commands ask a database, and no output has its password', SLOW, async () => {
  const [root, address] = [await storeOf(1, 2), await newDatabase()]
  const [elsewhere, shown] = [folderOf(), address.replace(/\/\/.*@/, '//')]
  const seen: Outcome[] = []
  const call = async (words: readonly string[], env = {}, cwd = root): Promise<Outcome> => {
    const outcome = await lineaprint(words, { cwd, env })
    seen.push(outcome)
    return outcome
  }
  // Asked before anything was added.
  const early = await call(['list', '--database', address])
  expect([early.code, early.stdout]).toEqual([3, ''])
  expect(early.stderr).toContain('it has no runs')
  expect((await call(['sync', '--database', address])).stdout).toBe(`${shown}: 2 runs written, 0 unchanged\n`)
  const list = ['list', '--columns', 'id,metrics.loss', '--format', 'csv']
  const local = (await call(list)).stdout
  expect((await call([...list, '--database', address], {}, elsewhere)).stdout).toBe(local)
  expect((await call(list, { LINEAPRINT_DATABASE: address }, elsewhere)).stdout).toBe(local)
  const metrics = ['metrics', 'run-2', '--metric', 'loss']
  expect((await call([...metrics, '--database', address], {}, elsewhere)).stdout).toBe(
    (await call(metrics)).stdout,
  )
  expect((await call(['metrics', 'run-7', '--database', address])).code).toBe(3)
  expect((await call(['list', '--where', 'x', '--database', address])).code).toBe(2)
  const json = await call(['list', '--json', '--database', address])
  expect(JSON.parse(json.stdout)).toMatchObject({ runs: [{ id: 'run-1', path: null }, { id: 'run-2' }] })
  expect((await call(['sync'])).code).toBe(2)

  // What cannot be used is an error if it was asked for; a variable alone leaves the answer to the folders.
  const broken = async (at: string): Promise<void> => {
    const asked = await call([...list, '--database', at])
    expect([asked.code, asked.stdout]).toEqual([at.startsWith('postgres') ? 3 : 2, ''])
    const fallen = await call(list, { LINEAPRINT_DATABASE: at })
    expect([fallen.code, fallen.stdout]).toEqual([0, local])
    expect(fallen.stderr).toMatch(/warning: LINEAPRINT_DATABASE: .*the answer is that of the store/)
    expect((await call([...list, '--output-dir', root], { LINEAPRINT_DATABASE: at })).stderr).toBe('')
  }
  await broken(`postgres://u:${PASSWORD}@127.0.0.1:1/none`)
  await broken(`not an address ${PASSWORD}`)
  // Rows that no writer wrote, and tables of another form.
  await withClient(address, (client) => client.query("update lineaprint.detail set entry = '{}'"))
  await broken(address)
  expect((await call(['sync', '--all', '--database', address])).code).toBe(0)
  expect((await call([...list, '--database', address])).stdout).toBe(local)
  await withClient(address, (client) => client.query('update lineaprint.series set steps = steps || steps'))
  expect((await call([...metrics, '--database', address])).code).toBe(3)
  await withClient(address, (client) => client.query("update lineaprint.meta set value = 'other'"))
  await broken(address)
  expect((await call(['sync', '--database', address])).stderr).toContain('of another version')
  for (const { stdout, stderr } of seen)
    for (const secret of SECRETS) expect(stdout + stderr).not.toContain(secret)
})

test.skipIf(!isInstalled)('a server that cannot be used is an error without its password', SLOW, async () => {
  const address = await newDatabase()
  const refused = async (at: string, code: string): Promise<void> => {
    const asked = async (): Promise<unknown> => {
      const database = RunDatabase.open(at)
      try {
        return await database.list()
      } finally {
        await database.close()
      }
    }
    const error = await asked().then(String, (reason: unknown) => reason)
    expect(error).toMatchObject({ code })
    for (const secret of SECRETS) expect(String(error)).not.toContain(secret)
  }
  await refused(address.replace(/team_\d+/, 'absent'), 'ERR_LINEAPRINT_SERVICE')
  await refused(`mysql://u:${PASSWORD}@127.0.0.1/x`, 'ERR_LINEAPRINT_ARGUMENT')
  // Servers that take the connection and say nothing, that say something else, and that hang up.
  const greetings = [undefined, 'HTTP/1.1 200 OK\r\n\r\n', '']
  for (const greeting of greetings) {
    const foreign = createServer((socket) => {
      socket.on('error', () => undefined)
      if (greeting !== undefined) socket.end(greeting)
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => foreign.once('listening', resolve))
    const at = foreign.address()
    const port = typeof at === 'object' ? at?.port : 0
    await refused(`postgres://u:${PASSWORD}@127.0.0.1:${port}/x`, 'ERR_LINEAPRINT_SERVICE')
    foreign.close()
  }
})

test.skipIf(!isInstalled)('a connection that breaks within a transaction ends no process', SLOW, async () => {
  const address = checkAddress(await newDatabase())
  const connection = connectTeam(address)
  const broken = withDatabase(address, async () =>
    connection.transaction(async ({ database }) => {
      await sql`select pg_terminate_backend(pg_backend_pid())`.execute(database).catch(() => undefined)
      await sql`select 1`.execute(database)
    }),
  )
  await expect(broken).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_SERVICE' })
  // Nothing waits for an answer at this moment. An error that nobody takes would end the process of this test.
  const between = connection.transaction(async ({ database }) => {
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database)
    await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    await sleep(200)
    await sql`select 1`.execute(database)
  })
  await expect(withDatabase(address, async () => between)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_SERVICE',
  })
  expect((await sql`select 1`.execute(connection.database)).rows).toHaveLength(1)
  await connection.close()
})

test.skipIf(!isInstalled)('a damaged run is named, and the others are added', SLOW, async () => {
  const [root, address] = [await storeOf(1, 2), await newDatabase()]
  writeFileSync(join(root, '.lineaprint', 'runs', 'run-1', 'run.json'), '{')
  const database = RunDatabase.open(address)
  const report = await database.sync(storeIn(root))
  expect(report).toMatchObject({ written: 1, damaged: [{ id: 'run-1' }] })
  // A store of nothing else, and metrics whose names PostgreSQL cannot tell apart.
  const hostile = await storeOf(7)
  writeFileSync(join(hostile, '.lineaprint', 'runs', 'run-7', 'run.json'), '')
  expect(await database.sync(storeIn(hostile))).toMatchObject({ written: 0, damaged: [{ id: 'run-7' }] })
  const twins = folderOf()
  await finished(twins, { experimentId: 'twins' }, (tracker) =>
    tracker.logMetrics({ 'a\0': 1, 'a\ufffd': 2 }),
  )
  const { warnings } = await database.sync(storeIn(twins))
  expect(warnings).toEqual([expect.stringContaining('twins: some names of metrics are the same')])
  expect((await database.metrics(['twins'])).series.map(({ values }) => [...values])).toEqual([[1]])
  // Two writers at the same moment wait for one another.
  const other = RunDatabase.open(address)
  await Promise.all([database, other].map((each) => each.sync(storeIn(root), { all: true })))
  expect((await other.list()).runs.map(({ id }) => id)).toEqual(['run-2', 'twins'])
  await Promise.all([database.close(), other.close()])
})
