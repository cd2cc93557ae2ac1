/** The verification of a run: each finding as it is made. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { isUnreachable, verifyRun } from '../shared/api.ts'
import { Failure } from '../shared/parts.tsx'
import { bytes, shortDigest, shown } from '../shared/text.ts'
import type { VerifyItemBody } from '../shared/api.ts'

interface VerifyProps {
  readonly id: string
  /** The folder whose code and environment are compared. */
  readonly directory: string
  readonly onClose: () => void
}

const LEVELS = [
  ['default', 'everything that somebody chose'],
  ['data', 'data, models and outputs'],
  ['code', 'code and command'],
  ['strict', 'everything, and what was not checked'],
] as const

const ORDER = ['changed', 'missing', 'not-checked', 'same'] as const

/** The findings. The work starts with this part, and stops when it is closed. */
export function Verify({ id, directory, onClose }: VerifyProps) {
  const [level, setLevel] = useState('default')
  const [items, setItems] = useState<readonly VerifyItemBody[]>([])
  const [progress, setProgress] = useState<readonly [done: number, total: number]>()
  const [end, setEnd] = useState<{ readonly same: boolean }>()
  const [error, setError] = useState<unknown>()
  const [attempt, setAttempt] = useState(0)
  const panel = useRef<HTMLElement>(null)
  useEffect(() => panel.current?.focus(), [])
  useEffect(() => {
    const stop = new AbortController()
    setItems([])
    setEnd(undefined)
    setError(undefined)
    setProgress(undefined)
    verifyRun(
      id,
      level,
      (event) => {
        if (event.type === 'item') setItems((before) => [...before, event.item])
        else if (event.type === 'progress') setProgress([event.bytesDone, event.bytesTotal])
        else if (event.type === 'end') setEnd(event)
        else setError(new Error(event.error.what))
      },
      stop.signal,
    ).catch((failure: unknown) => {
      if (!stop.signal.aborted) setError(failure)
    })
    return () => stop.abort()
  }, [id, level, attempt])
  // What differs comes first once all is known. Until then nothing moves.
  const shownItems = end === undefined ? items : gathered(items).toSorted((a, b) => rank(a) - rank(b))
  return (
    <section class="verify" aria-labelledby="verify-title" ref={panel} tabIndex={-1}>
      <header class="section-head">
        <h2 id="verify-title">Is this run still true?</h2>
        <label>
          <span class="dim">counts</span>{' '}
          <select value={level} onChange={(event) => setLevel(event.currentTarget.value)}>
            {LEVELS.map(([name, words]) => (
              <option key={name} value={name}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <button type="button" class="icon-button" aria-label="Close the verification" onClick={onClose}>
          ×
        </button>
      </header>
      <p class={`verdict ${end === undefined ? '' : end.same ? 'good' : 'bad'}`} aria-live="polite">
        {end === undefined
          ? error === undefined
            ? 'Reading everything again…'
            : 'It could not be finished'
          : verdict(end.same, items)}
      </p>
      {end === undefined && error === undefined && (
        <progress value={progress?.[0] ?? 0} max={Math.max(1, progress?.[1] ?? 1)} aria-label="Progress">
          {progress === undefined ? '' : `${bytes(progress[0])} of ${bytes(progress[1])}`}
        </progress>
      )}
      {error !== undefined && (
        <div class="verify-again">
          {isUnreachable(error) ? (
            <p>The connection ended before the verification did.</p>
          ) : (
            <Failure error={error} />
          )}
          <button
            type="button"
            class="button"
            onClick={() => (setAttempt(attempt + 1), panel.current?.focus())}
          >
            Verify again
          </button>
        </div>
      )}
      <ul class="findings">
        {shownItems.map((item, index) => (
          <Finding key={`${item.section} ${item.name} ${index}`} item={item} />
        ))}
      </ul>
      <p class="dim">
        Every dataset, model and output is read again at its path. Code and environment are those of{' '}
        <code class="wrap">{shown(directory)}</code>.
      </p>
    </section>
  )
}

/** More unchanged files of the run's folder than this become one line, so that differences stand out. */
const FILES = 3

function gathered(items: readonly VerifyItemBody[]): VerifyItemBody[] {
  const same = items.filter(({ section, status }) => section === 'files' && status === 'same')
  const [first] = same
  if (first === undefined || same.length <= FILES) return [...items]
  const line = { ...first, name: `${same.length} files of the run folder` }
  return items.flatMap((item) => (item === first ? [line] : same.includes(item) ? [] : [item]))
}

function rank({ status, counts }: VerifyItemBody): number {
  return ORDER.indexOf(status) * 2 + (counts ? 0 : 1)
}

function verdict(same: boolean, items: readonly VerifyItemBody[]): string {
  const parts = ORDER.flatMap((status) => {
    const matching = items.filter((item) => item.status === status).length
    return matching === 0 ? [] : [`${matching} ${status}`]
  })
  return `${same ? 'No difference that counts' : 'It differs from the present'}: ${parts.join(', ')}`
}

/** Differences of an item that are listed. */
const DIFFERENCES = 12

const SHAPES = { same: '✓', changed: '≠', missing: '∅', 'not-checked': '?' } as const

function Finding({ item }: { readonly item: VerifyItemBody }) {
  const { section, name, status, detail, counts, differences } = item
  const ignored = !counts && (status === 'changed' || status === 'missing')
  return (
    <li class={`finding finding-${status} ${ignored ? 'finding-ignored' : ''}`}>
      <span class="finding-status">
        <span aria-hidden="true">{SHAPES[status]}</span> {status}
      </span>
      <span class="dim">{shown(section, 60)}</span>
      <span class="finding-name">{shown(name, 200)}</span>
      <span class="finding-detail">
        {shown(detail)}
        {ignored && <span class="dim"> (does not count)</span>}
        {status !== 'same' && differences.length > 0 && (
          <ul class="paths">
            {differences.slice(0, DIFFERENCES).map(({ field, before, after }) => (
              <li key={field}>
                <code>{shown(field, 200)}</code>{' '}
                <span class="removed" title={shown(before ?? '', 500)}>
                  {shortDigest(before ?? 'absent')}
                </span>{' '}
                →{' '}
                <span class="added" title={shown(after ?? '', 500)}>
                  {shortDigest(after ?? 'gone')}
                </span>
              </li>
            ))}
            {differences.length > DIFFERENCES && (
              <li class="dim">{`${differences.length - DIFFERENCES} more`}</li>
            )}
          </ul>
        )}
      </span>
    </li>
  )
}
