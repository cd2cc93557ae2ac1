/** One model or dataset: the runs that made and used it, and what the newest record says of it. */
import { isJsonObject } from '../json/read-fields.ts'
import { reasonOf } from '../record/failure.ts'
import { LineaprintError } from '../core/errors.ts'
import { isResult } from '../record/products.ts'
import { readTensorList } from '../record/tensor-list.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { contentDigests } from '../record/tracked.ts'
import { compareNatural } from '../util/natural-order.ts'
import { kindOf } from './contents.ts'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { TrackedSection } from '../record/record.ts'
import type { TrackedEntry } from '../record/tracked.ts'
import type { RecordedTensor } from '../record/tensor-list.ts'
import type { StoredRun } from '../store/read.ts'
import type {
  ContentBody,
  ContentKind,
  RelatedBody,
  TableBody,
  TensorBody,
  TensorsBody,
} from './api/contents.ts'
import type { ContentsOfStore } from './contents.ts'
import type { RunReader } from './run-reader.ts'

/** Records that are tried until one can be read. */
const TRIES = 5

/** Columns of a table, tensors of a model, layers, labels and splits that are sent. */
const PARTS = 2000

/** Characters of a text that is sent. */
const TEXT = 500

/** Models that are offered for a comparison. */
const EARLIER = 10

/** A content in a record. */
interface Found {
  readonly run: StoredRun
  readonly section: TrackedSection
  readonly name: string
  readonly entry: TrackedEntry
}

/**
 * Describe a content.
 *
 * @param against Digest of the model with which tensors are compared. @default an input of the run that made it, or an
 * earlier model of that name
 * @throws ERR_LINEAPRINT_NOT_FOUND if no run made or read it.
 */
export async function describeContent(
  contents: ContentsOfStore,
  reader: RunReader,
  digest: string,
  against: string | undefined,
): Promise<ContentBody> {
  const runs = contents.runsOf(digest)
  if (runs === undefined) {
    throw new LineaprintError('ERR_LINEAPRINT_NOT_FOUND', 'no run made or read this', {
      field: 'digest',
      expected: 'the whole digest of a model, dataset or output of a run',
      received: JSON.stringify(digest.slice(0, 200)),
    })
  }
  const notes: string[] = []
  const match = await findEntry(reader, runs.all, digest, notes)
  const weights = match?.entry['weights']
  const isModel = kindOf(digest) === 'weights' || typeof weights === 'string'
  const kind: ContentKind = isModel ? 'models' : 'datasets'
  const [maker] = runs.made.runs
  const made = maker === undefined ? undefined : await findEntry(reader, [maker.run], digest, [])
  const related = isModel
    ? relatedModels(contents, typeof weights === 'string' ? weights : digest, made ?? match, maker?.startedAt)
    : equalDigests(digest, match)
  const tensors = isModel ? await tensorsOf(contents, reader, match, related, against) : null
  return {
    digest,
    kind,
    made: runs.made,
    used: runs.used,
    recorded: match === undefined ? null : describeEntry(match),
    tensors,
    related,
    notes,
  }
}

/** Find the entry of a content in the newest record that can be read. */
async function findEntry(
  reader: RunReader,
  ids: readonly string[],
  digest: string,
  notes: string[],
): Promise<Found | undefined> {
  for (const id of ids.slice(0, TRIES)) {
    try {
      const run = await reader.run(id)
      for (const section of TRACKED_SECTIONS)
        for (const [name, entry] of Object.entries(run.record[section]))
          if (entry.status === 'tracked' && contentDigests(section, name, entry).includes(digest))
            return { run, section, name, entry }
    } catch (error) {
      if (!LineaprintError.is(error)) throw error
      notes.push(`the record of ${id} cannot be read: ${reasonOf(error)}`)
    }
  }
  notes.push('no record of the newest runs has it any more')
  return undefined
}

/** Fields of an entry that are shown in another form, or as digests. */
const OWN_FIELDS: ReadonlySet<string> = new Set([
  'status',
  'digest',
  'digests',
  'table',
  'sequence',
  'splits',
  'labels',
  'warnings',
  'kept',
  'files',
  'tensorsFile',
  'filesFile',
  'contentsFile',
  'descriptionFiles',
  'weights',
  'architecture',
  'family',
  'graph',
  'pipeline',
  'adapter',
  'tree',
  'tokenizer',
  'stableFields',
  'ignored',
])

