/** A server of a team with a PostgreSQL of its own, for tests. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { postgresPrograms, startPostgres } from '../../../scripts/postgres.mjs'
import { TeamAdministration } from '../../../src/database/team/administration.ts'
import { serveTeam } from '../../../src/server/team/serve.ts'
import { TeamClient } from '../../../src/server/team/client.ts'
import type { Server, Socket } from 'node:net'
import type { Role } from '../../../src/database/team/tokens.ts'
import type { TeamOptions } from '../../../src/server/team/serve.ts'

/** False where no PostgreSQL is installed. */
export const isInstalled: boolean = postgresPrograms() !== undefined

/** A PostgreSQL with any number of databases. */
export interface Databases {
  /** Create an empty database. Returns its address. */
  readonly create: () => Promise<string>
  /** Make all processes of the PostgreSQL hang, and go on. */
  readonly hang: () => void
  readonly wake: () => void
  readonly stop: () => Promise<void>
}

/** Start a PostgreSQL. */
export async function startDatabases(): Promise<Databases> {
  const { options, stop, hang, wake } = await startPostgres()
  const admin = new pg.Client(options)
  await admin.connect()
  let count = 0
  return {
    create: async () => {
      const name = `team_${count++}`
      await admin.query(`create database ${name}`)
      return `postgres://${options.user}@${options.host}:${options.port}/${name}`
    },
    hang,
    wake,
    stop: async () => {
      await admin.end()
      await stop()
    },
  }
}

/** A server in this process. */
export interface Team {
  readonly address: string
  /** Folder of the server. */
  readonly root: string
  readonly url: string
  readonly problems: string[]
  /** Make a token. */
  readonly token: (role: Role, project?: string) => Promise<string>
  readonly client: (role: Role, project?: string) => Promise<TeamClient>
  /** Send a request as it is. */
  readonly ask: (path: string, token: string | undefined, request?: RequestInit) => Promise<Response>
  readonly stop: () => Promise<void>
}

/** Start a server. */
export async function startTeam(address: string, options: Partial<TeamOptions> = {}): Promise<Team> {
  const root = options.objects ?? realpathSync(mkdtempSync(join(tmpdir(), 'lineaprint-team-')))
  const administration = TeamAdministration.open(address)
  const problems: string[] = []
  const cleanUp = async (): Promise<void> => {
    await administration.close()
    if (options.objects === undefined) rmSync(root, { recursive: true, force: true })
  }
  const server = await serveTeam({
    database: address,
    objects: root,
    host: '127.0.0.1',
    port: 0,
    names: [],
    trustedProxies: [],
    requestsPerSecond: 10_000,
    fileLimit: 2 ** 30,
    onProblem: (sentence) => problems.push(sentence),
    ...options,
  }).catch(async (error: unknown) => {
    await cleanUp()
    throw error
  })
  const url = `http://127.0.0.1:${server.port}`
  let count = 0
  const token = async (role: Role, project = 'vision'): Promise<string> =>
    (
      await administration.createToken({
        project,
        role,
        name: `${role}-${process.pid}-${count++}-${Date.now()}`,
      })
    ).token
  return {
    address,
    root,
    url,
    problems,
    token,
    client: async (role, project) => new TeamClient({ url, token: await token(role, project) }),
    ask: async (path, given, { headers, ...request } = {}) =>
      fetch(`${url}/api/v1${path}`, {
        ...request,
        headers: {
          ...(given !== undefined && { Authorization: `Bearer ${given}` }),
          ...(headers as Record<string, string> | undefined),
        },
      }),
    stop: async () => {
      await server.close()
      await cleanUp()
    },
  }
}

/** A way to a database that can be cut. */
export interface Way {
  readonly address: string
  readonly cut: () => void
  /** Let nothing through any more, and tell neither end. */
  readonly silence: () => void
  readonly mend: () => void
  readonly close: () => Promise<void>
}

/** Lay a way to a database. */
export async function wayTo(address: string): Promise<Way> {
  const { hostname, port, username, pathname } = new URL(address)
  const sockets = new Set<Socket>()
  let isCut = false
  let isSilent = false
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined)
    if (isCut) return socket.destroy()
    if (isSilent) return sockets.add(socket)
    const far = connect(Number(port), hostname)
    far.on('error', () => socket.destroy())
    for (const end of [socket, far]) {
      sockets.add(end)
      end.on('close', () => sockets.delete(end))
    }
    socket.pipe(far).pipe(socket)
    socket.on('close', () => far.destroy())
    far.on('close', () => socket.destroy())
    return undefined
  })
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  const own = server.address()
  return {
    address: `postgres://${username}@127.0.0.1:${typeof own === 'object' ? own?.port : 0}${pathname}`,
    cut: () => {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    silence: () => {
      isSilent = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    mend: () => {
      isCut = false
      isSilent = false
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((done) => {
        server.close(() => done())
      })
    },
  }
}
