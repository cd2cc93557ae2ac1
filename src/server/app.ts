/** The server of the local page: the API under `/api/v1`, and the files of the page. */
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { stream } from 'hono/streaming'
import { bytesOf } from './body.ts'
import { Refusal, failureAnswer } from './errors.ts'
import { checkHost, checkOrigin } from './guard.ts'
import { jsonText } from './json.ts'
import { mediaType, openApiDocument } from './openapi.ts'
import { userOfPeer } from './peer.ts'
import { routes } from './routes.ts'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { SentFile } from './downloads.ts'
import type { FailureAnswer } from './errors.ts'
import type { PageFiles } from './page-files.ts'
import type { Result, Route, RouteRequest, Services } from './routes.ts'

/** The server, without its socket. */
export type PageServer = Hono

/** Bytes of the longest body, unless an address takes more. */
const BODY_LIMIT = 16 << 10

/**
 * Headers of every answer. No script but the files of the page runs, nothing is loaded from elsewhere, no text becomes
 * markup, and no other site can frame the page or read from it.
 */
export const HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': 'camera=(), geolocation=(), microphone=()',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
}

/**
 * Build the server.
 *
 * @param files Files of the page.
 * @param port Returns the port that it listens on.
 */
export function buildServer(services: Services, files: PageFiles, port: () => number): PageServer {
  const app = new Hono()
  const all = routes()
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
  })
  app.use(async (context, next) => {
    checkHost(context.req.raw.headers, port())
    await next()
  })
  app.use('/api/*', async (context, next) => {
    checkOrigin(context.req.raw.headers, port())
    await next()
    context.header('Cache-Control', 'no-store')
  })
  for (const route of all) {
    const path = `/api/v1${route.path.replaceAll(/\{(\w+)\}/g, ':$1')}`
    app[route.method](path, async (context) => {
      if (!route.isOpen) services.guard.checkKey(context.req.header('Authorization'))
      return respond(context, await route.handle(await requestOf(context, route), services))
    })
  }
  app.get('/api/v1/openapi.json', (context) => context.json(openApiDocument(all)))
  app.all('/api/*', (context) => {
    throw new Refusal(404, 'ERR_LINEAPRINT_NOT_FOUND', 'the API has no such address', {
      where: context.req.path.slice(0, 200),
      do: '/api/v1/openapi.json lists the addresses',
    })
  })
  servePageFiles(app, files)
  return app
}

/**
 * Serve the files of the page at all other addresses, and turn errors into answers.
 *
 * @param describe Describes an error; it is told whether the client has gone, so that nobody gets the answer.
 */
export function servePageFiles(
  app: Hono,
  files: PageFiles,
  describe: (error: unknown, isGone: boolean) => FailureAnswer = failureAnswer,
): void {
  app.get('*', (context) => {
    const file = files.at(context.req.path)
    if (file === undefined) {
      throw new Refusal(404, 'ERR_LINEAPRINT_NOT_FOUND', 'the page has no such file', {
        where: context.req.path.slice(0, 200),
      })
    }
    return context.body(file.bytes, 200, {
      'Content-Type': file.type,
      'Cache-Control': file.isPermanent ? 'public, max-age=31536000, immutable' : 'no-cache',
    })
  })
  app.all('*', () => {
    throw new Refusal(405, 'ERR_LINEAPRINT_ARGUMENT', 'the page can only be read', { expected: 'GET' })
  })
  app.onError((error, context) => {
    const { status, body, headers } = describe(
      error instanceof HTTPException ? new Refusal(400, 'ERR_LINEAPRINT_ARGUMENT', error.message) : error,
      context.req.raw.signal.aborted,
    )
    return new Response(jsonText(body), { status, headers: { ...HEADERS, ...JSON_HEADERS, ...headers } })
  })
}

const JSON_HEADERS = { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' } as const

/** Return a request as its address takes it. */
export async function requestOf(
  context: Context,
  { body, bodyLimit = BODY_LIMIT, takesBytes = false }: Pick<Route, 'body' | 'bodyLimit' | 'takesBytes'>,
): Promise<RouteRequest> {
  const { req } = context
  return {
    path: req.param() as Record<string, string>,
    search: new URL(req.url).searchParams,
    body: body === undefined ? undefined : await bodyOf(context, bodyLimit),
    bytes: takesBytes ? req.raw.body : null,
    headers: req.raw.headers,
    user: async () => {
      // There is no socket behind a request of a test.
      const bindings = context.env as Partial<HttpBindings> | undefined
      return bindings?.incoming === undefined ? undefined : userOfPeer(bindings.incoming.socket)
    },
    signal: req.raw.signal,
  }
}

async function bodyOf({ req }: Context, limit: number): Promise<unknown> {
  const type = req.header('Content-Type') ?? ''
  // A form of another site can send a body of other types without a question before it.
  if (!/^application\/json\s*(?:;|$)/i.test(type)) {
    throw new Refusal(415, 'ERR_LINEAPRINT_ARGUMENT', 'the body is not JSON', {
      where: 'Content-Type',
      expected: 'application/json',
      received: JSON.stringify(type.slice(0, 80)),
    })
  }
  const text = (await bytesOf(req.raw.body, limit)).toString()
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Refusal(400, 'ERR_LINEAPRINT_ARGUMENT', 'the body is not JSON', { where: 'body' })
  }
}

/** Send a file, which the browser saves and never shows. */
function sendFile(context: Context, { name, size, blocks }: SentFile): Response {
  context.header('Content-Type', 'application/octet-stream')
  // The name has safe letters alone.
  context.header('Content-Disposition', `attachment; filename="${name}"`)
  context.header('Content-Length', String(size))
  const stop = new AbortController()
  // A failure breaks the connection off, so that the browser knows that the file is not complete.
  const body = ReadableStream.from(blocks(stop.signal))
  context.req.raw.signal.addEventListener('abort', () => stop.abort(), { once: true })
  return context.body(body as ReadableStream)
}

/** Turn a result into a response. */
export function respond(context: Context, result: Result): Response {
  const type = { 'Content-Type': mediaType(result) }
  switch (result.kind) {
    case 'json':
      return context.body(jsonText(result.body), 200, type)
    case 'columns':
      return context.body(result.bytes, 200, type)
    case 'file':
      return sendFile(context, result.file)
    case 'lines':
    case 'events':
      break
  }
  context.header('Content-Type', mediaType(result))
  const [before, after] = result.kind === 'lines' ? ['', '\n'] : ['data: ', '\n\n']
  return stream(context, async (output) => {
    const stop = new AbortController()
    output.onAbort(() => stop.abort())
    try {
      for await (const item of result.items(stop.signal)) await output.write(before + jsonText(item) + after)
    } catch (error) {
      // The head of the answer has been sent, so the failure is its last item.
      if (!stop.signal.aborted) await output.write(before + jsonText(failureAnswer(error).body) + after)
    }
  })
}
