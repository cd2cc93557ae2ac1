/** Listens to the programs of a run. Their messages are taken in order, one of each program at a time. */
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { answer } from './calls.ts'
import { FrameReader, toFrame } from './frames.ts'
import { checkMessage, idOf, parseFrame } from './messages.ts'
import type { Server, Socket } from 'node:net'
import type { Session } from './calls.ts'
import type { Message } from './messages.ts'
import type { Program } from './programs.ts'

/** Connections at a time: one per process. */
const CONNECTION_LIMIT = 2048

/** How long connections of processes that outlive the command may go on sending. */
const LINGER_MS = 10_000

/** A connection is idle when it has sent nothing for this long and nothing of it is under way. */
const IDLE_MS = 100

interface Connection {
  readonly socket: Socket
  isBusy: boolean
  lastActivity: number
}

/** The listener of one run. */
export class BridgeServer {
  readonly #server: Server
  readonly #session: Session
  readonly #path: string
  readonly #connections = new Set<Connection>()
  readonly #work = new Set<Promise<void>>()
  readonly #stop = new AbortController()
  #onEnd: (() => void) | undefined

  private constructor(path: string, session: Session) {
    this.#path = path
    this.#session = session
    this.#server = createServer({ allowHalfOpen: false }, (socket) => this.#accept(socket))
    this.#server.maxConnections = CONNECTION_LIMIT
    this.#server.on('drop', () => session.warn('too many processes connected; some are not recorded'))
  }

  /** Listen at a path. @throws What the system throws if it cannot. */
  static async listen(path: string, session: Session): Promise<BridgeServer> {
    const made = new BridgeServer(path, session)
    made.#server.listen(path)
    await once(made.#server, 'listening')
    return made
  }

  /**
   * Take every message that was sent up to now, and close. Processes that outlive the command have a few seconds more
   * while they send.
   *
   * @param signal Does not wait any longer.
   */
  async close(signal: AbortSignal): Promise<void> {
    await this.#drain(signal)
    const end = performance.now() + LINGER_MS
    while (this.#connections.size > 0 && !this.#isIdle() && performance.now() < end && !signal.aborted)
      await this.#nextEnd(IDLE_MS / 4)
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#stop.abort()
    for (const { socket } of this.#connections) socket.destroy()
    await Promise.allSettled(this.#work)
    await closed
  }

  /** Accept every connection of now. They are accepted in order: when a last one has its answer, all before it have been. */
  async #drain(signal: AbortSignal): Promise<void> {
    const last = createConnection(this.#path)
    try {
      await once(last, 'connect', { signal })
      last.write(toFrame({ call: 'flush', id: 0 }))
      await once(last, 'data', { signal })
    } catch (error) {
      if (!signal.aborted)
        this.#session.warn(`the last messages of programs may be missing: ${reasonOf(error)}`)
    } finally {
      last.destroy()
    }
  }

  /** Resolve when a connection has ended, and after some milliseconds at the latest. */
  #nextEnd(limit: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, limit)
      this.#onEnd = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #isIdle(): boolean {
    const now = performance.now()
    return [...this.#connections].every(({ isBusy, lastActivity }) => !isBusy && now - lastActivity > IDLE_MS)
  }

  #accept(socket: Socket): void {
    const connection = { socket, isBusy: false, lastActivity: performance.now() }
    this.#connections.add(connection)
    const work = this.#serve(connection).finally(() => {
      this.#connections.delete(connection)
      this.#work.delete(work)
      socket.destroy()
      this.#onEnd?.()
    })
    this.#work.add(work)
  }

  async #serve(connection: Connection): Promise<void> {
    const frames = new FrameReader()
    const conversation = new Conversation(connection, this.#session, this.#stop.signal)
    try {
      for await (const chunk of connection.socket) {
        connection.isBusy = true
        connection.lastActivity = performance.now()
        for (const frame of frames.push(chunk as Buffer)) await conversation.take(parseFrame(frame))
        connection.isBusy = false
      }
      if (frames.pending > 0) this.#session.warn('a program ended in the middle of a message')
    } catch (error) {
      if (this.#stop.signal.aborted) return
      // What follows on this connection cannot be understood; the program finds it closed.
      const isReset = error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
      if (!isReset) this.#session.warn(`invalid data from a program: ${reasonOf(error)}`)
    }
  }
}

/** The messages of one connection: a greeting, and what follows. */
class Conversation {
  readonly #connection: Connection
  readonly #session: Session
  readonly #signal: AbortSignal
  #program: Program | undefined

  constructor(connection: Connection, session: Session, signal: AbortSignal) {
    this.#connection = connection
    this.#session = session
    this.#signal = signal
  }

  async take(value: object): Promise<void> {
    const id = idOf(value)
    try {
      const message = checkMessage(value)
      const result = await this.#result(message)
      if (id === undefined) return
      // Acknowledged means on disk. A greeting records nothing, and the program waits for it.
      if (message.call !== 'hello') await this.#session.recorder.flush()
      await this.#reply({ id, result })
    } catch (error) {
      if (this.#signal.aborted) throw error
      if (id === undefined)
        this.#session.warn(`a message from a program was not recorded: ${reasonOf(error)}`)
      else await this.#reply({ id, error: describe(error) })
    }
  }

  async #result(message: Message): Promise<unknown> {
    if (message.call === 'hello') {
      const { programs } = this.#session
      this.#program ??= programs.greet(message)
      return message.id === undefined ? null : programs.claim(message)
    }
    if (this.#program !== undefined) return answer(message, this.#program, this.#session)
    if (message.call === 'flush') return null
    throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the first message must be hello', {
      hint: 'or the limit of programs per run is reached',
    })
  }

  async #reply(value: unknown): Promise<void> {
    const { socket } = this.#connection
    if (socket.write(toFrame(value))) return
    // Nothing more is taken from one that does not read its answers, and nobody waits for it.
    this.#connection.isBusy = false
    await once(socket, 'drain', { signal: this.#signal })
    this.#connection.isBusy = true
  }
}

function describe(error: unknown): { code: string; message: string } {
  const code = LineaprintError.is(error) ? error.code : 'ERR_LINEAPRINT_INTERNAL'
  return { code, message: reasonOf(error) }
}
