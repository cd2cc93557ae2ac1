/** Small parts that all views use. */
import { useState } from 'preact/hooks'
import { ApiError, isPassing, isUnreachable } from './api.ts'
import { ago, localTime, shortDigest, shown } from './text.ts'
import type { ComponentChildren } from 'preact'

/** The status of a run: a shape and a word, so that nobody depends on the colour. */
export function Status({ status, isShort = false }: { readonly status: string; readonly isShort?: boolean }) {
  return (
    <span class={`status status-${status}`} title={status}>
      <span class="status-shape" aria-hidden="true" />
      <span class={isShort ? 'visually-hidden' : ''}>{status}</span>
    </span>
  )
}

/** A moment, as long ago; the whole time is in its title. */
export function Moment({ time }: { readonly time: string }) {
  return (
    <time dateTime={time} title={localTime(time)}>
      {ago(time)}
    </time>
  )
}

/** A digest with the beginning of its digits. A click copies all of them. */
export function Digest({ digest }: { readonly digest: string }) {
  const [isCopied, setCopied] = useState(false)
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(digest)
    setCopied(true)
    setTimeout(() => setCopied(false), 1200)
  }
  return (
    <button type="button" class="digest" title={`${shown(digest, 300)} — copy`} onClick={() => void copy()}>
      {isCopied ? 'copied' : shortDigest(digest)}
    </button>
  )
}

/** Properties of {@link Failure}. */
interface FailureProps {
  readonly error: unknown
  /** True where nothing else is shown. What is missing then comes with a way on. @default false */
  readonly isView?: boolean
}

/** What failed, where, what was expected and received, and what to do. */
export function Failure({ error, isView = false }: FailureProps) {
  if (isUnreachable(error)) {
    return (
      <Empty title="The server does not answer">
        <p>This shows by itself when it does.</p>
      </Empty>
    )
  }
  const details = error instanceof ApiError ? error.details : undefined
  const text = details?.what ?? (error instanceof Error ? error.message : String(error))
  if (isView && error instanceof ApiError && error.status === 404) {
    return (
      <Empty title="Nothing is at this address">
        <p>{shown(text)}</p>
        <p>
          <a class="button button-main" href="/">
            Show all runs
          </a>
        </p>
      </Empty>
    )
  }
  const facts =
    details === undefined || isPassing(error)
      ? []
      : [
          ['where', details.where],
          ['expected', details.expected],
          ['received', details.received],
          ['do', details.do],
          // Most sentences have the facts in them.
        ].filter(([, value]) => value !== null && value !== undefined && !text.includes(value))
  return (
    <div class="notice notice-bad" role="alert">
      <p>{shown(text)}</p>
      {isPassing(error) && <p>It is asked again by itself. The log of the server tells more.</p>}
      {facts.length > 0 && (
        <dl class="facts">
          {facts.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{shown(value ?? '')}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}

/** A view or section without content, and what to do. */
export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  )
}

/** A command to type. */
export function Typed({ children }: { readonly children: string }) {
  return <code class="typed">{children}</code>
}

/** A section of a view with a title. */
export function Section({
  id,
  title,
  aside,
  children,
}: {
  readonly id: string
  readonly title: string
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}) {
  return (
    <section id={id} aria-labelledby={`${id}-title`}>
      <header class="section-head">
        <h2 id={`${id}-title`}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  )
}
