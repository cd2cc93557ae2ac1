/** The runs of the pictures, each with its line. */
import { shown } from '../shared/text.ts'
import { Swatch } from './swatch.tsx'

/** A run whose lines are shown. */
export interface ChartRun {
  readonly id: string
  readonly label: string
}

interface LegendProps {
  readonly runs: readonly ChartRun[]
  readonly hidden: ReadonlySet<string>
  readonly onHidden: (hidden: ReadonlySet<string>) => void
  /** Says which run is pointed at. */
  readonly onPoint: (id: string | undefined) => void
}

/** The legend. A click hides the lines of a run, or shows them again. */
export function Legend({ runs, hidden, onHidden, onPoint }: LegendProps) {
  const toggle = (id: string): void => {
    const next = new Set(hidden)
    if (!next.delete(id)) next.add(id)
    onHidden(next)
  }
  return (
    <ul class="legend runs-legend" aria-label="Runs">
      {runs.map(({ id, label }, index) => (
        <li key={id}>
          <button
            type="button"
            class="legend-run"
            aria-pressed={!hidden.has(id)}
            title={`${shown(label, 300)}: ${hidden.has(id) ? 'show' : 'hide'}`}
            onClick={() => toggle(id)}
            onMouseEnter={() => onPoint(id)}
            onMouseLeave={() => onPoint(undefined)}
            onFocus={() => onPoint(id)}
            onBlur={() => onPoint(undefined)}
          >
            <Swatch index={index} />
            <span class="legend-name">{shown(label, 60)}</span>
          </button>
        </li>
      ))}
    </ul>
  )
}
