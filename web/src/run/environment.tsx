/** The environment of a run: each source with its findings, or the reason why there are none. */
import { useState } from 'preact/hooks'
import { Empty } from '../shared/parts.tsx'
import { count, shown, valueText } from '../shared/text.ts'
import type { RunBody } from '../shared/api.ts'

type Values = Readonly<Record<string, unknown>>

/** Members of an object or list that are shown before a search. */
const SHOWN = 100

/** The environment. */
export function Environment({ run }: { readonly run: RunBody }) {
  const capture = run.record.captures['environment']
  if (capture?.status !== 'captured') {
    const reason =
      capture?.status === 'failed' ? shown(capture.reason) : 'It was switched off, or is not known yet.'
    return (
      <Empty title="No environment">
        <p>{reason}</p>
      </Empty>
    )
  }
  const sources = Object.entries(capture.value)
  const present = sources.filter(([, source]) => !isAbsent(source))
  const absent = sources.filter(([, source]) => isAbsent(source))
  return (
    <>
      {present.map(([name, source]) => (
        <Source key={name} name={name} source={source} />
      ))}
      {absent.length > 0 && (
        <details class="source">
          <summary>
            <span class="source-name">not there</span>
            <span class="dim">{absent.map(([name]) => shown(name, 40)).join(', ')}</span>
          </summary>
          <dl class="facts">
            {absent.map(([name, source]) => (
              <div key={name}>
                <dt>{shown(name, 60)}</dt>
                <dd>{valueText((source as Values)['reason'])}</dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </>
  )
}

function isAbsent(source: unknown): boolean {
  return typeof source === 'object' && source !== null && 'status' in source && source.status === 'absent'
}

function isGroup(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}

function Source({ name, source }: { readonly name: string; readonly source: unknown }) {
  if (!isGroup(source)) {
    return (
      <div class="source source-single">
        <span class="source-name">{shown(name, 60)}</span>
        <span>{valueText(source)}</span>
      </div>
    )
  }
  const fields = Object.entries(source).filter(([key]) => key !== 'status')
  return (
    <details class="source">
      <summary>
        <span class="source-name">{shown(name, 60)}</span>
        <span class="dim">{summaryOf(fields)}</span>
      </summary>
      <Fields values={Object.fromEntries(fields)} />
    </details>
  )
}

/** Return the first texts and numbers of a source. */
function summaryOf(fields: readonly (readonly [string, unknown])[]): string {
  return fields
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    .slice(0, 4)
    .map(([key, value]) => `${shown(key, 40)} ${shown(String(value), 60)}`)
    .join(' · ')
}

function Fields({ values }: { readonly values: Values }) {
  const [search, setSearch] = useState('')
  const all = Object.entries(values)
  const wanted = search.toLowerCase()
  const matching =
    wanted === ''
      ? all
      : all.filter(([key, value]) => `${key} ${JSON.stringify(value)}`.toLowerCase().includes(wanted))
  const scalars = matching.filter(([, value]) => !isGroup(value) || isTexts(value))
  const groups = matching.filter(([, value]) => isGroup(value) && !isTexts(value))
  return (
    <>
      {all.length > 20 && (
        <input
          type="search"
          aria-label="Search"
          placeholder={`search ${count(all.length)}`}
          value={search}
          onInput={(event) => setSearch(event.currentTarget.value)}
        />
      )}
      {scalars.length > 0 && (
        <dl class={all.length > 20 ? 'facts facts-grid' : 'facts'}>
          {scalars.slice(0, SHOWN).map(([key, value]) => (
            <div key={key}>
              <dt>{shown(key, 100)}</dt>
              <dd>{value === null ? <span class="dim">not known</span> : valueText(value)}</dd>
            </div>
          ))}
        </dl>
      )}
      {scalars.length > SHOWN && <p class="dim">{count(scalars.length - SHOWN)} more; search for them</p>}
      {groups.slice(0, SHOWN).map(([key, value]) => (
        <details class="source source-inner" key={key}>
          <summary>
            <span class="source-name">{shown(key, 100)}</span>
            <span class="dim">{count(Object.keys(value as Values).length)}</span>
          </summary>
          <Fields values={value as Values} />
        </details>
      ))}
    </>
  )
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string') && value.length < 8
}
