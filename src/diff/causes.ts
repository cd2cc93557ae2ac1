/** The possible causes of different results, and their order. */

/**
 * The causes in the order of a report: the most likely explanation of a different result comes first. The
 * last four are results themselves and explain nothing.
 */
export const CAUSES = [
  'code',
  'data',
  'model inputs',
  'seeds',
  'configuration',
  'leftover files',
  'packages',
  'gpu',
  'variables',
  'execution',
  'system',
  'trackers',
  'reported data',
  'outcome',
  'outputs',
  'digests',
  'metrics',
] as const

/** One of {@link CAUSES}. */
export type Cause = (typeof CAUSES)[number]

const RESULTS: ReadonlySet<Cause> = new Set(['outcome', 'outputs', 'digests', 'metrics'])

/** Check whether a field can explain a different result, rather than being one. */
export function isCause(cause: Cause): boolean {
  return !RESULTS.has(cause)
}

/** Causes by prefix of the field. The first match decides. */
const BY_PREFIX: readonly (readonly [string, Cause])[] = [
  ['git', 'code'],
  ['datasets', 'data'],
  ['models', 'model inputs'],
  ['tokenizers', 'model inputs'],
  ['seeds', 'seeds'],
  ['environment.gpu', 'gpu'],
  ['environment.variables', 'variables'],
  ['environment.system', 'system'],
  ['environment', 'packages'],
  ['execution', 'execution'],
  ['command.exitCode', 'outcome'],
  ['command.signal', 'outcome'],
  ['command', 'configuration'],
  ['configuration', 'configuration'],
  ['metadata', 'configuration'],
  ['parameters', 'configuration'],
  ['lineaprint', 'packages'],
  ['status', 'outcome'],
  ['failure', 'outcome'],
  ['outputs', 'outputs'],
  ['digests', 'digests'],
  ['metrics', 'metrics'],
]

/** Return the cause of a field; fields of custom trackers have a cause of their own. */
export function causeOf(field: string): Cause {
  const match = BY_PREFIX.find(([prefix]) => field === prefix || field.startsWith(`${prefix}.`))
  return match?.[1] ?? 'trackers'
}

/** One field in which two runs differ. */
export interface RunDifference {
  readonly cause: Cause
  /** Path of the field in the record, segments joined by `.`, for example `environment.npm.packages.yaml`. */
  readonly field: string
  /** Value in the first run; absent if it has none. */
  readonly before?: string
  /** Value in the second run; absent if it has none. */
  readonly after?: string
  /** Further details, in a few words. */
  readonly detail?: string
}

/** A field that could not be compared: neither equal nor different. */
export interface NotCompared {
  readonly field: string
  readonly reason: string
}

/** A difference whose cause follows from its field, unless it is given. */
export type FieldDifference = Omit<RunDifference, 'cause'> & { readonly cause?: Cause }

/** The result of comparing one part of two records. */
export interface Part {
  readonly differences: readonly FieldDifference[]
  readonly notCompared: readonly NotCompared[]
  /** Outputs that differ in volatile parts alone, and these parts. */
  readonly leftOut?: readonly NotCompared[]
}

/** The empty result. */
export const NOTHING: Part = { differences: [], notCompared: [] }

/** Combine several parts. */
export function joinParts(parts: readonly Part[]): Part {
  return {
    differences: parts.flatMap(({ differences }) => differences),
    notCompared: parts.flatMap(({ notCompared }) => notCompared),
    leftOut: parts.flatMap(({ leftOut = [] }) => leftOut),
  }
}

/** Compare two values. Return no difference if they are equal. An absent value is left out. */
export function compareText(
  field: string,
  before: string | undefined,
  after: string | undefined,
): Omit<RunDifference, 'cause'>[] {
  if (before === after) return []
  return [{ field, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }]
}
