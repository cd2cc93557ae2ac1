/** `lineaprint metrics`: every value of the metrics of runs. */
import { Argument, Command, Option } from 'commander'
import { encodeFloat } from '../../json/special-floats.ts'
import { findRun } from '../../database/runs.ts'
import { readMetrics } from '../../store/metrics/series.ts'
import { REFERENCE_HELP } from '../../store/reference.ts'
import { plural } from '../../util/plural.ts'
import { collect } from '../shared/arguments.ts'
import { databaseOption, fromDatabase } from '../shared/database.ts'
import { printCsv } from '../shared/csv.ts'
import { escapeText, printError, printJson } from '../shared/output.ts'
import { printParquet } from '../shared/parquet.ts'
import { openStore, storeOptions } from '../shared/store.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { MetricSeries } from '../../store/metrics/series.ts'
import type { StoredRun } from '../../store/runs.ts'
import type { CommandContext } from '../shared/context.ts'
import type { DatabaseOptions } from '../shared/database.ts'
import type { StoreOptions } from '../shared/store.ts'

interface MetricsOptions extends DatabaseOptions {
  readonly continued: boolean
  readonly metric: readonly string[]
  readonly format: 'csv' | 'json' | 'parquet'
}

/** Build the command. */
export function command({ signal }: CommandContext): Command {
  return storeOptions(new Command('metrics'))
    .addArgument(new Argument('<run...>', `the runs: ${REFERENCE_HELP}`))
    .option(
      '--metric <pattern>',
      'only metrics of these names, * for any characters; repeatable',
      collect,
      [],
    )
    .option('--no-continued', 'leave out the values of runs that these continue')
    .addOption(databaseOption())
    .addOption(
      new Option('--format <format>', 'form of the output')
        .choices(['csv', 'json', 'parquet'])
        .default('csv'),
    )
    .addHelpText('after', "\nExample:\n  lineaprint metrics baseline sweep~1 --metric 'val/*' > values.csv")
    .action(async (references: string[], options: MetricsOptions) => {
      const wanted = {
        signal,
        continued: options.continued,
        ...(options.metric.length > 0 && { metric: options.metric }),
      }
      const asked = await fromDatabase(options, async (database) => {
        const ids: string[] = []
        for (const reference of references) ids.push(await database.find(reference))
        return database.metrics(ids, wanted)
      })
      const { series, warnings } = asked ?? (await readMetrics(await findRuns(references, options), wanted))
      if (options.json === true || options.format === 'json')
        printJson({ series: series.map(written), warnings })
      else if (options.format === 'parquet') {
        const { metricsAsParquet } = await import('../../export/parquet.ts')
        await printParquet(metricsAsParquet(series), signal)
      } else printCsv(['run', 'metric', 'step', 'time', 'value', 'logged_by'], rowsOf(series))
      printReplaced(series)
      for (const warning of warnings) printError(`lineaprint: warning: ${escapeText(warning)}`)
    })
}

/** Find the runs that references name. */
export async function findRuns(references: readonly string[], options: StoreOptions): Promise<StoredRun[]> {
  const { store } = await openStore(options)
  const runs: StoredRun[] = []
  for (const reference of references) runs.push(await findRun(store, reference))
  return runs
}

function* rowsOf(series: readonly MetricSeries[]): Generator<JsonValue[]> {
  for (const { run, name, steps, times, values, parts } of series) {
    let at = 0
    for (const part of parts)
      for (const end = at + part.count; at < end; at++)
        yield [run, name, stepOf(steps[at]), timeOf(times[at]), values[at] ?? null, part.run]
  }
}

/** Say which values of earlier runs are left out. */
export function printReplaced(series: readonly MetricSeries[]): void {
  const sums = new Map<string, { run: string; part: string; values: number; metrics: number }>()
  for (const { run, parts } of series)
    for (const part of parts) {
      if (part.replaced === 0) continue
      const key = JSON.stringify([run, part.run])
      const { values = 0, metrics = 0 } = sums.get(key) ?? {}
      sums.set(key, { run, part: part.run, values: values + part.replaced, metrics: metrics + 1 })
    }
  for (const { run, part, values, metrics } of sums.values())
    printError(
      `lineaprint: ${escapeText(run)} continues ${escapeText(part)} from before its end; left out of the earlier run: ${plural(values, 'value')} of ${plural(metrics, 'metric')}`,
    )
}

function stepOf(step: number | undefined): number | null {
  return step === undefined || Number.isNaN(step) ? null : step
}

/** Return a time as ISO 8601; null for one that no date is. */
function timeOf(time: number | undefined): string | null {
  const date = new Date(time ?? NaN)
  return Number.isNaN(date.getTime()) ? null : date.toISOString()
}

function written({ run, name, steps, times, values, parts }: MetricSeries): object {
  return {
    run,
    metric: name,
    steps: Array.from(steps, stepOf),
    times: Array.from(times, timeOf),
    values: Array.from(values, encodeFloat),
    parts,
  }
}
