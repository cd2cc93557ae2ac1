/** A server of a team with many runs, and a server of MLflow with the same ones, in one PostgreSQL. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { MLFLOW, startMlflow } from '../scripts/mlflow.mjs'
import { startPostgres } from '../scripts/postgres.mjs'
import { TeamAdministration } from '../src/database/team/administration.ts'
import type { ChildProcess } from 'node:child_process'
import type { Store } from '../src/store/store.ts'
import type { PoolConfig } from 'pg'

const PROGRAM = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url))

/** The driver of PostgreSQL for MLflow, which `npm run bench:peers` installs. */
const DRIVER = fileURLToPath(new URL('../.peers/mlflow-postgres', import.meta.url))

/** Return what MLflow needs and is not installed; `undefined` if everything is. */
export function missingMlflow(): string | undefined {
  if (!existsSync(MLFLOW)) return 'no .peers/mlflow, which npm run setup:peers makes'
  return existsSync(DRIVER) ? undefined : 'no .peers/mlflow-postgres'
}

/** A PostgreSQL with a server of lineaprint. */
export class TeamServer {
  readonly #database: PoolConfig
  readonly #stopDatabase: () => Promise<void>
  readonly #folder: string
  readonly #tokens = new Map<string, string>()
  #server: ChildProcess | undefined
  #url = ''

  private constructor(folder: string, database: PoolConfig, stop: () => Promise<void>) {
    this.#folder = folder
    this.#database = database
    this.#stopDatabase = stop
  }

  /** Start a PostgreSQL. @param folder Folder of the server; it is made. */
  static async start(folder: string): Promise<TeamServer> {
    mkdirSync(join(folder, 'projects'), { recursive: true })
    const { options, stop } = await startPostgres()
    return new TeamServer(folder, options, stop)
  }

  /** Address of the database, for a driver. */
  address(scheme = 'postgres'): string {
    const { host, port, user, database } = this.#database
    return `${scheme}://${user}@${host}:${port}/${database}`
  }

  /** Make a project of a store, whose folder it takes. */
  async addProject(name: string, { root }: Store): Promise<void> {
    renameSync(root, join(this.#folder, 'projects', name))
    const administration = TeamAdministration.open(this.address())
    try {
      const { token } = await administration.createToken({ project: name, role: 'reader', name: 'bench' })
      this.#tokens.set(name, token)
    } finally {
      await administration.close()
    }
  }

  /** Start `lineaprint server`, or start it again with nothing in its memory. */
  async restart(): Promise<void> {
    await this.#stopServer()
    const options = ['--database', this.address(), '--objects', this.#folder, '--port', '0']
    const child = spawn(process.execPath, [PROGRAM, 'server', ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#server = child
    for await (const line of createInterface({ input: child.stdout })) {
      this.#url = line.trim()
      return
    }
    throw new Error('the server did not start')
  }

  /** Ask as the page does, and read the answer to its end. @param path Below the address of the project. */
  async ask(project: string, path: string): Promise<Buffer> {
    const response = await fetch(`${this.#url}api/v1/projects/${project}${path}`, {
      headers: { Authorization: `Bearer ${this.#tokens.get(project) ?? ''}` },
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    if (!response.ok) throw new Error(`${path}: ${response.status} ${bytes.toString().slice(0, 500)}`)
    return bytes
  }

  /** Wait until the server has an index of all runs of a project. */
  async indexed(project: string, runs: number): Promise<void> {
    for (;;) {
      // The first answers come too late: the index is being made.
      const total = await this.ask(project, '/runs?limit=1').then(
        (body) => (JSON.parse(body.toString()) as { readonly total: number }).total,
        () => 0,
      )
      if (total === runs) break
      await sleep(1000)
    }
    await this.query('vacuum analyze')
  }

  /** Run statements in the database. */
  async query(text: string): Promise<void> {
    const client = new Client(this.#database)
    await client.connect()
    try {
      await client.query(text)
    } finally {
      await client.end()
    }
  }

  async stop(): Promise<void> {
    await this.#stopServer()
    await this.#stopDatabase()
  }

  async #stopServer(): Promise<void> {
    const child = this.#server
    this.#server = undefined
    if (child === undefined || child.exitCode !== null) return
    const ended = once(child, 'close')
    child.kill('SIGINT')
    await ended
  }
}

/** A server of MLflow. */
export interface Mlflow {
  /** Ask its API. @param body A body makes it a POST. */
  readonly ask: (path: string, body?: unknown) => Promise<Buffer>
  readonly experiment: string
  readonly stop: () => Promise<void>
}

/** Start MLflow in the database of a server, and fill its tables. @param fill Returns statements for an experiment. */
export async function startMlflowIn(
  team: TeamServer,
  folder: string,
  fill: (experiment: string) => readonly string[],
): Promise<Mlflow> {
  const { url, stop } = await startMlflow(folder, {
    backend: team.address('postgresql+psycopg2'),
    workers: 4,
    environment: { PYTHONPATH: DRIVER },
  })
  const ask = async (path: string, body?: unknown): Promise<Buffer> => {
    const request = { headers: { 'Content-Type': 'application/json' } }
    const response = await fetch(
      `${url}/${path}`,
      body === undefined ? request : { ...request, method: 'POST', body: JSON.stringify(body) },
    )
    const bytes = Buffer.from(await response.arrayBuffer())
    if (!response.ok) throw new Error(`MLflow: ${path}: ${response.status} ${bytes.toString().slice(0, 500)}`)
    return bytes
  }
  const made = await ask('api/2.0/mlflow/experiments/create', { name: 'sweep' })
  const { experiment_id: experiment } = JSON.parse(made.toString()) as { readonly experiment_id: string }
  for (const statement of fill(experiment)) await team.query(statement)
  await team.query('vacuum analyze')
  return { ask, experiment, stop }
}
