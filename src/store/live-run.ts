/** A run that has not ended, read while its journal grows: each refresh reads only what is new. */
import { join } from 'node:path'
import { errorCode, storeError } from '../util/fs.ts'
import { LineaprintError } from '../core/errors.ts'
import { decodeFloat } from '../json/special-floats.ts'
import { seriesKey } from '../record/series-keys.ts'
import { applyEvent, initialState, toRecord } from '../record/state.ts'
import { openRegular } from '../util/own-file.ts'
import { LineReader } from './journal-read.ts'
import { GrowingColumns } from './metrics/growing-columns.ts'
import { readRecord } from './read.ts'
import { JOURNAL_FILE } from './store.ts'
import type { FileHandle } from 'node:fs/promises'
import type { JournalEvent, MetricEvent } from '../record/events.ts'
import type { SeriesFields } from '../record/series-keys.ts'
import type { RunState } from '../record/state.ts'
import type { SeriesColumns } from './metrics/column-reader.ts'
import type { ReadRecord, StoredRun } from './read.ts'

/** Bytes read at a time. */
const CHUNK = 256 << 10

/** A run that has not ended. */
export class LiveRun {
  readonly folder: string
  readonly #path: string
  readonly #lines: LineReader
  readonly #state: RunState
  readonly #series = new Map<string, { readonly fields: SeriesFields; readonly columns: GrowingColumns }>()
  readonly #keepsValues: boolean
  #read: ReadRecord
  /** Of the journal, once it is there. */
  #inode: bigint | undefined
  #position = 0
  #version = 0

  private constructor(folder: string, read: ReadRecord, keepsValues: boolean) {
    this.folder = folder
    this.#keepsValues = keepsValues
    this.#path = join(folder, JOURNAL_FILE)
    this.#read = read
    this.#state = initialState(read.record)
    this.#lines = new LineReader((event) => this.#take(event))
  }

  /**
   * Read a run.
   *
   * @param keepsValues False if only the summaries of metrics are wanted, which need no memory for each value.
   * @returns `undefined` if it has ended, or if its process has.
   * @throws The errors of `readRun`.
   */
  static async open(folder: string, keepsValues = true): Promise<LiveRun | undefined> {
    const read = await readRecord(folder)
    if (read.status !== 'running') return undefined
    const run = new LiveRun(folder, read, keepsValues)
    await run.#readOn()
    return run
  }

  /** Number that grows with every event. */
  get version(): number {
    return this.#version
  }

  /**
   * Read what is new. Calls must not overlap.
   *
   * @returns False if the run has ended since, or its process has, or if its journal is not the one that was read so far.
   */
  async refresh(): Promise<boolean> {
    // The record first: what the run wrote before it ended is in the journal by then.
    this.#read = await readRecord(this.folder)
    if (this.#read.status !== 'running') return false
    return this.#readOn()
  }

  /** Return the run as it is so far. */
  run(): StoredRun {
    const { record, recordBytes, status } = this.#read
    const { id } = record
    return {
      id,
      folder: this.folder,
      record: toRecord(this.#state, { status }),
      recordBytes,
      status,
      journal: this.#lines.end(),
    }
  }

  /** Return the values of its metrics so far, by their names in the record. */
  metrics(): Map<string, SeriesColumns> {
    const keyOf = seriesKey(toRecord(this.#state))
    return new Map(
      [...this.#series.values()].map(({ fields, columns }) => [keyOf(fields), columns.columns()]),
    )
  }

  #take(event: JournalEvent): void {
    applyEvent(this.#state, event)
    this.#version++
    if (event.type === 'metric' && this.#keepsValues) this.#add(event, Date.parse(event.time))
  }

  #add({ type, name, process, source, value, step = NaN }: MetricEvent, time: number): void {
    const key = JSON.stringify([process, source, name])
    let series = this.#series.get(key)
    if (series === undefined) {
      const fields = {
        type,
        name,
        ...(process !== undefined && { process }),
        ...(source !== undefined && { source }),
      }
      this.#series.set(key, (series = { fields, columns: new GrowingColumns() }))
    }
    series.columns.add(decodeFloat(value), step, time)
  }

  /** Read to the end of the journal. Return false if what was read is no longer the beginning of it. */
  async #readOn(): Promise<boolean> {
    let file: FileHandle | undefined
    try {
      file = await openRegular(this.#path)
      const { ino, size } = await file.stat({ bigint: true })
      if ((this.#inode ??= ino) !== ino || size < this.#position) return false
      const buffer = Buffer.allocUnsafeSlow(CHUNK)
      while (!this.#lines.isTooLong) {
        const { bytesRead } = await file.read(buffer, 0, CHUNK, this.#position)
        if (bytesRead === 0) break
        this.#position += bytesRead
        this.#lines.add(buffer.subarray(0, bytesRead))
      }
      return true
    } catch (cause) {
      // A run that started a moment ago has no journal yet.
      if (errorCode(cause) === 'ENOENT') return this.#inode === undefined
      if (LineaprintError.is(cause)) throw cause
      throw storeError(this.#path, 'the journal cannot be read', cause)
    } finally {
      await file?.close()
    }
  }
}
