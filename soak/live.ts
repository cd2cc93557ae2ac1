/**
 * Send runs to the server of a team while they go on, and kill the server and its database meanwhile: at the end the server
 * has the journal and the record of every run, byte by byte, and nothing is damaged.
 *
 * The control changes one byte of a journal, which the comparison must detect.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { TeamAdministration } from '../src/database/team/administration.ts'
import { readRun } from '../src/store/runs.ts'
import { TransferClient } from '../src/transfer/client.ts'
import { pushRun } from '../src/transfer/push.ts'
import { postgresPrograms } from '../scripts/postgres.mjs'
import { ending, printed, start, startChild, waitForOutput } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { killProcess } from './support/kill-process.ts'
import { KillablePostgres } from './support/killable-postgres.ts'
import { Tally, spread } from './support/round.ts'
import type { LiveReport } from './children/live.ts'
import type { Child } from './support/child.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link liveRound}. */
export interface LiveOptions extends Omit<RoundOptions, 'seed'> {
  /** Runs that go on at the same time, each with ten values a second. */
  readonly live: number
  /** Runs that are short, and are sent by eight processes. */
  readonly short: number
  /** Kills of the server, and as many of the database. */
  readonly kills: number
  /** Seconds before the first kill, in which the delay of the page is measured. @default 30 */
  readonly undisturbed?: number
}

const PROGRAM = new URL('./children/live.ts', import.meta.url)
const PROCESSES = 8

/** Seconds between two kills, so that most of them find the server at work. */
const PAUSE = 6

const PROMISE =
  'what runs send to a server while they go on is there at their end, byte by byte, also if the server and its database are killed'

/** Run the round. */
export async function liveRound({ undisturbed = 30, ...options }: LiveOptions): Promise<Outcome> {
  const nothing = {
    name: 'live',
    promise: PROMISE,
    rounds: 0,
    failures: 0,
    examples: [],
    controls: [],
    numbers: {},
  }
  if (postgresPrograms() === undefined) return { ...nothing, skipped: ['PostgreSQL is not installed'] }
  return withFolder(async (folder) => {
    const postgres = await KillablePostgres.start(folder)
    const server = new KillableServer(postgres.address, join(folder, 'server'))
    try {
      await server.restart()
      return await sendAndKill({ ...options, undisturbed, folder, postgres, server })
    } finally {
      await server.kill()
      await postgres.stop()
    }
  })
}

interface Parts extends Required<LiveOptions> {
  readonly folder: string
  readonly postgres: KillablePostgres
  readonly server: KillableServer
}

async function sendAndKill({
  folder,
  postgres,
  server,
  live,
  short,
  kills,
  undisturbed,
  progress,
}: Parts): Promise<Outcome> {
  const administration = TeamAdministration.open(postgres.address)
  const { token } = await administration.createToken({ project: 'soak', role: 'admin', name: 'soak' })
  await administration.close()
  const store = join(folder, 'client')
  const seconds = undisturbed + kills * 2 * PAUSE + PAUSE
  const environment = { ...process.env, LINEAPRINT_TOKEN: token }
  const from = performance.now()
  const writers = Array.from({ length: PROCESSES }, (_, index) => {
    const own = (all: number): string => String(Math.floor((all + index) / PROCESSES))
    return ending(
      startChild(PROGRAM, [store, server.url, own(live), String(seconds), own(short)], { environment }),
    )
  })
  const delays: number[] = []
  const watching = new AbortController()
  const watcher = watch({
    url: server.url,
    token,
    store,
    signal: watching.signal,
    onDelay: (ms) => delays.push(ms),
  })
  await sleep(undisturbed * 1000)
  const calm = delays.splice(0)
  progress(
    `${calm.length} looks at the page before the first kill, delay in ms: ${JSON.stringify(spread(calm))}`,
  )
  for (let round = 0; round < kills; round++) {
    await sleep(PAUSE * 1000)
    await server.kill()
    await server.restart()
    await sleep(PAUSE * 1000)
    await postgres.kill()
    await postgres.restart()
    progress(`killed ${round + 1} times each`)
  }
  const runs = (await Promise.all(writers)).flatMap((end) => printed(end) as LiveReport)
  watching.abort()
  await watcher
  const tally = new Tally()
  const completed = await complete(
    runs,
    store,
    new TransferClient({ url: server.url, token, project: 'soak' }),
  )
  for (const { id, values } of runs) tally.count(difference(store, join(folder, 'server'), id, values))
  return {
    name: 'live',
    promise: PROMISE,
    ...tally.result,
    controls: [control(runs, store, join(folder, 'server'))],
    numbers: {
      'runs that went on': live,
      'short runs': short,
      processes: PROCESSES,
      'values logged': runs.reduce((sum, { values }) => sum + values, 0),
      'kills of the server': kills,
      'kills of the database': kills,
      'runs completed with push': completed,
      'looks at the page': calm.length,
      ...(calm.length > 0 && { 'delay on the page in ms (p50, p99, max)': shownSpread(calm) }),
      ...(delays.length > 0 && { 'with kills (p50, p99, max)': shownSpread(delays) }),
      seconds: Math.round((performance.now() - from) / 1000),
    },
    skipped: [],
  }
}

