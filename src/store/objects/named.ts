/**
 * The digests that the runs of a store name. They are found as text: 64 hexadecimal digits anywhere in a record or journal
 * name an object, so that a damaged record, a torn line and a record of a later version protect what they name as well.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { isMissing, storeError } from '../../util/fs.ts'
import { openRegular } from '../../util/own-file.ts'
import { REMOVED_RUN } from '../remove-folder.ts'
import { JOURNAL_FILE, RECORD_FILE } from '../store.ts'
import type { Store } from '../store.ts'

/** Bytes that are read at a time. */
const BLOCK = 1 << 20

/** Characters of the end of a block in which a digest can begin. */
const OVERLAP = 63

/**
 * The line of a record by which a finished run is known. In a string of the record its line feed would be escaped.
 */
const SEALED = /\n {2}"seal": "run\.v1\./

/** Digests that runs name, among those that somebody asks about. */
export class NamedDigests {
  /** Results of all calls so far. The set only grows: what a removed run named stays until the next collection. */
  readonly digests: Set<string> = new Set<string>()
  readonly #store: Store
  readonly #isKnown: (hex: string) => boolean
  /** Stamps of sealed records that were read. */
  readonly #stamps = new Map<string, string>()
  /** Journals that were read, up to the size that they had before. */
  readonly #journals = new Map<string, { readonly ino: number; readonly size: number }>()

  /** @param isKnown Tells whether there is an object with this digest. */
  constructor(store: Store, isKnown: (hex: string) => boolean) {
    this.#store = store
    this.#isKnown = isKnown
  }

  /**
   * Read every run, except those that ended and are unchanged since the last call.
   *
   * @throws ERR_LINEAPRINT_STORE if one cannot be read: what it names is not known then.
   */
  async read(signal: AbortSignal | undefined): Promise<void> {
    for (const name of await this.#folders()) {
      signal?.throwIfAborted()
      await this.#readRun(join(this.#store.runs, name))
    }
  }

  async #folders(): Promise<string[]> {
    const { runs } = this.#store
    try {
      // Also folders that are no runs by their names: somebody may have renamed one.
      const entries = await readdir(runs, { withFileTypes: true })
      return entries
        .filter((entry) => !entry.isFile() && !REMOVED_RUN.test(entry.name))
        .map(({ name }) => name)
        .toSorted()
    } catch (cause) {
      // A store has objects because it had runs: their folder may be on a disk that is not there now.
      throw storeError(runs, 'the runs of the store cannot be read, so what they keep is not known', cause)
    }
  }

  async #readRun(folder: string): Promise<void> {
    const record = join(folder, RECORD_FILE)
    try {
      const before = await stampOf(record)
      if (before !== undefined && this.#stamps.get(record) === before) return
      const isSealed = await this.#scan(record)
      if (isSealed && before !== undefined) this.#stamps.set(record, before)
      // A record without a seal is that of the start.
      if (!isSealed) await this.#scanJournal(join(folder, JOURNAL_FILE))
    } catch (cause) {
      throw storeError(folder, 'a run cannot be read, so what it keeps is not known', cause)
    }
  }

  /** Find digests in a journal, from where the last call ended: lines are only appended. */
  async #scanJournal(path: string): Promise<void> {
    const info = await stat(path).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (info === undefined) return
    const before = this.#journals.get(path)
    const isSame = before?.ino === info.ino && before.size <= info.size
    await this.#scan(path, isSame ? Math.max(0, before.size - OVERLAP) : 0)
    this.#journals.set(path, { ino: info.ino, size: info.size })
  }

  /** Find digests in a file, from a position. Returns whether it is a sealed record. */
  async #scan(path: string, start = 0): Promise<boolean> {
    const file = await openRegular(path).catch((error: unknown) => {
      if (isMissing(error)) return undefined
      throw error
    })
    if (file === undefined) return false
    let isSealed = false
    try {
      const block = Buffer.alloc(BLOCK)
      let tail = ''
      for (let position = start; ;) {
        const { bytesRead } = await file.read(block, 0, BLOCK, position)
        if (bytesRead === 0) return isSealed
        position += bytesRead
        const text = tail + block.toString('latin1', 0, bytesRead)
        for (const [hex] of text.matchAll(DIGEST)) if (this.#isKnown(hex)) this.digests.add(hex)
        isSealed ||= SEALED.test(text)
        tail = text.slice(-OVERLAP)
        if (bytesRead === BLOCK) await setImmediate()
      }
    } finally {
      await file.close()
    }
  }
}

const DIGEST = /[0-9a-f]{64}/g

/** Return what changes with a record: each version of one is a new file. */
async function stampOf(path: string): Promise<string | undefined> {
  try {
    const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs} ${ctimeNs}`
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}
