/** What an output is made of: the record of a run, its folder, and every value of its metrics. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeFloat } from '../json/special-floats.ts'
import { readJournal } from '../store/journal-read.ts'
import { JOURNAL_FILE } from '../store/store.ts'
import type { MetricEvent } from '../record/events.ts'
import type { RunRecord } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'

/** A run to be put into another form. */
export interface RunSource {
  /** With its status as it is now: `lost` where its process is gone. */
  readonly record: RunRecord
  /** Absolute path of its folder. */
  readonly folder: string
  /** The bytes of `run.json`; absent while they are not yet known. */
  readonly recordBytes?: Uint8Array | undefined
}

/** A run of a store, with its status as it is now. */
export function sourceOf({ record, status, folder, recordBytes }: StoredRun): RunSource {
  return { record: { ...record, status }, folder, recordBytes }
}

/** One value of a metric, as tools take it that count steps in whole numbers. */
export interface MetricPoint {
  readonly name: string
  readonly value: number
  /** A whole number from 0; see {@link PointMaker}. */
  readonly step: number
  /** Milliseconds since 1970. */
  readonly time: number
}

/**
 * Makes points of events. A value whose step is a whole number from 0 stands at that step; any other (no step, epoch
 * 0.5, step -1) stands at its number among the values of its metric, from 0.
 */
export class PointMaker {
  readonly #counts = new Map<string, number>()

  /** The point of the next event. */
  point(event: MetricEvent, time: string): MetricPoint {
    const count = this.#counts.get(event.name) ?? 0
    this.#counts.set(event.name, count + 1)
    const step = isStep(event.step) ? event.step : count
    return { name: event.name, value: decodeFloat(event.value), step, time: Date.parse(time) }
  }
}

function isStep(step: number | null | undefined): step is number {
  return Number.isSafeInteger(step) && Number(step) >= 0
}

/**
 * Reads every value of every metric from the journal, in the order in which they were logged.
 *
 * @param signal Stops the reading; the call then throws the signal's reason.
 * @returns Plain sentences about what the journal lacks. Where there is none, the record's last values stand in.
 * @throws ERR_LINEAPRINT_STORE if the journal cannot be read.
 */
export async function readPoints(
  { record, folder }: RunSource,
  visit: (point: MetricPoint) => void,
  signal?: AbortSignal,
): Promise<string[]> {
  const path = join(folder, JOURNAL_FILE)
  const there = await stat(path).catch(() => undefined)
  if (there === undefined) return lastPoints(record, visit)
  const maker = new PointMaker()
  const { problems, tornBytes } = await readJournal(path, (event) => {
    signal?.throwIfAborted()
    if (event.type === 'metric') visit(maker.point(event, event.time))
  })
  const torn = tornBytes > 0 && record.status !== 'running' ? ['its last line is unfinished'] : []
  return [...problems, ...torn].map((problem) => `${JOURNAL_FILE}: ${problem}`)
}

function lastPoints(record: RunRecord, visit: (point: MetricPoint) => void): string[] {
  const metrics = Object.entries(record.metrics)
  const time = Date.parse(record.finishedAt ?? record.startedAt)
  for (const [name, { last, lastStep, count }] of metrics) {
    const step = isStep(lastStep) ? lastStep : count - 1
    visit({ name, value: decodeFloat(last), step, time })
  }
  return metrics.length === 0
    ? []
    : [`${JOURNAL_FILE} is missing: of each metric only its last value is known`]
}
