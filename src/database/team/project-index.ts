/**
 * The index of the runs of one project of a server, in a schema of its own: so the queries are those of every index, and
 * none can see another project. It is made of the folders of the runs and never authoritative: one of another form is
 * made again, and what changed while the database was down is found the next time.
 */
import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { checkFilter } from '../filter.ts'
import { checkGroups } from '../groups.ts'
import { groupsFrom, orderFrom, runsFrom } from '../indexed.ts'
import { withValues } from '../pages.ts'
import { CHECKED, refresh } from '../refresh.ts'
import { POSTGRES, createStatements } from '../schema.ts'
import { ANSWER_WITHIN, SCHEMA, connectTeam, lockForWriting, withDatabase } from './connect.ts'
import { KeptContents } from './kept-contents.ts'
import type { RunId } from '../../core/run-id.ts'
import type { DamagedRun } from '../../store/runs.ts'
import type { Store } from '../../store/store.ts'
import type { RunConnection } from '../connection.ts'
import type { Field } from '../expression/expression.ts'
import type { RunFilter } from '../filter.ts'
import type { MarkedGroups } from '../group-order.ts'
import type { GroupOptions } from '../groups.ts'
import type { OrderedRuns } from '../run-order.ts'
import type { RunOfList } from '../runs.ts'
import type { ContentList } from '../stored-contents.ts'
import type { DatabaseAddress } from './address.ts'
import type { Outage } from './connect.ts'

/** Milliseconds for which an index counts as up to date. Many pages ask again and again. */
const FRESH = 500

/** The index of one project. */
export class ProjectIndex {
  readonly #address: DatabaseAddress
  readonly #store: Store
  readonly #schema: string
  readonly #connection: RunConnection
  readonly #outage: Outage
  readonly #contents = new KeptContents()
  #isMade = false
  #refreshedAt = -Infinity
  /** Number of times that runs were added or removed. */
  #changes = 0
  #damaged: readonly DamagedRun[] = []
  /** Work is done in order: two that bring the index up to date would add the same rows. */
  #queue: Promise<unknown> = Promise.resolve()

  /** @param project A checked name. @param store Its folder. @param outage What the server knows of its database. */
  constructor(address: DatabaseAddress, project: string, store: Store, outage: Outage) {
    this.#address = address
    this.#outage = outage
    this.#store = store
    this.#schema = `${SCHEMA}_${project}`
    this.#connection = connectTeam(address, { schema: this.#schema, answerWithin: ANSWER_WITHIN })
  }

  /** Return the ids of the runs that a filter selects, by default the newest first. @param kept As of `orderRuns`. */
  async order(filter: Omit<RunFilter, 'limit'>, kept?: OrderedRuns): Promise<OrderedRuns> {
    const checked = checkFilter(filter)
    return this.#work(async (connection) => {
      await this.#refresh()
      return { ...(await orderFrom(connection, this.#store, checked, kept)), damaged: this.#damaged }
    })
  }

  /** Return runs by their ids, in that order, with the values of columns. */
  async runs(ids: readonly RunId[], columns: readonly Field[]): Promise<RunOfList[]> {
    if (ids.length === 0) return []
    return this.#work(async (connection) => withValues(await runsFrom(connection, this.#store, ids), columns))
  }

  /** Return the runs that an expression selects in groups. @param kept As of `groupRuns`. */
  async groups(options: GroupOptions, kept?: MarkedGroups): Promise<MarkedGroups> {
    const query = checkGroups(options)
    return this.#work(async (connection) => {
      await this.#refresh()
      return groupsFrom(connection, query, kept)
    })
  }

  /**
   * Return the inputs and outputs of all runs as the lists have them, without those in the journals of runs that go on: the
   * same object as before if nothing changed. Other questions do not wait for all of it.
   */
  async contents(): Promise<ContentList> {
    for (;;) {
      const contents = await this.#work(async (connection) => {
        await this.#refresh()
        return this.#contents.step(connection, this.#store, this.#damaged)
      })
      if (contents !== undefined) return contents
    }
  }

  /** Make the next question bring the index up to date: runs were added or removed. */
  invalidate(): void {
    this.#changes++
    this.#refreshedAt = -Infinity
  }

  /** Bring the index up to date now. @throws ERR_LINEAPRINT_SERVICE if the database cannot be used. */
  async update(): Promise<void> {
    await this.#work(async () => this.#refresh())
  }

  async close(): Promise<void> {
    await this.#queue.catch(() => undefined)
    await this.#connection.close()
  }

  async #work<T>(work: (connection: RunConnection) => Promise<T>): Promise<T> {
    const inOrder = async (): Promise<T> => {
      try {
        if (!this.#isMade) await this.#begin()
        return await work(this.#connection)
      } catch (error) {
        // The schema may have been removed, or replaced by that of a backup.
        this.#isMade = false
        throw error
      }
    }
    const result = this.#queue.then(async () => withDatabase(this.#address, inOrder, this.#outage))
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** Make the tables if they are missing, and fill them: what is empty would say that there are no runs. */
  async #begin(): Promise<void> {
    await this.#make()
    this.#refreshedAt = -Infinity
    await this.#refresh()
    this.#isMade = true
  }

  async #refresh(): Promise<void> {
    if (performance.now() - this.#refreshedAt < FRESH) return
    const at = performance.now()
    const changes = this.#changes
    this.#damaged = await refresh(this.#connection, this.#store, CHECKED.find)
    // What came while the folders were read may not be among what was found.
    if (changes === this.#changes) this.#refreshedAt = at
  }

  /** Make the tables, or make them again if they are of another form. */
  async #make(): Promise<void> {
    await this.#connection.transaction(async (inner) => {
      await lockForWriting(inner)
      const { database } = inner
      const statements = createStatements(POSTGRES)
      const form = hash('sha256', statements.map((statement) => statement.compile(database).sql).join('\n'))
      const { rows } = await sql<{
        exists: boolean
      }>`select to_regclass(${`"${this.#schema}".meta`}) is not null as exists`.execute(database)
      if (rows[0]?.exists === true) {
        const meta = database.selectFrom('meta').select('value').where('key', '=', 'form')
        if ((await meta.executeTakeFirst())?.value === form) return
      }
      await sql`drop schema if exists ${sql.id(this.#schema)} cascade`.execute(database)
      await sql`create schema ${sql.id(this.#schema)}`.execute(database)
      for (const statement of statements) await statement.execute(database)
      await inner.insert('meta', [{ key: 'form', value: form }])
    })
  }
}
