/**
 * The inputs and outputs of all runs of an index, kept by the keys of the runs. A run that is written again has a new key, so
 * only what is new is read: in parts, between which other questions have their turn.
 */
import { sql } from 'kysely'
import { isRunId } from '../../core/run-id.ts'
import { DamagedRows, readRuns } from '../read.ts'
import { rowsMark } from '../write.ts'
import type { RunId } from '../../core/run-id.ts'
import type { ListedRun } from '../../store/listed-run.ts'
import type { DamagedRun } from '../../store/runs.ts'
import type { Store } from '../../store/store.ts'
import type { RunConnection } from '../connection.ts'
import type { ContentList, StoredContent } from '../stored-contents.ts'

/** Runs that are read at once. */
const PART = 2000

interface KeptRun {
  run: ListedRun
  readonly contents: readonly StoredContent[]
}

/** The contents of one index. */
export class KeptContents {
  readonly #runs = new Map<number, KeptRun>()
  /** Number of the table of the runs: one that is made again counts its keys from the start. */
  #table: string | undefined
  #version: string | undefined
  #list: ContentList | undefined

  /**
   * Read a part of what is missing.
   *
   * @returns The contents once nothing is missing: the same object as before if nothing changed. Otherwise `undefined`.
   */
  async step(
    connection: RunConnection,
    store: Store,
    damaged: readonly DamagedRun[],
  ): Promise<ContentList | undefined> {
    const table = await tableOf(connection)
    const mark = (await rowsMark(connection)) ?? ''
    const version = `${table} ${mark} ${damaged.map(({ id }) => id).join(' ')}`
    if (this.#list !== undefined && version === this.#version) return this.#list
    if (table !== this.#table) this.#runs.clear()
    this.#table = table
    const { database } = connection
    const present = await database
      .selectFrom('run')
      .select(['key', 'status'])
      .orderBy('started_at')
      .orderBy('id')
      .execute()
    const missing = present.filter(({ key }) => !this.#runs.has(key)).map(({ key }) => key)
    await this.#read(connection, store, missing.slice(0, PART))
    if (missing.length > PART) return undefined
    const keys = new Set(present.map(({ key }) => key))
    for (const key of this.#runs.keys()) if (!keys.has(key)) this.#runs.delete(key)
    const kept = present.map(({ key, status }) => this.#current(key, status))
    this.#version = version
    this.#list = {
      runs: kept.map(({ run }) => run),
      contents: kept.flatMap(({ contents }) => contents),
      damaged,
    }
    return this.#list
  }

  /** Return a run with its status of now: one that goes on can be found to be lost. */
  #current(key: number, status: string): KeptRun {
    const kept = this.#runs.get(key)
    if (kept === undefined) throw new DamagedRows(`the run with the number ${key} has no rows`)
    if ((status === 'running' || status === 'lost') && kept.run.status !== status)
      kept.run = { ...kept.run, status }
    return kept
  }

  async #read(connection: RunConnection, store: Store, keys: readonly number[]): Promise<void> {
    if (keys.length === 0) return
    const rows = await connection.database
      .selectFrom('content')
      .select(['run', 'list', 'name', 'digest'])
      .where('run', 'in', keys)
      .execute()
    const runs = await readRuns(connection, store, keys)
    const contents = new Map<number, StoredContent[]>(keys.map((key) => [key, []]))
    const ids = new Map<number, RunId>(runs.map(({ key, run }) => [key, run.id]))
    for (const { run: key, list, name, digest } of rows) {
      const run = ids.get(key)
      if (run === undefined || !isRunId(run) || (list !== 'inputs' && list !== 'outputs'))
        throw new DamagedRows('an input or output of a run was changed')
      contents.get(key)?.push({ run, list, name, digest })
    }
    for (const { key, run } of runs) this.#runs.set(key, { run, contents: contents.get(key) ?? [] })
  }
}

/** Return the number of the table of the runs. */
async function tableOf({ database }: RunConnection): Promise<string> {
  const result = await sql<{ table: string }>`select 'run'::regclass::oid::text as "table"`.execute(database)
  return result.rows[0]?.table ?? ''
}
