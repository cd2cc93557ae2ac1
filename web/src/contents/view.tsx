/** One model or dataset: the runs that made and used it, and what the newest record says of it. */
import { fetchContent } from '../shared/api.ts'
import { useKeys, useLoaded, useTitle } from '../shared/hooks.ts'
import { Digest, Failure, Moment, Section, Status } from '../shared/parts.tsx'
import { contentAddress, go, lineageAddress, runAddress } from '../shared/router.ts'
import { bytes, count, plural, shown, valueText } from '../shared/text.ts'
import { Tables } from './tables.tsx'
import { Tensors } from './tensors.tsx'
import type { ContentBody } from '../shared/api.ts'

/** A model or dataset. Its digest, and that of the model with which it is compared, are in the address. */
export function ContentView({ address }: { readonly address: URL }) {
  const digest = address.searchParams.get('digest') ?? ''
  const against = address.searchParams.get('against') ?? undefined
  const { data, error, isLoading } = useLoaded(`${digest} ${against ?? ''}`, async (signal) =>
    fetchContent(digest, against, signal),
  )
  const name = data === undefined ? '' : nameOf(data)
  useTitle(shown(name, 80))
  useKeys({ l: () => go(lineageAddress(digest)) })
  if (data === undefined) {
    return (
      <main class="run-view" key="waiting" tabIndex={-1}>
        {error === undefined ? <div class="bone bone-title" /> : <Failure error={error} isView />}
      </main>
    )
  }
  const { kind, recorded, made, used, tensors, related, notes } = data
  const equal = related.filter(({ relation }) => relation === 'equal')
  return (
    <main class="run-view content-view" key="content" aria-busy={isLoading} tabIndex={-1}>
      <header class="run-head">
        <div class="run-title">
          <h1 tabIndex={-1} data-arrival>
            {shown(name, 300)}
          </h1>
          <span class="tag">
            {kind === 'models' ? 'model' : recorded?.section === 'outputs' ? 'output' : 'dataset'}
          </span>
          <Digest digest={data.digest} />
        </div>
        <a class="button" href={lineageAddress(digest)} title="What led to it, and what came of it (l)">
          Lineage
        </a>
      </header>
      {error !== undefined && <Failure error={error} />}
      {notes.map((note) => (
        <p class="notice notice-warn" key={note}>
          {shown(note)}
        </p>
      ))}
      {(recorded?.warnings ?? []).length > 0 && (
        <ul class="warnings" aria-label="Warnings">
          {recorded?.warnings.map((warning) => (
            <li class="notice notice-warn" key={warning}>
              {shown(warning)}
            </li>
          ))}
        </ul>
      )}
      <div class="run-sections">
        <Section id="runs" title="Runs">
          <div class="pair">
            <Runs title="made by" runs={made} empty="No run of this store made it." />
            <Runs title="used by" runs={used} empty="No run of this store used it." />
          </div>
        </Section>
        {recorded !== null && (
          <Section
            id="recorded"
            title="Recorded"
            aside={
              <span class="dim">
                by <a href={runAddress(recorded.run)}>{shown(recorded.run, 60)}</a>
              </span>
            }
          >
            <dl class="facts facts-wide">
              {factsOf(recorded).map(([field, text]) => (
                <div key={field}>
                  <dt>{shown(field, 60)}</dt>
                  <dd class="wrap">{text}</dd>
                </div>
              ))}
              {equal.length > 0 && (
                <div>
                  <dt>also known by</dt>
                  <dd>
                    {equal.map((other) => (
                      <div key={other.digest}>
                        <Digest digest={other.digest} />
                      </div>
                    ))}
                  </dd>
                </div>
              )}
            </dl>
          </Section>
        )}
        {recorded !== null && <Tables recorded={recorded} isModel={kind === 'models'} />}
        {tensors !== null && (
          <Tensors
            tensors={tensors}
            related={related.filter(({ relation }) => relation !== 'equal')}
            onAgainst={(other) => go(contentAddress(digest, other), 'replace')}
          />
        )}
      </div>
    </main>
  )
}

function nameOf({ recorded, made, used, digest }: ContentBody): string {
  return recorded?.name ?? made.runs[0]?.as ?? used.runs[0]?.as ?? digest
}

function Runs({
  title,
  runs: { count: all, runs },
  empty,
}: {
  readonly title: string
  readonly runs: ContentBody['made']
  readonly empty: string
}) {
  return (
    <div>
      <h3>
        {title} {all > 0 && <span class="dim">{plural(all, 'run')}</span>}
      </h3>
      {runs.length === 0 ? (
        <p class="dim">{empty}</p>
      ) : (
        <ul class="run-list">
          {runs.map(({ run, name, runName, status, startedAt, as }) => (
            <li key={run}>
              <Status status={status} isShort />
              <a href={runAddress(run)}>{shown(runName ?? name, 80)}</a>
              <span class="dim">as {shown(as, 60)}</span>
              <span class="dim">
                <Moment time={startedAt} />
              </span>
            </li>
          ))}
          {all > runs.length && <li class="dim">{count(all - runs.length)} earlier ones</li>}
        </ul>
      )}
    </div>
  )
}

const TITLES: Readonly<Record<string, string>> = {
  tensorCount: 'tensors',
  producedByRun: 'produced by run',
  selectedWeights: 'selected weights',
}

/** Return the types of the tensors of a model with their numbers. */
function typesOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return valueText(value)
  return Object.entries(value)
    .slice(0, 20)
    .map(([type, part]: [string, unknown]) => {
      const tensors =
        typeof part === 'object' && part !== null && 'tensors' in part ? part.tensors : undefined
      return typeof tensors === 'number'
        ? `${shown(type, 40)} (${plural(tensors, 'tensor')})`
        : shown(type, 40)
    })
    .join(', ')
}

function factsOf({ facts, name }: NonNullable<ContentBody['recorded']>): [string, string][] {
  const list = Object.entries(facts).flatMap(([field, value]): [string, string][] => {
    if (value === null || (typeof value === 'object' && Object.keys(value).length === 0)) return []
    const title = TITLES[field] ?? field
    if (field === 'bytes' && typeof value === 'number')
      return [['size', `${bytes(value)} (${count(value)} bytes)`]]
    if (field === 'dtypes') return [['types', typesOf(value)]]
    return [[title, valueText(value)]]
  })
  return [['name', shown(name, 200)], ...list]
}
