/** The audit log of a server: who changed what, and who was refused. */
import { sql } from 'kysely'
import { storedText } from '../facts.ts'
import type { RunConnection } from '../connection.ts'

/** An entry about one action. */
export interface AuditEntry {
  /** ISO 8601 in UTC. */
  readonly time: string
  readonly project: string
  /** Name of the token; null for what was done on the machine of the server. */
  readonly token: string | null
  /** Address of the client, as the socket has it. */
  readonly address: string
  readonly action: string
  /** The id of a run, or the name of a token. */
  readonly subject: string
}

/** Characters of a text. */
const TEXT_LIMIT = 300

/** Add entries: all of them or none. */
export async function writeAudit(connection: RunConnection, entries: readonly AuditEntry[]): Promise<void> {
  await connection.transaction(async ({ database }) => {
    for (const { time, project, token, address, action, subject } of entries) {
      const cut = storedText(subject.slice(0, TEXT_LIMIT))
      await sql`insert into audit (time, project, token, address, action, subject) values (${time}, ${project}, ${token}, ${address}, ${action}, ${cut})`.execute(
        database,
      )
    }
  })
}

/** Read the newest entries of a project, the newest first. @param before Only those before this number. */
export async function readAudit(
  { database }: RunConnection,
  project: string,
  { before, limit }: { readonly before: number | undefined; readonly limit: number },
): Promise<(AuditEntry & { readonly number: number })[]> {
  const earlier = before === undefined ? sql`` : sql`and id < ${before}`
  const { rows } = await sql<{
    id: string
    time: Date
    project: string
    token: string | null
    address: string
    action: string
    subject: string
  }>`select id, time, project, token, address, action, subject from audit where project = ${project} ${earlier} order by id desc limit ${limit}`.execute(
    database,
  )
  return rows.map(({ id, time, ...entry }) => ({ number: Number(id), time: time.toISOString(), ...entry }))
}
