/** Runs compared: first why they differ, then in what, then their curves. */
import { fetchDiff, fetchRun } from '../shared/api.ts'
import { useLoaded, useTitle } from '../shared/hooks.ts'
import { Empty, Failure, Section, Status, Typed } from '../shared/parts.tsx'
import { compareAddress, runAddress } from '../shared/router.ts'
import { ago, short, shown, shortDigest } from '../shared/text.ts'
import { Charts } from '../plot/charts.tsx'
import { Swatch } from '../plot/swatch.tsx'
import { reasonText } from './reason.ts'
import type { DiffBody, DifferenceBody, RunBody } from '../shared/api.ts'

/** Runs that are compared at once. */
const LIMIT = 100

/** A comparison. The first run of the address is the one that the others are compared with. */
export function CompareView({ address }: { readonly address: URL }) {
  const all = [...new Set(address.searchParams.getAll('run'))]
  const ids = all.slice(0, LIMIT)
  useTitle(`${ids.length} runs`)
  const { data, error, isLoading } = useLoaded(ids.join(' '), async (signal) => {
    const [runs, diffs] = await Promise.all([
      Promise.all(ids.map(async (id) => fetchRun(id, signal))),
      Promise.all(ids.slice(1).map(async (id) => fetchDiff(ids[0] ?? '', id, signal))),
    ])
    return { ids, runs, diffs }
  })
  if (ids.length < 2) {
    return (
      <main class="compare-view" tabIndex={-1}>
        <Empty title="Nothing to compare">
          <p>Choose two runs or more in the list, and press c.</p>
          <p>
            In the terminal: <Typed>lineaprint diff @latest @latest~1</Typed>
          </p>
        </Empty>
      </main>
    )
  }
  if (data === undefined) {
    return (
      <main class="compare-view" key="waiting" tabIndex={-1}>
        {error === undefined ? <div class="bone bone-title" /> : <Failure error={error} isView />}
      </main>
    )
  }
  const { runs, diffs } = data
  const first = diffs[0]
  const steps = diffs.flatMap(({ firstDivergence }) => firstDivergence?.step ?? [])
  const mark = steps.length === 0 ? undefined : Math.min(...steps)
  return (
    <main class="compare-view" key="comparison" aria-busy={isLoading} tabIndex={-1}>
      {error !== undefined && <Failure error={error} />}
      <h1 class="reason" tabIndex={-1} data-arrival>
        {diffs.length === 1 && first !== undefined
          ? reasonText(first)
          : `${runs.length} runs, each compared with the first`}
      </h1>
      {diffs.length > 1 && (
        <ol class={`reasons ${diffs.length > 6 ? 'reasons-many' : ''}`}>
          {diffs.map((diff) => (
            <li key={diff.after.id}>
              <a href={compareAddress([ids[0] ?? '', diff.after.id])}>{nameOf(diff.after)}</a>:{' '}
              {reasonText(diff)}
            </li>
          ))}
        </ol>
      )}
      {diffs.length === 1 && first?.firstDivergence != null && (
        <p class="divergence">
          The first step at which they differ is {first.firstDivergence.step}:{' '}
          {namesOf(first.firstDivergence)}
        </p>
      )}
      {all.length > LIMIT && (
        <p class="notice notice-warn">
          Only the first {LIMIT} of {all.length} runs are compared.
        </p>
      )}
      {(diffs.length === 1 ? (first?.unexplained ?? []) : []).map((sentence) => (
        <p class="notice notice-warn" key={sentence}>
          {shown(sentence)}
        </p>
      ))}
      {[...new Set(diffs.flatMap(({ warnings }) => warnings))].map((warning) => (
        <p class="notice notice-warn" key={warning}>
          {shown(warning)}
        </p>
      ))}
      <Section id="differences" title="What differs">
        <Differences runs={runs} diffs={diffs} />
      </Section>
      <Section id="curves" title="Curves">
        <Charts
          runs={runs.map(({ id, labels, record }) => ({
            id,
            label: `${labels.runName ?? record.name} ${id.slice(-8)}`,
          }))}
          version={0}
          mark={mark}
          isLive={false}
        />
      </Section>
    </main>
  )
}

function nameOf({ runName, name, id }: DiffBody['before']): string {
  return `${shown(runName ?? name, 100)} ${id.slice(-8)}`
}

function namesOf({ metrics, digests }: NonNullable<DiffBody['firstDivergence']>): string {
  const names = [
    ...digests.map((name) => `digest ${shown(name, 60)}`),
    ...metrics.map((name) => shown(name, 60)),
  ]
  return names.length > 4 ? `${names.slice(0, 4).join(', ')} and ${names.length - 4} more` : names.join(', ')
}

/** A value of a run, or why it is not in the comparison with the first run. */
interface Cell {
  readonly value?: string | undefined
  readonly words?: string
}

interface Row {
  readonly cause: string
  readonly field: string
  readonly cells: readonly Cell[]
  readonly detail: string
}

