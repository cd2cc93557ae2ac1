/**
 * A run that is sent to the server of a team while it goes on. What is sent is read from the files of the run, at the
 * position where the copy on the server ends: nothing is queued, so a server that is away for hours costs no memory, and
 * gets everything afterwards.
 *
 * Nothing here harms the run. A failure makes the next attempt later, and what the server lacks at the end is sent with the
 * sealed run.
 */
import { constants } from 'node:fs'
import { open, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod/mini'
import { OPEN_LINE_LIMIT, lastingBytes } from '../store/log-lines.ts'
import { JOURNAL_FILE, RECORD_FILE } from '../store/store.ts'
import { readRun } from '../store/read.ts'
import { reasonOf } from '../record/failure.ts'
import { SAFE } from '../util/own-file.ts'
import { plural } from '../util/plural.ts'
import { Repeated } from '../util/repeated.ts'
import { SmallConnection } from './http.ts'
import { CLEAR_WARNING, isInClear } from './target.ts'
import { liveSchema, projectsSchema } from './schemas.ts'
import type { FileHandle } from 'node:fs/promises'
import type { RunId } from '../core/run-id.ts'
import type { SmallAnswer } from './http.ts'
import type { StreamTarget } from './target.ts'

/** Milliseconds between two turns. */
const INTERVAL = 1000

/** Milliseconds of one request; after that the server gets a rest. */
const REQUEST_TIMEOUT = 10_000

/** Bytes of a piece: less for a slow network, so that each piece arrives in time. */
const PIECE = { least: 16 << 10, most: 1 << 20 } as const

/** Milliseconds without requests after a first failure; they double up to the longest. */
const REST = { first: 1000, longest: 30_000 } as const

/** Milliseconds without requests to a server that refused what it got: asking again at once would not help. */
const REFUSED_REST = 60_000

/** Milliseconds for which the end of a run waits for a server that has answered nothing while the run went on. */
const UNREACHED = 3000

/** Names of logs that grow at their end. */
const LOG = /^std(?:out|err)\.log$/

/** A server that refused something. */
class Refused extends Error {}

/** A server that asks to wait. */
class Busy extends Error {
  readonly waitMs: number
  constructor(waitMs: number) {
    super('the server is busy')
    this.waitMs = waitMs
  }
}

/** The part of a run that the server has. */
export class RunStream {
  /** A sentence about the address that the user should know; `undefined` if there is none. */
  readonly warning: string | undefined
  readonly #target: StreamTarget
  readonly #id: RunId
  readonly #folder: string
  readonly #connection: SmallConnection
  readonly #stop = new AbortController()
  readonly #turns: Repeated
  /** Bytes of each file on the server. */
  readonly #sizes = new Map<string, number>()
  #project: string | undefined
  #hasStarted = false
  #hasAnswered = false
  #piece: number = PIECE.most
  #restUntil = 0
  #rest: number = REST.first

  /** @param folder Absolute path of the folder of the run, whose first record is written. */
  constructor(target: StreamTarget, id: RunId, folder: string) {
    this.#target = target
    if (isInClear(target.url)) this.warning = `${target.url}: ${CLEAR_WARNING}`
    this.#id = id
    this.#folder = folder
    this.#project = target.project
    this.#connection = new SmallConnection(target.url, target.token)
    this.#turns = new Repeated(() => this.#turn(), INTERVAL)
  }

  /**
   * Send the sealed run, with all that the server lacks.
   *
   * @returns A sentence about what the server does not have; `undefined` if it has all.
   */
  async finish(signal?: AbortSignal): Promise<string | undefined> {
    this.stop()
    await this.#turns.stop()
    const { url, token, timeoutMs } = this.#target
    const timeout = AbortSignal.timeout(timeoutMs)
    const deadline = signal === undefined ? timeout : AbortSignal.any([timeout, signal])
    try {
      const { TransferClient } = await import('./client.ts')
      const { pushRun } = await import('./push.ts')
      const { awaitAnswer } = await import('./retry.ts')
      const client = new TransferClient({ url, token, project: this.#project })
      if (!this.#hasAnswered) await awaitAnswer(client, UNREACHED, deadline)
      const push = pushRun(client, await readRun(this.#folder), { signal: deadline })
      const { missingObjects } = await bounded(push, deadline)
      return missingObjects.length === 0
        ? undefined
        : `${url} has the run without ${plural(missingObjects.length, 'kept file')}, which this store lacks as well`
    } catch (error) {
      const reason = timeout.aborted
        ? `it took longer than ${timeoutMs} ms`
        : withoutAddress(reasonOf(error), url)
      return unsentSentence(this.#id, { url, project: this.#project }, reason)
    }
  }

  /** Stop all background work. */
  stop(): void {
    this.#stop.abort()
    void this.#turns.stop()
    this.#connection.close()
  }

  /** Send what is new. Never rejects: the next turn, or the end of the run, sends it again. */
  async #turn(): Promise<void> {
    if (performance.now() < this.#restUntil) return
    try {
      this.#project ??= await this.#firstProject()
      if (!this.#hasStarted) await this.#start()
      for (const name of [JOURNAL_FILE, ...(await this.#logs())]) await this.#sendNew(name)
      this.#rest = REST.first
    } catch (error) {
      this.#restAfter(error)
    }
  }

  #restAfter(error: unknown): void {
    if (error instanceof Refused) {
      this.#restUntil = performance.now() + REFUSED_REST
      // It may have lost the run, or begun another life.
      this.#hasStarted = false
      this.#sizes.clear()
      return
    }
    // Runs that failed together do not all come back at the same moment.
    const rest = this.#rest * (0.5 + Math.random())
    const wait = error instanceof Busy ? Math.min(error.waitMs, REFUSED_REST) : 0
    this.#restUntil = performance.now() + Math.max(rest, wait)
    this.#rest = Math.min(REST.longest, this.#rest * 2)
  }

  async #firstProject(): Promise<string> {
    const { projects } = checked(projectsSchema, await this.#ask('GET', '/api/v1/projects'))
    const [first] = projects
    if (first === undefined) throw new Refused('the token has no project')
    return first.name
  }

  /** Give the server the first record of the run. */
  async #start(): Promise<void> {
    await using file = await open(join(this.#folder, RECORD_FILE), constants.O_RDONLY | SAFE)
    await this.#put(RECORD_FILE, 0, await file.readFile())
    this.#hasStarted = true
  }

  async #logs(): Promise<string[]> {
    return (await readdir(this.#folder)).filter((name) => LOG.test(name)).toSorted()
  }

  /** Send a file from the end of its copy on, in pieces. Of a log, a line is sent once it has ended. */
  async #sendNew(name: string): Promise<void> {
    await using file = await open(join(this.#folder, name), constants.O_RDONLY | SAFE)
    const size = LOG.test(name) ? await lastingSize(file) : (await file.stat()).size
    let wentBack = false
    for (let from = this.#sizes.get(name) ?? 0; from < size && !this.#stop.signal.aborted;) {
      const bytes = Buffer.alloc(Math.min(this.#piece, size - from))
      const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
      if (bytesRead === 0) return
      const end = await this.#put(name, from, bytes.subarray(0, bytesRead))
      // The copy has more than this file: it is of another run.
      if (end > size) throw new Refused('the server has another file')
      // It may have lost the end of the copy, once. Sending again and again would keep this machine busy.
      if (end <= from && wentBack) throw new Refused('the server does not keep what it is sent')
      wentBack ||= end <= from
      from = end
      this.#sizes.set(name, from)
    }
  }

  /** Send a piece. @returns The end of the copy. */
  async #put(name: string, from: number, bytes: Buffer): Promise<number> {
    const search = new URLSearchParams({ file: name, from: String(from) })
    const project = encodeURIComponent(this.#project ?? '')
    const path = `/api/v1/projects/${project}/runs/${encodeURIComponent(this.#id)}/live?${search.toString()}`
    try {
      const { size } = checked(liveSchema, await this.#ask('PUT', path, bytes))
      this.#piece = Math.min(PIECE.most, this.#piece * 2)
      return size
    } catch (error) {
      if ((error as Error).name === 'TimeoutError') this.#piece = Math.max(PIECE.least, this.#piece / 4)
      throw error
    }
  }

  async #ask(method: 'GET' | 'PUT', path: string, bytes?: Buffer): Promise<SmallAnswer> {
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(REQUEST_TIMEOUT)])
    const answer = await this.#connection.send({
      method,
      path,
      signal,
      ...(bytes !== undefined && { bytes }),
    })
    this.#hasAnswered = true
    return answer
  }
}

/** Return the bytes of a log that will not be written over. */
async function lastingSize(file: FileHandle): Promise<number> {
  const { size } = await file.stat()
  const bytes = Buffer.alloc(Math.min(size, OPEN_LINE_LIMIT))
  const from = size - bytes.length
  const { bytesRead } = await file.read(bytes, 0, bytes.length, from)
  return from + lastingBytes(bytes.subarray(0, bytesRead))
}

/** Return the sentence about a run that is not on the server as a whole, with the command that sends it. */
export function unsentSentence(
  id: RunId,
  { url, project }: { readonly url: string; readonly project?: string | undefined },
  reason: string,
): string {
  const option = project === undefined ? '' : ` --project ${project}`
  return `the run was not fully sent to ${url}: ${reason}; to complete it: lineaprint push ${id} --to ${url}${option}`
}

/** Return a message of the client without the address before it, which the sentence has. */
function withoutAddress(message: string, url: string): string {
  return message.startsWith(`${url}: `) ? message.slice(url.length + 2) : message
}

/** Return the body of an answer. @throws If it is another than the server of a team gives. */
function checked<T>(schema: () => z.ZodMiniType<T>, { status, body, retryAfterMs }: SmallAnswer): T {
  const parsed = z.safeParse(schema(), body)
  if ((status === 200 || status === 409) && parsed.success) return parsed.data
  if (status === 429 || status === 503) throw new Busy(retryAfterMs)
  if (status >= 400 && status < 500) throw new Refused(`the server answered with the status ${status}`)
  throw new Error(`the server answered with the status ${status}`)
}

/** Await work up to a deadline. Work that ignores it is abandoned. */
async function bounded<T>(work: Promise<T>, deadline: AbortSignal): Promise<T> {
  const late = Promise.withResolvers<never>()
  const fail = (): void => late.reject(deadline.reason as Error)
  if (deadline.aborted) fail()
  deadline.addEventListener('abort', fail, { once: true })
  try {
    return await Promise.race([work, late.promise])
  } finally {
    deadline.removeEventListener('abort', fail)
  }
}
