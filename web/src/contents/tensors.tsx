/** The tensors of a model: what each is, whether it changed, and its health where that was recorded. */
import { useState } from 'preact/hooks'
import { Digest, Section, Typed } from '../shared/parts.tsx'
import { count, plural, shortDigest, shown, valueText } from '../shared/text.ts'
import type { RelatedBody, TensorsBody } from '../shared/api.ts'

interface TensorsProps {
  readonly tensors: TensorsBody
  /** Models to compare with. */
  readonly related: readonly RelatedBody[]
  readonly onAgainst: (digest: string) => void
}

/** Tensors that are shown before a click. */
const SHOWN = 200

/** Layers that are drawn. */
const LAYERS = 200

/** The tensors. */
export function Tensors({ tensors, related, onAgainst }: TensorsProps) {
  const { reason, against, changes } = tensors
  return (
    <>
      {reason === null && (
        <Section
          id="changes"
          title="Change by layer"
          aside={
            related.length > 0 && (
              <label>
                <span class="dim">compared with</span>{' '}
                <select
                  value={against?.digest ?? ''}
                  onChange={(event) => onAgainst(event.currentTarget.value)}
                >
                  {against?.relation === 'chosen' && (
                    <option value={against.digest}>{shortDigest(against.digest)}</option>
                  )}
                  {related.map(({ digest, name, relation }) => (
                    <option key={digest} value={digest}>
                      {shown(name, 40)} {shortDigest(digest)}{' '}
                      {relation === 'input' ? '(went into its run)' : '(earlier)'}
                    </option>
                  ))}
                </select>
              </label>
            )
          }
        >
          {changes === null || against === null ? (
            <p class="dim">
              {related.length === 0
                ? 'Nothing to compare with: no model went into the run that made it, and no earlier one has its name.'
                : 'The tensors of the other model are not recorded.'}
            </p>
          ) : (
            <>
              <p>Tensors, by their digests: {wordsOf(changes)}.</p>
              <Layers layers={tensors.layers} />
            </>
          )}
        </Section>
      )}
      <Section
        id="tensors"
        title="Tensors"
        aside={reason === null && <span class="dim">{plural(tensors.count, 'tensor')}</span>}
      >
        {reason === null ? <List tensors={tensors} /> : <p class="dim">{shown(reason)}</p>}
      </Section>
    </>
  )
}

function wordsOf(changes: NonNullable<TensorsBody['changes']>): string {
  const { same, changed, added, removed } = changes
  const parts = [
    [changed, 'changed'],
    [added, 'added'],
    [removed, 'removed'],
    [same, 'the same'],
  ] as const
  return parts
    .filter(([value]) => value > 0)
    .map(([value, word]) => `${count(value)} ${word}`)
    .join(', ')
}

function Layers({ layers }: { readonly layers: TensorsBody['layers'] }) {
  return (
    <ul class="layers" aria-label="Layers">
      {layers.slice(0, LAYERS).map(({ layer, same, changed, added, removed }) => {
        const all = same + changed + added + removed
        const words = wordsOf({ same, changed, added, removed })
        return (
          <li key={layer} title={words}>
            <span class="bar-name">{layer === '' ? '(no layer)' : shown(layer, 80)}</span>
            <span class="stack" role="img" aria-label={words}>
              {(
                [
                  ['changed', changed],
                  ['added', added],
                  ['removed', removed],
                  ['same', same],
                ] as const
              ).map(
                ([kind, value]) =>
                  value > 0 && (
                    <span key={kind} class={`stack-${kind}`} style={{ width: `${(value / all) * 100}%` }} />
                  ),
              )}
            </span>
            <span class="dim layer-words">{words}</span>
          </li>
        )
      })}
      {layers.length > LAYERS && <li class="dim">{plural(layers.length - LAYERS, 'more layer')}</li>}
    </ul>
  )
}

function List({ tensors: { count: all, tensors } }: { readonly tensors: TensorsBody }) {
  const [search, setSearch] = useState('')
  const [isAll, setAll] = useState(false)
  const fields = [...new Set(tensors.flatMap(({ health }) => Object.keys(health ?? {})))].slice(0, 10)
  const hasChange = tensors.some(({ change }) => change !== null)
  const matching = tensors.filter(({ name }) => name.toLowerCase().includes(search.toLowerCase()))
  const visible = isAll ? matching : matching.slice(0, SHOWN)
  return (
    <>
      {fields.length === 0 && (
        <p class="dim health-note">
          Health (NaN, infinities, least, greatest, norm) is not in the records of runs.{' '}
          <Typed>lineaprint model FILE --health</Typed> computes it from the file.
        </p>
      )}
      {tensors.length > 12 && (
        <div class="chart-tools">
          <input
            type="search"
            aria-label="Search tensors"
            placeholder={`search ${count(tensors.length)} tensors`}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </div>
      )}
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Tensors">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">tensor</th>
              <th scope="col">type</th>
              <th scope="col">shape</th>
              {hasChange && <th scope="col">change</th>}
              {fields.map((field) => (
                <th scope="col" key={field} class="number">
                  {shown(field, 40)}
                </th>
              ))}
              <th scope="col">digest</th>
            </tr>
          </thead>
          <tbody>
            {visible.map(({ name, dtype, shape, digest, change, health }, index) => (
              <tr key={index}>
                <th scope="row">
                  <code class="wrap">{shown(name, 200)}</code>
                </th>
                <td>{shown(dtype, 40)}</td>
                <td>{shape.length === 0 ? 'scalar' : shape.join(' × ')}</td>
                {hasChange && (
                  <td class={change === 'changed' ? 'differs' : change === 'added' ? 'added' : 'dim'}>
                    {change}
                  </td>
                )}
                {fields.map((field) => (
                  <td key={field} class="number">
                    {valueText(health?.[field])}
                  </td>
                ))}
                <td>
                  <Digest digest={digest} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {visible.length < matching.length && (
        <button type="button" class="button more" onClick={() => setAll(true)}>
          Show {count(matching.length - visible.length)} more
        </button>
      )}
      {tensors.length < all && (
        <p class="dim">{plural(all - tensors.length, 'more tensor')} in the list of the run.</p>
      )}
    </>
  )
}
