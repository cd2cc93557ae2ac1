/** Kills of a server that makes its tables, and of the database in which it does. */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import { TeamClient } from '../src/server/team/client.ts'
import { KillableServer } from './support/killable-server.ts'
import { PROJECT, makeToken } from './support/live-writers.ts'
import type { Generator } from '../src/capture/seeds/generator.ts'
import type { KillablePostgres } from './support/killable-postgres.ts'
import type { Tally } from './support/round.ts'

/** Milliseconds after which the server or the database is killed, at most. Making the tables takes some of them. */
const LIFE = 200

interface MigrationOptions {
  readonly postgres: KillablePostgres
  readonly folder: string
  readonly count: number
  readonly random: Generator
  readonly tally: Tally
}

/**
 * Start servers with empty databases, and kill them or the database while they make their tables. Afterwards each starts, and
 * answers.
 *
 * @returns How many were killed before the tables were there.
 */
export async function killMigrations(options: MigrationOptions): Promise<number> {
  let cut = 0
  for (let index = 0; index < options.count; index++) if (await killOne(options, index)) cut++
  return cut
}

async function killOne(
  { postgres, folder, random, tally }: MigrationOptions,
  index: number,
): Promise<boolean> {
  const name = `migration_${index}`
  await asked(postgres.address, `create database ${name}`)
  const address = postgres.address.replace(/[^/]+$/, name)
  const server = new KillableServer(address, join(folder, name))
  try {
    // The server waits for this lock in its transaction, so that the moment of the kill is one of it.
    const holder = new Client(address)
    holder.on('error', () => undefined)
    await holder.connect()
    await holder.query("begin; select pg_advisory_xact_lock(hashtext('lineaprint'))")
    server.begin()
    const waiting = "select 1 from pg_locks where locktype = 'advisory' and not granted"
    while ((await holder.query(waiting)).rowCount === 0) await sleep(20)
    if (index % 4 < 2) await holder.query('commit')
    await sleep(random.next() * LIFE)
    if (index % 2 === 0) await server.kill()
    else await postgres.kill()
    await holder.end().catch(() => undefined)
    if (index % 2 === 1) await postgres.restart()
    await server.kill()
    const made = await asked(address, "select 1 where to_regclass('lineaprint.migration') is not null")
    await server.restart()
    const client = new TeamClient({ url: server.url, token: await makeToken(address), project: PROJECT })
    const { total } = await client.runs()
    tally.count(total === 0 ? undefined : `a server whose start was killed lists ${total} runs`)
    for (const line of server.complaints) tally.fail(`a server whose start was killed wrote: ${line}`)
    return made === 0
  } catch (error) {
    tally.count(`a server whose start was killed: ${String(error)}`)
    return false
  } finally {
    await server.kill()
  }
}

/** Ask a database. @returns The number of rows. */
async function asked(address: string, question: string): Promise<number> {
  const client = new Client(address)
  await client.connect()
  try {
    return (await client.query(question)).rowCount ?? 0
  } finally {
    await client.end()
  }
}
