/** A client of the server of a team: the addresses by which runs are moved. */
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { z } from 'zod/mini'
import { LineaprintError } from '../core/errors.ts'
import { checkKnown, checkObject } from '../core/options.ts'
import { checkText } from '../json/copy.ts'
import { joinLines } from '../util/error-text.ts'
import { bodyOf, jsonOf, parsed, passing, fetchReason, textOf } from './answer.ts'
import { commitSchema, liveSchema, missingSchema, projectsSchema, runFilesSchema } from './schemas.ts'
import { objectName } from './wire.ts'
import { plural } from '../util/plural.ts'
import type { ErrorCode } from '../core/errors.ts'
import type {
  CommitBody,
  LiveBody,
  MissingBody,
  ObjectName,
  ProjectsBody,
  RunFile,
  RunFilesBody,
} from './wire.ts'

/** A server, and a token of it. */
export interface ServerOptions {
  /** Address of the server, as `https://runs.example.org`; http or https, without user and password. */
  readonly url: string
  /** The token that `lineaprint token create` printed. */
  readonly token: string
  /** @default the project of the token, which is asked for once */
  readonly project?: string | undefined
}

/** Options of a request. */
export interface RequestOptions {
  readonly signal?: AbortSignal | undefined
}

/** A request. */
export interface Sent extends RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly search?: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly json?: unknown
  readonly bytes?: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>
}

/** Bytes of the longest answer of each kind. */
const ANSWER_LIMITS = {
  projects: 1 << 20,
  live: 64 << 10,
  /** Digests of the files of a run, or of what it kept. */
  commit: 64 << 20,
  /** Paths and digests. */
  files: 128 << 20,
} as const

/** Bytes of the written name of an object in an answer. */
const NAME_BYTES = 100

/** Bytes of the braces and names of an answer without items. */
const EMPTY_BYTES = 1000

const TOKEN = /^lp_[A-Za-z0-9_-]{43}$/

/** Codes of refusals that the library has as well. */
const CODES: ReadonlySet<string> = new Set<ErrorCode>([
  'ERR_LINEAPRINT_ARGUMENT',
  'ERR_LINEAPRINT_AMBIGUOUS',
  'ERR_LINEAPRINT_NOT_FOUND',
  'ERR_LINEAPRINT_RANGE',
  'ERR_LINEAPRINT_RECORD',
  'ERR_LINEAPRINT_RUN',
  'ERR_LINEAPRINT_STATE',
])

const failureSchema = z.object({
  error: z.object({
    code: z.string(),
    what: z.string(),
    where: z.nullable(z.string()),
    expected: z.nullable(z.string()),
    received: z.nullable(z.string()),
    do: z.nullable(z.string()),
  }),
})

/**
 * A client. Every method throws ERR_LINEAPRINT_SERVICE if the server cannot be reached, fails, or refuses the token;
 * {@link isPassing} tells whether to try again. Other refusals have other codes of the library. No message contains the
 * token, which is sent to no other address.
 */
export class TransferClient {
  readonly #base: string
  readonly #token: string
  #project: Promise<string> | undefined

