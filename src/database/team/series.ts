/** The values of metrics in the database of a team: doubles in parts, as in `metrics.columns`. */
import { sql } from 'kysely'
import { concatenated, joinSeries } from '../../store/metrics/continued.ts'
import { readMetrics } from '../../store/metrics/series.ts'
import { matchesGlob } from '../../util/glob.ts'
import { compareNatural } from '../../util/natural-order.ts'
import { keyText, storedText } from '../facts.ts'
import { DamagedRows } from '../read.ts'
import type { SeriesColumns } from '../../store/metrics/column-reader.ts'
import type { RunColumns } from '../../store/metrics/continued.ts'
import type { MetricSeries, MetricsOfRuns, ReadMetricsOptions } from '../../store/metrics/series.ts'
import type { StoredRun } from '../../store/read.ts'
import type { RunConnection } from '../connection.ts'

/** Values in one row of the table. */
const PART = 100_000

/** Longest chain of runs that continue one another. */
const LONGEST = 1000

/** The series of one run, to be written. */
export interface WrittenSeries {
  readonly series: readonly MetricSeries[]
  readonly warnings: readonly string[]
}

/** Read the series of a run from its folder. */
export async function seriesToWrite(run: StoredRun, signal: AbortSignal | undefined): Promise<WrittenSeries> {
  const { series, warnings } = await readMetrics([run], { continued: false, signal })
  // Names that differ in characters that PostgreSQL does not take are the same there.
  const byName = new Map(series.toReversed().map((item) => [keyText(item.name), item]))
  if (byName.size === series.length) return { series, warnings }
  const reason = `${run.id}: some names of metrics are the same in the database; the first of each is there`
  return { series: [...byName.values()], warnings: [...warnings, reason] }
}

/** Replace the series of a run, within a transaction. */
export async function replaceSeries(
  { database }: RunConnection,
  run: string,
  series: readonly MetricSeries[],
): Promise<void> {
  await removeSeries({ database }, [run])
  for (const { name, values, steps, times } of series)
    for (let part = 0; part * PART < values.length; part++) {
      const bytes = (column: Float64Array): Buffer =>
        littleEndian(column.slice(part * PART, (part + 1) * PART))
      await sql`insert into series (run, name, part, "values", steps, times) values (${run}, ${keyText(name)}, ${part}, ${bytes(values)}, ${bytes(steps)}, ${bytes(times)})`.execute(
        database,
      )
    }
}

/** Remove the series of runs. */
export async function removeSeries(
  { database }: Pick<RunConnection, 'database'>,
  runs: readonly string[],
): Promise<void> {
  await sql`delete from series where run in (${sql.join(runs)})`.execute(database)
}

function littleEndian(column: Float64Array): Buffer {
  const bytes = Buffer.from(column.buffer, column.byteOffset, column.byteLength)
  return IS_LITTLE_ENDIAN ? bytes : bytes.swap64()
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/**
 * Read the series of runs, as `readMetrics` does from folders.
 *
 * @param ids Ids of runs of the database.
 */
export async function readSeries(
  connection: RunConnection,
  ids: readonly string[],
  { metric, continued = true, signal }: ReadMetricsOptions,
): Promise<MetricsOfRuns> {
  const series: MetricSeries[] = []
  const warnings: string[] = []
  for (const id of ids) {
    const byName = new Map<string, RunColumns[]>()
    for (const run of continued ? await idsBefore(connection, id, warnings) : [id])
      for (const [name, columns] of await readRunSeries(connection, run, metric, signal)) {
        const parts = byName.get(name) ?? []
        byName.set(name, parts)
        parts.push({ run, columns })
      }
    for (const name of [...byName.keys()].toSorted(compareNatural))
      series.push({ run: id, name, ...joinSeries(byName.get(name) ?? []) })
  }
  return { series, warnings }
}

/** Return the ids of the runs that a run continues, the oldest first, and its own. */
async function idsBefore({ database }: RunConnection, id: string, warnings: string[]): Promise<string[]> {
  const chain = [id]
  for (let at = id; ;) {
    const row = await database.selectFrom('run').select('continues').where('id', '=', at).executeTakeFirst()
    if (row === undefined) {
      warnings.push(`${id}: its series are not complete: it continues ${at}, which is not in the database`)
      return chain.slice(1)
    }
    if (row.continues === null) return chain
    if (chain.includes(row.continues) || chain.length === LONGEST) {
      warnings.push(`${id}: its series are not complete: ${at} continues ${row.continues} in a circle`)
      return chain
    }
    at = row.continues
    chain.unshift(at)
  }
}

async function readRunSeries(
  { database }: RunConnection,
  run: string,
  patterns: readonly string[] | undefined,
  signal: AbortSignal | undefined,
): Promise<Map<string, SeriesColumns>> {
  const names = await sql<{
    name: string
    parts: number
  }>`select name, count(*)::integer as parts from series where run = ${run} group by name`.execute(database)
  const read = new Map<string, SeriesColumns>()
  for (const { name, parts } of names.rows) {
    if (patterns !== undefined && !patterns.some((pattern) => matchesGlob(storedText(pattern), name)))
      continue
    const pieces: SeriesColumns[] = []
    for (let part = 0; part < parts; part++) {
      signal?.throwIfAborted()
      const { rows } = await sql<
        Record<keyof SeriesColumns, Uint8Array>
      >`select "values", steps, times from series where run = ${run} and name = ${name} and part = ${part}`.execute(
        database,
      )
      pieces.push(columnsOf(rows[0], run))
    }
    const joined = (key: keyof SeriesColumns): Float64Array => concatenated(pieces.map((piece) => piece[key]))
    read.set(name, { values: joined('values'), steps: joined('steps'), times: joined('times') })
  }
  return read
}

/** Return the columns of a row. @throws DamagedRows for a row that no writer wrote. */
function columnsOf(row: Record<keyof SeriesColumns, Uint8Array> | undefined, run: string): SeriesColumns {
  if (row === undefined) throw new DamagedRows(`a part of a series of the run ${run} is missing`)
  const { values, steps, times } = row
  if (values.length % 8 > 0 || values.length !== steps.length || values.length !== times.length)
    throw new DamagedRows(`a series of the run ${run} was changed`)
  return { values: doubles(values), steps: doubles(steps), times: doubles(times) }
}

function doubles(bytes: Uint8Array): Float64Array {
  const own = Buffer.from(bytes)
  const ordered = IS_LITTLE_ENDIAN ? own : own.swap64()
  return new Float64Array(new Uint8Array(ordered).buffer)
}
