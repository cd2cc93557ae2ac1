/** Models and datasets of a store by their digests: which runs made each, and which read it. */
import { hasNotEnded, readStoredContents, withJournals } from '../database/contents.ts'
import { hexOf } from '../database/facts.ts'
import { ContentLinks } from '../lineage/links.ts'
import type { RunId } from '../core/run-id.ts'
import type { StoredContents } from '../database/contents.ts'
import type { ContentList, StoredContent } from '../database/stored-contents.ts'
import type { ProjectIndex } from '../database/team/project-index.ts'
import type { LinkedContents } from '../lineage/read.ts'
import type { ListedRun } from '../store/listed-run.ts'
import type { Store } from '../store/store.ts'
import type { ContentKind, ContentListBody, ContentRunsBody, ListedContentBody } from './api/contents.ts'
import type { RunReader } from './run-reader.ts'

/** Milliseconds for which the contents of a store are kept. */
const KEPT_MS = 4000

/** Milliseconds for which the journals of runs that go on are kept. */
const JOURNAL_MS = 2000

/** Names of one content that are listed. */
const NAMES = 4

/** Runs of one content that are listed. */
const RUNS = 200

/** A use of a content by one run. */
interface Use {
  readonly run: ListedRun
  readonly as: string
  readonly isMade: boolean
}

/** A content by the digest that names it. */
interface Group {
  readonly digest: string
  /** Oldest first. */
  readonly uses: Use[]
}

/** The contents of a store at one moment. */
export class ContentsOfStore {
  readonly models: readonly Group[]
  readonly datasets: readonly Group[]
  readonly #byDigest = new Map<string, Use[]>()

  constructor(runs: readonly ListedRun[], contents: readonly StoredContent[]) {
    const order = new Map(runs.map((run, at) => [run.id, { run, at }]))
    const entries = new Map<string, { use: Use; at: number; digests: string[] }>()
    for (const { run: id, list, name, digest } of contents) {
      const known = order.get(id)
      if (known === undefined) continue
      const key = `${id} ${list} ${familyOf(digest)} ${name}`
      const entry = entries.get(key) ?? {
        use: { run: known.run, as: name, isMade: list === 'outputs' },
        at: known.at,
        digests: [],
      }
      entry.digests.push(digest)
      entries.set(key, entry)
    }
    const inOrder = [...entries.values()].toSorted((a, b) => a.at - b.at)
    const groups = { models: new Map<string, Group>(), datasets: new Map<string, Group>() }
    // An output that is a model has digests of both; it is a model.
    const ofModels = new Set(
      inOrder.flatMap(({ use, digests }) =>
        digests.some((digest) => kindOf(digest) === 'weights') ? [keyOf(use)] : [],
      ),
    )
    for (const { use, digests } of inOrder) {
      for (const digest of digests) listIn(this.#byDigest, digest).push(use)
      const weights = digests.find((digest) => kindOf(digest) === 'weights')
      const family = familyOf(digests[0] ?? '')
      if (weights !== undefined) groupIn(groups.models, weights).uses.push(use)
      else if (family === 'data' && !ofModels.has(keyOf(use)))
        groupIn(groups.datasets, mainOf(digests)).uses.push(use)
    }
    this.models = newestFirst(groups.models)
    this.datasets = newestFirst(groups.datasets)
  }

  /** Return a part of a list. @param search Text in a name, or the first digits of a digest. */
  list(kind: ContentKind, search: string, offset: number, limit: number): ContentListBody {
    const all = this[kind]
    const wanted = search.trim().toLowerCase()
    const matching =
      wanted === ''
        ? all
        : all.filter(
            ({ digest, uses }) =>
              digest.startsWith(wanted) ||
              hexOf(digest).startsWith(wanted) ||
              uses.some(({ as }) => as.toLowerCase().includes(wanted)),
          )
    return {
      offset,
      matched: matching.length,
      total: all.length,
      contents: matching.slice(offset, offset + limit).map(describe),
    }
  }

  /** Return the runs that made and those that read what has a digest, or `undefined` if none did. */
  runsOf(
    digest: string,
  ):
    | { readonly made: ContentRunsBody; readonly used: ContentRunsBody; readonly all: readonly RunId[] }
    | undefined {
    const uses = this.#byDigest.get(digest)
    if (uses === undefined) return undefined
    const newest = uses.toReversed()
    return {
      made: runsBody(newest.filter(({ isMade }) => isMade)),
      used: runsBody(newest.filter(({ isMade }) => !isMade)),
      all: [...new Set(newest.map(({ run }) => run.id))],
    }
  }

  /** Return models that were made before under a name, the newest first. */
  earlierModels(
    digest: string,
    names: ReadonlySet<string>,
    before: string,
    limit: number,
  ): { digest: string; name: string }[] {
    const models: { digest: string; name: string }[] = []
    for (const group of this.models) {
      if (group.digest === digest) continue
      const use = group.uses.find(
        ({ as, run, isMade }) => isMade && names.has(as) && Date.parse(run.startedAt) < Date.parse(before),
      )
      if (use !== undefined) models.push({ digest: group.digest, name: use.as })
      if (models.length >= limit) break
    }
    return models
  }
}

/** The contents at one moment, and what was made of them. */
interface Kept {
  readonly contents: StoredContents
  groups?: ContentsOfStore
  linked?: LinkedContents
}

/** A source of contents: a store, or the index of a server. */
export interface ContentSource {
  /**
   * Return the contents as they are now, or `known` itself if nothing changed since.
   *
   * @throws ERR_LINEAPRINT_STORE, and of a server ERR_LINEAPRINT_SERVICE.
   */
  readonly read: (known: StoredContents | undefined) => Promise<StoredContents>
}

/** Return the source that a store is. What it tells is kept for a moment: all views of a page ask for it. */
export function contentsOf(store: Store): ContentSource {
  let readAt = -Infinity
  return {
    read: async (known) => {
      if (known !== undefined && performance.now() - readAt < KEPT_MS) return known
      const at = performance.now()
      const contents = await readStoredContents(store)
      readAt = at
      return contents
    },
  }
}

/** Return the source that the index of a server is: the contents are those of the lists. */
export function indexedContents(index: ProjectIndex, reader: RunReader): ContentSource {
  let last: { readonly indexed: ContentList; readonly contents: StoredContents } | undefined
  let readAt = -Infinity
  return {
    read: async (known) => {
      const indexed = await index.contents()
      const hasJournals = indexed.runs.some(hasNotEnded)
      const isCurrent = !hasJournals || performance.now() - readAt < JOURNAL_MS
      if (indexed === last?.indexed && isCurrent && known === last.contents) return known
      readAt = performance.now()
      const contents = await withJournals(indexed, async (id) => reader.run(id))
      last = { indexed, contents }
      return contents
    },
  }
}

/** The contents of a store, kept until they have changed. */
export class Contents {
  readonly store: Store
  readonly #source: ContentSource
  #kept: Kept | undefined
  /** Reads follow each other: the second one finds what the first one kept. */
  #queue: Promise<unknown> = Promise.resolve()

