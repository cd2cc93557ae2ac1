/** Servers that do not do what a server should. */
import { createServer } from 'node:http'
import { once } from 'node:events'
import { onTestFinished } from 'vitest'
import type { AddressInfo } from 'node:net'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** One of them. */
export interface BadServer {
  readonly url: string
  /** Requests so far, as `POST /path`. */
  readonly requests: string[]
}

const ANSWERS: Readonly<Record<string, (response: ServerResponse, request: IncomingMessage) => void>> = {
  broken: (response) => response.writeHead(500).end('{}'),
  busy: (response) => response.writeHead(503, { 'retry-after': '0' }).end(),
  hanging: () => undefined,
  'half-silent': (response) =>
    response.writeHead(200, { 'content-type': 'application/json' }).write('{"experiment":'),
  closing: (response) => response.destroy(),
  garbage: (response) => response.end('<html>Welcome</html>'),
  'other JSON': (response) => response.end('{"experiment":{"experiment_id":{"a":1}}}'),
  'a list': (response) => response.end('[1]'),
  endless: (response) => {
    const more = (): void => {
      while (response.write('x'.repeat(1 << 16)));
      response.once('drain', more)
    }
    more()
  },
  redirecting: (response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
  forbidding: (response) =>
    response.writeHead(403).end('{"error_code":"PERMISSION_DENIED","message":"not\\n\\u001b[31mfor you"}'),
}

/** What {@link badServer} can be. */
export const BAD_SERVERS: readonly string[] = Object.keys(ANSWERS)

/** Tells what is to be done when a test is over; tests that run beside others have their own. */
type AtEnd = (work: () => void) => void

/** Starts one of them; it ends with the test. */
export function badServer(kind: string, atEnd: AtEnd = onTestFinished): Promise<BadServer> {
  const answer = ANSWERS[kind]
  if (answer === undefined) throw new Error(`there is no ${kind} server`)
  return serve((request, response) => answer(response, request), atEnd)
}

/** Starts a server that answers as it is told; it ends with the test. */
export async function serve(listener: RequestListener, atEnd: AtEnd = onTestFinished): Promise<BadServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    request.resume()
    listener(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}
