/** What can explain that two runs ended differently, and in which order to look at it. */

/**
 * The causes in the order of a report: what most often explains another result stands first. The last four are
 * results themselves and explain nothing.
 */
export const CAUSES = [
  'code',
  'data',
  'model inputs',
  'seeds',
  'configuration',
  'packages',
  'gpu',
  'variables',
  'system',
  'trackers',
  'outcome',
  'outputs',
  'digests',
  'metrics',
] as const

/** One of {@link CAUSES}. */
export type Cause = (typeof CAUSES)[number]

const RESULTS: ReadonlySet<Cause> = new Set(['outcome', 'outputs', 'digests', 'metrics'])

/** Whether it can explain a different result, rather than being one. */
export function isCause(cause: Cause): boolean {
  return !RESULTS.has(cause)
}

/** Fields by their beginning; the first that fits decides. */
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
  ['command.exitCode', 'outcome'],
  ['command.signal', 'outcome'],
  ['command', 'configuration'],
  ['configuration', 'configuration'],
  ['metadata', 'configuration'],
  ['lineaprint', 'packages'],
  ['status', 'outcome'],
  ['failure', 'outcome'],
  ['outputs', 'outputs'],
  ['digests', 'digests'],
  ['metrics', 'metrics'],
]

/** The cause that a field belongs to; a field of an own tracker is none of ours. */
export function causeOf(field: string): Cause {
  const found = BY_PREFIX.find(([prefix]) => field === prefix || field.startsWith(`${prefix}.`))
  return found?.[1] ?? 'trackers'
}

/** One field in which two runs differ. */
export interface RunDifference {
  readonly cause: Cause
  /** Path of the field in the record, segments joined by `.`, for example `environment.npm.packages.zod`. */
  readonly field: string
  /** What stands in the first run; absent if nothing does. */
  readonly before?: string
  /** What stands in the second run; absent if nothing does. */
  readonly after?: string
  /** What else is to be said, in a few words. */
  readonly detail?: string
}

/** Something that could not be compared, which is neither equal nor different. */
export interface NotCompared {
  readonly field: string
  readonly reason: string
}

/** A difference whose field says what cause it belongs to, unless that is said. */
export type FoundDifference = Omit<RunDifference, 'cause'> & { readonly cause?: Cause }

/** What the comparison of one part of two records gives. */
export interface Part {
  readonly differences: readonly FoundDifference[]
  readonly notCompared: readonly NotCompared[]
}

/** Nothing to report. */
export const NOTHING: Part = { differences: [], notCompared: [] }

/** Several parts as one. */
export function joinParts(parts: readonly Part[]): Part {
  return {
    differences: parts.flatMap(({ differences }) => differences),
    notCompared: parts.flatMap(({ notCompared }) => notCompared),
  }
}

/** A difference of two values; nothing if they are equal. An absent one is left out. */
export function compareText(
  field: string,
  before: string | undefined,
  after: string | undefined,
): Omit<RunDifference, 'cause'>[] {
  if (before === after) return []
  return [{ field, ...(before !== undefined && { before }), ...(after !== undefined && { after }) }]
}
