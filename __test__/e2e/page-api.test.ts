/** The API of the page: its answers are as it says, and nothing is given to strangers. */
import { mkdtempSync, realpathSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Ajv2020 from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod/mini'
import {
  diffSchema,
  errorSchema,
  liveEventSchema,
  logSchema,
  metricsHeadSchema,
  patchSchema,
  runListSchema,
  runSchema,
  storeSchema,
  verifyEventSchema,
} from '../../src/server/api/schemas.ts'
import { routes } from '../../src/server/routes.ts'
import { servePage } from '../../src/server/serve.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished } from '../tracking/support.ts'
import { lineaprint } from '../support/program.ts'
import { HOST, serverOf } from '../server/support.ts'
import type { ErrorBody, RunBody, RunListBody } from '../../src/server/api/types.ts'
import type { TestServer } from '../server/support.ts'

let root: string
let server: TestServer

const HOSTILE = '<img src=x onerror=alert(1)>\u001b[31m\u202e'

beforeAll(async () => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-')))
  for (const [index, loss] of [0.5, NaN, 0.1].entries())
    await finished(
      root,
      { experimentId: `run-${index}`, experimentName: HOSTILE, tags: [HOSTILE] },
      (tracker) => {
        for (let step = 0; step < 5; step++) tracker.logMetric('loss', loss * (5 - step), { step })
        tracker.logMetric('rate', index)
        tracker.addMetadata({ rate: index })
      },
    )
  const script = "console.log('hello'); console.error('trouble')"
  await lineaprint(['run', '--', process.execPath, '-e', script], { cwd: root })
  server = serverOf(root)
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

async function answer<T>(schema: () => z.ZodMiniType<T>, path: string): Promise<T> {
  const response = await server.ask(`/api/v1${path}`)
  expect(response.status, await response.clone().text()).toBe(200)
  return z.parse(schema(), await response.json())
}

async function refusal(path: string, request?: RequestInit): Promise<[number, ErrorBody['error']]> {
  const response = await server.ask(path, request)
  return [response.status, z.parse(errorSchema(), await response.json()).error]
}

async function wrapped(): Promise<RunBody> {
  const { runs } = await answer(runListSchema, "/runs?where=command+~+'*hello*'")
  return answer(runSchema, `/runs/${runs[0]?.id}`)
}

function jsonPost(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
}

describe('answers are as their schemas say', () => {
  test('the store and the runs', async () => {
    const store = await answer(storeSchema, '/store')
    expect(store).toMatchObject({ root: join(root, '.lineaprint'), directory: root })
    const list: RunListBody = await answer(
      runListSchema,
      '/runs?sort=-metrics.rate&column=metrics.loss&limit=2',
    )
    expect(list).toMatchObject({ total: 4, matched: 4, offset: 0, columns: ['metrics.loss'] })
    expect(list.runs.map(({ id, values }) => [id, values['metrics.loss']])).toEqual([
      ['run-2', 0.1],
      ['run-1', { __float__: 'NaN' }],
    ])
    expect(list.runs[0]?.name).toBe(HOSTILE)
    expect(list.names.metrics).toEqual(['loss', 'rate'])
  })

  test('a run, its logs and its changes', async () => {
    const run = await wrapped()
    expect(run).toMatchObject({ status: 'finished', seal: 'holds', problems: [] })
    expect(run.logs.map(({ title, bytes }) => [title, bytes])).toEqual([
      ['stdout', 6],
      ['stderr', 8],
    ])
    const path = `/runs/${run.id}/log?name=stdout.log`
    expect(await answer(logSchema, path)).toEqual({
      text: 'hello\n',
      open: '',
      from: 0,
      to: 6,
      size: 6,
    })
    expect(await answer(logSchema, `${path}&from=4`)).toMatchObject({ text: 'o\n', from: 4, to: 6 })
    expect(await answer(patchSchema, `/runs/${run.id}/patch`)).toMatchObject({ text: null })
  })

  test('two runs compared', async () => {
    const diff = await answer(diffSchema, '/diff?before=run-0&after=run-1')
    expect(diff).toMatchObject({ same: false, firstCause: 'configuration', firstDivergence: { step: 0 } })
    expect(diff.metrics[0]?.after?.last).toEqual({ __float__: 'NaN' })
  })

  test('metrics are columns after a head', async () => {
    const response = await server.ask('/api/v1/metrics?run=run-0&run=run-1&metric=lo*')
    const bytes = await response.arrayBuffer()
    const length = new DataView(bytes).getUint32(0, true)
    const head = z.parse(
      metricsHeadSchema(),
      JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))),
    )
    expect(head.series.map(({ run, count, notFinite }) => [run, count, notFinite])).toEqual([
      ['run-0', 5, 0],
      ['run-1', 5, 5],
    ])
    expect([...new Float64Array(bytes, 4 + length, 10)]).toEqual([0, 1, 2, 3, 4, 2.5, 2, 1.5, 1, 0.5])
  })

  test('a verification streams its findings', async () => {
    const { id } = await wrapped()
    const response = await server.ask(`/api/v1/runs/${id}/verify`, jsonPost({ level: 'data' }))
    const lines = (await response.text()).trim().split('\n')
    const events = lines.map((line) => z.parse(verifyEventSchema(), JSON.parse(line)))
    expect(events.filter((event) => event.type === 'item').length).toBeGreaterThan(3)
    expect(events.at(-1)).toEqual({ type: 'end', same: true, level: 'data' })
  })

  test('the events of a run that has ended are one', async () => {
    const response = await server.ask('/api/v1/runs/run-0/events')
    expect(response.headers.get('Content-Type')).toBe('text/event-stream')
    const [event = ''] = (await response.text()).trim().split('\n\n')
    expect(z.parse(liveEventSchema(), JSON.parse(event.slice('data: '.length))).status).toBe('finished')
  })

  test('the document has every address, and its schemas hold of the answers', async () => {
    const document = (await (await server.ask('/api/v1/openapi.json')).json()) as {
      paths: Record<
        string,
        Record<string, { responses: { 200: { content: Record<string, { schema: object }> } } }>
      >
    }
    const listed = routes().map(({ path, method }) => `${method} /api/v1${path}`)
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method} ${path}`),
    )
    expect(documented.toSorted()).toEqual(listed.toSorted())
    const ajv = new Ajv2020.default({ strict: false, validateFormats: false })
    for (const [path, concrete] of [
      ['/store', '/store'],
      ['/runs', '/runs?column=auto'],
      ['/runs/{id}', '/runs/run-1'],
      ['/runs/{id}/patch', '/runs/run-1/patch'],
      ['/diff', '/diff?before=run-0&after=run-2'],
    ] as const) {
      const schema =
        document.paths[`/api/v1${path}`]?.['get']?.responses[200].content['application/json']?.schema
      const check = ajv.compile(schema ?? false)
      check(await (await server.ask(`/api/v1${concrete}`)).json())
      expect(check.errors, path).toBeNull()
    }
  })
})

describe('refusals', () => {
  test('a wrong filter names its column', async () => {
    const [status, error] = await refusal('/api/v1/runs?where=metrics.loss+%3C+')
    expect(status).toBe(400)
    expect(error).toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT', where: 'where' })
    expect(error.what).toContain('column 16')
  })

  test('unknown runs, logs, parameters and addresses', async () => {
    for (const [path, status, where] of [
      ['/runs/none', 404, 'id'],
      ['/runs/..%2f..%2fetc', 404, 'id'],
      ['/runs/run-0/log?name=..%2frun.json', 404, 'name'],
      ['/runs/run-0/log?name=run.json', 404, 'name'],
      ['/runs?limits=3', 400, 'limits'],
      ['/runs?limit=0', 400, 'limit'],
      ['/runs?limit=1&limit=2', 400, 'limit'],
      ['/runs?offset=1e400', 400, 'offset'],
      ['/metrics', 400, 'run'],
      ['/metrics?run=run-0&axis=moon', 400, 'axis'],
      ['/none', 404, '/api/v1/none'],
    ] as const) {
      const [received, error] = await refusal(`/api/v1${path}`)
      expect([path, received, error.where]).toEqual([path, status, where])
    }
  })

  test('without the key of a session nothing is given', async () => {
    const paths = routes().filter(({ isOpen }) => !isOpen)
    for (const { path, method } of paths)
      for (const headers of [{ Authorization: '' }, { Authorization: `Bearer ${'0'.repeat(64)}` }]) {
        const request = method === 'get' ? { headers } : { ...jsonPost({ level: 'data' }), headers }
        const [status] = await refusal(`/api/v1${path.replace('{id}', 'run-0')}`, request)
        expect([path, status]).toEqual([path, 401])
      }
  })

  test('a token is good once', async () => {
    const token = server.guard.newToken()
    const post = async (text: string): Promise<number> =>
      (await server.ask('/api/v1/session', jsonPost({ token: text }))).status
    expect([await post(token), await post(token), await post('')]).toEqual([200, 401, 401])
  })

  test('another name of the host, and another site', async () => {
    for (const path of ['/', '/api/v1/store'])
      for (const name of ['evil.example', '127.0.0.1', `evil.example:8765`, ''])
        expect((await refusal(path, { headers: { Host: name } }))[0]).toBe(421)
    expect((await server.ask('/', { headers: { Host: 'LOCALHOST:8765' } })).status).toBe(200)
    for (const headers of [
      { Origin: 'http://evil.example' },
      { Origin: 'null' },
      { Origin: 'http://127.0.0.1:1' },
      { 'Sec-Fetch-Site': 'cross-site' },
      { 'Sec-Fetch-Site': 'same-site' },
    ])
      expect((await refusal('/api/v1/store', { headers }))[0]).toBe(403)
    expect((await server.ask('/api/v1/store', { headers: { Origin: `http://${HOST}` } })).status).toBe(200)
  })

  test('bodies that are too long, no JSON, or something else', async () => {
    const url = '/api/v1/session'
    const long = JSON.stringify({ token: 'a'.repeat(1 << 20) })
    const json = { 'Content-Type': 'application/json' }
    expect((await refusal(url, { method: 'POST', headers: json, body: long }))[0]).toBe(413)
    expect((await refusal(url, { method: 'POST', headers: json, body: '{' }))[0]).toBe(400)
    expect((await refusal(url, jsonPost({ token: 1 })))[0]).toBe(400)
    expect((await refusal(url, jsonPost({ token: 'a', more: 1 })))[0]).toBe(400)
    expect((await refusal(url, { method: 'POST', body: 'token=a' }))[0]).toBe(415)
    expect((await refusal('/', { method: 'POST' }))[0]).toBe(405)
  })

  test('a body whose length nobody said is read as any other, through a socket', async () => {
    const served = await servePage({ store: storeIn(root), directory: root, trackers: [], port: 0 })
    const { origin, hash } = new URL(served.link())
    const send = async (body: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const headers = { 'Content-Type': 'application/json', 'Transfer-Encoding': 'chunked' }
        const sent = httpRequest(`${origin}/api/v1/session`, { method: 'POST', headers }, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        })
        sent.once('error', reject)
        sent.end(body)
      })
    try {
      expect(await send(JSON.stringify({ token: 'x'.repeat(20_000) }))).toBe(413)
      expect(await send(JSON.stringify({ token: 'x' }))).toBe(401)
      expect(await send(JSON.stringify({ token: hash.slice('#token='.length) }))).toBe(200)
    } finally {
      await served.close()
    }
  })

  test('every answer has the policy, and none allows another site to read', async () => {
    for (const path of ['/', '/none', '/api/v1/store', '/api/v1/runs/none', '/api/v1/runs/run-0/events']) {
      const { headers } = await server.ask(path, { headers: { Origin: `http://${HOST}` } })
      const policy = headers.get('Content-Security-Policy') ?? ''
      expect(policy).toContain("default-src 'none'; script-src 'self';")
      expect(policy).toContain("require-trusted-types-for 'script'")
      expect(policy).not.toContain('unsafe')
      expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
      expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
    }
  })

  test('a link in the folder of a run leads nowhere', async () => {
    const { id, folder } = await wrapped()
    const secret = join(root, 'secret.txt')
    writeFileSync(secret, 'secret')
    unlinkSync(join(folder, 'stderr.log'))
    symlinkSync(secret, join(folder, 'stderr.log'))
    const [status, error] = await refusal(`/api/v1/runs/${id}/log?name=stderr.log`)
    expect([status, error.code]).toEqual([500, 'ERR_LINEAPRINT_STORE'])
  })
})
