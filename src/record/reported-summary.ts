/** One sentence about what programs reported to libraries, for the end of a run. */
import { plural } from '../util/plural.ts'
import { OWN_SOURCE } from './record.ts'
import type { RunRecord } from './record.ts'

type Reported = { readonly sources?: readonly string[] }

/**
 * Describe what was recorded from where, and how to switch it off.
 *
 * @returns `undefined` if nothing was.
 */
export function describeReported({
  metrics,
  parameters = {},
}: {
  readonly metrics: Readonly<Record<string, Reported>>
  readonly parameters?: RunRecord['parameters']
}): string | undefined {
  const parts = [...partOf('metric', metrics), ...partOf('parameter', parameters)]
  if (parts.length === 0) return undefined
  return `recorded what the program reports: ${parts.join('; ')}; --no-reported or LINEAPRINT_REPORTED=off switches this off`
}

function partOf(noun: string, entries: Readonly<Record<string, Reported>>): string[] {
  const reported = Object.values(entries).filter(({ sources = [] }) => librariesOf(sources).length > 0)
  if (reported.length === 0) return []
  const libraries = [...new Set(reported.flatMap(({ sources = [] }) => librariesOf(sources)))]
  return [`${plural(reported.length, noun)} from ${libraries.join(', ')}`]
}

/** Return the libraries of sources: `tensorboard` for `tensorboard 2`. */
function librariesOf(sources: readonly string[]): string[] {
  return sources
    .filter((source) => source !== OWN_SOURCE && !isFileSource(source))
    .map((source) => source.replace(/ \d+$/, ''))
}

/** Return whether a source is a file of `--metrics`: its name has an extension, and that of a library has no dot. */
function isFileSource(source: string): boolean {
  return source.includes('.')
}

/**
 * Describe the files from which metrics were read.
 *
 * @returns `undefined` if none were.
 */
export function describeMetricFiles({
  metrics,
}: {
  readonly metrics: Readonly<Record<string, Reported>>
}): string | undefined {
  const read = Object.values(metrics).filter(({ sources = [] }) => sources.some(isFileSource))
  if (read.length === 0) return undefined
  const files = new Set(read.flatMap(({ sources = [] }) => sources.filter(isFileSource)))
  return `recorded ${plural(read.length, 'metric')} that the command wrote: ${[...files].join(', ')}`
}
