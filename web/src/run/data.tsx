/** Inputs and outputs of a run, each with its digests. */
import { Digest, Empty, Typed } from '../shared/parts.tsx'
import { bytes, count, plural, shown } from '../shared/text.ts'
import type { RunBody } from '../shared/api.ts'

const SECTIONS = [
  ['datasets', 'dataset'],
  ['models', 'model'],
  ['tokenizers', 'tokenizer'],
  ['outputs', 'output'],
] as const

type Entry = RunBody['record']['datasets'][string]

/** The table of what went in and came out. */
export function Data({ run }: { readonly run: RunBody }) {
  const rows = SECTIONS.flatMap(([section, kind]) =>
    Object.entries(run.record[section]).map(([name, entry]) => ({ kind, name, entry })),
  )
  if (rows.length === 0) {
    return (
      <Empty title="No inputs or outputs">
        <p>Name them, and their content is recorded and can be verified.</p>
        <Typed>lineaprint run --dataset train=data.csv --output model=model.safetensors -- …</Typed>
      </Empty>
    )
  }
  return (
    <div class="scroll-x" tabIndex={0} role="region" aria-label="Inputs and outputs">
      <table class="plain-table">
        <thead>
          <tr>
            <th scope="col">what</th>
            <th scope="col">name</th>
            <th scope="col">digest</th>
            <th scope="col">content</th>
            <th scope="col">path</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ kind, name, entry }) => (
            <tr key={`${kind} ${name}`}>
              <td class="dim">{kind}</td>
              <th scope="row">{shown(name, 200)}</th>
              <td>
                {digestsOf(entry).map((digest) => (
                  <div key={digest}>
                    <Digest digest={digest} />
                  </div>
                ))}
              </td>
              <td>{contentOf(entry)}</td>
              <td>
                <code class="wrap">{shown(textOf(entry, 'path'), 500)}</code>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function textOf(entry: Entry, field: string): string {
  const value = (entry as Readonly<Record<string, unknown>>)[field]
  return typeof value === 'string' ? value : ''
}

function numberOf(entry: unknown, field: string): number | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined
  const value = (entry as Readonly<Record<string, unknown>>)[field]
  return typeof value === 'number' ? value : undefined
}

function digestsOf(entry: Entry): string[] {
  if (entry.status !== 'tracked') return []
  const { table, sequence } = entry
  const inner = [table, sequence].flatMap((part) =>
    typeof part === 'object' && part !== null && 'digest' in part && typeof part['digest'] === 'string'
      ? [part['digest']]
      : [],
  )
  const own = ['weights', 'architecture', 'digest', 'tree'].map((field) => textOf(entry, field))
  return [...own, ...inner].filter((digest) => digest !== '')
}

function contentOf(entry: Entry): string {
  if (entry.status === 'failed') return `not recorded: ${shown(entry.reason)}`
  if (entry.status === 'off') return 'switched off'
  const size = numberOf(entry, 'bytes')
  const files = numberOf(entry, 'files')
  const tensors = numberOf(entry, 'tensorCount')
  const parameters = numberOf(entry, 'parameters')
  const rows = numberOf(entry['table'], 'rows')
  const records = numberOf(entry['sequence'], 'records')
  const columns = (entry['table'] as { readonly columns?: unknown } | undefined)?.columns
  return [
    size === undefined ? '' : bytes(size),
    files === undefined ? '' : plural(files, 'file'),
    rows === undefined
      ? ''
      : `${plural(rows, 'row')}${Array.isArray(columns) ? ` of ${plural(columns.length, 'column')}` : ''}`,
    records === undefined ? '' : plural(records, 'record'),
    tensors === undefined ? '' : plural(tensors, 'tensor'),
    parameters === undefined ? '' : `${count(parameters)} parameters`,
  ]
    .filter((fact) => fact !== '')
    .join(', ')
}
