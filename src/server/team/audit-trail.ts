/**
 * The audit log of a server. While the database does not answer, entries go to a file, from which they are added once it
 * does: an action is never done without its entry being on disk, and only the first one waits for the database.
 */
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { constants } from 'node:fs'
import { LineaprintError } from '../../core/errors.ts'
import { isMissing, makeFolders, storeError, syncHandle } from '../../util/fs.ts'
import { OWNER_MODES } from '../../util/modes.ts'
import { KeyedQueue } from '../../util/keyed-queue.ts'
import { SAFE } from '../../util/own-file.ts'
import type { AuditEntry } from '../../database/team/audit.ts'

/** A store of entries. */
export interface AuditStore {
  readonly writeAudit: (entries: readonly AuditEntry[]) => Promise<void>
}

/** The audit log. */
export class AuditTrail {
  readonly #store: AuditStore
  readonly #folder: string
  readonly #queue = new KeyedQueue()
  /** True from a failure until the file was added to the database. */
  #isAway = false

  /** @param folder Absolute path of the folder of the server. */
  constructor(store: AuditStore, folder: string) {
    this.#store = store
    this.#folder = folder
  }

  /** Add an entry. @throws ERR_LINEAPRINT_STORE if neither the database nor the file can be written. */
  async write(entry: AuditEntry): Promise<void> {
    await this.#queue.run('', async () => {
      if (this.#isAway) return this.#append(entry)
      try {
        await this.#store.writeAudit([...(await this.#pending()), entry])
        await rm(this.#path, { force: true })
      } catch (error) {
        if (!LineaprintError.is(error) || error.code !== 'ERR_LINEAPRINT_SERVICE') throw error
        this.#isAway = true
        await this.#append(entry)
      }
      return undefined
    })
  }

  /** Add to the database what the file has. @throws ERR_LINEAPRINT_SERVICE if the database cannot be used. */
  async flush(): Promise<void> {
    await this.#queue.run('', async () => {
      const pending = await this.#pending()
      if (pending.length > 0) {
        await this.#store.writeAudit(pending)
        await rm(this.#path, { force: true })
      }
      this.#isAway = false
    })
  }

  get #path(): string {
    return join(this.#folder, 'audit-pending.jsonl')
  }

  async #pending(): Promise<AuditEntry[]> {
    try {
      const lines = (await readFile(this.#path, 'utf8')).split('\n')
      // The last line of a server that was killed may be incomplete.
      return lines.flatMap((line) => {
        try {
          return [JSON.parse(line) as AuditEntry]
        } catch {
          return []
        }
      })
    } catch (error) {
      if (isMissing(error)) return []
      throw storeError(this.#path, 'the audit log cannot be read', error)
    }
  }

  async #append(entry: AuditEntry): Promise<void> {
    const { O_APPEND, O_CREAT, O_WRONLY } = constants
    try {
      await makeFolders(this.#folder, OWNER_MODES.folder)
      await using file = await open(this.#path, O_APPEND | O_CREAT | O_WRONLY | SAFE, OWNER_MODES.file)
      // A server that was killed may have left a line without its end.
      await file.appendFile(`\n${JSON.stringify(entry)}\n`)
      await syncHandle(file)
    } catch (cause) {
      throw storeError(this.#path, 'the audit log cannot be written', cause)
    }
  }
}
