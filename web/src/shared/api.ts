/** Requests to the server of this page. */
import { noteAnswer } from './connection.ts'
import { linkedProject } from './router.ts'
import type {
  ContentBody,
  ContentKind,
  ContentListBody,
  LineageBody,
} from '../../../src/server/api/contents.ts'
import type {
  DiffBody,
  DownloadBody,
  GroupsBody,
  ErrorBody,
  LiveEvent,
  LogBody,
  MetricsHead,
  PatchBody,
  RunBody,
  RunListBody,
  SeriesHead,
  SessionBody,
  StoreBody,
  VerifyEvent,
} from '../../../src/server/api/types.ts'

export type {
  ContentBody,
  ContentKind,
  LineageBody,
  LineageEdgeBody,
  LineageItemBody,
  LineageRunBody,
  ListedContentBody,
  RelatedBody,
  TableBody,
  TensorsBody,
} from '../../../src/server/api/contents.ts'

export type {
  DiffBody,
  DifferenceBody,
  GroupsBody,
  ListedRunBody,
  LogBody,
  PatchBody,
  RunBody,
  RunListBody,
  StoreBody,
  VerifyItemBody,
} from '../../../src/server/api/types.ts'

/** A failure that the server described. */
export class ApiError extends Error {
  readonly status: number
  readonly details: ErrorBody['error']

  constructor(status: number, details: ErrorBody['error']) {
    super(details.what)
    this.status = status
    this.details = details
  }
}

/** Check whether a failure is that the server does not answer: the page says that in one place. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof ApiError && error.status === 0 && error.details.code === 'ERR_LINEAPRINT_SERVICE'
}

/** Check whether a failure passes by itself: the server answers, and what it needs for that does not, as its database. */
export function isPassing(error: unknown): boolean {
  return error instanceof ApiError && error.status === 503
}

function unreachable(): ApiError {
  noteAnswer(false)
  return new ApiError(0, {
    code: 'ERR_LINEAPRINT_SERVICE',
    what: 'the server of this page does not answer',
    where: location.host,
    expected: null,
    received: null,
    do: null,
  })
}

const refusals = new Set<(error: ApiError) => void>()

/** Call back when the server no longer knows who asks. @returns What ends it. */
export function onRefusal(act: (error: ApiError) => void): () => void {
  refusals.add(act)
  return () => void refusals.delete(act)
}

const KEY = 'lineaprint.key'

const TOKEN = /^#token=([\da-f]+)$/

/** Exchange the token of the link that opened this page. The address then no longer has it. */
export async function signIn(): Promise<void> {
  const token = TOKEN.exec(location.hash)?.[1]
  if (token === undefined) return
  history.replaceState(null, '', location.pathname + location.search)
  try {
    const { key } = await send<SessionBody>('/session', { method: 'POST', body: { token } })
    localStorage.setItem(KEY, key)
  } catch (error) {
    // A link that is opened again in the same browser is no problem: it is signed in.
    if (!(error instanceof ApiError) || localStorage.getItem(KEY) === null) throw error
  }
}

/**
 * Call back when a link is opened in this tab, which loads nothing again if the page is open there, or when another tab has
 * signed in.
 *
 * @returns What ends it.
 */
export function onSignIn(act: () => void): () => void {
  const opened = (): void => {
    if (TOKEN.test(location.hash)) act()
  }
  const stored = ({ key }: StorageEvent): void => {
    if (key === KEY) act()
  }
  window.addEventListener('hashchange', opened)
  window.addEventListener('storage', stored)
  return () => {
    window.removeEventListener('hashchange', opened)
    window.removeEventListener('storage', stored)
  }
}

/** The tokens of the server of a team by their projects; they end with the tab. */
interface TeamSessions {
  readonly tokens: Readonly<Record<string, string>>
  /** The project that is open where an address names none. */
  readonly last: string
}

const TEAM = 'lineaprint.team'

function teamSessions(): TeamSessions {
  const kept = JSON.parse(sessionStorage.getItem(TEAM) ?? '{}') as Partial<TeamSessions>
  return { tokens: kept.tokens ?? {}, last: kept.last ?? '' }
}

function keepSessions(sessions: TeamSessions): void {
  if (Object.keys(sessions.tokens).length === 0) sessionStorage.removeItem(TEAM)
  else sessionStorage.setItem(TEAM, JSON.stringify(sessions))
}

/** Return the token of the project that is open; `undefined` on the local page, and where nobody has signed in. */
function teamSession(): { readonly token: string; readonly project: string } | undefined {
  const { tokens, last } = teamSessions()
  const project = linkedProject() ?? last
  const token = Object.hasOwn(tokens, project) ? tokens[project] : undefined
  return token === undefined ? undefined : { token, project }
}

/** Return the projects that this tab has signed in to. */
export function signedInProjects(): readonly string[] {
  return Object.keys(teamSessions().tokens).toSorted()
}

/** Return the beginning of the addresses of the project; empty on the local page. */
function projectPath(): string {
  const session = teamSession()
  return session === undefined ? '' : `/projects/${encodeURIComponent(session.project)}`
}

