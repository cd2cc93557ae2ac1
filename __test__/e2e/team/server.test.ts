/** The server of a team with a real PostgreSQL: what it takes, what it refuses, and what strangers cannot do. */
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import Ajv2020 from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toDigests } from '../../../src/core/digest.ts'
import { native } from '../../../src/native/load.ts'
import { formatRecord, sealRecord } from '../../../src/record/seal.ts'
import { annotate } from '../../../src/store/annotations.ts'
import { readOverview } from '../../../src/store/metrics/overview-reader.ts'
import { readMetrics } from '../../../src/store/metrics/series.ts'
import { readRun } from '../../../src/store/runs.ts'
import { runFolder, storeIn } from '../../../src/store/store.ts'
import { checkRunId } from '../../../src/core/run-id.ts'
import { projectRoutes } from '../../../src/server/team/routes.ts'
import { isPassing } from '../../../src/transfer/answer.ts'
import { pullRun } from '../../../src/transfer/pull.ts'
import { pushRun } from '../../../src/transfer/push.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { finished, started } from '../../tracking/support.ts'
import { isInstalled, startDatabases, startTeam } from './support.ts'
import type { StoredRun } from '../../../src/store/runs.ts'
import type { Databases, Team } from './support.ts'

const HOSTILE = '<img src=x onerror=alert(1)>\u001b[31m\u202e</script>'

const P = '/projects/vision'

