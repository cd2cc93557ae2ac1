/** Source of an export: the record of a run, its folder, and every value of its metrics. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeFloat } from '../json/special-floats.ts'
import { seriesKey } from '../record/series-keys.ts'
import { readJournal } from '../store/journal-read.ts'
import { JOURNAL_FILE } from '../store/store.ts'
import type { MetricEvent } from '../record/events.ts'
import type { RunRecord } from '../record/record.ts'
import type { SeriesKey } from '../record/series-keys.ts'
import type { StoredRun } from '../store/runs.ts'

/** A run to be exported. */
export interface RunSource {
  /** With its present status: `lost` if its process has ended. */
  readonly record: RunRecord
  /** Absolute path of its folder. */
  readonly folder: string
  /** The bytes of `run.json`; absent until they are known. */
  readonly recordBytes?: Uint8Array | undefined
}

/** Convert a stored run, with its present status. */
export function sourceOf({ record, status, folder, recordBytes }: StoredRun): RunSource {
  return { record: { ...record, status }, folder, recordBytes }
}

/** One value of a metric, for tools with integer steps. */
export interface MetricPoint {
  /** Name of the series in the record. */
  readonly name: string
  readonly value: number
  /** An integer from 0; see {@link PointMaker}. */
  readonly step: number
  /** Milliseconds since 1970. */
  readonly time: number
}

/**
 * Converter of events into points. A value whose step is an integer from 0 keeps that step; any other value
 * (no step, epoch 0.5, step -1) gets its index among the values of its metric, from 0.
 */
export class PointMaker {
  readonly #counts = new Map<string, number>()
  readonly #keyOf: SeriesKey

  /**
   * Create a converter.
   *
   * @param keyOf Returns the name of the series of an event; each process has its own.
   */
  constructor(keyOf: SeriesKey) {
    this.#keyOf = keyOf
  }

  /** Return the point of the next event. */
  point(event: MetricEvent, time: string): MetricPoint {
    const name = this.#keyOf(event)
    const count = this.#counts.get(name) ?? 0
    this.#counts.set(name, count + 1)
    const step = isStep(event.step) ? event.step : count
    return { name, value: decodeFloat(event.value), step, time: Date.parse(time) }
  }
}

function isStep(step: number | null | undefined): step is number {
  return Number.isSafeInteger(step) && Number(step) >= 0
}

/**
 * Read every value of every metric from the journal, in the order of logging.
 *
 * @param signal Aborts the reading; the call then throws the signal's reason.
 * @returns Sentences about missing parts of the journal. Without a journal, the record's last values are
 * used.
 * @throws ERR_LINEAPRINT_STORE if the journal cannot be read.
 */
export async function readPoints(
  { record, folder }: RunSource,
  visit: (point: MetricPoint) => void,
  signal?: AbortSignal,
): Promise<string[]> {
  const path = join(folder, JOURNAL_FILE)
  const info = await stat(path).catch(() => undefined)
  if (info === undefined) return lastPoints(record, visit)
  const maker = new PointMaker(seriesKey(record))
  const { problems, tornBytes } = await readJournal(path, (event) => {
    signal?.throwIfAborted()
    if (event.type === 'metric') visit(maker.point(event, event.time))
  })
  const torn =
    tornBytes > 0 && record.status !== 'running' ? ['the last line of the journal is incomplete'] : []
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
    : [`${JOURNAL_FILE} is missing: only the last value of each metric is exported`]
}
