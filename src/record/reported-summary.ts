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
  return sources.filter((source) => source !== OWN_SOURCE).map((source) => source.replace(/ \d+$/, ''))
}
