/** Files of text whose lines end in two ways, which is often the trace of a repair or a join by hand. */
import { plural } from '../util/plural.ts'
import type { NativeMixedLineEnds } from '../native/load.ts'

/** Warn of the first of some files whose lines end in two ways. No digest of rows or records depends on it. */
export function lineEndWarnings(mixed: NativeMixedLineEnds | undefined, paths: readonly string[]): string[] {
  if (mixed === undefined) return []
  const { part, withoutReturn, withReturn } = mixed
  return [
    `${paths[part] ?? 'the file'} mixes line ends: ${plural(withReturn, 'line')} ${withReturn === 1 ? 'ends' : 'end'} with a carriage return and a line feed, and ${withoutReturn.toLocaleString('en')} with a line feed alone`,
  ]
}
