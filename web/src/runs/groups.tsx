/** The runs of a list in groups: how many each has, and the range of a metric in it. */
import { fetchGroups } from '../shared/api.ts'
import { useLoaded } from '../shared/hooks.ts'
import { Empty, Failure } from '../shared/parts.tsx'
import { alignedBy, count, plural, shown, valueText } from '../shared/text.ts'
import { quoted } from './filter.tsx'
import type { GroupsBody } from '../shared/api.ts'

/** Fields by which every list can be in groups. */
const OWN = ['status', 'name', 'tags']

interface Names {
  readonly parameters: readonly string[]
  readonly metrics: readonly string[]
}

interface GroupChoiceProps {
  readonly by: string
  readonly measure: string
  readonly names: Names
  readonly onChange: (by: string, measure: string) => void
}

/** Names that a choice has. */
const CHOICES = 500

/** The choice of the field of the groups, and of the metric whose range is shown. */
export function GroupChoice({ by, measure, names, onChange }: GroupChoiceProps) {
  const fields = [...OWN, ...names.parameters.slice(0, CHOICES).map((name) => `params.${quoted(name)}`)]
  const measures = ['duration', ...names.metrics.slice(0, CHOICES).map((name) => `metrics.${quoted(name)}`)]
  return (
    <span class="group-choice">
      <label>
        <span class="dim">group by</span>{' '}
        <select value={by} onChange={(event) => onChange(event.currentTarget.value, measure)}>
          <option value="">nothing</option>
          {withOwn(fields, by).map((field) => (
            <option key={field} value={field}>
              {shown(field.replace(/^params\./, ''), 60)}
            </option>
          ))}
        </select>
      </label>
      {by !== '' && (
        <label>
          <span class="dim">range of</span>{' '}
          <select value={measure} onChange={(event) => onChange(by, event.currentTarget.value)}>
            <option value="">nothing</option>
            {withOwn(measures, measure).map((field) => (
              <option key={field} value={field}>
                {shown(field.replace(/^metrics\./, ''), 60)}
              </option>
            ))}
          </select>
        </label>
      )}
    </span>
  )
}

function withOwn(fields: readonly string[], own: string): readonly string[] {
  return own === '' || fields.includes(own) ? fields : [...fields, own]
}

interface GroupsProps {
  readonly where: string
  readonly by: string
  readonly measure: string
  /** How often the list was asked for: the groups are of the same moment. */
  readonly asked: number
  /** Shows the runs of a group. */
  readonly onChoose: (where: string) => void
}

/** The groups. A click on one shows its runs. */
export function Groups({ where, by, measure, asked, onChoose }: GroupsProps) {
  const { data, error } = useLoaded(
    `${where} ${by} ${measure}`,
    async (signal) => fetchGroups({ where, by, measure }, signal),
    asked,
  )
  if (error !== undefined) return <Failure error={error} />
  if (data === undefined) return <div class="table-frame" />
  if (data.groups.length === 0) return <Empty title="No run matches" />
  const written = (['least', 'mean', 'greatest'] as const).map((field) =>
    alignedBy(data.groups.map((group) => group[field])),
  )
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label="Groups">
      <table class="plain-table groups">
        <thead>
          <tr>
            <th scope="col">{shown(by.replace(/^params\./, ''), 80)}</th>
            <th scope="col" class="number">
              runs
            </th>
            {measure !== '' &&
              ['least', 'mean', 'greatest'].map((word) => (
                <th scope="col" class="number" key={word}>
                  {word} {shown(measure.replace(/^metrics\./, ''), 60)}
                </th>
              ))}
          </tr>
        </thead>
        <tbody>
          {data.groups.map(({ value, runs, least, mean, greatest }) => {
            const condition = conditionOf(by, value)
            return (
              <tr key={JSON.stringify(value)}>
                <th scope="row">
                  {condition === undefined ? (
                    nameOf(value)
                  ) : (
                    <button type="button" class="link" onClick={() => onChoose(both(where, condition))}>
                      {nameOf(value)}
                    </button>
                  )}
                </th>
                <td class="number">{count(runs)}</td>
                {measure !== '' &&
                  [least, mean, greatest].map((number, index) => (
                    <td class="number" key={index}>
                      {number === null ? <span class="dim">–</span> : (written[index] ?? String)(number)}
                    </td>
                  ))}
              </tr>
            )
          })}
        </tbody>
      </table>
      {data.groups.length < data.count && (
        <p class="dim more">
          {plural(data.count - data.groups.length, 'smaller group')} more; filter the list.
        </p>
      )}
    </div>
  )
}

type Value = GroupsBody['groups'][number]['value']

function nameOf(value: Value): string {
  if (value === null) return 'none'
  return value === '' ? '""' : valueText(value)
}

/** Return the condition that the runs of a group meet; `undefined` if the language of filters has none. */
function conditionOf(by: string, value: Value): string | undefined {
  if (by === 'tags') return typeof value === 'string' ? `tags has ${quotedText(value)}` : undefined
  if (value === null) return `${by} = null`
  if (typeof value === 'string') return value.endsWith('…') ? undefined : `${by} = ${quotedText(value)}`
  if (typeof value === 'number' || typeof value === 'boolean') return `${by} = ${value}`
  return undefined
}

function quotedText(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

function both(where: string, condition: string): string {
  if (where.trim() === '') return condition
  return / or /i.test(where) ? `(${where}) and ${condition}` : `${where} and ${condition}`
}
