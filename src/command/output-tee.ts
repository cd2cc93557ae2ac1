/** An output stream of a wrapped command: passed through unchanged, and copied to a file up to a limit. */
import { write } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { modesIn } from '../util/modes.ts'
import { errorCode, storeError } from '../util/fs.ts'
import { reasonOf } from '../record/failure.ts'
import { LineFilter } from '../secrets/lines.ts'
import type { FileHandle } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { StreamRecord } from '../record/record.ts'

/** Largest number of bytes stored per stream. Further bytes are only counted. */
export const KEPT_BYTES: number = 10 * 1024 * 1024

/**
 * Longest silence of a stream, in milliseconds, after the command has ended while another process holds it
 * open.
 */
const SILENCE_MS = 3000

const writeAsync = promisify(write)

/** A copy of a stream, on its way to the output of this process. */
export class StreamCopy {
  readonly #fileName: string
  readonly #file: FileHandle
  readonly #target: number
  #bytes = 0
  #kept = 0
  #source: Readable | undefined
  /** Absent if the log keeps secrets. */
  readonly #filter: LineFilter | undefined
  #silence: NodeJS.Timeout | undefined
  #ended = false
  /** Warnings about output that could not be passed on or stored. */
  readonly warnings: string[] = []

  private constructor(fileName: string, file: FileHandle, target: number, redact: boolean) {
    this.#fileName = fileName
    this.#file = file
    this.#target = target
    this.#filter = redact ? new LineFilter() : undefined
  }

  /**
   * Create the log file.
   *
   * @param folder The folder of the run.
   * @param fileName `stdout.log` or `stderr.log`.
   * @param target File descriptor that receives the output, unchanged.
   * @param redact True to replace secrets in the file.
   */
  static async create(
    folder: string,
    fileName: string,
    target: number,
    redact: boolean,
  ): Promise<StreamCopy> {
    const path = join(folder, fileName)
    try {
      return new StreamCopy(fileName, await open(path, 'wx', modesIn(folder).file), target, redact)
    } catch (cause) {
      throw storeError(path, 'cannot be created', cause)
    }
  }

  /**
   * Copy until the stream ends, or until the target is closed.
   *
   * @param passOn False if another process writes to the target.
   */
  async copy(source: Readable, passOn: boolean): Promise<StreamRecord> {
    this.#source = source
    try {
      for await (const chunk of source) {
        this.#bytes += (chunk as Buffer).length
        this.#wait()
        await this.#keep(chunk as Buffer)
        // The reader has closed the pipe. Closing this end tells the command, as a direct pipe would.
        if (passOn && !(await this.#pass(chunk as Buffer))) break
      }
    } catch (error) {
      if (!this.#ended) this.warnings.push(`${this.#fileName} is incomplete: ${reasonOf(error)}`)
    } finally {
      this.#source = undefined
      clearTimeout(this.#silence)
      await this.#writeRest()
      await this.#file.sync().catch((error: unknown) => this.#incomplete(error))
    }
    const redacted = this.#filter?.redacted ?? 0
    return {
      status: 'captured',
      file: this.#fileName,
      bytes: this.#bytes,
      keptBytes: this.#kept,
      ...(redacted > 0 && { redactedLines: redacted }),
    }
  }

  /** Close the file. Its content stays. */
  async close(): Promise<void> {
    await this.#file.close()
  }

  /**
   * Report that the command has ended. Its child processes may hold the stream open, but only for a limited
   * time.
   */
  commandEnded(): void {
    this.#ended = true
    this.#wait()
  }

  #wait(): void {
    clearTimeout(this.#silence)
    if (!this.#ended || this.#source === undefined) return
    this.#silence = setTimeout(() => {
      this.warnings.push(`a child process kept the output open; ${this.#fileName} may be incomplete`)
      this.#source?.destroy()
    }, SILENCE_MS)
  }

  async #keep(chunk: Buffer): Promise<void> {
    const part = chunk.subarray(0, KEPT_BYTES - this.#kept)
    if (part.length === 0) return
    if (await this.#write(this.#filter === undefined ? part : this.#filter.push(part)))
      this.#kept += part.length
  }

  /** Write the line that the stream ended in. If the limit of the file cut it, half a secret may be its end. */
  async #writeRest(): Promise<void> {
    if (this.#filter === undefined) return
    if (this.#bytes > KEPT_BYTES) this.#kept -= this.#filter.pending
    else await this.#write(this.#filter.end())
  }

  async #write(bytes: Buffer): Promise<boolean> {
    if (bytes.length === 0) return true
    try {
      await this.#file.writeFile(bytes)
      return true
    } catch (error) {
      this.#incomplete(error)
      return false
    }
  }

  /** Continue without the log: a full disk must not stop a training run. */
  #incomplete(error: unknown): void {
    const first = this.warnings.length === 0
    if (first) this.warnings.push(`${this.#fileName} is incomplete: ${reasonOf(error)}`)
  }

  async #pass(chunk: Buffer): Promise<boolean> {
    for (let done = 0; done < chunk.length;) {
      try {
        done += (await writeAsync(this.#target, chunk, done, chunk.length - done, null)).bytesWritten
      } catch (error) {
        if (errorCode(error) === 'EPIPE') return false
        // The pipe is non-blocking, and its reader is slow.
        if (errorCode(error) !== 'EAGAIN') throw error
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
    return true
  }
}
