/** Administration of a server in its database, beside the index: tokens and the audit log. */
import { checkAddress } from './address.ts'
import { readAudit, writeAudit } from './audit.ts'
import { ANSWER_WITHIN, Outage, connectTeam, withDatabase } from './connect.ts'
import { migrate } from './migrations.ts'
import { createToken, listTokens, projectNames, revokeToken, useToken } from './tokens.ts'
import type { RunConnection } from '../connection.ts'
import type { DatabaseAddress } from './address.ts'
import type { AuditEntry } from './audit.ts'
import type { NewToken, Role, TokenInfo } from './tokens.ts'

/**
 * The tokens and the audit log. Every method throws ERR_LINEAPRINT_SERVICE if the database cannot be used; the tables are
 * made, or brought forward, by the first one.
 */
export class TeamAdministration {
  readonly address: DatabaseAddress
  /** The knowledge of whether the database answers, for all connections of this server. */
  readonly outage: Outage = new Outage()
  readonly #connection: RunConnection
  #migrated: Promise<void> | undefined

  private constructor(address: DatabaseAddress) {
    this.address = address
    this.#connection = connectTeam(address, { answerWithin: ANSWER_WITHIN })
  }

  /** Return the administration. The database is asked when a method is called. @throws ERR_LINEAPRINT_ARGUMENT. */
  static open(address: string): TeamAdministration {
    return new TeamAdministration(checkAddress(address))
  }

  /** Bring the tables forward. */
  async prepare(): Promise<void> {
    await this.#ask(async () => Promise.resolve())
  }

  async createToken(token: {
    readonly project: string
    readonly role: Role
    readonly name: string
  }): Promise<NewToken> {
    return this.#ask(async (connection) => createToken(connection, token))
  }

  async listTokens(project?: string): Promise<TokenInfo[]> {
    return this.#ask(async (connection) => listTokens(connection, project))
  }

  async revokeToken(token: { readonly project: string; readonly name: string }): Promise<TokenInfo> {
    return this.#ask(async (connection) => revokeToken(connection, token))
  }

  /** Return the token with a digest, unless it was revoked. */
  async useToken(hashed: string): Promise<TokenInfo | undefined> {
    return this.#ask(async (connection) => useToken(connection, hashed))
  }

  async projects(): Promise<string[]> {
    return this.#ask(async (connection) => projectNames(connection))
  }

  async writeAudit(entries: readonly AuditEntry[]): Promise<void> {
    await this.#ask(async (connection) => writeAudit(connection, entries))
  }

  async readAudit(
    project: string,
    part: { readonly before: number | undefined; readonly limit: number },
  ): Promise<(AuditEntry & { readonly number: number })[]> {
    return this.#ask(async (connection) => readAudit(connection, project, part))
  }

  async close(): Promise<void> {
    await this.#connection.close()
  }

  async #ask<T>(question: (connection: RunConnection) => Promise<T>): Promise<T> {
    const work = async (): Promise<T> => {
      this.#migrated ??= migrate(this.#connection, this.address)
      try {
        await this.#migrated
        return await question(this.#connection)
      } catch (error) {
        // The database may have been down, or replaced by a backup of it.
        this.#migrated = undefined
        throw error
      }
    }
    return withDatabase(this.address, work, this.outage)
  }
}
