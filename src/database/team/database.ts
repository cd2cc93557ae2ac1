/** The database of a team: the runs of several stores in PostgreSQL, without their files. */
import { checkArray, checkKnown, checkObject, checkText } from '../../core/options.ts'
import { resolveReference } from '../../store/reference.ts'
import { checkStore } from '../../store/store.ts'
import { checkFilter } from '../filter.ts'
import { listFrom } from '../indexed.ts'
import { candidatesFor } from '../lookup.ts'
import { listOf } from '../runs.ts'
import { checkAddress } from './address.ts'
import { checkTables, connectTeam, createTables, withDatabase } from './connect.ts'
import { readSeries } from './series.ts'
import { syncRuns } from './sync.ts'
import type { RunId } from '../../core/run-id.ts'
import type { MetricsOfRuns, ReadMetricsOptions } from '../../store/metrics/series.ts'
import type { Store } from '../../store/store.ts'
import type { RunConnection } from '../connection.ts'
import type { RunFilter, RunList } from '../runs.ts'
import type { DatabaseAddress } from './address.ts'
import type { SyncOptions, SyncReport } from './sync.ts'

export type { SyncOptions, SyncReport } from './sync.ts'

/** Runs of a database are in no folder. */
const NOWHERE: Store = { root: '', runs: '' }

/**
 * The database of a team. Every method throws ERR_LINEAPRINT_SERVICE if the server cannot be reached or used; no message
 * contains the password of the address.
 */
export class RunDatabase {
  readonly #address: DatabaseAddress
  readonly #connection: RunConnection

  private constructor(address: DatabaseAddress, connection: RunConnection) {
    this.#address = address
    this.#connection = connection
  }

  /**
   * Return a database. The server is asked when a method is called.
   *
   * @param address `postgres://USER@HOST/DATABASE`. Without a password in it, `PGPASSWORD` and `~/.pgpass` are used.
   * @throws ERR_LINEAPRINT_ARGUMENT for another form.
   */
  static open(address: string): RunDatabase {
    const checked = checkAddress(address)
    return new RunDatabase(checked, connectTeam(checked))
  }

  /** Address without user, password and options. */
  get address(): string {
    return this.#address.shown
  }

  /** Add the runs of a store with their metrics, and what changed in them. The tables are created if they are missing. */
  async sync(store: Store, options: SyncOptions = {}): Promise<SyncReport> {
    checkStore(store)
    checkObject(options, 'options')
    checkKnown(options, ['all', 'prune', 'signal'])
    return withDatabase(this.#address, async () => {
      await createTables(this.#connection, this.#address)
      return syncRuns(this.#connection, store, options)
    })
  }

  /** List runs, as `listRuns` does from a store. The folder of each is empty. */
  async list(filter: RunFilter = {}): Promise<RunList> {
    const checked = checkFilter(filter)
    return this.#ask(async (connection) => {
      const { runs, total } = await listFrom(connection, NOWHERE, checked)
      return listOf(
        checked,
        runs.map((match) => ({ ...match, run: { ...match.run, folder: '' } })),
        [],
        total,
      )
    })
  }

  /** Find the id of the run that a reference names. @throws ERR_LINEAPRINT_RUN, ERR_LINEAPRINT_AMBIGUOUS. */
  async find(reference: string): Promise<RunId> {
    checkText(reference, 'reference')
    return this.#ask(async (connection) => {
      const all = await candidatesFor(connection, NOWHERE, reference, [])
      return resolveReference(reference, all, this.#address.shown)
    })
  }

  /**
   * Read every value of metrics of runs, as `readMetrics` does from a store.
   *
   * @param ids Ids of runs, from {@link find}.
   */
  async metrics(ids: readonly string[], options: ReadMetricsOptions = {}): Promise<MetricsOfRuns> {
    for (const id of checkArray(ids, 'ids')) checkText(id, 'ids')
    checkKnown(options, ['metric', 'continued', 'signal'])
    for (const pattern of checkArray(options.metric ?? [], 'metric')) checkText(pattern, 'metric')
    return this.#ask((connection) => readSeries(connection, ids, options))
  }

  /** Close the connection. */
  async close(): Promise<void> {
    await this.#connection.close()
  }

  #ask<T>(question: (connection: RunConnection) => Promise<T>): Promise<T> {
    return withDatabase(this.#address, async () => {
      await checkTables(this.#connection, this.#address)
      return question(this.#connection)
    })
  }
}