  /** @throws ERR_LINEAPRINT_ARGUMENT for another form of the address or the token. */
  constructor(options: ServerOptions) {
    checkObject(options, 'options')
    checkKnown(options, ['url', 'token', 'project'])
    const { url, token, project } = options
    this.#base = baseOf(url)
    if (!TOKEN.test(checkText(token, 'token').trim()))
      throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'this is not a token of a server', {
        field: 'token',
        expected: 'lp_ and 43 characters after it, as "lineaprint token create" printed it',
        received: plural(token.length, 'character'),
      })
    this.#token = token.trim()
    if (project !== undefined) this.#project = Promise.resolve(checkText(project, 'project'))
  }

  /** Address of the server. */
  get url(): string {
    return this.#base
  }

  /** Return the project of the client. */
  async project(options: RequestOptions = {}): Promise<string> {
    this.#project ??= this.#firstProject(options)
    try {
      return await this.#project
    } catch (error) {
      this.#project = undefined
      throw error
    }
  }

  /** Return the projects of the token. */
  async projects(options: RequestOptions = {}): Promise<ProjectsBody> {
    return parsed(projectsSchema, await this.#send('/projects', options), ANSWER_LIMITS.projects)
  }

  /**
   * Append to a file of a running run. Its first record, `run.json`, starts it.
   *
   * @param from Position of the first byte.
   */
  async live(
    id: string,
    file: string,
    from: number,
    bytes: Uint8Array<ArrayBuffer>,
    options: RequestOptions = {},
  ): Promise<LiveBody> {
    const search = { file, from: String(from) }
    return parsed(
      liveSchema,
      await this.ask(`/runs/${encodeURIComponent(id)}/live`, { method: 'PUT', search, bytes, ...options }),
      ANSWER_LIMITS.live,
    )
  }

  /** Report that the process of a run is gone: the server, on another machine, cannot find out. */
  async reportLost(id: string, options: RequestOptions = {}): Promise<void> {
    const response = await this.ask(`/runs/${encodeURIComponent(id)}/lost`, { method: 'POST', ...options })
    await response.body?.cancel()
  }

  /** Take a run whose contents were sent, or learn what is missing. */
  async commit(id: string, files: readonly RunFile[], options: RequestOptions = {}): Promise<CommitBody> {
    const path = `/runs/${encodeURIComponent(id)}/commit`
    return parsed(
      commitSchema,
      await this.ask(path, { method: 'POST', json: { files }, ...options }),
      ANSWER_LIMITS.commit,
    )
  }

  /** Send a content of a run from a file. */
  async sendBlob(hex: string, path: string, options: RequestOptions = {}): Promise<void> {
    await this.#sendFile(`/blobs/${hex}`, path, options)
  }

  /** Return the names of the objects that the server does not have. */
  async missingObjects(names: readonly string[], options: RequestOptions = {}): Promise<MissingBody> {
    return parsed(
      missingSchema,
      await this.ask('/objects/missing', { method: 'POST', json: { names }, ...options }),
      EMPTY_BYTES + names.length * NAME_BYTES,
    )
  }

  /** Send a kept content, or the list of its parts, from a file. */
  async sendObject(name: ObjectName, path: string, options: RequestOptions = {}): Promise<void> {
    await this.#sendFile(`/objects/${objectName(name)}`, path, options)
  }

  /** Return the bytes of a kept content, or of the list of its parts. They are not checked. */
  async object(name: ObjectName, options: RequestOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return bodyOf(await this.ask(`/objects/${objectName(name)}`, options))
  }

  /** Return the files of a run. Their paths are not checked. */
  async files(id: string, options: RequestOptions = {}): Promise<RunFilesBody> {
    return parsed(
      runFilesSchema,
      await this.ask(`/runs/${encodeURIComponent(id)}/files`, options),
      ANSWER_LIMITS.files,
    )
  }

  /** Return the bytes of a file of a run. They are not checked. */
  async file(id: string, path: string, options: RequestOptions = {}): Promise<ReadableStream<Uint8Array>> {
    return bodyOf(await this.ask(`/runs/${encodeURIComponent(id)}/file`, { search: { path }, ...options }))
  }

  /** Remove a run. The token must be of an admin. */
  async remove(id: string, options: RequestOptions = {}): Promise<void> {
    const response = await this.ask(`/runs/${encodeURIComponent(id)}`, { method: 'DELETE', ...options })
    await response.body?.cancel()
  }

  /** Send a request to an address below that of the project. @throws The errors of the client. */
  async ask(path: string, sent: Sent = {}): Promise<Response> {
    const project = await this.project({ signal: sent.signal })
    return this.#send(`/projects/${encodeURIComponent(project)}${path}`, sent)
  }

  async #firstProject(options: RequestOptions): Promise<string> {
    const { projects } = await this.projects(options)
    const [first] = projects
    if (first !== undefined) return first.name
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the token has no project', { field: 'token' })
  }

  async #sendFile(address: string, path: string, options: RequestOptions): Promise<void> {
    const stream = Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>
    const response = await this.ask(address, { method: 'PUT', bytes: stream, ...options })
    await response.body?.cancel()
  }

  async #send(path: string, { method = 'GET', search = {}, json, bytes, signal }: Sent): Promise<Response> {
    const address = new URL(`${this.#base}/api/v1${path}`)
    for (const [name, value] of Object.entries(search))
      for (const text of value === undefined ? [] : typeof value === 'string' ? [value] : value)
        address.searchParams.append(name, text)
    const body = json === undefined ? bytes : JSON.stringify(json)
    let response: Response
    try {
      response = await fetch(address, {
        method,
        // Another address would get the token.
        redirect: 'error',
        headers: {
          Authorization: `Bearer ${this.#token}`,
          ...(json !== undefined && { 'Content-Type': 'application/json' }),
        },
        ...(body !== undefined && { body, duplex: 'half' }),
        ...(signal !== undefined && { signal }),
      })
    } catch (cause) {
      signal?.throwIfAborted()
      throw passing(`the server cannot be reached: ${fetchReason(cause)}`, {
        path: this.#base,
        hint: 'check the address and the network, and try again',
        cause,
      })
    }
    if (response.ok) return response
    throw await this.#refusal(response)
  }

  async #refusal(response: Response): Promise<LineaprintError> {
    const { status } = response
    const text = await textOf(response, 1 << 20).catch(() => '')
    const answer = z.safeParse(failureSchema, jsonOf(text))
    if (!answer.success)
      return passing(`the server answered with the status ${status}`, {
        path: this.#base,
        hint: 'is this the address of a lineaprint server, and is it running?',
      })
    const { code, what, where, expected, received, do: hint } = answer.data.error
    const details = {
      path: this.#base,
      ...(where !== null && { field: where }),
      ...(expected !== null && { expected }),
      ...(received !== null && { received }),
      ...(hint !== null && { hint }),
    }
    if (status >= 500 || status === 429) return passing(`the server failed: ${joinLines(what)}`, details)
    const known = CODES.has(code) ? (code as ErrorCode) : 'ERR_LINEAPRINT_SERVICE'
    return new LineaprintError(known, `the server refused it: ${joinLines(what)}`, details)
  }
}

function baseOf(url: string): string {
  const parsedUrl = URL.canParse(checkText(url, 'url')) ? new URL(url) : undefined
  const isUsable =
    parsedUrl !== undefined &&
    /^https?:$/.test(parsedUrl.protocol) &&
    parsedUrl.username === '' &&
    parsedUrl.password === ''
  if (isUsable) return `${parsedUrl.origin}${parsedUrl.pathname.replace(/\/+$/, '')}`
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', 'the address of the server is none', {
    field: 'url',
    expected: 'an address as https://runs.example.org, without user and password',
    received: parsedUrl === undefined ? 'no address' : `one of ${parsedUrl.protocol}`,
  })
}
