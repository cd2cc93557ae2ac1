/** What a reader should know before relying on a run: it comes first. */
import { useState } from 'preact/hooks'
import { shown } from '../shared/text.ts'
import type { RunBody } from '../shared/api.ts'

interface Warning {
  readonly isBad: boolean
  readonly title: string
  readonly text: string
  readonly more: readonly string[]
}

/** Paths of a flag that are listed. */
const PATHS = 8

/** The warnings of a run; nothing if it has none. Those that come while it goes on wait in a line, so that nothing moves. */
export function Warnings({ run, isLive }: { readonly run: RunBody; readonly isLive: boolean }) {
  const all = warningsOf(run)
  const [seen, setSeen] = useState<ReadonlySet<string>>(() => new Set(all.map(keyOf)))
  if (!isLive) return <List warnings={all} />
  const waiting = all.filter((warning) => !seen.has(keyOf(warning)))
  const [first] = waiting
  return (
    <>
      <div class={`warning-line ${first === undefined ? '' : noticeOf(first)}`} role="status">
        {first === undefined ? (
          <span class="dim">{all.length === 0 ? 'No warnings so far' : 'No other warnings so far'}</span>
        ) : (
          <>
            <span class="warning-first">
              <strong>{shown(first.title, 100)}</strong> {shown(first.text, 300)}
            </span>
            <button type="button" class="button small" onClick={() => setSeen(new Set(all.map(keyOf)))}>
              {waiting.length === 1 ? 'Show' : `Show ${waiting.length}`}
            </button>
          </>
        )}
      </div>
      <List warnings={all.filter((warning) => seen.has(keyOf(warning)))} />
    </>
  )
}

function keyOf({ title, text }: Warning): string {
  return `${title} ${text}`
}

function noticeOf({ isBad }: Warning): string {
  return `notice ${isBad ? 'notice-bad' : 'notice-warn'}`
}

function List({ warnings }: { readonly warnings: readonly Warning[] }) {
  if (warnings.length === 0) return null
  return (
    <ul class="warnings" aria-label="Warnings">
      {warnings.map((warning, index) => (
        <li key={index} class={noticeOf(warning)}>
          <strong>{shown(warning.title, 100)}</strong> <span>{shown(warning.text)}</span>
          {warning.more.length > 0 && (
            <ul class="paths">
              {warning.more.map((path) => (
                <li key={path}>{shown(path, 300)}</li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  )
}

/** Return the paths of a flag, unless its sentence has them. */
function pathsOf(message: string, paths: readonly string[], count: number): string[] {
  if (count === paths.length && paths.every((path) => message.includes(path))) return []
  return [...paths.slice(0, PATHS), ...(count > PATHS ? [`and ${count - PATHS} more`] : [])]
}

function one(isBad: boolean, title: string, text: string): Warning {
  return { isBad, title, text, more: [] }
}

function warningsOf({ record, status, seal, unlisted, problems }: RunBody): Warning[] {
  const { failure, flags = [], warnings, captures, command } = record
  const captureFailures = Object.entries(captures).flatMap(([name, capture]) =>
    capture.status === 'failed' ? [one(false, 'Not captured', `${name}: ${capture.reason}`)] : [],
  )
  const entryFailures = (['datasets', 'models', 'tokenizers', 'outputs'] as const).flatMap((section) =>
    Object.entries(record[section]).flatMap(([name, entry]) =>
      entry.status === 'failed' ? [one(true, 'Not recorded', `${section}.${name}: ${entry.reason}`)] : [],
    ),
  )
  return [
    ...(seal === 'broken' ? [one(true, 'Seal broken', 'The record was changed after the run ended.')] : []),
    ...(unlisted.count > 0
      ? [
          {
            isBad: false,
            title: 'Not listed in the record',
            text: 'These files in the folder of the run were added after it ended. The seal does not cover them.',
            more: [
              ...unlisted.paths,
              ...(unlisted.count > unlisted.paths.length
                ? [`and ${unlisted.count - unlisted.paths.length} more`]
                : []),
            ],
          },
        ]
      : []),
    ...(failure === null ? [] : [one(true, 'Failed', failure.message)]),
    ...(status === 'lost'
      ? [one(true, 'Lost', 'The process ended without finishing the run; the values come from its journal.')]
      : []),
    ...(status === 'killed' && failure === null
      ? [
          one(
            true,
            'Killed',
            command.signal === null ? 'The run was stopped.' : `The run was stopped by ${command.signal}.`,
          ),
        ]
      : []),
    ...entryFailures,
    ...problems.map((problem) => one(true, 'Damaged', problem)),
    ...flags.map(({ kind, message, paths = [], count = paths.length }) => ({
      isBad: ['input-changed', 'input-missing', 'output-untouched'].includes(kind),
      title: kind,
      text: message,
      more: pathsOf(message, paths, count),
    })),
    ...captureFailures,
    ...warnings.map((warning) => one(false, 'Warning', warning)),
  ]
}
