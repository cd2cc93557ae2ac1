/** An output stream of a wrapped command: passed through unchanged, and copied to a log. */
import { write } from 'node:fs'
import { promisify } from 'node:util'
import { errorCode } from '../util/fs.ts'
import { reasonOf } from '../record/failure.ts'
import { Log } from './log.ts'
import type { Readable } from 'node:stream'
import type { StreamRecord } from '../record/record.ts'

/**
 * Longest silence of a stream, in milliseconds, after the command has ended while another process holds it
 * open.
 */
const SILENCE_MS = 3000

const writeAsync = promisify(write)

/** A copy of a stream, on its way to the output of this process. */
export class StreamCopy {
  readonly #fileName: string
  readonly #log: Log
  readonly #target: number
  #bytes = 0
  #source: Readable | undefined
  #silence: NodeJS.Timeout | undefined
  #ended = false
  /** Warnings about output that could not be passed on or stored. */
  readonly warnings: string[] = []

  private constructor(fileName: string, log: Log, target: number) {
    this.#fileName = fileName
    this.#log = log
    this.#target = target
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
    return new StreamCopy(fileName, await Log.create(folder, fileName, redact), target)
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
        await this.#log.push(chunk as Buffer)
        // The reader has closed the pipe. Closing this end tells the command, as a direct pipe would.
        if (passOn && !(await this.#pass(chunk as Buffer))) break
      }
    } catch (error) {
      if (!this.#ended) this.warnings.push(`${this.#fileName} is incomplete: ${reasonOf(error)}`)
    } finally {
      this.#source = undefined
      clearTimeout(this.#silence)
    }
    const { kept, omitted } = await this.#log.finish()
    if (this.#log.failure !== undefined) this.#incomplete(this.#log.failure)
    return {
      status: 'captured',
      file: this.#fileName,
      bytes: this.#bytes,
      keptBytes: kept.bytes,
      ...(omitted.bytes > 0 && { omittedBytes: omitted.bytes, omittedLines: omitted.lines }),
      ...(kept.rewritten > 0 && { rewrittenLines: kept.rewritten }),
      ...(kept.redacted > 0 && { redactedLines: kept.redacted }),
    }
  }

  /** Close the file. Its content stays. */
  async close(): Promise<void> {
    await this.#log.close()
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
