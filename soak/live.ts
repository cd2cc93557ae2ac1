/**
 * Send runs to the server of a team while they go on, and kill the server and its database meanwhile, at random moments:
 * at the end the server has the journal, the record and the kept files of every run, byte by byte, nothing is damaged, and
 * nothing half is left.
 *
 * The control changes one byte of a journal, which the comparison must detect.
 */
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresPrograms } from '../scripts/postgres.mjs'
import { Generator } from '../src/capture/seeds/generator.ts'
import { TeamClient } from '../src/server/team/client.ts'
import { judgeRuns, projectFolder, runFolderOf } from './live-judge.ts'
import { killMigrations } from './live-migrations.ts'
import { withFolder } from './support/folders.ts'
import { KillablePostgres } from './support/killable-postgres.ts'
import { KillableServer } from './support/killable-server.ts'
import { PROJECT, WRITERS, makeToken, startWriters } from './support/live-writers.ts'
import { Tally } from './support/round.ts'
import type { Writers } from './support/live-writers.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link liveRound}. */
export interface LiveOptions extends RoundOptions {
  /** Runs that go on at the same time, each with ten values a second. */
  readonly live: number
  /** Runs that are short, and are sent by eight processes. */
  readonly short: number
  /** Kills of the server, and as many of the database. */
  readonly kills: number
}

/** Milliseconds of a kill with all that belongs to it. The short runs are spread over the kills. */
const KILL = 4500

/** Milliseconds after which a server that is at work is killed, at most. */
const LIFE = 1500

/** Milliseconds for which a database hangs. */
const HANG = 5000

/** Milliseconds until a server must be at work again. */
const PATIENCE = 60_000

/** Kills of the server and the database for one kill of a server that makes its tables. */
const KILLS_PER_MIGRATION = 4

const PROMISE =
  'what runs send to a server while they go on is there at their end, byte by byte, also if the server and its database are killed'

/** Run the round. */
export async function liveRound(options: LiveOptions): Promise<Outcome> {
  const tally = new Tally()
  if (postgresPrograms() === undefined)
    return outcomeOf(tally, { controls: [], numbers: {}, skipped: ['PostgreSQL is not installed'] })
  return withFolder(async (folder) => {
    const postgres = await KillablePostgres.start(folder)
    const server = new KillableServer(postgres.address, join(folder, 'server'))
    try {
      await server.restart()
      return await sendAndKill(options, { folder, postgres, server, tally })
    } finally {
      await server.kill()
      await postgres.stop()
    }
  })
}

function outcomeOf(tally: Tally, rest: Pick<Outcome, 'controls' | 'numbers' | 'skipped'>): Outcome {
  return { name: 'live', promise: PROMISE, ...tally.result, ...rest }
}

interface Parts {
  readonly folder: string
  readonly postgres: KillablePostgres
  readonly server: KillableServer
  readonly tally: Tally
}

async function sendAndKill(
  { live, short, kills, seed, progress }: LiveOptions,
  { folder, postgres, server, tally }: Parts,
): Promise<Outcome> {
  const random = new Generator(seed)
  const from = performance.now()
  const token = await makeToken(postgres.address)
  const store = join(folder, 'client')
  const objects = join(folder, 'server')
  const every = (kills * 2 * KILL * WRITERS) / short
  const writers = startWriters({ url: server.url, token, folder: store, live, short, every })
  const client = new TeamClient({ url: server.url, token, project: PROJECT })
  const killer = new Killer({ server, postgres, objects, client, writers, tally, random })
  for (let round = 0; round < kills; round++) {
    await killer.killBoth(round)
    progress(`killed ${round + 1} times each; cut off: ${killer.cutOff}`)
  }
  const killedUntil = Date.now()
  // The end of the runs that went on is cut off as well.
  const ended = writers.end()
  await killer.killWithin(random.next() * LIFE)
  const runs = await ended
  progress('all runs have ended')
  await server.kill()
  await server.restart()
  const judged = await judgeRuns({ runs, store, objects, client, tally })
  progress('all runs were compared')
  await server.kill()
  const migrations = Math.ceil(kills / KILLS_PER_MIGRATION)
  const cut = await killMigrations({ postgres, folder, count: migrations, random, tally })
  for (const line of server.complaints) tally.fail(`the server wrote: ${line}`)
  for (const line of postgres.complaints()) tally.fail(`the database wrote: ${line}`)
  return outcomeOf(tally, {
    controls: [judged.control],
    numbers: {
      'runs that went on': live,
      'short runs': short,
      'short runs that ended between kills': runs.filter(
        ({ values, endedAt }) => values === 1 && endedAt < killedUntil,
      ).length,
      processes: WRITERS,
      'values logged': runs.reduce((sum, { values }) => sum + values, 0),
      'kills of the server': killer.ofServer,
      'kills of the database': killer.ofDatabase,
      'kills that cut off': killer.cutOff,
      'times that the database hung': killer.hangs,
      'seconds until work went on, at most': Math.round(killer.longestWait / 1000),
      'kills while the tables were made': migrations,
      'of them before the tables were there': cut,
      'runs completed with push': judged.completed,
      seconds: Math.round((performance.now() - from) / 1000),
    },
    skipped: [],
  })
}

