/**
 * The lock of a server on its database: two servers would write the same index, and clean up after each other. It is of a
 * connection, so it ends with the process, however that ends.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { ANSWER_WITHIN, connectTeam, failure, withDatabase } from './connect.ts'
import type { RunConnection } from '../connection.ts'
import type { DatabaseAddress } from './address.ts'

/** Milliseconds for which a new server waits for the end of another: the database learns late that one was killed. */
const HANDOVER = 10_000

/** Milliseconds between two tries. */
const POLL = 100

/** The lock of one server. */
export class ServerLock {
  readonly #address: DatabaseAddress
  readonly #connection: RunConnection

  constructor(address: DatabaseAddress) {
    this.#address = address
    this.#connection = connectTeam(address, { answerWithin: ANSWER_WITHIN, isKept: true })
  }

  /**
   * Take the lock, also again after the connection was lost.
   *
   * @throws ERR_LINEAPRINT_SERVICE if another server has it, or the database cannot be used.
   */
  async take(patience: number = HANDOVER): Promise<void> {
    await withDatabase(this.#address, async () => {
      const end = performance.now() + patience
      while (!(await this.#isTaken())) {
        if (performance.now() > end)
          throw failure(
            this.#address,
            'another server uses it',
            'stop that server, or give this one a database of its own',
          )
        await sleep(POLL)
      }
    })
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  async #isTaken(): Promise<boolean> {
    const { database } = this.#connection
    // A lock that this connection holds is not taken twice, or it would have to be given back twice.
    const { rows } = await sql<{ taken: boolean }>`select case when exists (
      select 1 from pg_locks where locktype = 'advisory' and pid = pg_backend_pid() and granted
    ) then true else pg_try_advisory_lock(hashtext('lineaprint server')) end as taken`.execute(database)
    return rows[0]?.taken === true
  }
}
