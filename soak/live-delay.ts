/**
 * Send runs to the server of a team while they go on, and watch one after the other as the page does: what it shows is never
 * older than two seconds.
 *
 * The control stops the server for a while, which the same look must detect.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { postgresPrograms } from '../scripts/postgres.mjs'
import { withFolder } from './support/folders.ts'
import { KillablePostgres } from './support/killable-postgres.ts'
import { KillableServer } from './support/killable-server.ts'
import { WatchedPage } from './support/live-page.ts'
import { WRITERS, makeToken, startWriters } from './support/live-writers.ts'
import { Tally, spread } from './support/round.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link liveDelayRound}. */
export interface LiveDelayOptions extends Pick<RoundOptions, 'progress'> {
  /** Runs that go on at the same time, each with ten values a second. */
  readonly live: number
  /** Seconds of watching. */
  readonly seconds: number
  /** Milliseconds of the longest delay. */
  readonly limit: number
}

/** Milliseconds until all runs have started and were sent for the first time. */
const START = 8000

/** Milliseconds between two looks. */
const INTERVAL = 100

const PROMISE = 'the page shows a value of a run that goes on at most two seconds after it was logged'

/** Run the round. */
export async function liveDelayRound({ live, seconds, limit, progress }: LiveDelayOptions): Promise<Outcome> {
  const tally = new Tally()
  const outcome = (rest: Pick<Outcome, 'controls' | 'numbers' | 'skipped'>): Outcome => ({
    name: 'live-delay',
    promise: PROMISE,
    ...tally.result,
    ...rest,
  })
  if (postgresPrograms() === undefined)
    return outcome({ controls: [], numbers: {}, skipped: ['PostgreSQL is not installed'] })
  return withFolder(async (folder) => {
    const postgres = await KillablePostgres.start(folder)
    const server = new KillableServer(postgres.address, join(folder, 'server'))
    const stop = new AbortController()
    try {
      await server.restart()
      const token = await makeToken(postgres.address)
      const writers = startWriters({
        url: server.url,
        token,
        folder: join(folder, 'client'),
        live,
        short: 0,
        every: 0,
      })
      await sleep(START)
      progress(`${live} runs go on`)
      const page = new WatchedPage(server.url, token, writers.ids)
      const watching = page.watch(stop.signal)
      const ages: number[] = []
      for (const begin = performance.now(); performance.now() - begin < seconds * 1000;) {
        await sleep(INTERVAL)
        const age = page.age()
        if (age === undefined) continue
        ages.push(age)
        tally.count(age > limit ? `a value that was shown was ${Math.round(age)} ms old` : undefined)
      }
      const frozen = server.freeze(limit + 2000)
      await sleep(limit + 1500)
      const late = page.age() ?? 0
      await frozen
      stop.abort()
      await watching
      await writers.end()
      return outcome({
        controls: [{ what: 'a server that stands still', tried: 1, caught: late > limit ? 1 : 0 }],
        numbers: {
          'runs that went on': live,
          processes: WRITERS,
          'runs that were watched': page.watched,
          'looks at the page': ages.length,
          'age of the value that it shows in ms (p50, p99, max)': Object.values(spread(ages))
            .map(Math.round)
            .join(', '),
        },
        skipped: [],
      })
    } finally {
      stop.abort()
      await server.kill()
      await postgres.stop()
    }
  })
}
