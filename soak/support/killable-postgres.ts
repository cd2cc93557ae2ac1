/** A PostgreSQL that is killed and started again on the same data, with the settings that make it keep what it acknowledged. */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { postgresPrograms } from '../../scripts/postgres.mjs'
import type { ChildProcess } from 'node:child_process'
import type { AddressInfo } from 'node:net'

const USER = 'lineaprint'

/** Milliseconds that a start may take. */
const PATIENCE = 60_000

/** A server of a database. */
export class KillablePostgres {
  readonly address: string
  readonly #command: readonly string[]
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(folder: string, port: number, command: readonly string[]) {
    this.#folder = folder
    this.#command = command
    this.address = `postgres://${USER}@127.0.0.1:${port}/postgres`
  }

  /** Make the data in a folder, and start. @param parent A folder that others can enter. */
  static async start(parent: string): Promise<KillablePostgres> {
    const programs = postgresPrograms() ?? ''
    const folder = join(parent, 'postgres')
    const data = join(folder, 'data')
    mkdirSync(folder)
    // PostgreSQL refuses to run as root.
    const isRoot = process.getuid?.() === 0
    const as = isRoot ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : []
    if (isRoot) {
      chmodSync(parent, 0o755)
      spawnSync('chown', ['postgres:postgres', folder])
    }
    const [initdb, ...args] = [
      ...as,
      join(programs, 'initdb'),
      '-D',
      data,
      '-U',
      USER,
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '-N',
    ]
    const made = spawnSync(initdb, args, { encoding: 'utf8', cwd: folder })
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`)
    const port = await freePort()
    const settings = ['listen_addresses=127.0.0.1', `port=${port}`, 'unix_socket_directories=']
    const postgres = new KillablePostgres(folder, port, [
      ...as,
      join(programs, 'postgres'),
      '-D',
      data,
      ...settings.flatMap((setting) => ['-c', setting]),
    ])
    await postgres.restart()
    return postgres
  }

  /** Kill it as the system kills a process that has too much memory. */
  async kill(): Promise<void> {
    const child = this.#child
    if (child?.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((done) => child.once('close', done))
    child.kill('SIGKILL')
    await ended
  }

  /** Start it on the same data. */
  async restart(): Promise<void> {
    const [program = '', ...args] = this.#command
    for (const begin = Date.now(); ;) {
      // While sessions of the killed one end, it refuses to start.
      if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
        this.#child = spawn(program, args, { cwd: this.#folder, stdio: 'ignore' })
      await sleep(100)
      if (await answers(this.address)) return
      if (Date.now() - begin > PATIENCE) throw new Error('the database did not start')
    }
  }

  async stop(): Promise<void> {
    await this.kill()
  }
}

async function answers(address: string): Promise<boolean> {
  const client = new Client({ connectionString: address, connectionTimeoutMillis: 1000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    await client.query('select 1')
    return true
  } catch {
    return false
  } finally {
    await client.end().catch(() => undefined)
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
