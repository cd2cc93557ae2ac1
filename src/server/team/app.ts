/** The server of a team, without its socket: tokens, roles and limits before the addresses, and the files of the page. */
import { Hono } from 'hono'
import { LineaprintError } from '../../core/errors.ts'
import { isProjectName } from '../../database/team/tokens.ts'
import { errorText } from '../../util/error-text.ts'
import { HEADERS, requestOf, respond, servePageFiles } from '../app.ts'
import { Refusal, failureAnswer } from '../errors.ts'
import { Guard } from '../guard.ts'
import { openApiDocument } from '../openapi.ts'
import { checkRole } from './access.ts'
import { Buckets, TooMany } from './rate.ts'
import { PROJECTS_ROUTE, projectRoutes, projectsOf } from './routes.ts'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { TeamAdministration } from '../../database/team/administration.ts'
import type { TokenInfo } from '../../database/team/tokens.ts'
import type { FailureAnswer } from '../errors.ts'
import type { PageFiles } from '../page-files.ts'
import type { Result } from '../routes.ts'
import type { Access } from './access.ts'
import type { AuditTrail } from './audit-trail.ts'
import type { Proxies } from './client-address.ts'
import type { Hosts } from './hosts.ts'
import type { Project } from './project.ts'
import type { Rate } from './rate.ts'
import type { TeamRoute, TeamServices } from './routes.ts'

/** The parts of a server. */
export interface TeamParts {
  /** Absolute path of the folder of the server. No answer has it. */
  readonly root: string
  readonly administration: TeamAdministration
  readonly access: Access
  readonly trail: AuditTrail
  readonly hosts: Hosts
  readonly proxies: Proxies
  readonly rate: Rate
  /** Bytes of the longest file of a run. */
  readonly fileLimit: number
  readonly projectOf: (name: string) => Promise<Project>
  /** Return a project that somebody with a token has opened. */
  readonly openedProject: (name: string) => Promise<Project> | undefined
  /** Called with a sentence about what the server, and not the client, did wrong. */
  readonly onProblem: (sentence: string) => void
}

/** Streams of one token at a time. */
const STREAM_LIMIT = 100

/** Build the server. */
export function buildTeamServer(parts: TeamParts, files: PageFiles): Hono {
  const { hosts, access, rate } = parts
  const app = new Hono()
  const buckets = new Buckets(rate)
  const streams = new Streams()
  const routes = projectRoutes()
  app.use(async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) context.header(name, value)
  })
  app.use(async (context, next) => {
    hosts.checkHost(context.req.raw.headers)
    await next()
  })
  app.use('/api/*', async (context, next) => {
    hosts.checkOrigin(context.req.raw.headers)
    await next()
    context.header('Cache-Control', 'no-store')
  })
  const tokenOf = async (context: Context): Promise<TokenInfo> => {
    const token = await access.check(context.req.header('Authorization'), addressOf(parts, context))
    buckets.take(String(token.id))
    return token
  }
  app.get('/api/v1/openapi.json', (context) =>
    context.json(
      openApiDocument([
        PROJECTS_ROUTE,
        ...routes.map((route) => ({ ...route, path: `/projects/{project}${route.path}` })),
      ]),
    ),
  )
  app.get('/api/v1/projects', async (context) =>
    respond(context, { kind: 'json', body: projectsOf(await tokenOf(context)) }),
  )
  for (const route of routes) {
    const path = `/api/v1/projects/{project}${route.path}`.replaceAll(/\{(\w+)\}/g, ':$1')
    app[route.method](path, async (context) => {
      const name = context.req.param('project') ?? ''
      // An open address is a secret of its own: it was told to one who has a token, and has opened the project.
      const token = route.isOpen ? undefined : await tokenOf(context)
      if (token !== undefined) await allow(parts, context, token, name, route)
      const services = await servicesOf(parts, context, token, name)
      const result = await route.handle(await requestOf(context, route), services)
      return respond(context, streams.counted(token === undefined ? '' : String(token.id), result))
    })
  }
  app.all('/api/*', async (context) => {
    // Whoever is not signed in learns that first.
    await tokenOf(context)
    throw new Refusal(404, 'ERR_LINEAPRINT_NOT_FOUND', 'the API has no such address', {
      where: context.req.path.slice(0, 200),
      do: '/api/v1/openapi.json lists the addresses',
    })
  })
  servePageFiles(app, files, (error, isGone) => withoutRoot(parts, error, isGone))
  return app
}

