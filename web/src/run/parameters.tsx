/** Parameters and metadata of a run. */
import { shown, valueText } from '../shared/text.ts'
import type { RunBody } from '../shared/api.ts'

/** The values that were set. Nothing if there are none. */
export function Parameters({ run: { record } }: { readonly run: RunBody }) {
  const parameters = Object.entries(record.parameters ?? {}).map(([name, { value, sources }]) => ({
    name,
    value,
    from: sources.join(', '),
  }))
  const metadata = Object.entries(record.metadata).map(([name, value]) => ({ name, value, from: '' }))
  return (
    <dl class="facts facts-grid">
      {[...parameters, ...metadata].map(({ name, value, from }) => (
        <div key={name} title={from === '' ? undefined : `reported by ${shown(from, 200)}`}>
          <dt>{shown(name, 200)}</dt>
          <dd>{valueText(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Tell whether a run has any. */
export function hasParameters({ record }: RunBody): boolean {
  return Object.keys(record.parameters ?? {}).length + Object.keys(record.metadata).length > 0
}
