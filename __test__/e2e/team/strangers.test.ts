/** What strangers try with requests made by hand: every address by every role, paths, bodies, and connections. */
import { randomBytes } from 'node:crypto'
import { readdirSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { connect } from 'node:net'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { includesRole } from '../../../src/database/team/tokens.ts'
import { TeamAdministration } from '../../../src/database/team/administration.ts'
import { formatRecord, sealRecord } from '../../../src/record/seal.ts'
import { projectRoutes } from '../../../src/server/team/routes.ts'
import { readRun } from '../../../src/store/read.ts'
import { pushRun } from '../../../src/transfer/push.ts'
import { folderOf } from '../../support/folder.ts'
import { finished } from '../../tracking/support.ts'
import { isInstalled, startDatabases, startTeam } from './support.ts'
import type { Socket } from 'node:net'
import type { Databases, Team } from './support.ts'

const P = '/projects/vision'
const HEX = 'a'.repeat(64)

describe.skipIf(!isInstalled)('a server among strangers', { timeout: 120_000 }, () => {
  let databases: Databases
  let team: Team

  beforeAll(async () => {
    databases = await startDatabases()
    // Each request of a stranger comes from another address: who guesses too much is refused in another way.
    team = await startTeam(await databases.create(), { trustedProxies: ['127.0.0.1'] })
  }, 120_000)

  afterAll(async () => {
    await team?.stop()
    await databases?.stop()
  }, 60_000)

  const filesThere = (): string[] =>
    readdirSync(team.root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))

  /** Send a path as it is, which `fetch` would tidy up. */
  const statusOf = async (path: string, token: string, method = 'GET'): Promise<number> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(team.url)
      const asked = httpRequest(
        { hostname, port, path, method, headers: { Authorization: `Bearer ${token}` } },
        (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        },
      )
      asked.once('error', reject)
      asked.end()
    })

  test('every address refuses whoever may not use it, before anything is read or changed', async () => {
    const administration = TeamAdministration.open(team.address)
    const revoked = await administration.createToken({ project: 'vision', role: 'admin', name: 'revoked' })
    await administration.revokeToken({ project: 'vision', name: 'revoked' })
    await administration.close()
    const roles = ['reader', 'writer', 'admin'] as const
    const tokens = await Promise.all(roles.map(async (role) => team.token(role)))
    const strangers = [undefined, '', 'x', `lp_${'a'.repeat(43)}`, `lp_${'a'.repeat(5000)}`, revoked.token]
    const foreign = await team.token('admin', 'speech')
    const before = filesThere()
    let count = 0
    const statuses: [string, string, unknown, unknown][] = []
    for (const { method, path, role, isOpen } of projectRoutes()) {
      const concrete = path
        .replace('{id}', 'absent')
        .replace('{digest}', path.startsWith('/blobs') ? HEX : `sha256:${HEX}`)
        .replace('{name}', `blake3:${HEX}`)
        .replace('{download}', HEX)
      const ask = async (token: string | undefined): Promise<number> =>
        (
          await team.ask(P + concrete, token, {
            method: method.toUpperCase(),
            headers: { 'X-Forwarded-For': `192.0.2.${count++ % 250}` },
          })
        ).status
      const name = `${method} ${path}`
      if (isOpen) {
        statuses.push([name, 'no token', await ask(undefined), 404])
        continue
      }
      for (const token of strangers) statuses.push([name, `the token ${token}`, await ask(token), 401])
      statuses.push([name, 'another project', await ask(foreign), 403])
      for (const [at, own] of roles.entries()) {
        const status = await ask(tokens[at])
        const isRefused = [401, 403, 500, 503].includes(status)
        statuses.push([name, own, isRefused ? status : 'allowed', includesRole(own, role) ? 'allowed' : 403])
      }
    }
    expect(statuses.filter(([, , status, wanted]) => status !== wanted)).toEqual([])
    expect(statuses.length).toBeGreaterThan(200)
    expect(filesThere()).toEqual(before)
    expect(team.problems).toEqual([])
  })

  test('no form of a path leads anywhere, and none is a fault of the server', async () => {
    const token = await team.token('admin')
    await pushRun(await team.client('writer'), await finished(folderOf(), { experimentId: 'there' }))
    const before = filesThere()
    const ids = [
      '..',
      '%2e%2e',
      '%2E%2E%2F%2E%2E',
      '..%5c..',
      '%252e%252e',
      'there%00',
      '%00',
      '%ff%fe',
      '%',
      '%zz',
      'there%2f..%2fthere',
      'a'.repeat(8000),
      '%2e'.repeat(2000),
      '-',
      '.annotated',
      'there%0d%0aX-Injected:1',
    ]
    for (const id of ids)
      for (const [method, path] of [
        ['GET', `/runs/${id}`],
        ['GET', `/runs/${id}/files`],
        ['GET', `/runs/${id}/log?name=${id}`],
        ['GET', `/runs/there/file?path=${id}`],
        ['GET', `/contents/${id}`],
        ['GET', `/lineage?of=${id}`],
        ['GET', `/objects/${id}`],
        ['GET', `/downloads/${id}`],
        ['PUT', `/runs/${id}/live?file=events.jsonl`],
        ['PUT', `/blobs/${id}`],
        ['DELETE', `/runs/${id}`],
      ] as const) {
        const status = await statusOf(`/api/v1${P}${path}`, token, method)
        expect(status >= 400 && status < 500, `${method} ${path.slice(0, 80)}: ${status}`).toBe(true)
      }
    for (const path of ['/..%2f..%2fetc%2fpasswd', '/assets/..%2f..%2fpackage.json', '/%00'])
      expect([path, await statusOf(path, token)]).toEqual([path, 404])
    expect(await statusOf(`/api/v1${P}/runs?where=${'('.repeat(10_000)}`, token)).toBe(400)
    expect(await statusOf(`/api/v1${P}/runs?where=${'x'.repeat(20_000)}`, token)).toBe(431)
    expect(filesThere()).toEqual(before)
    expect(team.problems).toEqual([])
  })

  test('packed, deep and endless bodies are refused, and answers about them are short', async () => {
    const token = await team.token('writer')
    const before = filesThere()
    const json = { 'Content-Type': 'application/json' }
    const packed = gzipSync(Buffer.alloc(100 << 20))
    const commit = `${P}/runs/body/commit`
    const refused = async (path: string, request: RequestInit): Promise<[number, number]> => {
      const response = await team.ask(path, token, request)
      return [response.status, (await response.text()).length]
    }
    const long = 'p'.repeat(10 << 20)
    for (const [path, request, wanted] of [
      // Nothing is unpacked: the bytes are what they are.
      [
        commit,
        { method: 'POST', headers: { ...json, 'Content-Encoding': 'gzip' }, body: new Uint8Array(packed) },
        400,
      ],
      [
        `${P}/blobs/${HEX}`,
        { method: 'PUT', headers: { 'Content-Encoding': 'gzip' }, body: new Uint8Array(packed) },
        422,
      ],
      [commit, { method: 'POST', headers: json, body: '['.repeat(5_000_000) }, 400],
      [commit, { method: 'POST', headers: json, body: '{"files":'.repeat(10_000) }, 400],
      [
        commit,
        {
          method: 'POST',
          headers: json,
          body: JSON.stringify({ files: [{ path: long, bytes: 1, blake3: HEX }] }),
        },
        422,
      ],
      [
        commit,
        {
          method: 'POST',
          headers: json,
          body: JSON.stringify({ files: [{ path: 'annotations/evil', bytes: 1, blake3: HEX }] }),
        },
        422,
      ],
      [
        commit,
        {
          method: 'POST',
          headers: json,
          body: JSON.stringify({ files: [{ path: 'run.json', bytes: -1, blake3: long }] }),
        },
        400,
      ],
    ] as const) {
      const [status, length] = await refused(path, request)
      expect([path, status]).toEqual([path, wanted])
      expect(length).toBeLessThan(2000)
    }
    expect(filesThere()).toEqual(before)
    expect(team.problems).toEqual([])
  })

  test('a run with names of any length and content is listed, and so are the others', async () => {
    const client = await team.client('writer')
    // No database can make it shorter.
    const long = randomBytes(300_000).toString('base64')
    const run = await finished(folderOf({ data: 'x' }), { experimentId: 'long-names' }, async (tracker) => {
      tracker.logMetric('loss', 1)
      await tracker.trackDataset(join(tracker.runDirectory, '../../../data'), 'data')
    })
    const { record } = run
    const summary = record.metrics['loss']
    const dataset = record.datasets['data']
    if (summary === undefined || dataset === undefined) throw new Error('the run has no values')
    const forged = sealRecord({
      ...record,
      name: long,
      runName: long,
      tags: [long],
      parent: long,
      metrics: { [long]: summary, [`${long}2`]: summary },
      parameters: { [long]: { value: long, sources: ['program'] } },
      datasets: { [long]: dataset },
    })
    writeFileSync(join(run.folder, 'run.json'), formatRecord(forged))
    await pushRun(client, await readRun(run.folder))
    await pushRun(client, await finished(folderOf(), { experimentId: 'short-names' }))
    const { runs } = await client.runs()
    expect(runs.map(({ id }) => id)).toEqual(expect.arrayContaining(['long-names', 'short-names']))
    expect(team.problems).toEqual([])
  })

  test('a thousand connections that send nothing, or a byte now and then, keep nobody out', async () => {
    const { hostname, port } = new URL(team.url)
    const sockets: Socket[] = []
    try {
      for (let count = 0; count < 1000; count++) {
        const socket = connect(Number(port), hostname)
        socket.on('error', () => undefined)
        sockets.push(socket)
      }
      await Promise.all(sockets.map(async (socket) => once(socket, 'connect')))
      for (const [at, socket] of sockets.entries()) if (at % 2 === 0) socket.write('GET / HT')
      const token = await team.token('reader')
      expect((await team.ask(`${P}/runs`, token)).status).toBe(200)
      await pushRun(await team.client('writer'), await finished(folderOf(), { experimentId: 'crowded' }))
      expect(team.problems).toEqual([])
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
})