/** Return a row for each field in which any run differs from the first one. */
function rowsOf(diffs: readonly DiffBody[]): Row[] {
  const fields = new Map<string, { cause: string; byRun: (DifferenceBody | undefined)[] }>()
  diffs.forEach(({ differences }, index) => {
    for (const difference of differences) {
      const row = fields.get(difference.field) ?? { cause: difference.cause, byRun: [] }
      row.byRun[index] = difference
      fields.set(difference.field, row)
    }
  })
  return [...fields].map(([field, { cause, byRun }]) => {
    const before = byRun.find((difference) => difference !== undefined)?.before
    const others = diffs.map((diff, index) => cellOf(diff, field, byRun[index], before))
    // Of many runs, each has details of its own; the comparison of two shows them.
    const details = diffs.length > 1 ? [] : byRun.flatMap((difference) => difference?.detail ?? [])
    return { cause, field, cells: [{ value: before }, ...others], detail: details.join('; ') }
  })
}

/** Return what a field was in the second run of a comparison. */
function cellOf(
  { differences, ignored, leftOut, notCompared }: DiffBody,
  field: string,
  own: DifferenceBody | undefined,
  before: string | undefined,
): Cell {
  const known = own ?? ignored.find((difference) => difference.field === field)
  if (known !== undefined) return { value: known.after }
  // A list of another length is compared as a whole, one of the same length by its items.
  const isPart = (other: string): boolean => other.startsWith(`${field}.`) || field.startsWith(`${other}.`)
  const part = [...differences, ...ignored].find((difference) => isPart(difference.field))
  if (part !== undefined && part.cause !== 'metrics') return { words: `see ${part.field}` }
  if ([...leftOut, ...notCompared].some((other) => other.field === field || isPart(other.field)))
    return { words: 'not compared' }
  // A run that does not differ has the value of the first one.
  return { value: before }
}

/** Least widths of the column of the fields, and of the column of a run, in pixels. */
const [FIELD, VALUE] = [240, 168] as const

function Differences({
  runs,
  diffs,
}: {
  readonly runs: readonly RunBody[]
  readonly diffs: readonly DiffBody[]
}) {
  const rows = rowsOf(diffs)
  const causes = [...new Set(rows.map(({ cause }) => cause))]
  const notCompared = diffs.flatMap((diff) => diff.notCompared)
  const leftOut = diffs.flatMap((diff) => diff.leftOut)
  const ignored = diffs.flatMap((diff) => diff.ignored)
  return (
    <>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Differences">
        <table class="plain-table differences" style={{ minWidth: `${FIELD + runs.length * VALUE}px` }}>
          <colgroup>
            <col style={{ width: runs.length > 3 ? `${FIELD}px` : '32%' }} />
            {runs.map(({ id }) => (
              <col key={id} />
            ))}
          </colgroup>
          <thead>
            <tr>
              <th scope="col">field</th>
              {runs.map(({ id, labels, record, status }, index) => (
                <th scope="col" key={id}>
                  <Swatch index={index} />
                  <a href={runAddress(id)}>{shown(labels.runName ?? record.name, 60)}</a>{' '}
                  <Status status={status} isShort />
                  <div class="dim">
                    {id.slice(-8)} · {ago(record.startedAt)}
                  </div>
                </th>
              ))}
            </tr>
          </thead>
          {causes.map((cause) => (
            <tbody key={cause}>
              <tr class="cause">
                <th scope="rowgroup" colSpan={runs.length + 1}>
                  {cause}
                </th>
              </tr>
              {rows
                .filter((row) => row.cause === cause)
                .map(({ field, cells, detail }) => (
                  <tr key={field}>
                    <th scope="row">
                      <code>{shown(field, 300)}</code>
                      {detail !== '' && <div class="dim">{shown(detail, 400)}</div>}
                    </th>
                    {cells.map(({ value, words }, index) => (
                      <td
                        key={index}
                        class={index > 0 && words === undefined && value !== cells[0]?.value ? 'differs' : ''}
                      >
                        {words !== undefined || value === undefined ? (
                          <span class="dim">{shown(words ?? 'absent', 200)}</span>
                        ) : (
                          <span title={shown(value, 500)}>{valueOf(cause, value)}</span>
                        )}
                      </td>
                    ))}
                  </tr>
                ))}
            </tbody>
          ))}
        </table>
      </div>
      {rows.length === 0 && <p>Nothing that counts differs.</p>}
      <Rest title="not compared" items={notCompared.map(({ field, reason }) => [field, reason])} />
      <Rest title="left out" items={leftOut.map(({ field, reason }) => [field, reason])} />
      <Rest
        title="differs, and does not count"
        items={ignored.map(({ field, before = 'absent', after = 'absent', detail = '' }) => [
          field,
          `${before} → ${after} (${detail})`,
        ])}
      />
    </>
  )
}

/** Return a value as short as it is known: the title of the cell has all of it. */
function valueOf(cause: string, value: string): string {
  return cause === 'metrics' && value !== '' && !Number.isNaN(Number(value))
    ? short(Number(value))
    : shortDigest(value)
}

function Rest({
  title,
  items,
}: {
  readonly title: string
  readonly items: readonly (readonly [string, string])[]
}) {
  if (items.length === 0) return null
  return (
    <details class="source">
      <summary>
        <span class="source-name">{title}</span> <span class="dim">{items.length}</span>
      </summary>
      <dl class="facts">
        {items.slice(0, 500).map(([field, text], index) => (
          <div key={`${field} ${index}`}>
            <dt>{shown(field, 200)}</dt>
            <dd>{shown(text, 500)}</dd>
          </div>
        ))}
      </dl>
    </details>
  )
}