function describeEntry({ run, section, name, entry }: Found): NonNullable<ContentBody['recorded']> {
  const facts: Record<string, JsonValue> = {}
  for (const [field, value] of Object.entries(entry)) {
    if (field === 'files' && typeof value === 'number') facts[field] = value
    if (!OWN_FIELDS.has(field)) facts[field] = shortened(value)
  }
  const sequence = objectOf(entry['sequence'])
  if (typeof sequence?.['records'] === 'number') facts['records'] = sequence['records']
  const splits = listOf(objectOf(entry['splits'])?.['list']).filter(isJsonObject).slice(0, PARTS)
  const labels = listOf(entry['labels']).filter(isJsonObject).slice(0, PARTS)
  return {
    run: run.id,
    section,
    name: name.slice(0, TEXT),
    facts,
    digests: contentDigests(section, name, entry),
    warnings: listOf(entry['warnings'])
      .flatMap((text) => (typeof text === 'string' ? [text.slice(0, 2000)] : []))
      .slice(0, 100),
    labels:
      entry['labels'] === undefined
        ? null
        : labels.map(({ label, files }) => ({
            label: typeof label === 'string' ? label.slice(0, TEXT) : '',
            files: typeof files === 'number' ? files : 0,
          })),
    splits:
      entry['splits'] === undefined
        ? null
        : splits.map((split) => {
            const part = objectOf(split['table']) ?? objectOf(split['sequence'])
            const rows = part?.['rows'] ?? part?.['records']
            return {
              name: typeof split['name'] === 'string' ? split['name'].slice(0, TEXT) : '',
              digest: typeof part?.['digest'] === 'string' ? part['digest'] : null,
              rows: typeof rows === 'number' ? rows : null,
            }
          }),
    tables: [
      ...tableBody(null, entry['table']),
      ...splits
        .slice(0, 20)
        .flatMap(({ name: split, table }) =>
          tableBody(typeof split === 'string' ? split.slice(0, TEXT) : '', table),
        ),
    ],
  }
}

function tableBody(split: string | null, value: JsonValue | undefined): TableBody[] {
  const table = objectOf(value)
  if (table === undefined) return []
  const { digest, rows } = table
  const columns = listOf(table['columns']).filter(isJsonObject)
  return [
    {
      split,
      digest: typeof digest === 'string' ? digest : '',
      rows: typeof rows === 'number' ? rows : 0,
      columnCount: columns.length,
      columns: columns.slice(0, PARTS).map(({ name, type, statistics }) => ({
        name: typeof name === 'string' ? name.slice(0, TEXT) : '',
        type: typeof type === 'string' ? type.slice(0, TEXT) : '',
        statistics: shortObject(statistics),
      })),
    },
  ]
}

function shortObject(value: JsonValue | undefined): JsonObject | null {
  const object = objectOf(value)
  if (object === undefined) return null
  return Object.fromEntries(
    Object.entries(object)
      .slice(0, 40)
      .map(([name, part]) => [name, shortened(part)]),
  )
}

/** Return a value without its long texts and lists: the record itself has all of it. */
function shortened(value: JsonValue | undefined): JsonValue {
  if (typeof value === 'string') return value.length > TEXT ? `${value.slice(0, TEXT)}…` : value
  if (typeof value !== 'object' || value === null) return value ?? null
  const written = JSON.stringify(value)
  return written.length > 4000 ? `${written.slice(0, TEXT)}…` : value
}

function objectOf(value: JsonValue | undefined): JsonObject | undefined {
  return isJsonObject(value) ? value : undefined
}

function listOf(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]) : []
}

/** Return the other digests of an entry, by which equal content in another form is match. */
function equalDigests(digest: string, match: Found | undefined): RelatedBody[] {
  if (match === undefined) return []
  return contentDigests(match.section, match.name, match.entry)
    .filter((other) => other !== digest)
    .map((other) => ({ digest: other, name: match.name.slice(0, TEXT), relation: 'equal' }))
}

/** Return models that a model can be compared with: inputs of the run that made it, then earlier ones of its name. */
function relatedModels(
  contents: ContentsOfStore,
  digest: string,
  match: Found | undefined,
  madeAt: string | undefined,
): RelatedBody[] {
  if (match === undefined) return []
  const { record } = match.run
  const inputs = Object.entries(record.models).flatMap(([name, entry]): RelatedBody[] => {
    if (entry.status !== 'tracked' || isResult('models', name, record)) return []
    const weights = entry['weights']
    return typeof weights === 'string' && weights !== digest
      ? [{ digest: weights, name: name.slice(0, TEXT), relation: 'input' }]
      : []
  })
  const earlier = contents
    .earlierModels(digest, new Set([match.name]), madeAt ?? record.startedAt, EARLIER)
    .map((model): RelatedBody => ({
      digest: model.digest,
      name: model.name.slice(0, TEXT),
      relation: 'earlier',
    }))
  const all = [...inputs, ...earlier]
  return all.filter((model, at) => all.findIndex((other) => other.digest === model.digest) === at)
}

