/** Inputs and outputs of a run, each with its digests. */
import { Digest, Empty, Typed } from '../shared/parts.tsx'
import { contentAddress } from '../shared/router.ts'
import { bytes, count, plural, shown } from '../shared/text.ts'
import { SaveButton } from './save.tsx'
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
    Object.entries(run.record[section]).map(([name, entry]) => ({ section, kind, name, entry })),
  )
  if (rows.length === 0 && run.status === 'running') {
    return (
      <Empty title="No inputs or outputs yet">
        <p>Outputs are recorded when the run ends.</p>
      </Empty>
    )
  }
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
            <th scope="col">kept</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ section, kind, name, entry }) => (
            <tr key={`${kind} ${name}`}>
              <td class="dim">{kind}</td>
              <th scope="row">
                <NameOf name={name} digest={digestsOf(entry)[0]} />
              </th>
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
              <td>
                <Kept id={run.id} section={section} name={name} entry={entry} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

function NameOf({ name, digest }: { readonly name: string; readonly digest: string | undefined }) {
  if (digest === undefined) return <>{shown(name, 200)}</>
  return (
    <a href={contentAddress(digest)} title="Which runs made and used it">
      {shown(name, 200)}
    </a>
  )
}

/** Files of a folder that are listed. */
const FILES = 200

interface KeptProps {
  readonly id: string
  readonly section: string
  readonly name: string
  readonly entry: Entry
}

/** What the run kept of an entry, to save; or why it kept nothing. */
function Kept({ id, section, name, entry }: KeptProps) {
  const kept = (entry as Readonly<Record<string, unknown>>)['kept']
  if (typeof kept !== 'object' || kept === null) return <span class="dim">not kept</span>
  const { status, reason, files } = kept as Readonly<Record<string, unknown>>
  if (status !== 'kept' || !Array.isArray(files))
    return <span class="dim">not kept: {shown(typeof reason === 'string' ? reason : '', 200)}</span>
  const all = files as readonly { readonly path?: unknown; readonly size?: unknown }[]
  const button = ({ path, size }: (typeof all)[number]) => (
    <SaveButton
      id={id}
      file={{ kind: 'kept', section, name, path: String(path) }}
      title={`Save ${shown(path === '' ? name : String(path), 100)}`}
      text={typeof size === 'number' ? bytes(size) : ''}
    />
  )
  const [only] = all
  if (all.length === 1 && only?.path === '') return button(only)
  return (
    <details>
      <summary>{plural(all.length, 'file')}</summary>
      <ul class="kept">
        {all.slice(0, FILES).map((file) => (
          <li key={String(file.path)}>
            <code class="wrap">{shown(String(file.path), 200)}</code> {button(file)}
          </li>
        ))}
        {all.length > FILES && (
          <li class="dim">{count(all.length - FILES)} more: “lineaprint get” writes all</li>
        )}
      </ul>
    </details>
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