/** Traces that a killed server leaves of what it did. */
const TRACES = [
  { what: 'the seal of a run', folder: 'incoming', name: /^\.run-/ },
  { what: 'the seal of a run', folder: 'runs', name: /^\.(?:replaced|removed)-/ },
  { what: 'the content of a file', folder: 'incoming', name: /^\.[^r].*\.tmp$/ },
  { what: 'the start of a run', folder: 'runs', name: /^\.new-/ },
] as const

/** Kills a server and its database, once the server was seen at work. */
class Killer {
  ofServer = 0
  ofDatabase = 0
  hangs = 0
  longestWait = 0
  readonly #server: KillableServer
  readonly #postgres: KillablePostgres
  readonly #objects: string
  readonly #client: TeamClient
  readonly #writers: Writers
  readonly #tally: Tally
  readonly #random: Generator
  /** Traces that were counted. */
  readonly #seen = new Set<string>()
  readonly #cut = new Map<string, number>()

  constructor(parts: {
    readonly server: KillableServer
    readonly postgres: KillablePostgres
    readonly objects: string
    readonly client: TeamClient
    readonly writers: Writers
    readonly tally: Tally
    readonly random: Generator
  }) {
    this.#server = parts.server
    this.#postgres = parts.postgres
    this.#objects = parts.objects
    this.#client = parts.client
    this.#writers = parts.writers
    this.#tally = parts.tally
    this.#random = parts.random
  }

  /** Describe what the killed servers were doing. */
  get cutOff(): string {
    const cut = [...this.#cut].map(([what, count]) => `${what} ${count} times`)
    return cut.length === 0 ? 'nothing' : cut.join(', ')
  }

  /** Kill the server and the database once each. */
  async killBoth(round: number): Promise<void> {
    await this.#work()
    if (round % 4 === 1) {
      // Both at once, as when a machine stops.
      await Promise.all([this.#killServer(), this.#killDatabase()])
      await Promise.all([this.#server.restart(), this.#postgres.restart()])
      return
    }
    if (round % 4 === 3) {
      const hang = this.#hang()
      await sleep(this.#random.next() * HANG)
      await this.#killServer()
      await Promise.all([hang, this.#server.restart()])
    } else {
      await this.#killServer()
      await this.#server.restart()
    }
    await this.#work()
    if (round % 4 === 2) await this.#hang()
    await this.#killDatabase()
    await this.#postgres.restart()
  }

  /** Kill the server after some milliseconds, and the database after it. */
  async killWithin(milliseconds: number): Promise<void> {
    await sleep(milliseconds)
    await this.#killServer()
    await this.#server.restart()
    await sleep(milliseconds)
    await this.#killDatabase()
    await this.#postgres.restart()
  }

  async #killServer(): Promise<void> {
    await this.#server.kill()
    this.ofServer++
    const cut = new Set<string>()
    for (const { what, folder, name } of TRACES)
      for (const entry of namesIn(join(projectFolder(this.#objects), folder)))
        if (name.test(entry) && !this.#seen.has(entry)) {
          this.#seen.add(entry)
          cut.add(what)
        }
    for (const what of cut) this.#cut.set(what, (this.#cut.get(what) ?? 0) + 1)
  }

  async #killDatabase(): Promise<void> {
    await this.#postgres.kill()
    this.ofDatabase++
  }

  async #hang(): Promise<void> {
    this.hangs++
    await this.#postgres.freeze(HANG)
  }

  /**
   * Wait until the server is at work, and for a random while more: it answers lists from its database, in which no run is damaged, and
   * has appended to the journals of many runs. A kill of an idle server would prove nothing.
   */
  async #work(): Promise<void> {
    const begin = performance.now()
    const before = this.#lengths()
    const wanted = Math.min(this.#writers.ids.length, 20)
    let reason = 'nothing'
    for (let isListed = false; ;) {
      const failure = this.#writers.failure()
      if (failure !== undefined) throw new Error(`a program that sends runs failed: ${failure}`)
      const grown = this.#lengths().filter((length, index) => length > (before[index] ?? 0)).length
      if (isListed && grown >= wanted) break
      if (performance.now() - begin > PATIENCE) {
        this.#tally.fail(`${Math.round(PATIENCE / 1000)} s after a kill ${grown} runs had grown; ${reason}`)
        break
      }
      await sleep(50)
      if (isListed) continue
      try {
        const { damaged } = await this.#client.runs({ limit: 1, signal: AbortSignal.timeout(10_000) })
        isListed = true
        for (const { id, message } of damaged) this.#tally.fail(`after a kill ${id} is damaged: ${message}`)
      } catch (error) {
        reason = String(error)
      }
    }
    this.longestWait = Math.max(this.longestWait, performance.now() - begin)
    await sleep(this.#random.next() * LIFE)
  }

  /** Return the bytes of the journals that the server has. */
  #lengths(): number[] {
    return this.#writers.ids.map(
      (id) =>
        statSync(join(runFolderOf(this.#objects, id), 'events.jsonl'), { throwIfNoEntry: false })?.size ?? 0,
    )
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}