async function tensorsOf(
  contents: ContentsOfStore,
  reader: RunReader,
  match: Found | undefined,
  related: readonly RelatedBody[],
  wanted: string | undefined,
): Promise<TensorsBody> {
  const nothing = { count: 0, tensors: [], against: null, changes: null, layers: [] }
  const own = await listOfTensors(match)
  if ('reason' in own) return { ...nothing, reason: own.reason }
  const against = wanted === undefined ? related[0] : related.find((model) => model.digest === wanted)
  const other =
    wanted === undefined ? against : (against ?? { digest: wanted, name: '', relation: 'chosen' as const })
  const before = other === undefined ? undefined : await tensorsBefore(contents, reader, other.digest)
  if (before === undefined || other === undefined) {
    return {
      ...nothing,
      count: own.length,
      reason: null,
      tensors: own.slice(0, PARTS).map((tensor) => tensorBody(tensor, null)),
    }
  }
  const known = new Map(before.map((tensor) => [tensor.name, describeTensor(tensor)]))
  const changes = { same: 0, changed: 0, added: 0, removed: 0 }
  const layers = new Map<string, typeof changes>()
  const count = (name: string, change: keyof typeof changes): void => {
    const layer = layerOf(name)
    const ofLayer = layers.get(layer) ?? { same: 0, changed: 0, added: 0, removed: 0 }
    layers.set(layer, ofLayer)
    ofLayer[change]++
    changes[change]++
  }
  const tensors: TensorBody[] = []
  for (const tensor of own) {
    const earlier = known.get(tensor.name)
    known.delete(tensor.name)
    const change = earlier === undefined ? 'added' : earlier === describeTensor(tensor) ? 'same' : 'changed'
    count(tensor.name, change)
    if (tensors.length < PARTS) tensors.push(tensorBody(tensor, change))
  }
  for (const name of known.keys()) count(name, 'removed')
  const inOrder = [...layers].toSorted(([a], [b]) => compareNatural(a, b)).slice(0, PARTS)
  return {
    count: own.length,
    tensors,
    reason: null,
    against: other,
    changes,
    layers: inOrder.map(([layer, numbers]) => ({ layer: layer.slice(0, TEXT), ...numbers })),
  }
}

async function tensorsBefore(
  contents: ContentsOfStore,
  reader: RunReader,
  digest: string,
): Promise<readonly RecordedTensor[] | undefined> {
  const runs = contents.runsOf(digest)
  const list = await listOfTensors(runs && (await findEntry(reader, runs.all, digest, [])))
  return 'reason' in list ? undefined : list
}

/** Read the tensor list that a run recorded of a model; the reason if there is none. */
async function listOfTensors(
  match: Found | undefined,
): Promise<readonly RecordedTensor[] | { readonly reason: string }> {
  if (match === undefined) return { reason: 'no record of it can be read' }
  const { run, entry } = match
  const { tensorsFile } = entry
  if (typeof tensorsFile !== 'string')
    return {
      reason:
        'the run recorded no tensors: they were switched off, or the list would have had a secret in it',
    }
  try {
    const list = await readTensorList(run.folder, { tensorsFile })
    return list ?? { reason: `the file ${tensorsFile.slice(0, TEXT)} of the run is gone` }
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    return { reason: reasonOf(error) }
  }
}

function tensorBody(tensor: RecordedTensor, change: TensorBody['change']): TensorBody {
  const { name, dtype, shape, digest } = tensor
  const { health } = tensor as { readonly health?: JsonValue }
  return {
    name: name.slice(0, TEXT),
    dtype: dtype.slice(0, TEXT),
    shape: shape.slice(0, 64),
    digest: digest.slice(0, TEXT),
    health: shortObject(health),
    change,
  }
}

function describeTensor({ dtype, shape, digest }: RecordedTensor): string {
  return `${dtype} ${shape.join()} ${digest}`
}

/** Return the layer of a tensor: its name up to the first number, and the number. */
export function layerOf(name: string): string {
  return /^(?:[^.]*\.)*?\d+(?=\.|$)/.exec(name)?.[0] ?? name.split('.').slice(0, -1).join('.') ?? name
}