function shownSpread(values: readonly number[]): string {
  return Object.values(spread(values)).map(Math.round).join(', ')
}

/** Send what the end of a run could not, as its warning says. */
async function complete(runs: LiveReport, store: string, client: TransferClient): Promise<number> {
  const unsent = runs.filter(({ warnings }) => warnings.length > 0)
  for (const { id } of unsent) await pushRun(client, await readRun(folderOf(store, id)))
  return unsent.length
}

function folderOf(store: string, id: string): string {
  return join(store, '.lineaprint', 'runs', id)
}

/** Say how a run on the server differs from the one in the store. */
function difference(store: string, server: string, id: string, values: number): string | undefined {
  const here = folderOf(store, id)
  const copy = join(server, 'projects', 'soak', 'runs', id)
  try {
    for (const name of ['events.jsonl', 'run.json'])
      if (!readFileSync(join(here, name)).equals(readFileSync(join(copy, name))))
        return `${name} of ${id} differs`
    const logged = readFileSync(join(copy, 'events.jsonl'), 'utf8')
      .split('\n')
      .filter((line) => line.includes('"type":"metric"'))
    return logged.length === values
      ? undefined
      : `${id} logged ${values} values, and the server has ${logged.length}`
  } catch (error) {
    return `${id}: ${String(error)}`
  }
}

function control(runs: LiveReport, store: string, server: string): Outcome['controls'][number] {
  const what = 'a journal of which one byte was changed'
  const [first] = runs
  if (first === undefined) return { what, tried: 0, caught: 0 }
  const path = join(server, 'projects', 'soak', 'runs', first.id, 'events.jsonl')
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(path, bytes)
  return { what, tried: 1, caught: difference(store, server, first.id, first.values) === undefined ? 0 : 1 }
}

/** Ask for the newest value of runs that go on, as the page does, and tell how old it is. */
async function watch(options: {
  readonly url: string
  readonly token: string
  readonly store: string
  readonly signal: AbortSignal
  readonly onDelay: (milliseconds: number) => void
}): Promise<void> {
  const { url, token, store, signal, onDelay } = options
  const over = new Set<string>()
  let turn = 0
  const running = (): string | undefined => {
    const ids = readdirSync(join(store, '.lineaprint', 'runs')).filter((name) => !over.has(name))
    const id = ids[turn++ % ids.length]
    if (id === undefined || !isEnded(store, id)) return id
    over.add(id)
    return undefined
  }
  while (!signal.aborted) {
    await sleep(200)
    try {
      const id = running()
      if (id === undefined) continue
      const address = `${url}/api/v1/projects/soak/metrics?run=${id}&metric=at&pixels=10`
      const response = await fetch(address, {
        headers: { Authorization: `Bearer ${token}` },
        signal: AbortSignal.timeout(10_000),
      })
      const bytes = await response.arrayBuffer()
      // The last double is the last value, which is the time at which it was logged.
      if (!response.ok || bytes.byteLength < 64) continue
      const at = new DataView(bytes).getFloat64(bytes.byteLength - 8, true)
      if (at > 1e12) onDelay(Date.now() - at)
    } catch {
      // It was killed, or no run has begun.
    }
  }
}

function isEnded(store: string, id: string): boolean {
  return !readFileSync(join(folderOf(store, id), 'run.json'), 'utf8').includes('"status": "running"')
}

/** The server, as a process. */
class KillableServer {
  readonly #database: string
  readonly #objects: string
  #child: Child | undefined
  #port = 0

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

  /** Start it, on the same port as before. It needs the database for that, which may be coming back. */
  async restart(): Promise<void> {
    const main = new URL('../src/cli/main.ts', import.meta.url).pathname
    const args = [
      'server',
      '--objects',
      this.#objects,
      '--port',
      String(this.#port),
      '--rate',
      '100000',
      '--json',
    ]
    const environment = { ...process.env, LINEAPRINT_DATABASE: this.#database }
    const child = start([process.execPath, main, ...args], environment)
    this.#child = child
    child.stderr.resume()
    let printedText = ''
    child.stdout.on('data', (chunk: Buffer) => (printedText += chunk.toString()))
    await waitForOutput(child, '"port"')
    while (!/\d\s*\}/.test(printedText)) await sleep(10)
    this.#port = (JSON.parse(printedText) as { port: number }).port
  }
}
