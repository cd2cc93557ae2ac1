/**
 * Small requests in the background of a run. They keep no process alive, hold no answer that is long, and go through one
 * kept connection.
 */
import { Agent as HttpAgent, request as httpRequest } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { addAbortListener } from 'node:events'
import type { IncomingMessage } from 'node:http'

/** Bytes of the longest answer. */
const ANSWER_LIMIT = 64 << 10

/** A request. */
export interface SmallRequest {
  readonly method: 'GET' | 'PUT'
  /** Below the address of the server, with its search. */
  readonly path: string
  readonly bytes?: Uint8Array
  readonly signal: AbortSignal
}

/** An answer. */
export interface SmallAnswer {
  readonly status: number
  /** Undefined for what is no JSON. */
  readonly body: unknown
  /** Milliseconds that the server asks to wait. */
  readonly retryAfterMs: number
}

/** A connection to one server. */
export class SmallConnection {
  readonly #base: URL
  readonly #token: string
  readonly #agent: HttpAgent

  /** @param base Address of the server, http or https, without a slash at its end. */
  constructor(base: string, token: string) {
    this.#base = new URL(base)
    this.#token = token
    const options = { keepAlive: true, maxSockets: 1 }
    this.#agent = this.#base.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options)
  }

  /** Send a request. @throws The reason of the signal, and the errors of the system. */
  async send({ method, path, bytes, signal }: SmallRequest): Promise<SmallAnswer> {
    signal.throwIfAborted()
    const { protocol, hostname, port, pathname } = this.#base
    const start = protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise<SmallAnswer>((resolve, reject) => {
      const request = start(
        {
          agent: this.#agent,
          method,
          hostname: hostname.replace(/^\[|\]$/g, ''),
          ...(port !== '' && { port }),
          path: `${pathname.replace(/\/+$/, '')}${path}`,
          headers: {
            Authorization: `Bearer ${this.#token}`,
            ...(bytes !== undefined && { 'Content-Length': bytes.length }),
          },
        },
        (response) => {
          readAnswer(response).then(resolve, reject)
        },
      )
      // A hanging server must not keep a program alive that has ended.
      request.on('socket', (socket) => socket.unref())
      request.on('error', reject)
      const aborting = addAbortListener(signal, () => {
        request.destroy()
        reject(signal.reason as Error)
      })
      request.on('close', () => aborting[Symbol.dispose]())
      request.end(bytes)
    })
  }

  /** Close the connection. */
  close(): void {
    this.#agent.destroy()
  }
}

async function readAnswer(response: IncomingMessage): Promise<SmallAnswer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length
    // Leaving the loop closes the connection.
    if (length > ANSWER_LIMIT) throw new Error(`the answer has more than ${ANSWER_LIMIT} bytes`)
    chunks.push(chunk)
  }
  const seconds = Number(response.headers['retry-after'] ?? 0)
  return {
    status: response.statusCode ?? 0,
    body: jsonOf(Buffer.concat(chunks).toString()),
    retryAfterMs: Number.isFinite(seconds) ? Math.max(0, seconds * 1000) : 0,
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
