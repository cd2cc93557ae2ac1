/** The list of models, or of datasets and other content, by digest. */
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { fetchContents } from '../shared/api.ts'
import { useConnection } from '../shared/connection.ts'
import { useKeys, useRetry, useTitle } from '../shared/hooks.ts'
import { Digest, Empty, Failure, Moment, Typed } from '../shared/parts.tsx'
import { contentAddress, go } from '../shared/router.ts'
import { count, plural, shown } from '../shared/text.ts'
import type { ContentKind, ListedContentBody } from '../shared/api.ts'

/** Contents of a request. */
const PART = 100

const WORDS = {
  models: {
    title: 'Models',
    one: 'model',
    empty: 'No models yet',
    help: 'Name the models that go in and come out. Each is known by the digest of its weights, whatever its file is called.',
    typed: 'lineaprint run --model base=base.safetensors --output tuned=out.safetensors -- python train.py',
  },
  datasets: {
    title: 'Datasets',
    one: 'dataset or output',
    empty: 'No datasets yet',
    help: 'Name the data that goes in and comes out. Equal content is one dataset, whatever its path is.',
    typed: 'lineaprint run --dataset train=data/train.parquet -- python train.py',
  },
} as const

/** The digest at which somebody who comes back to a list was, by the kind and the search. */
const left = new Map<string, string>()

/** The list. Its search is in the address. */
export function ContentsView({ kind, address }: { readonly kind: ContentKind; readonly address: URL }) {
  const words = WORDS[kind]
  useTitle(words.title)
  const search = address.searchParams.get('search') ?? ''
  const [contents, setContents] = useState<readonly ListedContentBody[]>()
  const [numbers, setNumbers] = useState({ matched: 0, total: 0 })
  const [error, setError] = useState<unknown>()
  const [cursor, setCursor] = useState(-1)
  const [text, setText] = useState(search)
  const input = useRef<HTMLInputElement>(null)
  const timer = useRef(0)
  const latest = useRef(0)
  const isMoved = useRef(false)
  const { returns } = useConnection()
  const listKey = `${kind} ${search}`
  const load = async (offset: number): Promise<void> => {
    const own = ++latest.current
    try {
      const answer = await fetchContents({ kind, search, offset, limit: PART })
      if (own !== latest.current) return
      setContents((before = []) => (offset === 0 ? answer.contents : [...before, ...answer.contents]))
      if (offset === 0) setCursor(answer.contents.findIndex(({ digest }) => digest === left.get(listKey)))
      setNumbers(answer)
      setError(undefined)
    } catch (failure) {
      if (own === latest.current) setError(failure)
    }
  }
  useEffect(() => {
    setCursor(-1)
    void load(0)
  }, [kind, search])
  useEffect(() => {
    if (error !== undefined) void load(0)
  }, [returns])
  useRetry(error, () => void load(0))
  useEffect(() => setText(search), [search])
  const change = (value: string): void => {
    setText(value)
    clearTimeout(timer.current)
    timer.current = setTimeout(() => {
      const query = value.trim() === '' ? '' : `?${new URLSearchParams({ search: value })}`
      go(`/${kind}${query}`, 'replace')
    }, 250) as unknown as number
  }
  const rows = contents ?? []
  const own = rows[cursor]?.digest
  if (own !== undefined) left.set(listKey, own)
  const move = (by: number) => (): void => {
    isMoved.current = true
    if (rows.length > 0) setCursor((before) => Math.max(0, Math.min(rows.length - 1, before + by)))
  }
  const open = (): void => {
    const row = rows[cursor]
    if (row !== undefined) go(contentAddress(row.digest))
  }
  // Before the next key: Enter opens what has the focus.
  useLayoutEffect(() => {
    const row = document.querySelector('.contents .cursor')
    row?.scrollIntoView({ block: 'nearest' })
    if (isMoved.current) row?.querySelector('a')?.focus({ preventScroll: true })
    isMoved.current = false
  }, [cursor])
  useKeys({
    '/': () => input.current?.focus(),
    j: move(1),
    k: move(-1),
    ArrowDown: move(1),
    ArrowUp: move(-1),
    Enter: open,
    o: open,
  })
  return (
    <main class="contents-view" tabIndex={-1}>
      <div class="toolbar">
        <h1 class="visually-hidden">{words.title}</h1>
        <div class="filter">
          <div class="filter-field">
            <input
              ref={input}
              type="text"
              aria-label={`Search the ${kind}`}
              placeholder="a name, or the first digits of a digest"
              autocomplete="off"
              spellcheck={false}
              value={text}
              onInput={(event) => change(event.currentTarget.value)}
              onKeyDown={(event) => event.key === 'Escape' && input.current?.blur()}
            />
            <kbd aria-hidden="true">/</kbd>
          </div>
        </div>
      </div>
      <p class="counts" aria-live="polite">
        {contents === undefined
          ? ' '
          : numbers.matched === numbers.total
            ? plural(numbers.total, words.one)
            : `${count(numbers.matched)} of ${plural(numbers.total, words.one)}`}
      </p>
      {error !== undefined && <Failure error={error} />}
      {contents !== undefined && numbers.total === 0 && (
        <Empty title={words.empty}>
          <p>{words.help}</p>
          <Typed>{words.typed}</Typed>
        </Empty>
      )}
      {contents !== undefined && numbers.total > 0 && rows.length === 0 && (
        <Empty title="None is called so">
          <button type="button" class="button" onClick={() => (change(''), input.current?.focus())}>
            Show all
          </button>
        </Empty>
      )}
      {rows.length > 0 && (
        <div
          class="scroll-x"
          tabIndex={0}
          role="region"
          aria-label={words.title}
          data-arrival={cursor < 0 ? true : undefined}
        >
          <table class="plain-table contents">
            <thead>
              <tr>
                <th scope="col">name</th>
                <th scope="col">digest</th>
                <th scope="col" class="number">
                  made by
                </th>
                <th scope="col" class="number">
                  used by
                </th>
                <th scope="col">first seen</th>
                <th scope="col">last seen</th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row, index) => (
                <Row
                  key={row.digest}
                  row={row}
                  isCursor={index === cursor}
                  onCursor={() => setCursor(index)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {contents !== undefined && rows.length < numbers.matched && (
        <button type="button" class="button more" onClick={() => void load(rows.length)}>
          Show {count(Math.min(PART, numbers.matched - rows.length))} more
        </button>
      )}
    </main>
  )
}

interface RowProps {
  readonly row: ListedContentBody
  readonly isCursor: boolean
  readonly onCursor: () => void
}

function Row({ row, isCursor, onCursor }: RowProps) {
  const { digest, names, nameCount, made, used, firstAt, lastAt } = row
  const [first = '', ...others] = names
  const more = nameCount - names.length
  return (
    <tr class={isCursor ? 'cursor' : ''} onMouseDown={onCursor}>
      <th scope="row">
        <a href={contentAddress(digest)} data-arrival={isCursor ? true : undefined}>
          {shown(first, 80)}
        </a>
        {others.length > 0 && (
          <div class="dim">
            also {others.map((name) => shown(name, 40)).join(', ')}
            {more > 0 ? ` and ${more} more` : ''}
          </div>
        )}
      </th>
      <td>
        <Digest digest={digest} />
      </td>
      <td class="number">{made === 0 ? <span class="dim">–</span> : plural(made, 'run')}</td>
      <td class="number">{used === 0 ? <span class="dim">–</span> : plural(used, 'run')}</td>
      <td>
        <Moment time={firstAt} />
      </td>
      <td>
        <Moment time={lastAt} />
      </td>
    </tr>
  )
}
