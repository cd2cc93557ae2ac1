/** Client of an MLflow server: one request at a time, retried when that is useful, always with a limit. */
import { errorText } from '../../util/error-text.ts'
import { LineaprintError } from '../../core/errors.ts'
import { PassingFailure, retry } from '../retry.ts'
import type { MlflowTarget } from './target.ts'

/** Milliseconds that one answer may take. */
const REQUEST_TIMEOUT = 10_000

/** Far above the size of any answer to the calls made here. */
const ANSWER_LIMIT = 16 * 1024 * 1024

/** The members of the server's JSON answer. */
export type Answer = Readonly<Record<string, unknown>>

/** A refusal by the server: it understood the request and rejects it. */
export class Refusal extends LineaprintError {
  /** MLflow's error code, for example `RESOURCE_DOES_NOT_EXIST`. */
  readonly reason: string

  constructor(path: string, status: number, answer: Answer) {
    const { error_code: reason, message } = answer
    const text = typeof message === 'string' ? message : `it answered ${status}`
    super('ERR_LINEAPRINT_SERVICE', `MLflow refused the request: ${oneLine(text)}`, {
      path,
      hint:
        status === 401 || status === 403
          ? 'check the credentials (MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN)'
          : undefined,
    })
    this.reason = typeof reason === 'string' ? reason : ''
  }
}

/** A server and how to reach it. */
export class MlflowClient {
  readonly trackingUri: string
  readonly #authorization: string | undefined

  constructor({ trackingUri, authorization }: MlflowTarget) {
    this.trackingUri = trackingUri
    this.#authorization = authorization
  }

  /**
   * Call the REST interface.
   *
   * @param call For example `POST runs/create`.
   * @param probe For a call that must not be made twice: checks, before a retry, if an earlier try took
   * effect, and returns its answer if so.
   * @throws A {@link Refusal}, or ERR_LINEAPRINT_SERVICE if the server cannot be reached or keeps failing.
   */
  async call(
    call: string,
    content: object,
    signal: AbortSignal,
    probe?: () => Promise<Answer | undefined>,
  ): Promise<Answer> {
    const [method = '', path = ''] = call.split(' ')
    const query = method === 'GET' ? `?${new URLSearchParams({ ...content }).toString()}` : ''
    const body = method === 'GET' ? undefined : JSON.stringify(content)
    const url = `${this.trackingUri}/api/2.0/mlflow/${path}`
    return this.#repeat(url, { method, query, body, type: 'application/json', probe }, signal)
  }

  /**
   * Upload a file into the artefacts of the server.
   *
   * @param path Below the server's own folder of artefacts.
   */
  async upload(path: string, content: Blob, signal: AbortSignal): Promise<void> {
    const encodedPath = path.split('/').map(encodeURIComponent).join('/')
    const url = `${this.trackingUri}/api/2.0/mlflow-artifacts/artifacts/${encodedPath}`
    await this.#repeat(
      url,
      { method: 'PUT', query: '', body: content, type: 'application/octet-stream' },
      signal,
    )
  }

  async #repeat(url: string, request: Request, signal: AbortSignal): Promise<Answer> {
    try {
      return await retry(
        async (attempt) =>
          (attempt > 1 ? await request.probe?.() : undefined) ?? (await this.#once(url, request, signal)),
        { signal },
      )
    } catch (cause) {
      if (!(cause instanceof PassingFailure)) throw cause
      throw new LineaprintError('ERR_LINEAPRINT_SERVICE', `MLflow cannot be reached: ${cause.message}`, {
        path: url,
        cause,
      })
    }
  }

  async #once(url: string, request: Request, signal: AbortSignal): Promise<Answer> {
    const { method, query, body, type } = request
    const headers = new Headers({ 'content-type': type })
    if (this.#authorization !== undefined) headers.set('authorization', this.#authorization)
    // A large upload takes longer than other requests: the timeout grows with the size.
    const timeout = body instanceof Blob ? REQUEST_TIMEOUT + Math.ceil(body.size / 1000) : REQUEST_TIMEOUT
    const limited = AbortSignal.any([signal, AbortSignal.timeout(timeout)])
    let status: number
    let text: string
    try {
      // Do not follow redirects: credentials must not reach another server.
      const response = await fetch(url + query, {
        method,
        headers,
        body: body ?? null,
        signal: limited,
        redirect: 'manual',
      })
      status = response.status
      if (isPassing(status)) {
        await response.body?.cancel()
        throw new PassingFailure(`it answered ${status}`, { pause: pauseOf(response) })
      }
      text = await textOf(response)
    } catch (cause) {
      signal.throwIfAborted()
      if (cause instanceof PassingFailure || LineaprintError.is(cause)) throw cause
      throw new PassingFailure(limited.aborted ? 'no answer' : networkReason(cause), { cause })
    }
    if (status >= 300 && status < 400) throw strange(url, `a redirection (${status})`)
    const answer = parse(text)
    if (status >= 400) throw new Refusal(url, status, answer ?? {})
    if (answer === undefined) throw strange(url, JSON.stringify(text.slice(0, 60)))
    return answer
  }
}

interface Request {
  readonly method: string
  readonly query: string
  readonly body: string | Blob | undefined
  readonly type: string
  readonly probe?: (() => Promise<Answer | undefined>) | undefined
}

/** Check whether a status indicates overload or a fault of the server; all others are final. */
function isPassing(status: number): boolean {
  return status === 408 || status === 429 || status >= 500
}

function pauseOf(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? NaN)
  return Number.isFinite(seconds) ? seconds * 1000 : undefined
}

async function textOf(response: Response): Promise<string> {
  const parts: Uint8Array[] = []
  let length = 0
  for await (const part of response.body ?? []) {
    length += part.length
    if (length > ANSWER_LIMIT) throw strange(response.url, `more than ${ANSWER_LIMIT} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts).toString()
}

function parse(text: string): Answer | undefined {
  if (text === '') return {}
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Answer)
      : undefined
  } catch {
    return undefined
  }
}

function strange(url: string, received: string): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_SERVICE', 'the server does not answer like MLflow', {
    path: url,
    expected: 'a JSON object',
    received,
  })
}

/** `fetch` has the reason of the system as the cause of its own error. */
function networkReason(cause: unknown): string {
  return oneLine(errorText(cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause))
}

/** Return a text of the server, which is untrusted, on one line. */
function oneLine(text: string): string {
  return text.replace(/[\s\u0000-\u001f\u007f-\u009f]+/g, ' ').slice(0, 300)
}
