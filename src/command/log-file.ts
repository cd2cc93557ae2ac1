/**
 * The file of a log, which keeps the beginning and the end of an output of any length.
 *
 * The file takes the text as it comes until it is full. What follows goes to two further files in turn, of which the
 * older one is emptied whenever the other is full, so that they always hold the end. When the output has ended, the
 * file is replaced at once by one with the beginning, a line about what is left out, and the end.
 *
 * Each file is true at any moment, also after a crash: the further ones say at which byte of the output they begin.
 */
import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { modesIn } from '../util/modes.ts'
import { storeError, syncHandle, systemReason } from '../util/fs.ts'
import type { FileHandle } from 'node:fs/promises'
import type { LogCounts, LogPiece } from './log-text.ts'

/** Bytes of the beginning and of the end that a log keeps. */
export interface LogLimits {
  readonly head: number
  readonly tail: number
}

/** The limits of a log of `lineaprint run`. */
export const LOG_LIMITS: LogLimits = { head: 5 << 20, tail: 5 << 20 }

/** The output that a finished file keeps, and the output that it leaves out. */
export interface LogTotals {
  readonly kept: LogCounts
  readonly omitted: LogCounts
}

/** Bytes of text that are kept or left out as a whole. */
const BLOCK = 1 << 16

/** One of the files. */
interface Part {
  readonly path: string
  readonly file: FileHandle
  /** Bytes that stay. */
  length: number
  /** True if the state of a line that has not ended follows them. */
  showsState: boolean
}

/** A piece of text after the beginning. */
interface Block {
  readonly part: Part
  readonly position: number
  length: number
  counts: LogCounts
  /** Output that is missing in front of it, and the bytes of the note about that. */
  readonly missing: LogCounts
  readonly noteLength: number
}

/** The file of a log. A fault of the disk loses text and not the run: the first one is kept in `failure`. */
export class LogFile {
  /** The first fault. */
  failure: unknown
  readonly #folder: string
  readonly #name: string
  readonly #limits: LogLimits
  readonly #main: Part
  readonly #others: Part[] = []
  #current: Part
  /** Length of the beginning; known once a piece did not fit. */
  #head: number | undefined
  #headCounts: LogCounts = NONE
  /** The end, as far as it may be kept. */
  readonly #blocks: Block[] = []
  #blockBytes = 0
  /** The output between the beginning and the end. */
  #dropped: LogCounts = NONE
  #mainCounts: LogCounts = NONE
  #all: LogCounts = NONE
  /** Output that could not be written since the last piece that could. */
  #lost: LogCounts = NONE
  /** Output that was left out since then. */
  #skipped: LogCounts = NONE

  private constructor(folder: string, name: string, main: Part, limits: LogLimits) {
    this.#folder = folder
    this.#name = name
    this.#main = main
    this.#current = main
    this.#limits = limits
  }

  /**
   * Create the file.
   *
   * @param folder The folder of the run.
   * @param name For example `stdout.log`.
   * @throws ERR_LINEAPRINT_STORE if it cannot be created.
   */
  static async create(folder: string, name: string, limits: LogLimits = LOG_LIMITS): Promise<LogFile> {
    try {
      return new LogFile(folder, name, await openPart(folder, name), limits)
    } catch (cause) {
      throw storeError(join(folder, name), 'cannot be created', cause)
    }
  }

  /** True once the file has the beginning, and more than it keeps of the end. */
  get isFull(): boolean {
    return this.#others.length > 0
  }

  /** Leave out output. */
  skip(counts: LogCounts): void {
    this.#all = sum(this.#all, counts)
    this.#skipped = sum(this.#skipped, counts)
  }

