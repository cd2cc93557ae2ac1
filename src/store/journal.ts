/**
 * The journal of a run: `events.jsonl`, one JSON object per line, append-only. It is authoritative until the
 * run ends.
 *
 * An append costs the caller the formatting of one line; the file is written in the background, in order, and
 * `flush` resolves when everything appended so far is on disk. Every write has an explicit position in the
 * file, so that a pending write can be repeated when the process ends or too much has queued up: it writes
 * the same bytes at the same position.
 */
import { writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorText } from '../util/error-text.ts'
import { escapeText } from '../util/escape-text.ts'
import { LineaprintError } from '../core/errors.ts'
import { modesIn } from '../util/modes.ts'
import { storeError, syncFolder, syncHandle, writeAll } from '../util/fs.ts'
import type { FileHandle } from 'node:fs/promises'
import type { EventBody, EventHead } from '../record/events.ts'

/** Characters that may be queued before the caller writes them synchronously. */
const QUEUE_LIMIT = 1 << 20

interface Batch {
  readonly bytes: Buffer
  readonly position: number
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** The writer of a journal; one per run. */
export class Journal {
  readonly #file: FileHandle
  readonly #path: string
  #queue: string[] = []
  #queued = 0
  #position = 0
  #sequence = 0
  #writing: Batch | undefined
  #waiters: Waiter[] = []
  #pumping = false
  #closed = false
  #failure: LineaprintError | undefined

  private constructor(file: FileHandle, path: string) {
    this.#file = file
    this.#path = path
  }

  /** Create the file. An existing one is an error. */
  static async create(path: string): Promise<Journal> {
    let file: FileHandle | undefined
    try {
      file = await open(path, 'wx', modesIn(dirname(path)).file)
      await syncFolder(dirname(path))
      const journal = new Journal(file, path)
      openJournals.add(journal)
      return journal
    } catch (cause) {
      // Report the original failure; a failure to close adds nothing.
      await file?.close().catch(() => undefined)
      throw storeError(path, 'the journal cannot be created', cause)
    }
  }

  /**
   * Append an event. The caller only waits for the formatting of the line.
   *
   * @throws ERR_LINEAPRINT_STORE if an earlier event could not be written.
   */
  append<T extends EventBody>(body: T, time: string = new Date().toISOString()): EventHead & T {
    this.#check()
    const event: EventHead & T = { seq: ++this.#sequence, time, ...body }
    this.#push(`${JSON.stringify(event)}\n`)
    return event
  }

  /**
   * Resolve when every event appended so far is durable.
   *
   * @throws ERR_LINEAPRINT_STORE if one of them could not be written.
   */
  flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#check()
      this.#waiters.push({ resolve, reject })
      this.#start()
    })
  }

  /** Flush and close the file. */
  async close(): Promise<void> {
    if (this.#closed) return
    try {
      await this.flush()
    } finally {
      this.#closed = true
      openJournals.delete(this)
      await this.#file.close()
    }
  }

  /** Write the queue synchronously: at the end of the process nothing asynchronous runs any more. */
  writeRest(): void {
    if (this.#failure) throw this.#failure
    try {
      if (this.#writing) writeBatch(this.#file.fd, this.#writing)
      writeBatch(this.#file.fd, this.#take())
    } catch (cause) {
      throw this.#fail(cause)
    }
  }

  #check(): void {
    if (this.#failure) throw this.#tell(this.#failure)
    if (this.#closed)
      throw new LineaprintError('ERR_LINEAPRINT_STATE', 'the journal is closed', { path: this.#path })
  }

  #push(line: string): void {
    this.#queue.push(line)
    this.#queued += line.length
    // A loop that never yields would fill the memory with lines.
    if (this.#queued > QUEUE_LIMIT) this.writeRest()
    else this.#start()
  }

  #start(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => void this.#pump())
  }

  async #pump(): Promise<void> {
    try {
      while (this.#queue.length > 0 || this.#waiters.length > 0) {
        const waiters = this.#waiters
        this.#waiters = []
        try {
          await this.#write()
          if (waiters.length > 0) await this.#sync()
        } catch (cause) {
          // A failed fsync is not retried: the system may have dropped the pages it could not write.
          const failure = this.#fail(cause)
          for (const { reject } of [...waiters, ...this.#waiters]) reject(this.#tell(failure))
          this.#waiters = []
          this.#queue = []
          return
        }
        for (const { resolve } of waiters) resolve()
      }
    } finally {
      this.#pumping = false
    }
  }

  async #write(): Promise<void> {
    if (this.#queue.length === 0) return
    const batch = this.#take()
    this.#writing = batch
    await writeAll(this.#file, batch.bytes, batch.position)
    this.#writing = undefined
  }

  async #sync(): Promise<void> {
    await syncHandle(this.#file, 'data')
    // If the file was unlinked, the acknowledged events would be lost.
    if ((await this.#file.stat()).nlink === 0) throw Object.assign(new Error('removed'), { code: 'ENOENT' })
  }

  #take(): Batch {
    const batch = { bytes: Buffer.from(this.#queue.join('')), position: this.#position }
    this.#queue = []
    this.#queued = 0
    this.#position += batch.bytes.length
    return batch
  }

  /** Mark the failure as reported, so that it is not reported again at the end of the process. */
  #tell(failure: LineaprintError): LineaprintError {
    openJournals.delete(this)
    return failure
  }

  #fail(cause: unknown): LineaprintError {
    this.#failure ??= storeError(this.#path, 'the journal cannot be written', cause)
    return this.#failure
  }
}

function writeBatch(descriptor: number, { bytes, position }: Batch): void {
  for (let done = 0; done < bytes.length;) {
    done += writeSync(descriptor, bytes, done, bytes.length - done, position + done)
  }
}

const openJournals = new Set<Journal>()

// A program that calls process.exit() or dies of an exception keeps everything logged until then.
process.on('exit', () => {
  for (const journal of openJournals) {
    try {
      journal.writeRest()
    } catch (error) {
      process.stderr.write(`lineaprint: ${escapeText(errorText(error))}\n`)
    }
  }
})
