/** The part of a record that lineage needs: what the run read and made, and the steps that were declared. */
import { Digest } from '../core/digest.ts'
import { unlessDamaged } from '../json/read-fields.ts'
import { isResult } from '../record/products.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { distinctName, distinctionOf } from '../record/positions.ts'
import { contentDigests, parseTracked, trackedPath } from '../record/tracked.ts'
import { isBare } from './bare-content.ts'
import type { DigestKind } from '../core/digest.ts'
import type { DerivationRecord, RunRecord, TrackedRecord, TrackedSection } from '../record/record.ts'
import type { TrackedEntry } from '../record/tracked.ts'
import type { StoredRun } from '../store/runs.ts'
import type { ItemNode, RunNode } from './graph.ts'

/** An input or output, with the digests by which other runs are linked to it. */
export interface ViewedItem {
  readonly node: ItemNode
  readonly links: ReadonlySet<string>
}

/** A declared step whose names stand for items of the run. */
export interface ViewedStep {
  readonly made: ViewedItem
  readonly sources: readonly ViewedItem[]
  readonly declared: DerivationRecord
}

/** A run as lineage sees it. */
export interface RunView {
  readonly node: RunNode
  readonly items: readonly ViewedItem[]
  readonly steps: readonly ViewedStep[]
}

/** Kinds of digests that tell what a model is, and not what it holds: many different models share them. */
const STRUCTURE: ReadonlySet<DigestKind | undefined> = new Set<DigestKind>([
  'architecture',
  'family',
  'graph',
  'pipeline',
])

/** Return the view of a run. */
export function viewOf({ id, record, status }: StoredRun): RunView {
  const { name, runName = null, startedAt } = record
  const items = TRACKED_SECTIONS.flatMap((section) =>
    Object.entries(record[section]).map(([called, entry]) => itemOf(record, section, called, entry)),
  )
  return {
    node: { kind: 'run', id: `run ${id}`, run: id, name, runName, status, startedAt },
    items,
    steps: stepsOf(record, items),
  }
}

function itemOf(record: RunRecord, section: TrackedSection, name: string, entry: TrackedRecord): ViewedItem {
  const { digest, links, bytes, unlinked } = contentOf(section, name, entry)
  return {
    node: {
      kind: 'item',
      id: `${section} ${record.id} ${name}`,
      run: record.id,
      section,
      name,
      role: isResult(section, name, record) ? 'output' : 'input',
      digest,
      path: trackedPath(entry) ?? null,
      bytes,
      ...(unlinked !== undefined && { unlinked }),
    },
    links: new Set(links),
  }
}

interface Content {
  readonly digest: string | null
  readonly links: readonly string[]
  readonly bytes: number | null
  readonly unlinked?: string
}

function contentOf(section: TrackedSection, name: string, entry: TrackedRecord): Content {
  const nothing = { digest: null, links: [], bytes: null }
  if (entry.status === 'off') return { ...nothing, unlinked: 'tracking was off' }
  if (entry.status === 'failed') return { ...nothing, unlinked: `it was not recorded: ${entry.reason}` }
  const digests = unlessDamaged(() => contentDigests(section, name, entry))
  const digest = digests === undefined ? undefined : ownDigest(section, name, entry)
  if (digests === undefined || digest === undefined)
    return { ...nothing, unlinked: 'its entry in the record is damaged' }
  const bytes = typeof entry['bytes'] === 'number' ? entry['bytes'] : null
  const without = digestsOfNothing(section, name, entry)
  if (isEmpty(section, entry, bytes))
    return { digest, links: [], bytes, unlinked: 'it is empty, and every empty one has the same digest' }
  if (entry['kind'] === 'file' && isBare(bytes, digests))
    return {
      digest,
      links: [],
      bytes,
      unlinked: 'it says nothing, such as {} or a line end, and many such files are equal',
    }
  // All that a file of this kind holds is nothing; a folder can hold other files beside its table.
  if (without.size > 0 && entry['kind'] === 'file')
    return { digest, links: [], bytes, unlinked: 'it has no rows or records, and many such files are equal' }
  const links = digests.filter((each) => !without.has(each) && isOfContent(each))
  if (links.length > 0) return { digest, links, bytes }
  return { digest, links, bytes, unlinked: 'its digest is of a sample, or of no content' }
}

function ownDigest(section: TrackedSection, name: string, entry: TrackedEntry): string {
  return section === 'models'
    ? parseTracked(section, name, entry).weights
    : parseTracked(section, name, entry).digest
}

/** Check whether an entry holds nothing: no bytes, or no tensors. */
function isEmpty(section: TrackedSection, entry: TrackedEntry, bytes: number | null): boolean {
  if (bytes === 0) return true
  return section === 'models' && entry['tensorCount'] === 0
}

/** Return the digests of parts of an entry that hold nothing, such as a table without rows. */
function digestsOfNothing(section: TrackedSection, name: string, entry: TrackedEntry): ReadonlySet<string> {
  if (section !== 'datasets' && section !== 'outputs') return new Set()
  const content = parseTracked(section, name, entry)
  if (content.kind === 'array') return new Set()
  const { table, sequence } = content
  const archive = content.kind === 'file' ? content.archive : undefined
  return new Set([
    ...(table?.rows === 0 ? [table.digest] : []),
    ...(sequence?.records === 0 ? [sequence.digest] : []),
    ...(archive?.bytes === 0 ? [archive.digest] : []),
  ])
}

/** Check whether equal digests mean equal content: those of samples and of structures do not. */
function isOfContent(written: string): boolean {
  try {
    const { kind, plan } = Digest.parse(written)
    return plan === undefined && !STRUCTURE.has(kind)
  } catch {
    // A record can hold any text, and text that is no digest equals no digest.
    return false
  }
}

/** Sections in which the name of what a step made is looked up, in this order; for its sources the other way round. */
const MADE: readonly TrackedSection[] = ['outputs', 'models', 'datasets', 'tokenizers']
const SOURCES: readonly TrackedSection[] = ['datasets', 'models', 'tokenizers', 'outputs']

function stepsOf(record: RunRecord, items: readonly ViewedItem[]): ViewedStep[] {
  const { derivations = [], processes = [] } = record
  const byName = new Map(items.map((item) => [`${item.node.section} ${item.node.name}`, item]))
  const unknown = new Map<string, ViewedItem>()
  const resolve = (name: string, process: number | undefined, sections: typeof MADE): ViewedItem => {
    const reporter = processes.find(({ number }) => number === process)
    // A rank has entries of its own where those of the ranks differ.
    for (const called of [distinctName(name, distinctionOf(reporter)), name])
      for (const section of sections) {
        const item = byName.get(`${section} ${called}`)
        if (item !== undefined) return item
      }
    const item = unknown.get(name) ?? unknownItem(record, name)
    unknown.set(name, item)
    return item
  }
  const made = new Map<string, ViewedItem>()
  return derivations.map((declared) => {
    const { name, from, process } = declared
    // What an earlier step made is meant by its name from then on.
    const sources = from.map((source) => made.get(source) ?? resolve(source, process, SOURCES))
    const item = resolve(name, process, MADE)
    made.set(name, item)
    return { made: item, sources, declared }
  })
}

/** Return the item of a name that the run did not track: it has no digest, and links to nothing. */
function unknownItem({ id }: RunRecord, name: string): ViewedItem {
  return {
    node: {
      kind: 'item',
      id: `untracked ${id} ${name}`,
      run: id,
      section: null,
      name,
      role: 'input',
      digest: null,
      path: null,
      bytes: null,
      unlinked: 'the run did not track it',
    },
    links: new Set(),
  }
}
