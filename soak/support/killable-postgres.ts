/** A PostgreSQL that is killed and started again on the same data, with the settings that make it keep what it acknowledged. */
import { spawn } from 'node:child_process'
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { makeDatabase } from '../../scripts/postgres.mjs'
import { killProcess } from './kill-process.ts'
import type { ChildProcess } from 'node:child_process'

/** Milliseconds that a start may take. */
const PATIENCE = 60_000

/** A server of a database. */
export class KillablePostgres {
  readonly address: string
  readonly #command: readonly string[]
  readonly #folder: string
  #child: ChildProcess | undefined

  private constructor(
    folder: string,
    { user, port, command }: { readonly user: string; readonly port: number; readonly command: string[] },
  ) {
    this.#folder = folder
    this.#command = command
    this.address = `postgres://${user}@127.0.0.1:${port}/postgres`
  }

  /** Make the data in a folder, and start. @param parent A folder that others can enter. */
  static async start(parent: string): Promise<KillablePostgres> {
    const folder = join(parent, 'postgres')
    mkdirSync(folder)
    // Another user runs it then.
    if (process.getuid?.() === 0) chmodSync(parent, 0o755)
    const postgres = new KillablePostgres(folder, await makeDatabase(folder, {}))
    await postgres.restart()
    return postgres
  }

  /** Kill it as the system kills a process that has too much memory. */
  async kill(): Promise<void> {
    await killProcess(this.#child)
  }

  /** Stop its processes for a while, so that it takes questions and answers none. */
  async freeze(milliseconds: number): Promise<void> {
    const { pid } = this.#child ?? {}
    if (pid === undefined) return
    // Those that it starts have their parent's fate: a stopped parent starts none.
    process.kill(pid, 'SIGSTOP')
    const all = [pid, ...childrenOf(pid)]
    signalAll(all, 'SIGSTOP')
    await sleep(milliseconds)
    signalAll(all.toReversed(), 'SIGCONT')
  }

  /** Return the lines that it wrote about errors, but for questions that took too long while it hung. */
  complaints(): string[] {
    const lines = readFileSync(this.#log, 'utf8').split('\n')
    return lines.filter(
      (line) => /\b(?:WARNING|ERROR|PANIC):/.test(line) && !line.includes('statement timeout'),
    )
  }

  /** Start it on the same data. */
  async restart(): Promise<void> {
    const [program = '', ...args] = this.#command
    for (const begin = Date.now(); ;) {
      // While sessions of the killed one end, it refuses to start.
      if (this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null)
        this.#child = this.#spawn(program, args)
      await sleep(100)
      if (await answers(this.address)) return
      if (Date.now() - begin > PATIENCE) throw new Error('the database did not start')
    }
  }

  #spawn(program: string, args: readonly string[]): ChildProcess {
    const log = openSync(this.#log, 'a')
    try {
      return spawn(program, args, { cwd: this.#folder, stdio: ['ignore', 'ignore', log] })
    } finally {
      closeSync(log)
    }
  }

  get #log(): string {
    return join(this.#folder, 'log')
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

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)
}

function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids)
    try {
      process.kill(pid, signal)
    } catch (error) {
      // It has ended.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
}
