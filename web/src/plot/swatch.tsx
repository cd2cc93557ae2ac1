/** What tells the lines of runs apart: a colour, and a pattern when the colours come again. */

/** Colours of lines that the style sheet has. */
export const COLOURS = 8

/** Lengths of strokes and gaps: each colour comes with each of them before anything comes again. */
const PATTERNS: readonly (readonly number[])[] = [[], [6, 4], [2, 3], [9, 3, 2, 3]]

/** Return the pattern of the line of a run. */
export function patternOf(index: number): readonly number[] {
  return PATTERNS[Math.floor(index / COLOURS) % PATTERNS.length] ?? []
}

/** A piece of the line of a run. */
export function Swatch({ index }: { readonly index: number }) {
  return (
    <svg class={`swatch line-${index % COLOURS}`} width="18" height="8" aria-hidden="true">
      <path d="M0 4H18" stroke-dasharray={patternOf(index).join(' ')} />
    </svg>
  )
}
