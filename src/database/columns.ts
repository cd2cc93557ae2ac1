/** The values of the columns of a list. */
import { isDeepStrictEqual } from 'node:util'
import { secondsOf, textOf } from './evaluate.ts'
import { keyText } from './facts.ts'
import { compareNatural } from '../util/natural-order.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { Field } from './expression/expression.ts'
import type { ListColumn } from './filter.ts'
import type { MetricFacts } from './facts.ts'

/** A value of a column. A metric can be NaN or infinite; `null` stands for a missing value. */
export type ColumnValue = JsonValue

/** A run with its values. */
export interface ValuedRun {
  readonly run: ListedRun
  readonly parameters: ReadonlyMap<string, JsonValue>
  readonly metrics: ReadonlyMap<string, MetricFacts>
  readonly contents: readonly { readonly list: string; readonly name: string }[]
}

/**
 * Return the fields of columns: `auto` becomes the parameters and metrics in which the runs differ. Where no parameter
 * does, the command takes their part if it differs.
 */
export function columnFields(columns: readonly ListColumn[], runs: readonly ValuedRun[]): Field[] {
  return columns.flatMap((column) => (column.kind === 'auto' ? varying(runs) : [column]))
}

function varying(runs: readonly ValuedRun[]): Field[] {
  const names = (select: (run: ValuedRun) => ReadonlyMap<string, unknown>): string[] =>
    [...new Set(runs.flatMap((run) => [...select(run).keys()]))].toSorted(compareNatural)
  const parameters = names(({ parameters: values }) => values).filter((name) =>
    differs(runs.map((run) => run.parameters.get(name))),
  )
  const metrics = names(({ metrics: values }) => values).filter((name) =>
    differs(runs.map((run) => run.metrics.get(name)?.last)),
  )
  const byCommand = parameters.length === 0 && differs(runs.map(({ run }) => run.argv))
  return [
    ...(byCommand ? [{ kind: 'text', column: 'command' } as const] : []),
    ...parameters.map((name): Field => ({ kind: 'parameter', name })),
    ...metrics.map((name): Field => ({ kind: 'metric', name, part: 'last' })),
  ]
}

function differs(values: readonly unknown[]): boolean {
  return values.some((value) => !isDeepStrictEqual(value, values[0]))
}

/** Return the values of fields by their names, which `columnNames` gives. */
export function columnValues(
  fields: readonly Field[],
  names: readonly string[],
  match: ValuedRun,
): Record<string, ColumnValue> {
  return Object.fromEntries(fields.map((field, index) => [names[index] ?? '', valueOf(field, match)]))
}

/** Return the value of a field; null if the run has none. */
export function valueOf(field: Field, { run, parameters, metrics, contents }: ValuedRun): ColumnValue {
  switch (field.kind) {
    case 'list':
      return field.column === 'tags'
        ? run.tags
        : contents.filter(({ list }) => list === field.column).map(({ name }) => name)
    case 'text':
      return textOf(field.column, run)
    case 'time':
      return field.column === 'started' ? run.startedAt : run.finishedAt
    case 'duration':
      return secondsOf(run)
    case 'metric':
      return metrics.get(keyText(field.name))?.[field.part] ?? null
    case 'parameter':
      break
  }
  return parameters.get(keyText(field.name)) ?? null
}
