/** A stand-in for the service of W&B on this machine: takes what `wandb sync` sends, and keeps it. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { gunzipSync } from 'node:zlib'
import { onTestFinished } from 'vitest'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage } from 'node:http'

/** Variables of one `UpsertBucket`. */
export interface Upsert {
  readonly name: string
  readonly [variable: string]: unknown
}

/** What the stream of one run held. */
export interface StreamedRun {
  readonly history: string[]
  readonly summary: string[]
  readonly files: Map<string, Buffer>
  exitCode: number | undefined
  complete: boolean
}

/** What the service got. */
export interface WandbService {
  readonly url: string
  readonly upserts: Upsert[]
  /** By name of the run. */
  readonly runs: Map<string, StreamedRun>
  /** The `Authorization` headers of all requests. */
  readonly credentials: Set<string>
  /** Operations that it does not know. */
  readonly unknown: string[]
}

interface Operation {
  readonly query: string
  readonly variables: Record<string, unknown>
}

/** Starts the service; it ends with the test. */
export async function wandbService(): Promise<WandbService> {
  const got = { upserts: [] as Upsert[], runs: new Map<string, StreamedRun>() }
  const [credentials, unknown]: [Set<string>, string[]] = [new Set(), []]
  let url = ''
  const server = createServer((request, response) => {
    void (async () => {
      credentials.add(request.headers.authorization ?? '')
      const body = await bodyOf(request)
      const path = new URL(request.url ?? '/', url).pathname
      const answer = route(path, body)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(answer))
    })()
  })

  const runOf = (name: string): StreamedRun => {
    const run = got.runs.get(name) ?? {
      history: [],
      summary: [],
      files: new Map<string, Buffer>(),
      exitCode: undefined,
      complete: false,
    }
    got.runs.set(name, run)
    return run
  }

  function route(path: string, body: Buffer): unknown {
    const stream = /^\/files\/[^/]+\/[^/]+\/([^/]+)\/file_stream$/.exec(path)
    const upload = /^\/upload\/([^/]+)\/(.+)$/.exec(path)
    if (path === '/graphql') return { data: graphql(JSON.parse(body.toString()) as Operation) }
    if (stream) takeStream(runOf(decodeURIComponent(stream[1] ?? '')), body)
    else if (upload) runOf(upload[1] ?? '').files.set(decodeURIComponent(upload[2] ?? ''), body)
    else unknown.push(path)
    return {}
  }

  function graphql({ query, variables }: Operation): unknown {
    const run = String(variables['run'] ?? variables['runName'] ?? variables['name'])
    if (query.includes('upsertBucket')) {
      const upsert = variables as Upsert
      got.upserts.push(upsert)
      runOf(upsert.name)
      const project = { name: variables['project'], entity: { name: 'me' } }
      const bucket = { id: `id-${upsert.name}`, name: upsert.name, displayName: variables['displayName'] }
      const rest = { description: '', config: '{}', sweepName: null, historyLineCount: 0, project }
      return { upsertBucket: { bucket: { ...bucket, ...rest }, inserted: true } }
    }
    if (query.includes('createRunFiles')) {
      const files = (variables['files'] as string[]).map((name) => ({
        name,
        uploadUrl: `${url}/upload/${run}/${encodeURIComponent(name)}`,
      }))
      return { createRunFiles: { runID: `id-${run}`, uploadHeaders: [], files } }
    }
    if (query.includes('viewer'))
      return { viewer: { id: 'v', entity: 'me', username: 'me', flags: '{}', teams: { edges: [] } } }
    if (query.includes('serverInfo'))
      return { serverInfo: { features: [], cliVersionInfo: {}, latestLocalVersionInfo: null } }
    if (query.includes('__type') || query.includes('__schema')) return {}
    unknown.push(query)
    return {}
  }

  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url, ...got, credentials, unknown }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  const body = Buffer.concat(parts)
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body
}

function takeStream(run: StreamedRun, body: Buffer): void {
  const sent = JSON.parse(body.toString()) as {
    files?: Record<string, { offset: number; content: string[] }>
    complete?: boolean
    exitcode?: number
  }
  for (const [name, { offset, content }] of Object.entries(sent.files ?? {})) {
    if (name === 'wandb-summary.json') run.summary.push(...content)
    // An offset that is not where the last line ended would overwrite lines.
    if (name === 'wandb-history.jsonl') run.history.splice(offset, content.length, ...content)
  }
  if (sent.complete !== undefined) run.complete = sent.complete
  if (sent.exitcode !== undefined) run.exitCode = sent.exitcode
}
