import { once } from 'node:events'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { MlflowClient } from '../../../src/export/mlflow/client.ts'
import { exportToMlflow } from '../../../src/export/mlflow/send.ts'
import { mlflowTarget } from '../../../src/export/mlflow/target.ts'
import { finished } from '../../tracking/support.ts'
import { folderOf } from '../../support/folder.ts'
import { badServer, serve } from './bad-servers.ts'
import type { AddressInfo } from 'node:net'

const SERVICE = { code: 'ERR_LINEAPRINT_SERVICE' }

function clientOf(url: string, variables: Record<string, string> = {}): MlflowClient {
  return new MlflowClient(mlflowTarget({ trackingUri: url }, variables))
}

test.each([
  ['broken', /cannot be reached: it answered 500/, 4],
  ['busy', /cannot be reached: it answered 503/, 4],
  ['closing', /cannot be reached/, 4],
  ['garbage', /does not answer like MLflow .*Welcome/, 1],
  ['a list', /does not answer like MLflow/, 1],
  ['endless', /does not answer like MLflow .*more than/, 1],
  ['redirecting', /does not answer like MLflow .*redirection/, 1],
  ['forbidding', /MLflow refused the request: not \[31mfor you; .*MLFLOW_TRACKING_USERNAME/, 1],
])(
  'a %s server is an error after as many tries as make sense',
  { timeout: 60_000 },
  async (kind, message, tries) => {
    const { url, requests } = await badServer(kind)
    const call = clientOf(url).call(
      'GET experiments/get-by-name',
      { experiment_name: 'ä&b' },
      AbortSignal.timeout(50_000),
    )
    const error = await call.catch((caught: unknown) => caught)
    expect(error).toMatchObject(SERVICE)
    expect(String(error)).toMatch(message)
    expect(requests).toEqual(
      Array(tries).fill('GET /api/2.0/mlflow/experiments/get-by-name?experiment_name=%C3%A4%26b'),
    )
  },
)

test.each(['hanging', 'half-silent'])('a %s server costs no more than the caller allows', async (kind) => {
  const { url } = await badServer(kind)
  const signal = AbortSignal.timeout(300)
  const call = clientOf(url).call('POST runs/create', {}, signal)
  await expect(call).rejects.toThrow(/aborted|timeout/i)
})

test('nobody there', { timeout: 60_000 }, async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const call = clientOf(`http://127.0.0.1:${port}`).call('POST runs/create', {}, AbortSignal.timeout(50_000))
  await expect(call).rejects.toMatchObject({
    ...SERVICE,
    message: expect.stringMatching(/ECONNREFUSED/) as string,
  })
})

test('what failed in passing succeeds on the next try', async () => {
  let count = 0
  const { url } = await serve((_, response) => response.writeHead(++count < 3 ? 503 : 200).end('{"a":1}'))
  expect(await clientOf(url).call('POST runs/update', {}, AbortSignal.timeout(20_000))).toEqual({ a: 1 })
  expect(count).toBe(3)
})

test(
  'a run whose creation got no answer is searched for before it is created again',
  { timeout: 60_000 },
  async () => {
    const run = await finished(folderOf(), { experimentName: 'e' })
    let made = 0
    const { url, requests } = await serve((request, response) => {
      const info = { run_id: 'r1', artifact_uri: 's3://elsewhere' }
      if (request.url?.includes('get-by-name')) response.end('{"experiment":{"experiment_id":"7"}}')
      else if (request.url?.endsWith('runs/create')) {
        made++
        response.writeHead(502).end()
      } else if (request.url?.endsWith('runs/search'))
        response.end(JSON.stringify({ runs: made > 0 ? [{ info }] : [] }))
      else response.end('{}')
    })
    const report = await exportToMlflow(run, { trackingUri: url, timeoutMs: 50_000 })
    expect(report).toMatchObject({ runId: 'r1', experimentId: '7', url: `${url}/#/experiments/7/runs/r1` })
    expect(report.warnings).toEqual([expect.stringMatching(/does not store artifacts itself/)])
    expect(made).toBe(1)
    expect(requests.at(-1)).toBe('POST /api/2.0/mlflow/runs/update')
  },
)

test('an answer that is JSON of something else is no id of ours', async () => {
  const { url } = await badServer('other JSON')
  const run = await finished(folderOf())
  await expect(exportToMlflow(run, { trackingUri: url, timeoutMs: 20_000 })).rejects.toMatchObject({
    ...SERVICE,
    expected: 'an id',
  })
})

test.each([
  [
    { MLFLOW_TRACKING_USERNAME: 'u', MLFLOW_TRACKING_PASSWORD: 'p:ä' },
    '',
    `Basic ${Buffer.from('u:p:ä').toString('base64')}`,
  ],
  [{ MLFLOW_TRACKING_TOKEN: 't' }, '', 'Bearer t'],
  [{ MLFLOW_TRACKING_TOKEN: 't' }, 'me:p%40ss@', `Basic ${Buffer.from('me:p@ss').toString('base64')}`],
  [{}, '', undefined],
])('credentials %j', async (variables, inAddress, expected) => {
  const seen: unknown[] = []
  const { url } = await serve((request, response) => {
    seen.push(request.headers.authorization)
    response.end('{}')
  })
  const address = `${url.replace('//', `//${inAddress}`)}/base/`
  const target = mlflowTarget({ trackingUri: address }, variables)
  expect(target.trackingUri).toBe(`${url}/base`)
  await new MlflowClient(target).call('POST runs/update', {}, AbortSignal.timeout(20_000))
  expect(seen).toEqual([expected])
})

test('a file is put where the server keeps it, name by name', async () => {
  const bodies: string[] = []
  const { url, requests } = await serve((request, response) => {
    void (async () => {
      request.setEncoding('utf8')
      let body = ''
      request.on('data', (part: string) => (body += part))
      await once(request, 'end')
      bodies.push(body)
      response.end('{}')
    })()
  })
  await clientOf(url).upload('1/r/artifacts/a b?#.json', new Blob(['content']), AbortSignal.timeout(20_000))
  expect(requests).toEqual(['PUT /api/2.0/mlflow-artifacts/artifacts/1/r/artifacts/a%20b%3F%23.json'])
  expect(bodies).toEqual(['content'])
})

test.each([
  [undefined, /no MLflow server is configured; .*MLFLOW_TRACKING_URI/],
  ['', /no MLflow server is configured/],
  ['sqlite:///mlflow.db', /not the address of an MLflow server .*received sqlite:…/],
  ['mlruns', /received something else/],
  ['databricks', /received something else/],
  ['https://user:hunter2@host/?x=1', /not the address of an MLflow server/],
])('the address %j is refused', (trackingUri, message) => {
  const make = (): unknown => mlflowTarget({ trackingUri }, {})
  expect(make).toThrow(expect.objectContaining({ code: 'ERR_LINEAPRINT_CONFIGURATION' }))
  expect(make).toThrow(message)
  expect(make).not.toThrow(/hunter2/)
})
