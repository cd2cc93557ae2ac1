/** The tools over stdio. */
import { stdin, stdout } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'
import { VERSION } from '../../../core/version.ts'
import { INSTRUCTIONS, callTool, describeTools } from '../../../mcp/tools.ts'
import { errorText } from '../../../util/error-text.ts'
import { escapeText, printError } from '../../shared/output.ts'
import { CallToolRequestSchema, ListToolsRequestSchema, Server, StdioServerTransport } from './protocol.ts'
import type { ToolResult } from '../../../mcp/tools.ts'
import type { ToolServices } from '../../../mcp/tool.ts'

/** Bytes of the longest message of a client. */
const MESSAGE_LIMIT = 1 << 20

/** Questions that are answered at the same time; a client that asks more waits. */
const AT_ONCE = 4

/** Questions that wait. */
const QUEUE_LIMIT = 256

/** Milliseconds that questions have to end once nobody asks any more. */
const END_TIMEOUT = 2000

/** Answer until stdin ends, the client closes, or the signal is aborted. */
export async function serveTools(services: ToolServices, signal: AbortSignal): Promise<void> {
  const stop = new AbortController()
  const queue = new Queue()
  const server = new Server(
    { name: 'lineaprint', version: VERSION },
    { capabilities: { tools: {} }, instructions: INSTRUCTIONS },
  )
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: describeTools().map((tool) => ({
      ...tool,
      annotations: {
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: false,
      },
    })),
  }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal: ofRequest }) => {
    const either = AbortSignal.any([ofRequest, stop.signal])
    const { text, isError } = await queue.add(either, () =>
      callTool(params.name, params.arguments, services, either),
    )
    return { content: [{ type: 'text' as const, text }], isError }
  })
  const closed = new Promise<void>((done) => {
    Object.assign(server, { onerror: report, onclose: done })
  })
  const ended = new Promise<void>((done) => {
    stdin.once('end', done)
    stdin.once('error', () => done())
    signal.addEventListener('abort', () => done(), { once: true })
  })
  await server.connect(new StdioServerTransport(stdin, stdout, { maxBufferSize: MESSAGE_LIMIT }))
  await Promise.race([closed, ended])
  if (!signal.aborted) await Promise.race([queue.idle(), delay(END_TIMEOUT, undefined, { ref: false })])
  stop.abort()
  await server.close()
  stdin.destroy()
}

function report(error: Error): void {
  // The issues of a schema are pages of JSON about every kind of message that it could have been.
  const text = 'issues' in error ? 'a message is none of the protocol, and is left out' : errorText(error)
  printError(`lineaprint: mcp: ${escapeText(text).slice(0, 500)}`)
}

/** Questions that are answered a few at a time: each can read a large store. */
class Queue {
  readonly #waiting: (() => void)[] = []
  #running = 0
  #whenIdle: (() => void)[] = []

  /** Answer a question when it is its turn. */
  async add(signal: AbortSignal, answer: () => Promise<ToolResult>): Promise<ToolResult> {
    if (this.#waiting.length >= QUEUE_LIMIT) return { text: TOO_MANY, isError: true }
    if (this.#running >= AT_ONCE) await new Promise<void>((turn) => this.#waiting.push(turn))
    else this.#running++
    try {
      signal.throwIfAborted()
      return await answer()
    } finally {
      // The place goes to the next.
      const next = this.#waiting.shift()
      if (next !== undefined) next()
      else if (--this.#running === 0) for (const done of this.#whenIdle.splice(0)) done()
    }
  }

  /** Resolve when no question is left. */
  async idle(): Promise<void> {
    // A message that has just come in has not been read yet.
    await delay(0)
    if (this.#running > 0) await new Promise<void>((done) => this.#whenIdle.push(done))
    // The last answer is on its way to stdout.
    await delay(0)
  }
}

const TOO_MANY = JSON.stringify({
  error: {
    code: 'ERR_LINEAPRINT_STATE',
    what: 'too many questions wait',
    where: null,
    expected: `at most ${QUEUE_LIMIT} at the same time`,
    received: null,
    do: 'ask again when the others are answered',
  },
})