/**
 * Sign in to a project on the server of a team. Those that the tab has signed in to before stay.
 *
 * @returns The project of the token.
 * @throws ApiError if the server does not take the token.
 */
export async function signInTeam(token: string): Promise<string> {
  const { projects } = await send<{ readonly projects: readonly { readonly name: string }[] }>('/projects', {
    token,
  })
  const project = projects[0]?.name ?? ''
  keepSessions({ tokens: { ...teamSessions().tokens, [project]: token }, last: project })
  return project
}

/** Note which project is open. */
export function openedProject(project: string): void {
  keepSessions({ ...teamSessions(), last: project })
}

/** Forget the token of the project that is open, and go to another one that the tab has signed in to. */
export function signOut(): void {
  const { tokens } = teamSessions()
  const { project: closed } = teamSession() ?? {}
  const others = Object.fromEntries(Object.entries(tokens).filter(([project]) => project !== closed))
  const [last = ''] = Object.keys(others)
  keepSessions({ tokens: others, last })
  location.assign('/')
}

type Values = Readonly<Record<string, string | number | readonly string[] | undefined>>

interface Sent {
  readonly method?: 'GET' | 'POST'
  readonly values?: Values
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
  /** A token that is tried; the address is of no project then. */
  readonly token?: string
}

async function request(
  path: string,
  { method = 'GET', values = {}, body, signal, token }: Sent,
): Promise<Response> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined) continue
    for (const text of Array.isArray(value) ? (value as readonly string[]) : [String(value)])
      search.append(name, text)
  }
  const query = search.size === 0 ? '' : `?${search}`
  const team = teamSession()
  const base = token === undefined ? projectPath() : ''
  let response: Response
  try {
    response = await fetch(`/api/v1${base}${path}${query}`, {
      method,
      headers: {
        Authorization: `Bearer ${token ?? team?.token ?? localStorage.getItem(KEY) ?? ''}`,
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    })
  } catch (error) {
    if (signal?.aborted === true) throw error
    throw unreachable()
  }
  const described = response.ok
    ? undefined
    : ((await response.json().catch(() => undefined)) as ErrorBody | undefined)
  // A server before this one says so when this one is gone.
  if (described === undefined && GATEWAY.has(response.status)) throw unreachable()
  noteAnswer(true)
  if (response.ok) return response
  const error = new ApiError(
    response.status,
    described?.error ?? {
      code: 'ERR_LINEAPRINT_SERVICE',
      what: `the server answered with the status ${response.status}`,
      where: path,
      expected: null,
      received: null,
      do: null,
    },
  )
  if (error.status === 401) for (const act of refusals) act(error)
  throw error
}

/** Statuses with which a proxy says that there is no server behind it. */
const GATEWAY: ReadonlySet<number> = new Set([502, 503, 504])

/** Read an answer. One that ends in the middle is none. */
async function received<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof TypeError)) throw error
    throw unreachable()
  }
}

async function send<T>(path: string, sent: Sent = {}): Promise<T> {
  return received((await request(path, sent)).json() as Promise<T>, sent.signal)
}

/** A list of runs that is asked for. */
export interface ListQuery {
  readonly where: string
  readonly sort: readonly string[]
  readonly columns: readonly string[]
}

/** Return the store. */
export async function fetchStore(signal?: AbortSignal): Promise<StoreBody> {
  return send('/store', { signal })
}

/** Return a part of a list of runs. */
export async function fetchRuns(
  { where, sort, columns }: ListQuery,
  part: { readonly list?: string | undefined; readonly offset: number; readonly limit: number },
  signal?: AbortSignal,
): Promise<RunListBody> {
  const values = { where: where.trim() === '' ? undefined : where, sort, column: columns, ...part }
  return send('/runs', { values, signal })
}

/** Return the runs that a filter selects in groups. */
export async function fetchGroups(
  { where, by, measure }: { readonly where: string; readonly by: string; readonly measure: string },
  signal?: AbortSignal,
): Promise<GroupsBody> {
  const values = {
    where: where.trim() === '' ? undefined : where,
    by,
    measure: measure === '' ? undefined : measure,
  }
  return send('/groups', { values, signal })
}

/** Return a run. */
export async function fetchRun(id: string, signal?: AbortSignal): Promise<RunBody> {
  return send(`/runs/${encodeURIComponent(id)}`, { signal })
}

/** Return the patch of a run. */
export async function fetchPatch(id: string, signal?: AbortSignal): Promise<PatchBody> {
  return send(`/runs/${encodeURIComponent(id)}/patch`, { signal })
}

/** Return a part of a log. */
export async function fetchLog(
  id: string,
  name: string,
  from: number | undefined,
  signal?: AbortSignal,
): Promise<LogBody> {
  return send(`/runs/${encodeURIComponent(id)}/log`, { values: { name, from }, signal })
}

/** Return two runs compared. */
export async function fetchDiff(before: string, after: string, signal?: AbortSignal): Promise<DiffBody> {
  return send('/diff', { values: { before, after }, signal })
}

