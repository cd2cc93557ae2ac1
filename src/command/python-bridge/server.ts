/** The server for the programs of a run. The messages of one program are handled in order, one at a time. */
import { once } from 'node:events'
import { createConnection, createServer } from 'node:net'
import { LineaprintError } from '../../core/errors.ts'
import { VERSION } from '../../core/version.ts'
import { reasonOf } from '../../record/failure.ts'
import { answer } from './calls.ts'
import { FrameReader, toFrame } from './frames.ts'
import { checkMessage, idOf, parseFrame } from './messages.ts'
import { report } from './reporters.ts'
import type { Server, Socket } from 'node:net'
import type { Session } from './calls.ts'
import type { Message, MessageOf } from './messages.ts'
import type { Program } from './programs.ts'
import type { Reporter } from './reporters.ts'

/** Largest number of connections; each process has one. */
const CONNECTION_LIMIT = 2048

/** Milliseconds for which processes that outlive the command may continue to send. */
const LINGER_MS = 10_000

/** Milliseconds between signs of life to a program that waits for an answer. It gives up after 15 s of silence. */
const PENDING_MS = 2000

/** Milliseconds without a message after which a connection is idle, if none is being handled. */
const IDLE_MS = 100

interface Connection {
  readonly socket: Socket
  isBusy: boolean
  lastActivity: number
}

/** The server of one run. */
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

  /** Listen at a path. @throws The system error if that fails. */
  static async listen(path: string, session: Session): Promise<BridgeServer> {
    const server = new BridgeServer(path, session)
    server.#server.listen(path)
    await once(server.#server, 'listening')
    return server
  }

  /**
   * Handle every message that was sent so far, and close. Processes that outlive the command get a few more
   * seconds while they send.
   *
   * @param signal Stops waiting.
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

  /** True if a program is connected, as far as connections were accepted. */
  get isConnected(): boolean {
    return this.#connections.size > 0
  }

  /**
   * Accept every pending connection. They are accepted in order: once a new connection got its answer, all
   * earlier ones are accepted.
   */
  async #drain(signal: AbortSignal): Promise<void> {
    const lastConnection = createConnection(this.#path)
    try {
      await once(lastConnection, 'connect', { signal })
      lastConnection.write(toFrame({ call: 'flush', id: 0 }))
      await once(lastConnection, 'data', { signal })
    } catch (error) {
      if (!signal.aborted)
        this.#session.warn(`the last messages of programs may be missing: ${reasonOf(error)}`)
    } finally {
      lastConnection.destroy()
    }
  }

  /** Resolve when a connection has ended, or after a number of milliseconds. */
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
    const time = performance.now()
    return [...this.#connections].every(
      ({ isBusy, lastActivity }) => !isBusy && time - lastActivity > IDLE_MS,
    )
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
      await conversation.end()
      if (frames.pending > 0) this.#session.warn('a program ended in the middle of a message')
    } catch (error) {
      if (this.#stop.signal.aborted) return
      await conversation.end()
      // The rest of this connection cannot be parsed. The program sees it closed.
      const isReset = error instanceof Error && 'code' in error && error.code === 'ECONNRESET'
      if (!isReset) this.#session.warn(`invalid data from a program: ${reasonOf(error)}`)
    }
  }
}

/** The messages of one connection: a greeting, then others. */
class Conversation {
  readonly #connection: Connection
  readonly #session: Session
  readonly #signal: AbortSignal
  #program: Program | undefined
  #reporter: Reporter | undefined
  /** The rank whose wrapper is connected. */
  #rank: number | undefined

  constructor(connection: Connection, session: Session, signal: AbortSignal) {
    this.#connection = connection
    this.#session = session
    this.#signal = signal
  }

  async take(value: object): Promise<void> {
    const id = idOf(value)
    const pending = id === undefined ? undefined : setInterval(() => this.#reportPending(id), PENDING_MS)
    try {
      const message = checkMessage(value)
      const result = await this.#result(message)
      if (id === undefined) return
      // An acknowledgement means that the data is on disk. A greeting records nothing, and the program waits for it.
      if (message.call !== 'hello') await this.#session.recorder.flush()
      await this.#reply({ id, result })
    } catch (error) {
      if (this.#signal.aborted) throw error
      if (id === undefined)
        this.#session.warn(`a message from a program was not recorded: ${reasonOf(error)}`)
      else await this.#reply({ id, error: describe(error) })
      // A run that cannot be written any more takes no messages: the closed connection tells the program so.
      if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_STORE')
        await this.#session.recorder.flush()
    } finally {
      clearInterval(pending)
    }
  }

  /** Tell a program that its call is being worked on, unless it does not read what was sent before. */
  #reportPending(id: number): void {
    const { socket } = this.#connection
    if (socket.writable && socket.writableLength === 0) socket.write(toFrame({ id, pending: true }))
  }

  async #result(message: Message): Promise<unknown> {
    if (message.call === 'hello') {
      const { programs, interpreters } = this.#session
      if (this.#program === undefined) {
        interpreters.take(message)
        checkVersion(message, this.#session.warn)
      }
      this.#program ??= programs.greet(message)
      return message.id === undefined ? null : programs.claim(message)
    }
    if (this.#program !== undefined) return answer(message, this.#program, this.#session)
    if (message.call === 'reporter') {
      const { reporters, recorder } = this.#session
      this.#reporter ??= reporters.greet(message, recorder)
      return null
    }
    if (message.call === 'join' || message.call === 'leave') return this.#takeRank(message)
    if (this.#reporter !== undefined) {
      report(message, this.#reporter, this.#session.recorder)
      return null
    }
    if (message.call === 'flush') return null
    throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the first message must be hello', {
      hint: 'or the limit of programs per run is reached',
    })
  }

  async #takeRank(message: MessageOf<'join' | 'leave'>): Promise<unknown> {
    const { ranks } = this.#session
    if (ranks !== undefined && message.call === 'join' && this.#rank === undefined) {
      const joined = await ranks.join(message)
      this.#rank = message.rank
      return joined
    }
    if (ranks !== undefined && message.call === 'leave' && this.#rank !== undefined) {
      await ranks.leave(this.#rank, message)
      return null
    }
    throw new LineaprintError('ERR_LINEAPRINT_STATE', `the run does not take this ${message.call}`)
  }

  /** Take that the connection has ended. */
  async end(): Promise<void> {
    if (this.#rank !== undefined) await this.#session.ranks?.lose(this.#rank)
  }

  async #reply(value: unknown): Promise<void> {
    const { socket } = this.#connection
    if (socket.write(toFrame(value))) return
    // A program that does not read its answers is not served any longer, and the server does not wait for it.
    this.#connection.isBusy = false
    await once(socket, 'drain', { signal: this.#signal })
    this.#connection.isBusy = true
  }
}

/** Warn about a Python package of another version, which may lack what this one has, or the other way round. */
function checkVersion({ package: version }: MessageOf<'hello'>, warn: (sentence: string) => void): void {
  if (version === undefined || version === VERSION) return
  warn(
    `the Python package lineaprint ${version} reports to lineaprint ${VERSION}; install the same version of both`,
  )
}

function describe(error: unknown): { code: string; message: string } {
  const code = LineaprintError.is(error) ? error.code : 'ERR_LINEAPRINT_INTERNAL'
  return { code, message: reasonOf(error) }
}
