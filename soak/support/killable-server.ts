/** A server of a team as a process, which is killed and started again on the same port, folder and database. */
import { setTimeout as sleep } from 'node:timers/promises'
import { start } from './child.ts'
import { killProcess } from './kill-process.ts'
import type { Child } from './child.ts'

/** Milliseconds that a start may take, with all tries. */
const PATIENCE = 120_000

/** The sentence that a server may write: its database is killed as well. */
const EXPECTED = /the database cannot be used/

/** A server. */
export class KillableServer {
  /** Lines that it should not have written, one text for each process. */
  readonly complaints: string[] = []
  readonly #database: string
  readonly #objects: string
  #child: Child | undefined
  #port = 0

  /** @param objects Folder of the server. */
  constructor(database: string, objects: string) {
    this.#database = database
    this.#objects = objects
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async kill(): Promise<void> {
    await killProcess(this.#child)
  }

  /** Stop it for a while, as if the machine had no time for it. */
  async freeze(milliseconds: number): Promise<void> {
    const child = this.#child
    child?.kill('SIGSTOP')
    await sleep(milliseconds)
    child?.kill('SIGCONT')
  }

  /** Start it, as often as it takes: a database that is coming back ends it, and a service manager starts it again. */
  async restart(): Promise<void> {
    for (const begin = Date.now(); ;) {
      if (await this.#listens(this.begin())) return
      if (Date.now() - begin > PATIENCE)
        throw new Error(`the server did not start: ${this.complaints.join('\n')}`)
      await sleep(100)
    }
  }

  /** Start it, without waiting until it listens. */
  begin(): Child {
    const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
    const options = ['--objects', this.#objects, '--port', String(this.#port), '--rate', '100000', '--json']
    const environment = { ...process.env, LINEAPRINT_DATABASE: this.#database }
    const child = start([process.execPath, main, 'server', ...options], environment)
    this.#child = child
    let text = ''
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()))
    child.once('close', () => {
      const lines = text.split('\n').filter((line) => line !== '')
      const others = lines.filter((line) => !EXPECTED.test(line))
      if (others.length > 0) this.complaints.push(others.join(' | '))
    })
    return child
  }

  /** Wait until it listens. @returns False if it ends. */
  async #listens(child: Child): Promise<boolean> {
    let text = ''
    child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
    while (!/\}\s*$/.test(text)) {
      if (child.exitCode !== null || child.signalCode !== null) return false
      await sleep(10)
    }
    const { port } = JSON.parse(text) as { port?: number }
    if (port !== undefined) this.#port = port
    // Without a port it tells why it ends.
    else await killProcess(child)
    return port !== undefined
  }
}
