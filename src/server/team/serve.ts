/** The socket of a server of a team, and what it does in the background. */
import { createAdaptorServer } from '@hono/node-server'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { TeamAdministration } from '../../database/team/administration.ts'
import { ServerLock } from '../../database/team/server-lock.ts'
import { errorText } from '../../util/error-text.ts'
import { makeFolders, storeError, systemReason } from '../../util/fs.ts'
import { OWNER_MODES } from '../../util/modes.ts'
import { readPageFiles } from '../page-files.ts'
import { Access } from './access.ts'
import { buildTeamServer } from './app.ts'
import { AuditTrail } from './audit-trail.ts'
import { Proxies } from './client-address.ts'
import { Hosts } from './hosts.ts'
import { openProject } from './project.ts'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PageFiles } from '../page-files.ts'
import type { Project } from './project.ts'

/** Options of {@link serveTeam}. */
export interface TeamOptions {
  /** `postgres://USER@HOST/DATABASE`. */
  readonly database: string
  /** The folder with all runs and kept files. */
  readonly objects: string
  readonly host: string
  /** 0 for a port that is free. */
  readonly port: number
  /** Names by which clients reach the server. */
  readonly names: readonly string[]
  /** Addresses of proxies that tell whose a request is. */
  readonly trustedProxies: readonly string[]
  /** Requests in a second that each token may send. */
  readonly requestsPerSecond: number
  /** Bytes of the longest file of a run. */
  readonly fileLimit: number
  /** Called with a sentence about what went wrong in the background. */
  readonly onProblem: (sentence: string) => void
}

/** A server. */
export interface ServedTeam {
  readonly port: number
  /** Stop, and cut off what is still connected. */
  readonly close: () => Promise<void>
}

/** Milliseconds between two rounds of work in the background. */
const ROUND = 10_000

/** Milliseconds for which a connection may be silent: the files of a long run are hashed before its answer. */
const SILENCE = 600_000

/** Milliseconds within which the head of a request must have come, and between two checks of that. */
const HEAD_WITHIN = 20_000
const HEAD_CHECK = 5000

/** Rounds between two sweeps of what nobody took. */
const SWEEP_ROUNDS = 360

/**
 * Serve a team. The tables are made or brought forward first.
 *
 * @throws ERR_LINEAPRINT_SERVICE if the database or the port cannot be used, ERR_LINEAPRINT_STORE if the folder cannot.
 */
export async function serveTeam(options: TeamOptions): Promise<ServedTeam> {
  const files = await readPageFiles()
  const proxies = new Proxies(options.trustedProxies)
  const administration = TeamAdministration.open(options.database)
  await administration.prepare()
  const lock = new ServerLock(administration.address)
  try {
    await lock.take()
    return await serveLocked(options, { files, proxies, administration, lock })
  } catch (error) {
    await lock.close()
    await administration.close()
    throw error
  }
}

/** Parts that are there before the folder is touched. */
interface Prepared {
  readonly files: PageFiles
  readonly proxies: Proxies
  readonly administration: TeamAdministration
  readonly lock: ServerLock
}

async function serveLocked(
  { objects, host, port, names, requestsPerSecond, fileLimit, onProblem }: TeamOptions,
  { files, proxies, administration, lock }: Prepared,
): Promise<ServedTeam> {
  const root = resolve(objects)
  await makeFolders(root, OWNER_MODES.folder).catch((cause: unknown) => {
    throw storeError(root, 'the folder cannot be made', cause)
  })
  const projects = new Map<string, Promise<Project>>()
  const projectOf = async (name: string): Promise<Project> => {
    let project = projects.get(name)
    if (project === undefined) {
      project = openProject(root, administration, name)
      projects.set(name, project)
      project.catch(() => projects.delete(name))
    }
    return project
  }
  const trail = new AuditTrail(administration, root)
  const app = buildTeamServer(
    {
      root,
      administration,
      access: new Access(administration),
      trail,
      hosts: new Hosts([host, ...names]),
      proxies,
      rate: { perSecond: requestsPerSecond, burst: 2 * requestsPerSecond },
      fileLimit,
      projectOf,
      openedProject: (name) => projects.get(name),
      onProblem,
    },
    files,
  )
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    serverOptions: { connectionsCheckingInterval: HEAD_CHECK },
  }) as Server
  // A large file takes as long as it takes; a client that sends nothing, or next to nothing, is cut off.
  server.requestTimeout = 0
  server.headersTimeout = HEAD_WITHIN
  server.setTimeout(SILENCE)
  // The other half is for files and the database.
  server.maxConnections = Math.floor((await openFilesLimit()) / 2)
  await listen(server, host, port)
  const background = new Background({ lock, trail, projects, onProblem })
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      background.stop()
      server.closeAllConnections()
      await new Promise<void>((done) => {
        server.close(() => done())
      })
      await background.ended()
      for (const project of await Promise.allSettled(projects.values()))
        if (project.status === 'fulfilled') await project.value.index.close()
      await lock.close()
      await administration.close()
    },
  }
}

/** Return the number of files and connections that this process can have open; a low one where Linux does not tell. */
async function openFilesLimit(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'latin1').catch(() => '')
  const [, soft = ''] = /^Max open files +(\d+)/m.exec(limits) ?? []
  return soft === '' ? 1024 : Number(soft)
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  await new Promise<void>((done, reject) => {
    server.once('error', (cause) => {
      reject(
        new LineaprintError(
          'ERR_LINEAPRINT_SERVICE',
          `port ${port} of ${host} cannot be used: ${systemReason(cause)}`,
          { field: 'port', hint: 'choose another --port or --host', cause },
        ),
      )
    })
    server.listen(port, host, done)
  })
}

/** Work in the background: the index catches up, and the audit log, and what nobody took is removed. */
class Background {
  readonly #lock: ServerLock
  readonly #trail: AuditTrail
  readonly #projects: ReadonlyMap<string, Promise<Project>>
  readonly #onProblem: (sentence: string) => void
  readonly #timer: NodeJS.Timeout
  #round: Promise<void> = Promise.resolve()
  #isAtWork = false
  #rounds = 0
  /** The problem that was reported last: each is reported once. */
  #problem: string | undefined

  constructor({
    lock,
    trail,
    projects,
    onProblem,
  }: {
    readonly lock: ServerLock
    readonly trail: AuditTrail
    readonly projects: ReadonlyMap<string, Promise<Project>>
    readonly onProblem: (sentence: string) => void
  }) {
    this.#lock = lock
    this.#trail = trail
    this.#projects = projects
    this.#onProblem = onProblem
    this.#timer = setInterval(() => {
      if (this.#isAtWork) return
      this.#isAtWork = true
      this.#round = this.#work().finally(() => (this.#isAtWork = false))
    }, ROUND)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async ended(): Promise<void> {
    await this.#round
  }

  async #work(): Promise<void> {
    try {
      await this.#lock.take(0)
      await this.#trail.flush()
      for (const project of this.#projects.values()) {
        const { index, incoming } = await project
        await index.update()
        if (this.#rounds % SWEEP_ROUNDS === SWEEP_ROUNDS - 1) await incoming.sweep('later')
      }
      this.#rounds++
      this.#problem = undefined
    } catch (error) {
      const problem = errorText(error)
      if (problem !== this.#problem) this.#onProblem(problem)
      this.#problem = problem
    }
  }
}
