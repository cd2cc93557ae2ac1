/** What a dataset holds: splits, labels, and columns with their statistics. */
import { useState } from 'preact/hooks'
import { Digest, Section, Typed } from '../shared/parts.tsx'
import { count, plural, short, shown, valueText } from '../shared/text.ts'
import type { ContentBody, TableBody } from '../shared/api.ts'

type Recorded = NonNullable<ContentBody['recorded']>

/** The parts of a dataset that its record has; for what it does not have, the reason. */
export function Tables({ recorded, isModel }: { readonly recorded: Recorded; readonly isModel: boolean }) {
  const { splits, labels, tables } = recorded
  const [chosen, setChosen] = useState(0)
  const table = tables[chosen] ?? tables[0]
  if (isModel && tables.length === 0) return null
  return (
    <>
      {splits !== null && (
        <Section id="splits" title="Splits">
          <table class="plain-table narrow-table">
            <thead>
              <tr>
                <th scope="col">split</th>
                <th scope="col" class="number">
                  rows
                </th>
                <th scope="col">digest</th>
              </tr>
            </thead>
            <tbody>
              {splits.map(({ name, rows, digest }) => (
                <tr key={name}>
                  <th scope="row">{shown(name, 100)}</th>
                  <td class="number">
                    {rows === null ? <span class="dim">not recorded</span> : count(rows)}
                  </td>
                  <td>{digest !== null && <Digest digest={digest} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </Section>
      )}
      {labels !== null && (
        <Section id="labels" title="Labels">
          <Labels labels={labels} />
        </Section>
      )}
      <Section
        id="columns"
        title="Columns"
        aside={
          table !== undefined && (
            <span class="dim">
              {plural(table.rows, 'row')} of {plural(table.columnCount, 'column')}
            </span>
          )
        }
      >
        {tables.length > 1 && (
          <div class="choice" role="group" aria-label="Split">
            {tables.map(({ split }, index) => (
              <button
                type="button"
                key={index}
                aria-pressed={index === chosen}
                onClick={() => setChosen(index)}
              >
                {shown(split ?? 'all', 60)}
              </button>
            ))}
          </div>
        )}
        {table === undefined ? (
          <p class="dim">
            No columns are recorded: it is no table that lineaprint reads, or reading tables was switched off.
          </p>
        ) : (
          <Columns table={table} />
        )}
      </Section>
    </>
  )
}

function Labels({ labels }: { readonly labels: NonNullable<Recorded['labels']> }) {
  const most = Math.max(...labels.map(({ files }) => files), 1)
  return (
    <ul class="bars">
      {labels.map(({ label, files }) => (
        <li key={label}>
          <span class="bar-name">{shown(label, 60)}</span>
          <span class="bar-track">
            <span class="bar" style={{ width: `${(files / most) * 100}%` }} />
          </span>
          <span class="number">{count(files)}</span>
        </li>
      ))}
    </ul>
  )
}

/** Columns that are shown before a click. */
const SHOWN = 200

function Columns({ table }: { readonly table: TableBody }) {
  const [isAll, setAll] = useState(false)
  const columns = isAll ? table.columns : table.columns.slice(0, SHOWN)
  const hasStatistics = table.columns.some(({ statistics }) => statistics !== null)
  return (
    <>
      {!hasStatistics && (
        <p class="dim">
          Statistics were not recorded: they were switched off, or the record is older than they are.{' '}
          <Typed>lineaprint dataset FILE</Typed> computes them.
        </p>
      )}
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Columns">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">column</th>
              <th scope="col">type</th>
              {hasStatistics && (
                <>
                  <th scope="col" class="number">
                    nulls
                  </th>
                  <th scope="col" class="number">
                    least
                  </th>
                  <th scope="col" class="number">
                    mean
                  </th>
                  <th scope="col" class="number">
                    greatest
                  </th>
                  <th scope="col">values</th>
                </>
              )}
            </tr>
          </thead>
          <tbody>
            {columns.map(({ name, type, statistics }, index) => (
              <tr key={index}>
                <th scope="row">{shown(name, 100)}</th>
                <td>
                  <code>{shown(type, 100)}</code>
                </td>
                {hasStatistics && <Statistics values={statistics ?? {}} rows={table.rows} />}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {columns.length < table.columns.length && (
        <button type="button" class="button more" onClick={() => setAll(true)}>
          Show {count(table.columns.length - columns.length)} more
        </button>
      )}
      {table.columns.length < table.columnCount && (
        <p class="dim">{count(table.columnCount - table.columns.length)} more columns are in the record.</p>
      )}
    </>
  )
}

type Values = { readonly [field: string]: unknown }

function Statistics({ values, rows }: { readonly values: Values; readonly rows: number }) {
  const { nulls, minimum, maximum, mean, histogram } = values
  return (
    <>
      <td class="number">
        {typeof nulls !== 'number' ? (
          ''
        ) : nulls === 0 ? (
          <span class="dim">0</span>
        ) : (
          <span class="warn" title={rows > 0 ? `${short((nulls / rows) * 100)} %` : ''}>
            {count(nulls)}
          </span>
        )}
      </td>
      <td class="number">{valueText(minimum)}</td>
      <td class="number">{valueText(mean)}</td>
      <td class="number">{valueText(maximum)}</td>
      <td>
        <Histogram histogram={histogram} />
        <span class="dim">{othersOf(values)}</span>
      </td>
    </>
  )
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0
}

/** Return the rest in words: lengths, truths, and what is not finite. */
function othersOf({ shortest, longest, trues, nan, infinity, negativeInfinity }: Values): string {
  return [
    typeof shortest === 'number' && typeof longest === 'number'
      ? `length ${count(shortest)}${longest === shortest ? '' : ` to ${count(longest)}`}`
      : '',
    typeof trues === 'number' ? `${count(trues)} true` : '',
    numberOf(nan) > 0 ? `${count(numberOf(nan))} NaN` : '',
    numberOf(infinity) + numberOf(negativeInfinity) > 0
      ? `${count(numberOf(infinity) + numberOf(negativeInfinity))} infinite`
      : '',
  ]
    .filter((text) => text !== '')
    .join(', ')
}

const [BAR, HEIGHT] = [5, 20]

function Histogram({ histogram }: { readonly histogram: unknown }) {
  if (typeof histogram !== 'object' || histogram === null || !('counts' in histogram)) return null
  const { counts, from, width } = histogram as { counts: unknown; from?: unknown; width?: unknown }
  if (!Array.isArray(counts) || counts.length > 64) return null
  const numbers = counts.map((value) => (typeof value === 'number' && value > 0 ? value : 0))
  const most = Math.max(...numbers, 1)
  const words = `${plural(numbers.length, 'bin')} of ${valueText(width)} from ${valueText(from)}: ${numbers.join(', ')}`
  return (
    <svg
      class="histogram"
      width={numbers.length * BAR}
      height={HEIGHT}
      viewBox={`0 0 ${numbers.length * BAR} ${HEIGHT}`}
      role="img"
      aria-label={words}
    >
      <title>{words}</title>
      {numbers.map((value, index) => {
        const height = value === 0 ? 0 : Math.max(1, (value / most) * HEIGHT)
        return <rect key={index} x={index * BAR} y={HEIGHT - height} width={BAR - 1} height={height} />
      })}
    </svg>
  )
}
