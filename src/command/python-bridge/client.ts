/** The client of a run: a command that reports to the run in whose environment it was started. */
import { once } from 'node:events'
import { createConnection } from 'node:net'
import { LineaprintError } from '../../core/errors.ts'
import { reasonOf } from '../../record/failure.ts'
import { FrameReader, toFrame } from './frames.ts'
import type { Socket } from 'node:net'
import type { ErrorCode } from '../../core/errors.ts'

/** Milliseconds without an answer after which the run counts as ended. It sends a sign of life every two seconds. */
const SILENCE_MS = 15_000

/** An answer, as the server sends it. */
interface Reply {
  readonly id?: unknown
  readonly result?: unknown
  readonly pending?: unknown
  readonly error?: { readonly code?: unknown; readonly message?: unknown }
}

/** A connection to a run. Calls are answered in their order; one waits for its answer before the next is made. */
export class BridgeClient {
  readonly #socket: Socket
  readonly #frames = new FrameReader()
  #waiting:
    { readonly resolve: (reply: Reply) => void; readonly reject: (error: unknown) => void } | undefined
  #number = 0
  #end: unknown
  readonly #closed: Promise<unknown>

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(this.#end ?? ended()))
    this.#closed = new Promise((resolve) => socket.once('close', resolve))
    socket.on('timeout', () => this.#fail(silent()))
  }

  /**
   * Connect.
   *
   * @param path Path of the socket.
   * @throws ERR_LINEAPRINT_STATE if the run has ended.
   */
  static async connect(path: string): Promise<BridgeClient> {
    const socket = createConnection(path)
    try {
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    } catch (cause) {
      throw ended(cause)
    }
    socket.removeAllListeners('error')
    return new BridgeClient(socket)
  }

  /** Call the listener with the reason when the connection ends without {@link close}. */
  onLost(listener: (reason: unknown) => void): void {
    this.#socket.once('close', () => listener(this.#end))
  }

  /** Send a message without an answer. One that the run refuses is a warning there. */
  async tell(message: object): Promise<void> {
    if (this.#end !== undefined) throw this.#end
    if (this.#socket.write(toFrame(message))) return
    await Promise.race([once(this.#socket, 'drain'), this.#closed])
  }

  /**
   * Send a message and wait for the answer: then what it reports is on disk.
   *
   * @throws The error of the run; ERR_LINEAPRINT_STATE if the run has ended or does not answer.
   */
  async call(message: object): Promise<unknown> {
    this.#socket.setTimeout(SILENCE_MS)
    const id = ++this.#number
    const frame = toFrame({ id, ...message })
    if (this.#end !== undefined) throw this.#end
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(frame)
    })
    this.#socket.setTimeout(0)
    const { error } = reply
    if (error === undefined) return reply.result
    throw new LineaprintError(error.code as ErrorCode, String(error.message))
  }

  /** End the connection. */
  close(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) {
        const reply = JSON.parse(frame.toString()) as Reply
        if (reply.pending !== undefined) continue
        if (reply.id !== this.#number) throw new Error('the answer to another message')
        this.#waiting?.resolve(reply)
        this.#waiting = undefined
      }
    } catch (error) {
      this.#fail(unreadable(error))
    }
  }

  #fail(cause: unknown): void {
    this.#end ??= LineaprintError.is(cause) ? cause : ended(cause)
    this.#waiting?.reject(this.#end)
    this.#waiting = undefined
    this.#socket.destroy()
  }
}

/**
 * Return the path of the socket of the run in whose environment this process was started.
 *
 * @throws ERR_LINEAPRINT_STATE outside of a run, and in one that cannot be reported to.
 */
export function bridgeOf(environment: Readonly<Record<string, string | undefined>>): string {
  const path = environment['LINEAPRINT_BRIDGE']
  if (path !== undefined && path !== '') return path
  const inRun = environment['LINEAPRINT_RUN_ID'] !== undefined
  throw new LineaprintError(
    'ERR_LINEAPRINT_STATE',
    inRun ? 'this run takes no reports: its socket could not be made' : 'this is not a program of a run',
    {
      field: 'LINEAPRINT_BRIDGE',
      expected: 'the socket of a run',
      received: 'nothing',
      hint: inRun ? 'its warnings tell why' : 'start the program with "lineaprint run -- COMMAND"',
    },
  )
}

function ended(cause?: unknown): LineaprintError {
  const why = cause === undefined ? 'its connection was closed' : reasonOf(cause)
  return new LineaprintError('ERR_LINEAPRINT_STATE', `the run has ended, so nothing was recorded: ${why}`, {
    expected: 'a running run',
    received: why,
    hint: 'report before the command of the run ends',
    cause,
  })
}

function unreadable(cause: unknown): LineaprintError {
  return new LineaprintError(
    'ERR_LINEAPRINT_STATE',
    `the answer of the run cannot be read: ${reasonOf(cause)}`,
    {
      expected: 'an answer of this version',
      received: 'something else',
      hint: 'whether the values were recorded is not known',
      cause,
    },
  )
}

function silent(): LineaprintError {
  const seconds = SILENCE_MS / 1000
  return new LineaprintError('ERR_LINEAPRINT_STATE', `the run did not answer for ${seconds} s`, {
    expected: 'an answer',
    received: 'nothing',
    hint: 'it may be stopped; whether the values were recorded is not known',
  })
}
