/** Every value of the metrics of runs, as series. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { primary } from '../../core/digest.ts'
import { LineaprintError } from '../../core/errors.ts'
import { checkArray, checkKnown, checkText } from '../../core/options.ts'
import { hashFile } from '../../hash/file.ts'
import { decodeFloat } from '../../json/special-floats.ts'
import { seriesKey } from '../../record/series-keys.ts'
import { matchesGlob } from '../../util/glob.ts'
import { compareNatural } from '../../util/natural-order.ts'
import { journalProblems, readJournal } from '../journal-read.ts'
import { checkRun } from '../read.ts'
import { JOURNAL_FILE } from '../store.ts'
import { readColumns } from './column-reader.ts'
import { GrowingColumns } from './growing-columns.ts'
import { COLUMNS_FILE } from './columns.ts'
import { joinSeries, runsBefore } from './continued.ts'
import type { StoredRun } from '../read.ts'
import type { SeriesColumns } from './column-reader.ts'
import type { ColumnSeries } from './columns.ts'
import type { RunColumns, SeriesPart } from './continued.ts'

export type { SeriesPart } from './continued.ts'

/**
 * The values of one metric of one run, in the order in which they were logged. Those of a run that continues another begin
 * with the values of that run.
 */
export interface MetricSeries extends SeriesColumns {
  /** Id of the run. */
  readonly run: string
  /** Name of the series in the record. */
  readonly name: string
  /** Which run logged which values: their numbers add up to the length of the series. */
  readonly parts: readonly SeriesPart[]
}

/** The result of {@link readMetrics}. */
export interface MetricsOfRuns {
  /** In the order of the runs, and of each run in the natural order of the names. */
  readonly series: readonly MetricSeries[]
  /** Sentences about what could not be read. */
  readonly warnings: readonly string[]
}

/** Options of {@link readMetrics}. */
export interface ReadMetricsOptions {
  /** Patterns of names: `*` for any characters, `?` for one. @default all */
  readonly metric?: readonly string[] | undefined
  /** False if the values of a run that another continues are no part of the series of that one. @default true */
  readonly continued?: boolean | undefined
  /** Stops the work. The call then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Read every value of metrics of runs: from the sealed columns of a run that has them, whose digest is checked, otherwise
 * from its journal. The series of a run that continues another begin with the values of that run; where both have
 * values from a step on, those of the later run count.
 *
 * @param runs From `findRun` or `readRun`.
 * @throws ERR_LINEAPRINT_STORE if a journal cannot be read.
 */
export async function readMetrics(
  runs: readonly StoredRun[],
  options: ReadMetricsOptions = {},
): Promise<MetricsOfRuns> {
  checkArray(runs, 'runs').forEach((run) => checkRun(run, 'runs'))
  checkKnown(options, ['metric', 'continued', 'signal'])
  const { metric, continued = true, signal } = options
  for (const pattern of checkArray(metric ?? [], 'metric')) checkText(pattern, 'metric')
  const isWanted = (name: string): boolean =>
    metric === undefined || metric.some((pattern) => matchesGlob(pattern, name))
  const series: MetricSeries[] = []
  const warnings: string[] = []
  for (const run of runs) {
    signal?.throwIfAborted()
    const before = continued ? await readMetricsBefore(run, { isWanted, warnings, signal }) : []
    const own = await readRunMetrics(run, isWanted, warnings, signal)
    series.push(...seriesOf([...before, { run: run.id, byName: own }]))
  }
  return { series, warnings }
}

/** The columns of one run, by the names of its series in the record. */
export interface RunMetrics {
  readonly run: string
  readonly byName: ReadonlyMap<string, SeriesColumns>
}

/**
 * Read the metrics of the runs that a run continues, the oldest first.
 *
 * @param given.warnings Gets a sentence about what could not be read.
 * @throws ERR_LINEAPRINT_STORE if a journal cannot be read.
 */
export async function readMetricsBefore(
  run: StoredRun,
  given: {
    readonly isWanted?: (name: string) => boolean
    readonly warnings: string[]
    readonly signal: AbortSignal | undefined
  },
): Promise<RunMetrics[]> {
  const { isWanted = () => true, warnings, signal } = given
  const metrics: RunMetrics[] = []
  for (const part of await runsBefore(run, warnings))
    if (part !== run)
      metrics.push({ run: part.id, byName: await readRunMetrics(part, isWanted, warnings, signal) })
  return metrics
}

/** Return the series of the last of several runs, each of which continues the one before it, in the natural order of names. */
export function seriesOf(runs: readonly RunMetrics[]): MetricSeries[] {
  const last = runs.at(-1)
  if (last === undefined) return []
  const parts = new Map<string, RunColumns[]>()
  for (const { run, byName } of runs)
    for (const [name, columns] of byName) {
      const list = parts.get(name) ?? []
      parts.set(name, list)
      list.push({ run, columns })
    }
  const names = [...parts.keys()].toSorted(compareNatural)
  return names.map((name) => ({ run: last.run, name, ...joinSeries(parts.get(name) ?? []) }))
}

type ByName = RunMetrics['byName']

async function readRunMetrics(
  run: StoredRun,
  isWanted: (name: string) => boolean,
  warnings: string[],
  signal: AbortSignal | undefined,
): Promise<ByName> {
  const sealed = await readSealed(run, isWanted, warnings, signal)
  if (sealed !== undefined) return sealed
  const path = join(run.folder, JOURNAL_FILE)
  if ((await stat(path).catch(() => undefined)) === undefined) {
    const isMissing = Object.keys(run.record.metrics).some(isWanted)
    if (isMissing) warnings.push(`${run.id}: ${JOURNAL_FILE} is missing`)
    return new Map()
  }
  const keyOf = seriesKey(run.record)
  const lists = new Map<string, GrowingColumns>()
  const report = await readJournal(path, (event) => {
    if (event.type !== 'metric') return
    signal?.throwIfAborted()
    const name = keyOf(event)
    let list = lists.get(name)
    if (list === undefined) {
      if (!isWanted(name)) return
      lists.set(name, (list = new GrowingColumns()))
    }
    list.add(decodeFloat(event.value), event.step ?? NaN, Date.parse(event.time))
  })
  // The last line of a running run is being written.
  const problems = run.record.status === 'running' ? report.problems : journalProblems(report)
  warnings.push(...problems.map((problem) => `${run.id}: ${problem}`))
  return new Map([...lists].map(([name, list]) => [name, list.columns()]))
}

/** Read the sealed columns; `undefined` if the run has none, or none that are as the seal says. */
async function readSealed(
  { record, folder, id }: StoredRun,
  isWanted: (name: string) => boolean,
  warnings: string[],
  signal: AbortSignal | undefined,
): Promise<ByName | undefined> {
  const file = record.files.find((entry) => entry.path === COLUMNS_FILE)
  if (record.seal === null || file === undefined || 'link' in file) return undefined
  const path = join(folder, COLUMNS_FILE)
  try {
    const { digests, size } = await hashFile(path, { signal })
    if (size !== file.size || primary(digests).toString() !== file.blake3)
      throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'it is not the file that the seal covers', { path })
    const keyOf = seriesKey(record)
    const nameOf = (series: ColumnSeries): string => keyOf({ type: 'metric', ...series })
    const columns = await readColumns(path, (series) => isWanted(nameOf(series)), signal)
    return new Map([...columns].map(([series, values]) => [nameOf(series), values]))
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    warnings.push(`${id}: ${COLUMNS_FILE} is not used, the journal is: ${error.message}`)
    return undefined
  }
}