  /** Append a piece. */
  async add(piece: LogPiece): Promise<void> {
    const begin = this.#all.bytes - this.#skipped.bytes - this.#lost.bytes
    this.#all = sum(this.#all, piece)
    const missing = [this.#lost, this.#skipped] as const
    // More can be left out while this is written.
    this.#lost = NONE
    this.#skipped = NONE
    try {
      await this.#append(piece.text, piece, missing, begin)
    } catch (error) {
      this.#fail(error)
      this.#lost = missing.reduce(sum, piece)
    }
  }

  /** Show the state of a line that has not ended. The next piece, or the next state, is written over it. */
  async show(state: Buffer): Promise<void> {
    try {
      await hideState(this.#current)
      this.#current.showsState = true
      await writeAt(this.#current.file, state, this.#current.length)
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Put the end behind the beginning, and write everything to disk. */
  async finish(): Promise<LogTotals> {
    let kept = this.#mainCounts
    try {
      const missing = [this.#lost, this.#skipped] as const
      const { bytes } = missing.reduce(sum)
      if (bytes > 0) await this.#append(EMPTY, NONE, missing, this.#all.bytes - bytes)
      // A state, or what a write left behind that failed.
      for (const { file, length } of [this.#main, ...this.#others]) await file.truncate(length)
      if (this.#others.length > 0) kept = await this.#join()
      else await syncHandle(this.#main.file)
    } catch (error) {
      this.#fail(error)
    }
    return { kept, omitted: difference(this.#all, kept) }
  }

  /** Close the files. */
  async close(): Promise<void> {
    for (const { file } of [this.#main, ...this.#others]) await file.close()
  }

  async #append(
    text: Buffer,
    counts: LogCounts,
    [lost, skipped]: readonly [LogCounts, LogCounts],
    begin: number,
  ): Promise<void> {
    const notes = Buffer.concat([
      lost.bytes === 0 ? EMPTY : note(lost, `could not be stored: ${systemReason(this.failure)}`),
      skipped.bytes === 0 ? EMPTY : note(skipped, LEFT_OUT),
    ])
    const bytes = notes.length === 0 ? text : Buffer.concat([notes, text])
    const part = await this.#partFor(bytes.length, begin)
    await hideState(part)
    await writeAt(part.file, bytes, part.length)
    this.#account(part, bytes.length, counts, { missing: sum(lost, skipped), noteLength: notes.length })
  }

  /** Return the file that has room for so many bytes. */
  async #partFor(size: number, begin: number): Promise<Part> {
    const { head, tail } = this.#limits
    const current = this.#current
    if (current.length + size <= (current === this.#main ? head + tail : tail)) return current
    const [first, second] = this.#others
    const next = (current === first ? second : first) ?? (await this.#openOther())
    // Its blocks go first: a fault after that leaves out more, and nothing is false.
    while (this.#blocks[0]?.part === next) this.#dropFirst()
    await next.file.truncate(0)
    next.length = 0
    const title = Buffer.from(`[lineaprint: the output from byte ${begin} on]\n`)
    await writeAt(next.file, title, 0)
    next.length = title.length
    await hideState(current)
    this.#current = next
    return next
  }

  async #openOther(): Promise<Part> {
    const part = await openPart(this.#folder, `${this.#name}.end-${this.#others.length + 1}`)
    this.#others.push(part)
    return part
  }

  #account(part: Part, size: number, counts: LogCounts, gap: Pick<Block, 'missing' | 'noteLength'>): void {
    const position = part.length
    part.length += size
    if (part === this.#main) {
      this.#mainCounts = sum(this.#mainCounts, counts)
      if (this.#head === undefined && part.length <= this.#limits.head) {
        this.#headCounts = sum(this.#headCounts, counts)
        return
      }
    }
    this.#head ??= part === this.#main ? position : this.#main.length
    this.#blockBytes += size
    const last = this.#blocks.at(-1)
    if (last?.part === part && last.length + size <= BLOCK && gap.noteLength === 0) {
      last.length += size
      last.counts = sum(last.counts, counts)
    } else this.#blocks.push({ part, position, length: size, counts, ...gap })
    while (this.#blockBytes - (this.#blocks[0]?.length ?? 0) >= this.#limits.tail) this.#dropFirst()
  }

  #dropFirst(): void {
    const block = this.#blocks.shift()
    if (block === undefined) return
    this.#blockBytes -= block.length
    this.#dropped = sum(this.#dropped, sum(block.counts, block.missing))
  }

  /** Replace the file by one with the beginning and the end. Its name never stands for a part of it. */
  async #join(): Promise<LogCounts> {
    while (this.#blocks.length > 1 && this.#blockBytes > this.#limits.tail) this.#dropFirst()
    const first = this.#blocks[0]
    // One note says what is missing before the end.
    if (first !== undefined) this.#dropped = sum(this.#dropped, first.missing)
    const [path, head] = [join(this.#folder, this.#name), this.#head ?? this.#main.length]
    const joined = await openPart(this.#folder, `${this.#name}.tmp`)
    try {
      await copyRange(this.#main, 0, head, joined)
      const last = Buffer.alloc(1)
      if (head > 0) await this.#main.file.read(last, 0, 1, head - 1)
      const gap = note(this.#dropped, LEFT_OUT)
      const line = head === 0 || last[0] === LINE_FEED ? gap : Buffer.concat([Buffer.from('\n'), gap])
      if (this.#dropped.bytes > 0) {
        await writeAt(joined.file, line, joined.length)
        joined.length += line.length
      }
      for (const block of this.#blocks) {
        const from = block === first ? block.noteLength : 0
        await copyRange(block.part, block.position + from, block.length - from, joined)
      }
      await syncHandle(joined.file)
      await joined.file.close()
      // Windows does not replace an open file.
      await this.close()
      await rename(joined.path, path)
    } catch (error) {
      await joined.file.close()
      await rm(joined.path, { force: true })
      throw error
    }
    for (const part of this.#others) await rm(part.path, { force: true })
    return this.#blocks.reduce((total, { counts }) => sum(total, counts), this.#headCounts)
  }

  #fail(error: unknown): void {
    this.failure ??= error
  }
}

const NONE: LogCounts = { bytes: 0, lines: 0, redacted: 0, rewritten: 0 }
const EMPTY = Buffer.alloc(0)
const LINE_FEED = 0x0a
const LEFT_OUT = 'left out here'

function sum(a: LogCounts, b: LogCounts): LogCounts {
  return {
    bytes: a.bytes + b.bytes,
    lines: a.lines + b.lines,
    redacted: a.redacted + b.redacted,
    rewritten: a.rewritten + b.rewritten,
  }
}

function difference(a: LogCounts, b: LogCounts): LogCounts {
  return {
    bytes: a.bytes - b.bytes,
    lines: a.lines - b.lines,
    redacted: a.redacted - b.redacted,
    rewritten: a.rewritten - b.rewritten,
  }
}

/** Return the line that stands for output that the file does not have. */
function note({ bytes, lines }: LogCounts, what: string): Buffer {
  return Buffer.from(`[lineaprint: ${bytes} bytes, ${lines} ${lines === 1 ? 'line' : 'lines'}, ${what}]\n`)
}

async function openPart(folder: string, name: string): Promise<Part> {
  const path = join(folder, name)
  return { path, file: await open(path, 'wx+', modesIn(folder).file), length: 0, showsState: false }
}

/** Cut off the state that a file shows. */
async function hideState(part: Part): Promise<void> {
  if (!part.showsState) return
  await part.file.truncate(part.length)
  part.showsState = false
}

/** Append a range of one file to another. */
async function copyRange(from: Part, begin: number, length: number, to: Part): Promise<void> {
  const buffer = Buffer.alloc(Math.min(length, BLOCK))
  for (let done = 0; done < length;) {
    const { bytesRead } = await from.file.read(
      buffer,
      0,
      Math.min(buffer.length, length - done),
      begin + done,
    )
    if (bytesRead === 0) throw new Error('the log was changed while it was written')
    await writeAt(to.file, buffer.subarray(0, bytesRead), to.length)
    to.length += bytesRead
    done += bytesRead
  }
}

async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, bytes.length - done, position + done)).bytesWritten
  }
}
