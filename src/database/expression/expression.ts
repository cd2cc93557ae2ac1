/** The tree of an expression about runs, and the fields that it can name. */

/** Text fields of a run. */
export const TEXT_FIELDS = [
  'id',
  'name',
  'run_name',
  'status',
  'parent',
  'continues',
  'notes',
  'command',
] as const

/** Fields of a run that are moments, as milliseconds since 1970. */
export const TIME_FIELDS = ['started', 'finished'] as const

/** Fields of a run that are lists of texts. */
export const LIST_FIELDS = ['tags', 'inputs', 'outputs'] as const

/** Parts of the summary of a metric. */
export const METRIC_PARTS = ['last', 'min', 'max', 'count'] as const

/** A part of the summary of a metric. */
export type MetricPart = (typeof METRIC_PARTS)[number]

/** A field with one value for each run. */
export type ValueField =
  | { readonly kind: 'text'; readonly column: (typeof TEXT_FIELDS)[number] }
  | { readonly kind: 'time'; readonly column: (typeof TIME_FIELDS)[number] }
  /** Seconds that the run took. */
  | { readonly kind: 'duration' }
  | { readonly kind: 'metric'; readonly name: string; readonly part: MetricPart }
  | { readonly kind: 'parameter'; readonly name: string }

/** A field that holds several values. */
export interface ListField {
  readonly kind: 'list'
  readonly column: (typeof LIST_FIELDS)[number]
}

/** A field of an expression. */
export type Field = ValueField | ListField

/** Comparisons. `!=` is the negation of `=`. */
export type Comparison = '=' | '<' | '<=' | '>' | '>='

/** A value that a field is compared with. `null` stands for a missing value, NaN for a value that is not a number. */
export type Literal = number | string | boolean | null

/**
 * An expression. Each part is either true or false of a run: a comparison with a value that is missing, or of another
 * type, is false.
 */
export type Expression =
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Expression[] }
  | { readonly kind: 'not'; readonly part: Expression }
  | {
      readonly kind: 'compare'
      readonly field: ValueField
      readonly operator: Comparison
      readonly value: Literal
    }
  | { readonly kind: 'glob'; readonly field: ValueField; readonly pattern: string }
  | { readonly kind: 'has'; readonly field: ListField; readonly text: string }

/** One key of an order. Runs without the value come last in both directions. */
export interface SortKey {
  readonly field: ValueField
  readonly descending: boolean
}