/** Check the role that an address needs. A refusal of a change is in the audit log. */
async function allow(
  parts: TeamParts,
  context: Context,
  token: TokenInfo,
  project: string,
  { role, method, path }: TeamRoute,
): Promise<void> {
  try {
    checkRole(token, project, role)
  } catch (error) {
    if (method !== 'get')
      await auditOf(
        parts,
        context,
        token,
      )('refused', `${method.toUpperCase()} ${path} of ${project.slice(0, 80)}`)
    throw error
  }
}

async function servicesOf(
  parts: TeamParts,
  context: Context,
  token: TokenInfo | undefined,
  name: string,
): Promise<TeamServices> {
  if (!isProjectName(name)) throw new Refusal(404, 'ERR_LINEAPRINT_NOT_FOUND', 'there is no such project')
  const project = token === undefined ? await parts.openedProject(name) : await parts.projectOf(name)
  if (project === undefined) throw new Refusal(404, 'ERR_LINEAPRINT_NOT_FOUND', 'there is no such project')
  return {
    project,
    administration: parts.administration,
    fileLimit: parts.fileLimit,
    audit: auditOf(parts, context, token ?? { name: null, project: name }),
    flushAudit: async () => parts.trail.flush(),
    store: project.store,
    lists: project.lists,
    reader: project.reader,
    contents: project.contents,
    downloads: project.downloads,
    directory: '',
    trackers: [],
    // There are no sessions: each request has a token.
    guard: new Guard(),
  }
}

/** @param token Without a name if there is no token. */
function auditOf(
  parts: TeamParts,
  context: Context,
  { name, project }: { readonly name: string | null; readonly project: string },
): TeamServices['audit'] {
  return async (action, subject) =>
    parts.trail.write({
      time: new Date().toISOString(),
      project,
      token: name,
      address: addressOf(parts, context),
      action,
      subject,
    })
}

/** Return the address of the client, or of a proxy before it that is not trusted. */
function addressOf({ proxies }: TeamParts, context: Context): string {
  // There is no socket behind a request of a test.
  const bindings = context.env as Partial<HttpBindings> | undefined
  return proxies.clientOf(bindings?.incoming?.socket.remoteAddress, context.req.header('X-Forwarded-For'))
}

/** Describe a failure without paths of the server, and without the address of its database. */
function withoutRoot({ root, onProblem }: TeamParts, error: unknown, isGone: boolean): FailureAnswer {
  const { status, body } = failureAnswer(error)
  // What breaks when a client goes away in the middle of a body is no problem of the server.
  if (status >= 500 && !isGone) onProblem(errorText(error))
  const hide = (text: string | null): string | null => text?.replaceAll(root, '<server>') ?? null
  const isService = LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_SERVICE'
  const { code, what, where, expected, received, do: remedy } = body.error
  return {
    status,
    ...(error instanceof TooMany && { headers: { 'Retry-After': String(error.retryAfter) } }),
    body: {
      error: {
        code,
        what: isService ? 'the database of the server does not answer' : (hide(what) ?? ''),
        where: isService ? null : hide(where),
        expected: hide(expected),
        received: hide(received),
        do: isService ? 'try again; the log of the server tells more' : hide(remedy),
      },
    },
  }
}

/** Counts the streams of each token. */
class Streams {
  readonly #open = new Map<string, number>()

  /** Return a result whose stream counts while it is read. @throws Refusal if there are too many. */
  counted(key: string, result: Result): Result {
    if (result.kind !== 'events' && result.kind !== 'lines') return result
    const open = this.#open.get(key) ?? 0
    if (open >= STREAM_LIMIT) throw new TooMany(5, `${STREAM_LIMIT} streams at a time`)
    const { items } = result
    return { ...result, items: (signal) => this.#count(key, items(signal)) }
  }

  async *#count(key: string, items: AsyncIterable<unknown>): AsyncGenerator {
    this.#open.set(key, (this.#open.get(key) ?? 0) + 1)
    try {
      yield* items
    } finally {
      const remaining = (this.#open.get(key) ?? 1) - 1
      if (remaining > 0) this.#open.set(key, remaining)
      else this.#open.delete(key)
    }
  }
}