/** Return a part of the models or datasets. */
export async function fetchContents(
  part: {
    readonly kind: ContentKind
    readonly search: string
    readonly offset: number
    readonly limit: number
  },
  signal?: AbortSignal,
): Promise<ContentListBody> {
  return send('/contents', { values: part, signal })
}

/** Return a model or dataset. @param against Digest of the model with which it is compared. */
export async function fetchContent(
  digest: string,
  against: string | undefined,
  signal?: AbortSignal,
): Promise<ContentBody> {
  return send(`/contents/${encodeURIComponent(digest)}`, { values: { against }, signal })
}

/** Return the lineage of something. */
export async function fetchLineage(
  values: {
    readonly of: string
    readonly as: string | undefined
    readonly depth: number
    readonly nodes: number
  },
  signal?: AbortSignal,
): Promise<LineageBody> {
  return send('/lineage', { values, signal })
}

/** A file of a run: a log, or what it kept. */
export type FileOfRun =
  | { readonly kind: 'log'; readonly name: string }
  | { readonly kind: 'kept'; readonly section: string; readonly name: string; readonly path: string }

/** Save a file of a run. The server checks the digest of a kept one first. */
export async function saveFile(id: string, file: FileOfRun): Promise<void> {
  const path = `/runs/${encodeURIComponent(id)}/downloads`
  const { download, name } = await send<DownloadBody>(path, { method: 'POST', body: file })
  const link = document.createElement('a')
  link.href = `/api/v1${projectPath()}/downloads/${encodeURIComponent(download)}`
  link.download = name
  document.body.append(link)
  link.click()
  link.remove()
}

/** A series as a line. */
export interface Line extends SeriesHead {
  readonly x: Float64Array
  readonly y: Float64Array
}

/** A picture of metrics that is asked for. */
export interface LineQuery {
  readonly runs: readonly string[]
  readonly metrics?: readonly string[] | undefined
  readonly axis: 'step' | 'time' | 'epoch'
  readonly from?: number | undefined
  readonly to?: number | undefined
  readonly pixels: number
}

/** Return metrics as lines. */
export async function fetchLines(
  { runs, metrics, axis, from, to, pixels }: LineQuery,
  signal?: AbortSignal,
): Promise<{ readonly lines: readonly Line[]; readonly warnings: readonly string[] }> {
  const values = { run: runs, metric: metrics, axis, from, to, pixels }
  const bytes = await received((await request('/metrics', { values, signal })).arrayBuffer(), signal)
  const length = new DataView(bytes).getUint32(0, true)
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 4, length))) as MetricsHead
  let at = 4 + length
  const column = (points: number): Float64Array => {
    const numbers = new Float64Array(bytes, at, points)
    at += numbers.byteLength
    return numbers
  }
  const lines = head.series.map((series) => {
    const x = column(series.points)
    return { ...series, x, y: column(series.points) }
  })
  return { lines, warnings: head.warnings }
}

/** Call back for each piece of a stream that ends with a separator. @param onPart Called back for each part, whole or not. */
async function readPieces(
  response: Response,
  separator: string,
  take: (text: string) => void,
  signal: AbortSignal,
  onPart: () => void = () => undefined,
): Promise<void> {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const part = await received(reader?.read() ?? Promise.resolve(undefined), signal)
    if (part === undefined || part.done) return
    onPart()
    const pieces = (rest + part.value).split(separator)
    rest = pieces.pop() ?? ''
    for (const piece of pieces) if (piece !== '') take(piece)
  }
}

/** Milliseconds without a word of a run that goes on, after which its server is no longer heard. It speaks every ten seconds. */
const SILENCE = 30_000

/** Follow a run until it has ended, or the server says no more. */
export async function followRun(
  id: string,
  take: (event: LiveEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  // A machine that slept, or a network that is gone, ends no connection.
  const silent = new AbortController()
  let timer = 0
  const wait = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => silent.abort(), SILENCE) as unknown as number
  }
  try {
    wait()
    const both = AbortSignal.any([signal, silent.signal])
    const response = await request(`/runs/${encodeURIComponent(id)}/events`, { signal: both })
    const read = (piece: string): void => {
      const event = JSON.parse(piece.replace(/^data: /, '')) as LiveEvent | ErrorBody
      if ('error' in event) throw new ApiError(500, event.error)
      take(event)
    }
    await readPieces(response, '\n\n', read, both, wait)
  } catch (error) {
    if (silent.signal.aborted && !signal.aborted) throw unreachable()
    throw error
  } finally {
    clearTimeout(timer)
  }
}

/** Verify a run. Each finding comes as it is made. */
export async function verifyRun(
  id: string,
  level: string,
  take: (event: VerifyEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  const path = `/runs/${encodeURIComponent(id)}/verify`
  const response = await request(path, { method: 'POST', body: { level }, signal })
  await readPieces(response, '\n', (piece) => take(JSON.parse(piece) as VerifyEvent), signal)
}
