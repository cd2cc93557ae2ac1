/** A lineage: what led to a run, model or dataset, and what came of it. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { fetchLineage } from '../shared/api.ts'
import { useKeys, useLoaded, useTitle } from '../shared/hooks.ts'
import { Empty, Failure, Typed } from '../shared/parts.tsx'
import { go } from '../shared/router.ts'
import { plural, shown } from '../shared/text.ts'
import { LineageGraph } from './graph.tsx'
import { layOut } from './layout.ts'
import { LineageSteps } from './steps.tsx'

const DEPTHS = [1, 2, 3, 5, 10] as const

/** Nodes of a picture: more are not read by anybody, and take long to place. */
const NODES = 150

/** A lineage. What it is of, and how far it goes, are in the address. */
export function LineageView({ address }: { readonly address: URL }) {
  const of = address.searchParams.get('of') ?? ''
  const as = address.searchParams.get('as') ?? undefined
  const asked = Number(address.searchParams.get('depth') ?? 3)
  const depth = DEPTHS.find((known) => known === asked) ?? 3
  useTitle(of === '' ? 'Lineage' : `Lineage of ${shown(of, 40)}`)
  const [text, setText] = useState(of)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => setText(of), [of])
  useKeys({ '/': () => input.current?.focus() })
  const { data, error, isLoading } = useLoaded(`${of} ${as ?? ''} ${depth}`, async (signal) => {
    if (of === '') return undefined
    const lineage = await fetchLineage({ of, as, depth, nodes: NODES }, signal)
    return { lineage, layout: await layOut(lineage) }
  })
  const change = (wanted: { readonly of?: string; readonly depth?: number }): void => {
    const next = wanted.of ?? of
    const search = new URLSearchParams({ of: next })
    if (as !== undefined && next === of) search.set('as', as)
    if ((wanted.depth ?? depth) !== 3) search.set('depth', String(wanted.depth ?? depth))
    go(`/lineage?${search}`, wanted.of === undefined ? 'replace' : 'push')
  }
  return (
    <main class="lineage-view" aria-busy={isLoading} tabIndex={-1}>
      <form
        class="toolbar"
        onSubmit={(event) => {
          event.preventDefault()
          if (text.trim() !== '') change({ of: text.trim() })
        }}
      >
        <h1 class="visually-hidden">Lineage</h1>
        <div class="filter">
          <div class="filter-field">
            <input
              ref={input}
              data-arrival={of === '' ? true : undefined}
              type="text"
              aria-label="Lineage of"
              placeholder="a run, a digest, or the name of a dataset or model"
              autocomplete="off"
              spellcheck={false}
              value={text}
              onInput={(event) => setText(event.currentTarget.value)}
              onKeyDown={(event) => event.key === 'Escape' && input.current?.blur()}
            />
            <kbd aria-hidden="true">/</kbd>
          </div>
        </div>
        <label>
          <span class="dim">runs away</span>{' '}
          <select value={depth} onChange={(event) => change({ depth: Number(event.currentTarget.value) })}>
            {DEPTHS.map((value) => (
              <option key={value} value={value}>
                {value}
              </option>
            ))}
          </select>
        </label>
      </form>
      {error !== undefined && <Failure error={error} />}
      {of === '' && (
        <Empty title="Lineage of what?">
          <p>Name a run, a model or a dataset above, or press l where one is open.</p>
          <p>
            In the terminal: <Typed>lineaprint lineage model</Typed>
          </p>
        </Empty>
      )}
      {of !== '' && data === undefined && error === undefined && <div class="graph-frame" />}
      {data !== undefined && (
        <>
          <p class="counts" aria-live="polite">
            {plural(data.lineage.nodes.length, 'node')}, {plural(data.lineage.edges.length, 'step')}
            {data.lineage.isCut && ', the nearest ones: there is more'}
          </p>
          <LineageGraph lineage={data.lineage} layout={data.layout} />
          <LineageSteps lineage={data.lineage} />
          {data.lineage.notes.map((note) => (
            <p class="notice" key={note}>
              {shown(note)}
            </p>
          ))}
        </>
      )}
    </main>
  )
}
