/**
 * Live output in W&B's offline format, so that a killed run can be given to `wandb sync` as far as it was
 * written. At the end the whole file is written again from the journal.
 */
import { open } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { columnsOf } from '../wandb/describe.ts'
import { fileName, folderName, makeWandbFolder, openingRecords, writeWandbFolder } from '../wandb/folder.ts'
import { Framer } from '../wandb/framing.ts'
import { RecordMaker } from '../wandb/records.ts'
import { PointMaker } from '../source.ts'
import { modesIn } from '../../util/modes.ts'
import { writeAll } from '../../util/fs.ts'
import { Repeated } from '../../util/repeated.ts'
import type { FileHandle } from 'node:fs/promises'
import type { Row } from '../wandb/describe.ts'
import type { WandbTarget } from '../../config/outputs.ts'
import type { MetricPoint, RunSource } from '../source.ts'
import type { EventBody } from '../../record/events.ts'
import type { SeriesKey } from '../../record/series-keys.ts'
import type { RunRecord } from '../../record/record.ts'
import type { LiveOutput } from './live-output.ts'

/** Rows that may be queued; further ones are written at the end. */
const QUEUE_LIMIT = 20_000

/** Milliseconds between two writes. */
const INTERVAL = 1000

/** Milliseconds that the end of a run waits for the disk. */
const TIMEOUT = 30_000

/** An output that appends rows every second; a row is complete when a later step begins. */
export class WandbOutput implements LiveOutput {
  readonly name = 'W&B'
  readonly format = 'wandb'
  readonly timeoutMs: number = TIMEOUT
  readonly #record: () => RunRecord
  readonly #parent: string
  readonly #target: WandbTarget
  readonly #points: PointMaker
  readonly #maker = new RecordMaker()
  readonly #framer = new Framer()
  readonly #writing: Repeated
  #rows: Row[] = []
  #row: Row | undefined
  /** True if the live file was given up; the end writes it again in any case. */
  #over = false
  #file: FileHandle | undefined
  #position = 0

  constructor(record: () => RunRecord, keyOf: SeriesKey, parent: string, target: WandbTarget) {
    this.#record = record
    this.#points = new PointMaker(keyOf)
    this.#parent = parent
    this.#target = target
    // The end writes everything again, and reports a failure.
    this.#writing = new Repeated(() => this.#append().catch(() => this.stop()), INTERVAL)
  }

  take(event: EventBody, time: string): void {
    if (event.type !== 'metric' || this.#over) return
    const point = this.#points.point(event, time)
    const row = this.#rowOf(point)
    if (row === undefined) return
    row.values.set(point.name, point.value)
    row.time = Math.max(row.time, point.time)
  }

  async finish(run: RunSource, signal: AbortSignal): Promise<readonly string[]> {
    this.stop()
    await this.#close()
    const { warnings } = await writeWandbFolder(run, this.#parent, this.#target, signal)
    return warnings
  }

  async refresh(run: RunSource, signal: AbortSignal): Promise<void> {
    await writeWandbFolder(run, this.#parent, this.#target, signal)
  }

  stop(): void {
    this.#over = true
    this.#rows = []
    // A failure to close this file is harmless: the end writes another.
    this.#close().catch(() => undefined)
  }

  async #close(): Promise<void> {
    await this.#writing.stop()
    await this.#file?.close()
  }

  /** Return the row of a value. Rows are written in order: a value of an earlier step waits for the end. */
  #rowOf({ step, time }: MetricPoint): Row | undefined {
    const row = this.#row
    if (row?.step === step) return row
    if (row !== undefined && row.step > step) return undefined
    if (row !== undefined) this.#rows.push(row)
    if (this.#rows.length > QUEUE_LIMIT) {
      this.stop()
      return undefined
    }
    this.#row = { step, time, values: new Map() }
    return this.#row
  }

  async #append(): Promise<void> {
    if (this.#over) return
    const rows = this.#rows
    this.#rows = []
    const records: Buffer[] = []
    const record = this.#record()
    if (this.#file === undefined) {
      const folder = join(this.#parent, folderName(record))
      const modes = modesIn(dirname(this.#parent))
      await makeWandbFolder(join(folder, 'files'), modes.folder)
      this.#file = await open(join(folder, fileName(record)), 'w', modes.file)
      records.push(...openingRecords(this.#maker, record, this.#target))
    }
    const startTime = Date.parse(record.startedAt)
    for (const row of rows) records.push(this.#maker.history(row.step, columnsOf(row, startTime)))
    if (records.length === 0) return
    const bytes = Buffer.concat(records.map((encoded) => this.#framer.frame(encoded)))
    await writeAll(this.#file, bytes, this.#position)
    this.#position += bytes.length
  }
}