function hexOf(bytes: Uint8Array | string): string {
  const hasher = new native.NativeHasher('blake3')
  hasher.update(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
  return toDigests(hasher.finish()).blake3?.hex ?? ''
}

function jsonPost(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
}

async function errorOf(response: Response): Promise<{ status: number; code: string; where: string | null }> {
  const { error } = (await response.json()) as { error: { code: string; where: string | null } }
  return { status: response.status, code: error.code, where: error.where }
}

async function keptRun(root: string, id: string, size = 1000): Promise<StoredRun> {
  writeFileSync(join(root, 'model.bin'), Buffer.alloc(size, id))
  return finished(root, { experimentId: id, keep: { outputs: true } }, async (tracker) => {
    for (let step = 0; step < 5; step++) tracker.logMetric('loss', 5 - step, { step })
    await tracker.trackOutput(join(root, 'model.bin'), 'model')
  })
}

describe.skipIf(!isInstalled)('the server of a team', { timeout: 120_000 }, () => {
  let databases: Databases
  let team: Team

  beforeAll(async () => {
    databases = await startDatabases()
    team = await startTeam(await databases.create())
  }, 120_000)

  afterAll(async () => {
    await team?.stop()
    await databases?.stop()
  }, 60_000)

  /** Folders of runs on the server, complete or not. */
  const onServer = (): string[] =>
    existsSync(join(team.root, 'projects/vision/runs'))
      ? readdirSync(join(team.root, 'projects/vision/runs')).filter((name) => name !== '.annotated')
      : []

  test('a run comes back from the server as it was, with what it kept', async () => {
    const [root, other] = [folderOf(), storeIn(folderOf())]
    const run = await keptRun(root, 'whole')
    const client = await team.client('writer')
    expect(await pushRun(client, run)).toMatchObject({ id: 'whole', state: 'pushed', missingObjects: [] })
    expect(await pushRun(client, run)).toMatchObject({ state: 'unchanged', sent: 0 })
    const shown = await client.run('whole')
    expect(shown).toMatchObject({ status: 'finished', seal: 'holds', record: { id: 'whole' } })
    expect((await client.runs({ where: 'metrics.loss = 1' })).runs.map(({ id }) => id)).toEqual(['whole'])
    await annotate(run.folder, { note: 'later' })
    expect(await pushRun(client, run)).toMatchObject({ state: 'unchanged', sent: 1 })
    expect((await client.run('whole')).labels.notes.map(({ note }) => note)).toEqual(['later'])

    const reader = await team.client('reader')
    expect(await pullRun(reader, other, 'whole')).toMatchObject({ state: 'pulled', missingObjects: [] })
    expect(await pullRun(reader, other, 'whole')).toMatchObject({ state: 'unchanged', taken: 0 })
    const back = await readRun(runFolder(other, run.id))
    expect(Buffer.compare(back.recordBytes, run.recordBytes)).toBe(0)
    const { items } = await verifyRun(back, { directory: root })
    expect(items.filter(({ section, status }) => section === 'record' && status !== 'same')).toEqual([])
    expect(readdirSync(back.folder).toSorted()).toEqual(readdirSync(run.folder).toSorted())
    const objects = (from: string): string[] =>
      readdirSync(join(from, 'objects/blake3'), { recursive: true }).map(String).toSorted()
    expect(objects(other.root)).toEqual(objects(join(root, '.lineaprint')))
    expect(await reader.find('who')).toBe('whole')
  })

  test('columns and pictures of metrics come back with a run, and are used', async () => {
    const other = storeIn(folderOf())
    const run = await finished(folderOf(), { experimentId: 'pictures' }, (tracker) => {
      for (let step = 0; step < 10_000; step++) tracker.logMetric('loss', Math.sin(step * step), { step })
    })
    await pushRun(await team.client('writer'), run)
    await pullRun(await team.client('reader'), other, 'pictures')
    const back = await readRun(runFolder(other, run.id))
    const overview = await readOverview(back)
    expect(overview?.series.map(({ name, count }) => [name, count])).toEqual([['loss', 10_000]])
    expect(overview).toEqual(await readOverview(run))
    expect((await readMetrics([back])).warnings).toEqual([])
  })

  test('each role does what it may and no more, and refusals are in the audit log', async () => {
    const run = await keptRun(folderOf(), 'roles')
    const tokens = {
      none: undefined,
      wrong: `lp_${'a'.repeat(43)}`,
      other: await team.token('admin', 'speech'),
      reader: await team.token('reader'),
      writer: await team.token('writer'),
      admin: await team.token('admin'),
    }
    const bytes = Buffer.from('role')
    const statuses = async (path: string, request?: RequestInit): Promise<number[]> => {
      const all: number[] = []
      for (const token of Object.values(tokens)) {
        const response = await team.ask(path, token, request)
        await response.arrayBuffer()
        all.push(response.status)
      }
      return all
    }
    expect(await statuses(`${P}/runs`)).toEqual([401, 401, 403, 200, 200, 200])
    expect(await statuses(`${P}/blobs/${hexOf(bytes)}`, { method: 'PUT', body: bytes })).toEqual([
      401, 401, 403, 403, 200, 200,
    ])
    expect(await statuses(`${P}/audit`)).toEqual([401, 401, 403, 403, 403, 200])
    expect(await statuses('/none')).toEqual([401, 401, 404, 404, 404, 404])
    await pushRun(await team.client('writer'), run)
    expect(await statuses(`${P}/runs/roles`, { method: 'DELETE' })).toEqual([401, 401, 403, 403, 403, 200])
    expect(onServer()).not.toContain('roles')
    const { entries } = await (await team.client('admin')).audit()
    const actions = entries.map(({ action, subject }) => `${action} ${subject}`)
    expect(actions).toContain('run.delete roles')
    expect(actions).toContain('run.push roles')
    expect(actions.filter((action) => action === 'refused DELETE /runs/{id} of vision')).toHaveLength(2)
    expect(JSON.stringify(entries)).not.toContain('lp_')
  })

  test('bytes with another digest are refused, and nothing of them is kept', async () => {
    const token = await team.token('writer')
    const hex = hexOf('expected')
    for (const path of [`${P}/blobs/${hex}`, `${P}/objects/blake3:${hex}`]) {
      const refused = await errorOf(await team.ask(path, token, { method: 'PUT', body: 'something else' }))
      expect(refused).toMatchObject({ status: 422, code: 'ERR_LINEAPRINT_RECORD' })
    }
    const sha256 = createHash('sha256').update('x').digest('hex')
    const put = async (body: string): Promise<number> =>
      (await team.ask(`${P}/objects/sha256:${sha256}`, token, { method: 'PUT', body })).status
    expect([await put('y'), await put('x')]).toEqual([422, 200])
    const parts = `lineaprint/parts/v1 ${2 ** 27}\n${hex}\n${hex}\n`
    const list = await errorOf(
      await team.ask(`${P}/objects/blake3:${hex}.parts`, token, { method: 'PUT', body: parts }),
    )
    expect(list.status).toBe(422)
    const files = readdirSync(join(team.root, 'projects/vision'), { recursive: true }).map(String)
    expect(files.filter((name) => name.includes(hex) || name.includes(hex.slice(2)))).toEqual([])
    expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([])
  })

  test('a run that is not as it was sealed never shows', async () => {
    const client = await team.client('writer')
    const damages: Record<string, (run: StoredRun) => void> = {
      'sealed-journal': ({ folder }) => appendFileSync(join(folder, 'events.jsonl'), '{}\n'),
      'sealed-record': ({ folder, record }) =>
        writeFileSync(join(folder, 'run.json'), formatRecord({ ...record, name: 'forged' })),
      'sealed-bytes': ({ folder }) =>
        writeFileSync(
          join(folder, 'run.json'),
          readFileSync(join(folder, 'run.json'), 'utf8').replace('{\n', '{\n\n'),
        ),
      'sealed-other-id': ({ folder, record }) =>
        writeFileSync(
          join(folder, 'run.json'),
          formatRecord(sealRecord({ ...record, id: checkRunId('another') })),
        ),
      'sealed-schema': ({ folder, record }) =>
        writeFileSync(join(folder, 'run.json'), JSON.stringify({ ...record, metrics: 1 })),
    }
    for (const [id, damage] of Object.entries(damages)) {
      const run = await keptRun(folderOf(), id)
      damage(run)
      await expect(pushRun(client, run), id).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_RECORD' })
      expect(onServer(), id).not.toContain(id)
      expect((await team.ask(`${P}/runs/${id}`, await team.token('reader'))).status).toBe(404)
    }
    // A forged one with a seal of its own is another run, which never replaces the first.
    const run = await keptRun(folderOf(), 'sealed-twice')
    await pushRun(client, run)
    const forged = sealRecord({ ...run.record, name: 'forged' })
    writeFileSync(join(run.folder, 'run.json'), formatRecord(forged))
    await expect(pushRun(client, { ...run, record: forged })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STATE',
    })
    expect((await client.run('sealed-twice')).record.name).toBe(run.record.name)
  })

  test('a file that the record does not list is not sent, not taken and not given out', async () => {
    const client = await team.client('writer')
    const run = await keptRun(folderOf(), 'more-files')
    writeFileSync(join(run.folder, 'notes.txt'), 'by somebody')
    mkdirSync(join(run.folder, 'annotations'))
    writeFileSync(join(run.folder, 'annotations/notes.txt'), 'by somebody')
    const unlisted = ['notes.txt', 'annotations/notes.txt']
    // Sent by hand.
    const token = await team.token('writer')
    const files = []
    for (const path of [...run.record.files.map((file) => file.path), 'run.json', 'notes.txt']) {
      const bytes = readFileSync(join(run.folder, path))
      files.push({ path, bytes: bytes.length, blake3: hexOf(bytes) })
      await team.ask(`${P}/blobs/${hexOf(bytes)}`, token, { method: 'PUT', body: new Uint8Array(bytes) })
    }
    const refused = await team.ask(`${P}/runs/more-files/commit`, token, jsonPost({ files }))
    expect([refused.status, await refused.text()]).toEqual([
      422,
      expect.stringContaining('not listed in the record') as string,
    ])
    expect(onServer()).not.toContain('more-files')
    expect(await pushRun(client, run)).toMatchObject({ state: 'pushed', unlisted })
    const there = join(team.root, 'projects/vision/runs/more-files')
    expect(readdirSync(there)).not.toContain('notes.txt')
    expect(await client.run('more-files')).toMatchObject({ seal: 'holds', unlisted: { count: 0, paths: [] } })
    // Put there by hand, it is named, and goes nowhere.
    writeFileSync(join(there, 'notes.txt'), 'by somebody')
    expect(await client.run('more-files')).toMatchObject({
      seal: 'holds',
      unlisted: { count: 1, paths: ['notes.txt'] },
    })
    expect((await client.files('more-files')).files.map(({ path }) => path)).not.toContain('notes.txt')
    expect((await team.ask(`${P}/runs/more-files/file?path=notes.txt`, token)).status).toBe(404)
    expect(await pullRun(client, storeIn(folderOf()), 'more-files')).toMatchObject({ state: 'pulled' })
    // The machine itself says the same words everywhere.
    const { items } = await verifyRun(run, { directory: folderOf() })
    expect(items.find(({ name }) => name === 'notes.txt')).toMatchObject({
      status: 'not-checked',
      detail: 'not listed in the record',
    })
    const shown = await lineaprint(['show', run.id], { cwd: join(run.folder, '../../..') })
    expect(shown.stdout).toMatch(/seal .* holds; notes\.txt is not listed in the record/)
  })

  test('a pull checks everything again', async () => {
    const client = await team.client('writer')
    const run = await keptRun(folderOf(), 'changed-there')
    await pushRun(client, run)
    appendFileSync(join(team.root, 'projects/vision/runs/changed-there/events.jsonl'), '{}\n')
    const store = storeIn(folderOf())
    await expect(pullRun(client, store, 'changed-there')).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_RECORD',
    })
    expect(readdirSync(store.runs)).toEqual([])
  })

  test('no path leaves the folder of a run, a project or the server', async () => {
    const token = await team.token('writer')
    const before = readdirSync(team.root, { recursive: true }).length
    const digest = hexOf('')
    for (const path of [
      '../escape',
      '/etc/escape',
      'a/../../escape',
      String.raw`..\escape`,
      String.raw`a\b`,
      'a//b',
      './a',
      'a/.',
      'a\u0000b',
      'a\nb',
      'run.json/a',
      `${'a/'.repeat(600)}b`,
      'x'.repeat(300),
      '',
    ]) {
      const files = [
        { path: 'run.json', bytes: 0, blake3: digest },
        { path, bytes: 0, blake3: digest },
      ]
      const refused = await errorOf(await team.ask(`${P}/runs/escape/commit`, token, jsonPost({ files })))
      expect([path, refused.status, refused.code]).toEqual([path, 422, 'ERR_LINEAPRINT_RECORD'])
    }
    for (const [path, status] of [
      [`${P}/runs/..%2f..%2fetc`, 404],
      [`${P}/runs/..%2f..%2fetc/files`, 404],
      [`${P}/runs/whole/file?path=..%2f..%2f..%2fREADME.md`, 404],
      [`${P}/runs/whole/file?path=%2fetc%2fpasswd`, 404],
      [`${P}/objects/blake3:..%2f..%2fa`, 400],
      [`${P}/objects/md5:${digest}`, 400],
      ['/projects/..%2fvision/runs', 403],
      ['/projects/%2e%2e/runs', 404],
    ] as const)
      expect([path, (await team.ask(path, token)).status]).toEqual([path, status])
    for (const [path, status] of [
      [`${P}/runs/..%2f..%2fetc/live?file=run.json`, 404],
      [`${P}/runs/escape/live?file=..%2frun.json`, 404],
      [`${P}/runs/escape/live?file=metrics.columns`, 404],
      [`${P}/blobs/..%2f..%2fa`, 404],
    ] as const)
      expect([path, (await team.ask(path, token, { method: 'PUT', body: 'x' })).status]).toEqual([
        path,
        status,
      ])
    expect(readdirSync(team.root, { recursive: true }).length).toBe(before)
  })

  test('a link that stands in the folder of a run leads nowhere', async () => {
    const client = await team.client('writer')
    await pushRun(client, await keptRun(folderOf(), 'linked'))
    const folder = join(team.root, 'projects/vision/runs/linked')
    symlinkSync('/etc/passwd', join(folder, 'passwd'))
    mkdirSync(join(folder, 'annotations'), { recursive: true })
    symlinkSync('/etc/passwd', join(folder, 'annotations/20260101T000000000Z-0123456789abcdef.json'))
    const { files } = await client.files('linked')
    expect(files.map(({ path }) => path)).toEqual(['events.jsonl', 'run.json'])
    await expect(client.file('linked', 'passwd')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  })

  test('a run shows while it goes on, and its finished form takes its place', async () => {
    const root = folderOf()
    const client = await team.client('writer')
    const tracker = await started(root, { experimentId: 'live' })
    tracker.logMetric('loss', 3, { step: 0 })
    await tracker.flush()
    const folder = tracker.runDirectory
    const record = new Uint8Array(readFileSync(join(folder, 'run.json')))
    const journal = (): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(join(folder, 'events.jsonl')))
    await expect(client.live('live', 'events.jsonl', 0, journal())).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STATE',
    })
    expect(await client.live('live', 'run.json', 0, record)).toEqual({
      state: 'appended',
      size: record.length,
    })
    expect(await client.live('live', 'run.json', 0, record)).toEqual({
      state: 'appended',
      size: record.length,
    })
    const first = journal()
    expect(await client.live('live', 'events.jsonl', 0, first)).toEqual({
      state: 'appended',
      size: first.length,
    })
    // The answer was lost, and the piece is sent again.
    expect(await client.live('live', 'events.jsonl', 0, first)).toEqual({
      state: 'elsewhere',
      size: first.length,
    })
    expect(await client.live('live', 'events.jsonl', first.length + 7, first)).toMatchObject({
      state: 'elsewhere',
    })
    const shown = await client.run('live')
    expect([shown.status, shown.seal, Object.keys(shown.record.metrics)]).toEqual([
      'running',
      'none',
      ['loss'],
    ])
    const listed = async (): Promise<unknown> => {
      const { runs } = await client.runs({ where: "status = 'running'", columns: ['metrics.loss'] })
      return runs.map(({ id, values }) => [id, values])
    }
    // A list does not wait long for a journal.
    await expect.poll(listed, { timeout: 20_000 }).toEqual([['live', { 'metrics.loss': 3 }]])
    tracker.logMetric('loss', 2, { step: 1 })
    await tracker.flush()
    const second = journal()
    await client.live('live', 'events.jsonl', first.length, second.subarray(first.length))
    expect((await client.run('live')).record.metrics['loss']).toMatchObject({ last: 2, count: 2 })
    // Another run of this id cannot take its place.
    const other = await keptRun(folderOf(), 'live')
    await expect(pushRun(client, other)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
    await tracker.finishExperiment()
    expect(await pushRun(client, await readRun(folder))).toMatchObject({ state: 'pushed' })
    expect(await client.run('live')).toMatchObject({ status: 'finished', seal: 'holds' })
    await expect(client.live('live', 'events.jsonl', 0, first)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STATE',
    })
    expect(onServer().filter((name) => name.startsWith('.'))).toEqual([])
  })

  test('a first record that is none of a run that goes on is refused', async () => {
    const client = await team.client('writer')
    const { recordBytes, record } = await keptRun(folderOf(), 'ended')
    for (const bytes of [
      recordBytes,
      Buffer.from(formatRecord({ ...record, seal: null, status: 'running', id: checkRunId('other') })),
      Buffer.from('{}'),
      Buffer.from('no json'),
    ])
      await expect(client.live('ended', 'run.json', 0, new Uint8Array(bytes))).rejects.toMatchObject({
        code: 'ERR_LINEAPRINT_RECORD',
      })
    expect(onServer()).not.toContain('ended')
  })

  test('names with scripts and control characters, and texts of 10 MB, are data', async () => {
    const root = folderOf()
    const client = await team.client('writer')
    const run = await finished(
      root,
      { experimentId: 'hostile', experimentName: HOSTILE, runName: HOSTILE, tags: [HOSTILE], notes: HOSTILE },
      (tracker) => {
        tracker.addMetadata({ long: 'x'.repeat(10_000_000), [HOSTILE]: HOSTILE })
        tracker.logMetric(HOSTILE, 1)
      },
    )
    await pushRun(client, run)
    const list = await client.runs({
      where: 'tags has "<img*" or name ~ "<img*"',
      columns: ['params.long', 'notes'],
    })
    const [first] = list.runs
    expect([first?.name, first?.tags]).toEqual([HOSTILE, [HOSTILE]])
    expect(JSON.stringify(first).length).toBeLessThan(10_000)
    expect((await client.run('hostile')).record.name).toBe(HOSTILE)
    for (const path of [`${P}/runs`, `${P}/runs/hostile`, `${P}/runs/hostile/file?path=run.json`, '/none']) {
      const { headers } = await team.ask(path, await team.token('reader'))
      expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'; script-src 'self';")
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Cache-Control')).toBe('no-store')
      expect(headers.get('Set-Cookie')).toBeNull()
      expect(headers.get('Content-Type')).toMatch(/^application\/(?:json|octet-stream)/)
    }
  })

  test('bodies that are too long, no JSON, or something else', async () => {
    const token = await team.token('writer')
    const commit = `${P}/runs/body/commit`
    const long = 'x'.repeat(40 << 20)
    const status = async (path: string, request: RequestInit): Promise<number> =>
      team.ask(path, token, request).then(
        ({ status: code }) => code,
        // The server answered and closed before the body was sent.
        () => 413,
      )
    const json = { 'Content-Type': 'application/json' }
    expect(await status(commit, { method: 'POST', headers: json, body: long })).toBe(413)
    expect(await status(commit, { method: 'POST', headers: json, body: '{' })).toBe(400)
    expect(await status(commit, jsonPost({ files: 1 }))).toBe(400)
    expect(await status(commit, jsonPost({ files: [] }))).toBe(422)
    expect(await status(commit, { method: 'POST', body: 'x' })).toBe(415)
    expect(await status(`${P}/objects/missing`, jsonPost({ names: ['x'] }))).toBe(400)
    expect(await status(`${P}/runs/body/live?file=run.json`, { method: 'PUT', body: long })).toBe(413)
    expect(await status(`${P}/runs?limits=1`, {})).toBe(400)
    expect(await status(`${P}/runs/live/live?file=events.jsonl&from=-1`, { method: 'PUT', body: 'x' })).toBe(
      400,
    )
  })

  test('another name of the host, and another site', async () => {
    const token = await team.token('reader')
    const status = async (headers: Record<string, string>): Promise<number> =>
      new Promise((resolve, reject) => {
        const asked = httpRequest(
          `${team.url}/api/v1${P}/runs`,
          { headers: { Authorization: `Bearer ${token}`, ...headers } },
          (response) => {
            response.resume()
            resolve(response.statusCode ?? 0)
          },
        )
        asked.once('error', reject)
        asked.end()
      })
    for (const host of ['evil.example', 'evil.example:80', '127.0.0.1.evil.example'])
      expect(await status({ Host: host })).toBe(421)
    expect(await status({ Host: 'LOCALHOST:1' })).toBe(200)
    for (const headers of [
      { Origin: 'http://evil.example' },
      { Origin: 'null' },
      { 'Sec-Fetch-Site': 'cross-site' },
    ])
      expect(await status(headers as Record<string, string>)).toBe(403)
    const named = await startTeam(await databases.create(), { names: ['runs.example.org'] })
    try {
      const { port } = new URL(named.url)
      const answer = await new Promise<number>((resolve) => {
        httpRequest(
          { port, host: '127.0.0.1', path: '/api/v1/projects', headers: { Host: 'runs.example.org' } },
          (response) => {
            response.resume()
            resolve(response.statusCode ?? 0)
          },
        ).end()
      })
      expect(answer).toBe(401)
    } finally {
      await named.stop()
    }
  })

  test('the address of a client is that which a trusted proxy tells, and a growing file has its limit', async () => {
    const behind = await startTeam(await databases.create(), {
      trustedProxies: ['127.0.0.1'],
      fileLimit: 1000,
    })
    try {
      const status = async (token: string, from: string, path: string, request: RequestInit = {}) =>
        (await behind.ask(path, token, { ...request, headers: { 'X-Forwarded-For': `6.6.6.6, ${from}` } }))
          .status
      const [reader, writer] = [await behind.token('reader'), await behind.token('writer')]
      expect(await status(reader, '192.0.2.1', `${P}/runs/x`, { method: 'DELETE' })).toBe(403)
      const { entries } = await (await behind.client('admin')).audit()
      expect(entries[0]).toMatchObject({ action: 'refused', address: '192.0.2.1' })
      // One who guesses locks nobody else out.
      const guesses = Array.from({ length: 120 }, (_, at) => `lp_${String(at).padStart(43, 'g')}`)
      // On a slow machine the next one may come so late that it is let in.
      const afterGuesses = async (): Promise<number> => {
        const fresh = await behind.token('writer')
        const refused = await Promise.all(
          guesses.map(async (guess) => status(guess, '192.0.2.66', '/projects')),
        )
        expect(new Set([401, 429])).toEqual(new Set([401, ...refused]))
        return status(fresh, '192.0.2.66', '/projects')
      }
      await expect.poll(afterGuesses, { timeout: 20_000 }).toBe(429)
      expect(await status(writer, '192.0.2.2', '/projects')).toBe(200)
      const append = `${P}/runs/x/live?file=events.jsonl&from=900`
      expect(await status(writer, '192.0.2.2', append, { method: 'PUT', body: 'x'.repeat(101) })).toBe(413)
      expect(await status(writer, '192.0.2.2', append, { method: 'PUT', body: 'x'.repeat(100) })).toBe(409)
    } finally {
      await behind.stop()
    }
  })

  test('too many requests are refused, and can be tried again', async () => {
    const slow = await startTeam(await databases.create(), { requestsPerSecond: 5 })
    try {
      const token = await slow.token('reader')
      const responses = await Promise.all(
        Array.from({ length: 40 }, async () => slow.ask(`${P}/store`, token)),
      )
      const refused = responses.filter(({ status }) => status === 429)
      expect(refused.length).toBeGreaterThanOrEqual(20)
      expect(responses.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(10)
      expect(refused.map(({ headers }) => headers.get('Retry-After'))).toContain('1')
      const guesses = await Promise.all(
        Array.from({ length: 80 }, async (_, index) =>
          slow.ask(`${P}/store`, `lp_${String(index).padStart(43, 'x')}`),
        ),
      )
      const late = await slow.ask(`${P}/store`, `lp_${'y'.repeat(43)}`)
      expect(guesses.map(({ status }) => status).filter((status) => status === 401).length).toBeLessThan(60)
      expect(late.status).toBe(429)
    } finally {
      await slow.stop()
    }
  })

  test('a client that goes away in the middle of a body leaves nothing, and is no problem of the server', async () => {
    const token = await team.token('writer')
    const incoming = join(team.root, 'projects/vision/incoming')
    const temporary = (): string[] =>
      existsSync(incoming) ? readdirSync(incoming).filter((name) => name.endsWith('.tmp')) : []
    const before = temporary()
    const leave = async (path: string, hasBegun: () => Promise<unknown>): Promise<void> => {
      const asked = httpRequest(`${team.url}/api/v1${P}/${path}`, {
        method: 'PUT',
        headers: { Authorization: `Bearer ${token}`, 'Content-Length': 1000 },
      })
      const gone = new Promise((done) => asked.once('close', done))
      asked.on('error', () => undefined)
      asked.write('cut')
      await hasBegun()
      asked.destroy()
      await gone
    }
    await leave(`blobs/${hexOf('cut')}`, async () =>
      expect.poll(temporary, { timeout: 20_000 }).not.toHaveLength(before.length),
    )
    await leave('runs/cut/live?file=run.json', async () => team.ask(`${P}/store`, token))
    await expect.poll(temporary, { timeout: 20_000 }).toEqual(before)
    expect((await team.ask(`${P}/store`, token)).status).toBe(200)
    expect(team.problems).toEqual([])
  })

  test('two pushes of one run at once end with one run', async () => {
    const run = await keptRun(folderOf(), 'twice', 3_000_000)
    const clients = [await team.client('writer'), await team.client('writer')]
    const reports = await Promise.all(clients.map(async (client) => pushRun(client, run)))
    expect(reports.map(({ state }) => state).toSorted()).toEqual(['pushed', 'unchanged'])
    expect(await clients[0]?.run('twice')).toMatchObject({ seal: 'holds' })
    expect(
      readdirSync(join(team.root, 'projects/vision/incoming')).filter((name) => name.startsWith('.')),
    ).toEqual([])
  })

  test('a token that was revoked is refused', async () => {
    const revoking = await startTeam(await databases.create())
    const { TeamAdministration } = await import('../../../src/database/team/administration.ts')
    const administration = TeamAdministration.open(revoking.address)
    try {
      const { token } = await administration.createToken({ project: 'vision', role: 'reader', name: 'old' })
      await administration.revokeToken({ project: 'vision', name: 'old' })
      expect((await revoking.ask(`${P}/store`, token)).status).toBe(401)
      const stored = JSON.stringify(await administration.listTokens())
      expect(stored).not.toContain(token)
      const error = await administration
        .revokeToken({ project: 'vision', name: 'old' })
        .catch((caught: unknown) => caught)
      expect(error).toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
      expect(isPassing(error)).toBe(false)
    } finally {
      await administration.close()
      await revoking.stop()
    }
  })

  test('the document has every address, and its schemas hold of the answers', async () => {
    const client = await team.client('admin')
    const run = await keptRun(folderOf(), 'documented')
    await pushRun(client, run)
    await pushRun(client, await keptRun(folderOf(), 'documented-2'))
    type Operation = { responses: { 200: { content: Record<string, { schema: object }> } } }
    const document = (await (await team.ask('/openapi.json', undefined)).json()) as {
      paths: Record<string, Record<string, Operation>>
    }
    const listed = projectRoutes().map(({ path, method }) => `${method} /api/v1/projects/{project}${path}`)
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    expect(documented.toSorted()).toEqual([...listed, 'get /api/v1/projects'].toSorted())
    const ajv = new Ajv2020.default({ strict: false, validateFormats: false })
    const files = (await client.files('documented')).files
    const requests: readonly (readonly [string, string, string, RequestInit?])[] = [
      ['get', '/projects', '/projects'],
      ['get', `/store`, `${P}/store`],
      ['get', `/runs`, `${P}/runs?column=auto`],
      ['get', `/runs/{id}`, `${P}/runs/documented`],
      ['get', `/runs/{id}/patch`, `${P}/runs/documented/patch`],
      ['get', `/runs/{id}/files`, `${P}/runs/documented/files`],
      ['get', `/diff`, `${P}/diff?before=documented&after=documented-2`],
      ['get', `/audit`, `${P}/audit?limit=5`],
      ['post', `/runs/{id}/commit`, `${P}/runs/documented/commit`, jsonPost({ files })],
      [
        'post',
        `/runs/{id}/commit`,
        `${P}/runs/absent/commit`,
        jsonPost({ files: [{ path: 'run.json', bytes: 9, blake3: hexOf('absent') }] }),
      ],
      ['put', `/blobs/{digest}`, `${P}/blobs/${hexOf('b')}`, { method: 'PUT', body: 'b' }],
      ['put', `/objects/{name}`, `${P}/objects/blake3:${hexOf('o')}`, { method: 'PUT', body: 'o' }],
      ['post', `/objects/missing`, `${P}/objects/missing`, jsonPost({ names: [`blake3:${hexOf('p')}`] })],
      ['delete', `/runs/{id}`, `${P}/runs/documented-2`, { method: 'DELETE' }],
    ]
    const token = await team.token('admin')
    for (const [method, path, concrete, request] of requests) {
      const full = path === '/projects' ? '/api/v1/projects' : `/api/v1/projects/{project}${path}`
      const schema = document.paths[full]?.[method]?.responses[200].content['application/json']?.schema
      const check = ajv.compile(schema ?? false)
      const response = await team.ask(concrete, token, request)
      expect([concrete, response.status]).toEqual([concrete, 200])
      check(await response.json())
      expect(check.errors, `${method} ${path}`).toBeNull()
    }
  })

  test('no answer has a path of the server', async () => {
    const token = await team.token('admin')
    for (const path of [
      `${P}/runs/whole`,
      `${P}/runs`,
      `${P}/runs/whole/files`,
      `${P}/runs/none`,
      `${P}/diff?before=whole&after=twice`,
    ])
      expect(await (await team.ask(path, token)).text()).not.toContain(team.root)
    expect(team.problems).toEqual([])
  })
})