  constructor(store: Store, source: ContentSource) {
    this.store = store
    this.#source = source
  }

  /** Return the contents as they are now, or were a moment ago. @throws The errors of the source. */
  async current(): Promise<ContentsOfStore> {
    const kept = await this.#latest()
    return (kept.groups ??= new ContentsOfStore(kept.contents.runs, kept.contents.contents))
  }

  /** Return the contents with the links of a lineage. @throws The errors of the source. */
  async linked(): Promise<LinkedContents> {
    const kept = await this.#latest()
    const { contents } = kept
    return (kept.linked ??= { contents, links: new ContentLinks(contents) })
  }

  async #latest(): Promise<Kept> {
    const read = this.#queue.then(async () => {
      const contents = await this.#source.read(this.#kept?.contents)
      if (contents !== this.#kept?.contents) this.#kept = { contents }
      return this.#kept ?? { contents }
    })
    this.#queue = read.catch(() => undefined)
    return read
  }
}

/** Return the kind of a written digest; empty for a plain one. */
export function kindOf(digest: string): string {
  return /^([a-z-]+)(?:\([^()]*\))?\./.exec(digest)?.[1] ?? ''
}

const MODEL_KINDS: ReadonlySet<string> = new Set([
  'weights',
  'architecture',
  'family',
  'graph',
  'pipeline',
  'adapter',
])

/** Return which sections a digest can be of: in one run, a model and a dataset can have one name. */
function familyOf(digest: string): 'model' | 'tokenizer' | 'data' {
  const kind = kindOf(digest)
  if (MODEL_KINDS.has(kind)) return 'model'
  return kind === 'tokenizer' ? 'tokenizer' : 'data'
}

/** Kinds by which what has several digests is named only if it has no other. */
const INNER_KINDS: ReadonlySet<string> = new Set(['table', 'sequence', 'splits'])

/** Return the digest of the bytes rather than that of a table in them. */
function mainOf(digests: readonly string[]): string {
  const ofBytes = digests.find((digest) => kindOf(digest) === '')
  const outer = digests.find((digest) => !INNER_KINDS.has(kindOf(digest)))
  return ofBytes ?? outer ?? digests[0] ?? ''
}

function keyOf({ run, as, isMade }: Use): string {
  return `${run.id} ${isMade} ${as}`
}

function listIn(map: Map<string, Use[]>, key: string): Use[] {
  const list = map.get(key) ?? []
  map.set(key, list)
  return list
}

function groupIn(map: Map<string, Group>, digest: string): Group {
  const group = map.get(digest) ?? { digest, uses: [] }
  map.set(digest, group)
  return group
}

function newestFirst(groups: ReadonlyMap<string, Group>): Group[] {
  const startOf = ({ uses }: Group): number => Date.parse(uses.at(-1)?.run.startedAt ?? '')
  const dated = [...groups.values()].map((group) => [startOf(group), group] as const)
  return dated.toSorted(([a], [b]) => b - a).map(([, group]) => group)
}

function describe({ digest, uses }: Group): ListedContentBody {
  const names = [...new Set(uses.toReversed().map(({ as }) => as))]
  const [first, last] = [uses[0], uses.at(-1)]
  return {
    digest,
    names: names.slice(0, NAMES).map((name) => name.slice(0, 200)),
    nameCount: names.length,
    made: runCount(uses.filter(({ isMade }) => isMade)),
    used: runCount(uses.filter(({ isMade }) => !isMade)),
    firstAt: first?.run.startedAt ?? '',
    lastAt: last?.run.startedAt ?? '',
    lastRun: last?.run.id ?? '',
  }
}

function runCount(uses: readonly Use[]): number {
  return new Set(uses.map(({ run }) => run.id)).size
}

function runsBody(newest: readonly Use[]): ContentRunsBody {
  const byRun = new Map<string, Use>()
  for (const use of newest) if (!byRun.has(use.run.id)) byRun.set(use.run.id, use)
  return {
    count: byRun.size,
    runs: [...byRun.values()].slice(0, RUNS).map(({ run, as }) => ({
      run: run.id,
      name: run.name.slice(0, 500),
      runName: run.runName?.slice(0, 500) ?? null,
      status: run.status,
      startedAt: run.startedAt,
      as: as.slice(0, 500),
    })),
  }
}
