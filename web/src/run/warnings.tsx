/** What a reader should know before relying on a run: it comes first. */
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

/** The warnings of a run; nothing if it has none. */
export function Warnings({ run }: { readonly run: RunBody }) {
  const all = warningsOf(run)
  if (all.length === 0) return null
  return (
    <ul class="warnings" aria-label="Warnings">
      {all.map(({ isBad, title, text, more }, index) => (
        <li key={index} class={`notice ${isBad ? 'notice-bad' : 'notice-warn'}`}>
          <strong>{shown(title, 100)}</strong> <span>{shown(text)}</span>
          {more.length > 0 && (
            <ul class="paths">
              {more.map((path) => (
                <li key={path}>{shown(path, 300)}</li>
              ))}
            </ul>
          )}
        </li>
      ))}
    </ul>
  )
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
      more: [...paths.slice(0, PATHS), ...(count > PATHS ? [`and ${count - PATHS} more`] : [])],
    })),
    ...captureFailures,
    ...warnings.map((warning) => one(false, 'Warning', warning)),
  ]
}
