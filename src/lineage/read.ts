/**
 * Reading a lineage: what led to something, and what came of it, within runs and across them.
 *
 * The index of a store only says which runs to read. Every node and every edge comes from a record that was read, so a
 * forged or stale index can hide a link, and cannot make one.
 */
import { checkChoice, checkKnown, checkText } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { readStoredContents } from '../database/contents.ts'
import { reasonOf } from '../record/failure.ts'
import { readRun } from '../store/runs.ts'
import { checkStore, runFolder } from '../store/store.ts'
import { plural } from '../util/plural.ts'
import { ContentLinks } from './links.ts'
import { viewOf } from './run-view.ts'
import { REFERENCE_KINDS, findStart } from './start.ts'
import type { RunId } from '../core/run-id.ts'
import type { Store } from '../store/store.ts'
import type { Lineage, LineageEdge, LineageNode } from './graph.ts'
import type { RunView, ViewedItem, ViewedStep } from './run-view.ts'
import type { ReferenceKind, Start } from './start.ts'
import type { StoredContents } from '../database/contents.ts'

/** Options of {@link readLineage}. */
export interface LineageOptions {
  /** Kind of the reference. @default in the only way that fits */
  readonly as?: ReferenceKind | undefined
  /** Most runs between the start and a node, in either direction. @default no limit */
  readonly depth?: number | undefined
  /** Most nodes; half of them at most led to the start. The nearest ones are read. @default 20,000 in either direction */
  readonly nodes?: number | undefined
  /** Stops the work. The call then throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined
}

/** Most nodes of one lineage. */
const NODES_LIMIT = 20_000
/** Edges that lead into one item from earlier runs, and other runs that an edge names. */
const EQUAL_LIMIT = 20

/**
 * Read the lineage of something: what it was made from, and what was made from it.
 *
 * An input is linked to an output of an earlier run if both have an equal digest, whatever their names. Empty files,
 * folders and tables, and sampled digests, are not linked. An output that a declared step made comes from the sources of
 * that step alone; every other output comes from all inputs of its run.
 *
 * Cost: that of listing the runs, and one read of the record of each run of the lineage.
 *
 * @param reference A run, the name of a dataset, model, tokenizer or output (in the newest run that has it), or a digest
 * or the first 8 or more digits of one.
 * @throws ERR_LINEAPRINT_RUN if nothing fits, ERR_LINEAPRINT_AMBIGUOUS if several things do, ERR_LINEAPRINT_STORE if the
 * store cannot be read.
 */
export async function readLineage(
  store: Store,
  reference: string,
  options: LineageOptions = {},
): Promise<Lineage> {
  checkStore(store)
  checkText(reference, 'reference')
  checkKnown(options, ['as', 'depth', 'nodes', 'signal'])
  const contents = await readStoredContents(store)
  return readLineageIn(store, { contents, links: new ContentLinks(contents) }, reference, options)
}

/** The inputs and outputs of a store, and the links between them. */
export interface LinkedContents {
  readonly contents: StoredContents
  readonly links: ContentLinks
}

/** Read a lineage as {@link readLineage} does, from contents that were read before. */
export async function readLineageIn(
  store: Store,
  { contents, links }: LinkedContents,
  reference: string,
  options: LineageOptions,
): Promise<Lineage> {
  const as = options.as === undefined ? undefined : checkChoice('as', options.as, REFERENCE_KINDS)
  const depth = checkLimit('depth', options.depth, 0) ?? Infinity
  const limit = checkLimit('nodes', options.nodes, 1)
  const start = await findStart(store, reference, contents, links, as)
  const reader = new Reader(store, links, { depth, limit, signal: options.signal })
  const nodes = await reader.read(start, reference)
  const notes = [
    ...reader.notes(),
    ...(contents.slow === undefined ? [] : [contents.slow]),
    ...contents.damaged.map(({ error }) => `a run cannot be read, and is left out: ${error.message}`),
  ]
  return { reference, start: nodes, nodes: reader.nodes(), edges: reader.edges(), notes }
}

function checkLimit(field: 'depth' | 'nodes', limit: number | undefined, least: number): number | undefined {
  if (limit === undefined || (Number.isSafeInteger(limit) && limit >= least)) return limit
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `invalid ${field}`, {
    field,
    expected: `a whole number of ${field === 'depth' ? 'runs' : 'nodes'}, ${least} or more`,
    received: String(limit),
  })
}

/** A node whose edges are still to be followed. */
interface Visit {
  readonly view: RunView
  /** Absent for the run itself. */
  readonly item?: ViewedItem
  /** Runs between the start and it. */
  readonly depth: number
}

type Direction = 'up' | 'down'

class Reader {
  readonly #store: Store
  readonly #links: ContentLinks
  readonly #depth: number
  readonly #signal: AbortSignal | undefined
  readonly #views = new Map<RunId, RunView | undefined>()
  readonly #nodes = new Map<string, LineageNode>()
  readonly #edges = new Map<string, LineageEdge>()
  /** Inferred edges into each item. */
  readonly #inferred = new Map<string, number>()
  readonly #notes = new Set<string>()
  #queue: Visit[] = []
  #isCut = false
  readonly #limit: number
  /** Most nodes for now. */
  #room: number

  constructor(
    store: Store,
    links: ContentLinks,
    limits: {
      readonly depth: number
      readonly limit: number | undefined
      readonly signal: AbortSignal | undefined
    },
  ) {
    this.#store = store
    this.#links = links
    this.#depth = limits.depth
    this.#signal = limits.signal
    this.#limit = Math.min(limits.limit ?? NODES_LIMIT, NODES_LIMIT)
    // What led to the start leaves room for what came of it.
    this.#room = limits.limit === undefined ? this.#limit : Math.ceil(this.#limit / 2)
  }

  nodes(): LineageNode[] {
    return [...this.#nodes.values()]
  }

  edges(): LineageEdge[] {
    return [...this.#edges.values()]
  }

  notes(): string[] {
    const unlinked = [...this.#nodes.values()].flatMap((node) =>
      node.kind === 'item' && node.unlinked !== undefined && node.section !== null
        ? [`${node.name} of run ${node.run} is linked to no other run: ${node.unlinked}`]
        : [],
    )
    const cut = this.#isCut
      ? [`the lineage is larger: it ends at ${plural(this.#limit, 'node')}; limit it with a depth`]
      : []
    return [...this.#notes, ...unlinked, ...cut]
  }

  /** Read the lineage of what was found. @returns Ids of the nodes at its start. */
  async read(start: Start, reference: string): Promise<string[]> {
    const visits = await this.#startOf(start, reference)
    for (const { view, item } of visits) this.#add(item?.node ?? view.node)
    await this.#walk(visits, 'up')
    this.#room = this.#limit
    // What is used by several runs begins here: no run made it before, so its users are linked by its digest.
    const users: Visit[] = []
    for (const { view, item } of visits)
      if (item?.node.role === 'input') users.push(...(await this.#otherUses(view, item)))
    await this.#walk([...visits, ...users], 'down')
    return visits.map(({ view, item }) => (item?.node ?? view.node).id)
  }

  async #startOf(start: Start, reference: string): Promise<Visit[]> {
    if (start.kind === 'run') return [{ view: await this.#viewOrThrow(start.run), depth: 0 }]
    if (start.kind === 'digest') return this.#firstWith(new Set([start.digest]))
    const view = await this.#viewOrThrow(start.run)
    const items = view.items.filter(({ node }) => node.name === reference)
    if (start.others > 0)
      this.#notes.add(
        `${plural(start.others, 'earlier run')} ${start.others === 1 ? 'has' : 'have'} other content under this name; this is that of run ${start.run}`,
      )
    const visits: Visit[] = []
    for (const item of items) {
      const isLinked = item.node.role === 'input' && item.links.size > 0
      const first = isLinked ? await this.#firstWith(item.links) : []
      const isEarlier = first.some(({ view: { node } }) => this.#links.isBefore(node.run, view.node.run))
      visits.push(...(isEarlier ? first : [{ view, item, depth: 0 }]))
    }
    return [...new Map(visits.map((visit) => [visit.item?.node.id, visit])).values()]
  }

  /** Return the first node of a content: the input of a run that read it before any run made it, or the output of the first run that made it. */
  async #firstWith(digests: ReadonlySet<string>): Promise<Visit[]> {
    const makers = this.#links.makers(digests)
    for (const run of this.#links.holders(digests)) {
      const view = await this.#view(run)
      const holding = view?.items.filter(
        ({ node, links }) => shares(links, digests) || digests.has(node.digest ?? ''),
      )
      const [first] = holding ?? []
      if (view === undefined || holding === undefined || first === undefined) continue
      const { role } = holding.find(({ node }) => node.role === 'input')?.node ?? first.node
      const others = makers.filter((maker) => maker !== run)
      if (others.length > 0)
        this.#notes.add(
          `${plural(others.length, 'later run')} made the same content as run ${run}, which had it first`,
        )
      return holding.filter(({ node }) => node.role === role).map((item) => ({ view, item, depth: 0 }))
    }
    throw new LineaprintError('ERR_LINEAPRINT_RUN', 'no record that can be read has this digest', {
      path: this.#store.root,
      received: [...digests][0] ?? '',
      hint: '"lineaprint list" names the runs that cannot be read',
    })
  }

  /** Follow the edges of one direction, nearest first. */
  async #walk(visits: readonly Visit[], direction: Direction): Promise<void> {
    const seen = new Set(visits.map(({ view, item }) => (item?.node ?? view.node).id))
    this.#queue = [...visits]
    for (let at = 0; at < this.#queue.length; at++) {
      this.#signal?.throwIfAborted()
      const visit = this.#queue[at]
      if (visit === undefined) break
      const next = await (direction === 'up' ? this.#sourcesOf(visit) : this.#resultsOf(visit))
      for (const reached of next) {
        const { id } = reached.item?.node ?? reached.view.node
        if (seen.has(id)) continue
        seen.add(id)
        this.#queue.push(reached)
      }
    }
  }

  /** Add the edges into a node. Return the nodes that they come from. */
  async #sourcesOf({ view, item, depth }: Visit): Promise<Visit[]> {
    if (item === undefined) return this.#inputsOf(view, depth)
    const { node } = item
    const steps = view.steps.filter(({ made }) => made.node.id === node.id)
    const sources = steps.flatMap((step) =>
      this.#stepEdges(view, step).map((from) => ({ view, item: from, depth })),
    )
    if (node.role === 'output') {
      if (
        depth >= this.#depth ||
        !this.#edge({ from: view.node.id, to: node.id, evidence: 'recorded' }, view.node, node)
      )
        return sources
      if (steps.length === 0) return [{ view, depth: depth + 1 }]
      // What was declared names the inputs that count; they went into the run as well.
      for (const { item: from } of sources)
        if (from.node.role === 'input' && from.node.section !== null)
          this.#edge({ from: from.node.id, to: view.node.id, evidence: 'recorded' }, from.node, view.node)
      return sources
    }
    return [...sources, ...(await this.#makersOf(view, item, depth))]
  }

  #inputsOf(view: RunView, depth: number): Visit[] {
    const inputs = view.items.filter(({ node }) => node.role === 'input')
    return inputs.flatMap((item) =>
      this.#edge({ from: item.node.id, to: view.node.id, evidence: 'recorded' }, item.node, view.node)
        ? [{ view, item, depth }]
        : [],
    )
  }

  /** Add the edges of a declared step, and return its sources. */
  #stepEdges({ node }: RunView, { made, sources, declared }: ViewedStep): ViewedItem[] {
    const { step, params, code } = declared
    const recorded = {
      ...(step !== undefined && { step }),
      ...(params !== undefined && { params }),
      ...(code !== undefined && { code }),
    }
    return sources.filter((source) =>
      this.#edge(
        { from: source.node.id, to: made.node.id, evidence: 'declared', run: node.run, ...recorded },
        source.node,
        made.node,
      ),
    )
  }

  /** Link an input to the output of an earlier run that has an equal digest: the newest, or one of the same path. */
  async #makersOf(view: RunView, item: ViewedItem, depth: number): Promise<Visit[]> {
    if (item.links.size === 0) return []
    const makers = this.#links.makersBefore(item.links, view.node.run)
    const matches: Visit[] = []
    for (const run of makers.slice(0, EQUAL_LIMIT)) {
      const maker = await this.#view(run)
      const made = maker?.items.find(({ node, links }) => node.role === 'output' && shares(links, item.links))
      if (maker !== undefined && made !== undefined) matches.push({ view: maker, item: made, depth })
      // The newest run counts, unless another one wrote this very file.
      if (made !== undefined && made.node.path === item.node.path) break
    }
    const chosen =
      matches.find(({ item: made }) => made?.node.path === item.node.path && item.node.path !== null) ??
      matches[0]
    if (chosen?.item === undefined) return []
    const others = makers.filter((run) => run !== chosen.view.node.run)
    const isNew = this.#link(chosen.item, item, others)
    return isNew ? [chosen] : []
  }

  #link(made: ViewedItem, used: ViewedItem, others: readonly RunId[] = []): boolean {
    const digest = [...used.links].find((each) => made.links.has(each))
    if (digest === undefined) return false
    return this.#edge(
      {
        from: made.node.id,
        to: used.node.id,
        evidence: 'inferred',
        digest,
        ...(others.length > 0 && {
          alternatives: others.slice(0, EQUAL_LIMIT),
          alternativeCount: others.length,
        }),
      },
      made.node,
      used.node,
    )
  }

  /** Add the edges out of a node. Return the nodes that they lead to. */
  async #resultsOf({ view, item, depth }: Visit): Promise<Visit[]> {
    if (item === undefined) return this.#outputsOf(view, depth)
    const results: Visit[] = []
    for (const step of view.steps) {
      if (!step.sources.includes(item)) continue
      const only = { ...step, sources: [item] }
      if (this.#stepEdges(view, only).length === 0) continue
      results.push({ view, item: step.made, depth })
      const made = step.made.node
      if (made.role === 'output')
        this.#edge({ from: view.node.id, to: made.id, evidence: 'recorded' }, view.node, made)
    }
    if (item.node.role === 'output') return [...results, ...(await this.#usersOf(view, item, depth))]
    if (item.node.section === null || depth >= this.#depth) return results
    if (!this.#edge({ from: item.node.id, to: view.node.id, evidence: 'recorded' }, item.node, view.node))
      return results
    const declared = new Set(view.steps.map(({ made }) => made.node.id))
    const outputs = view.items.filter(({ node }) => node.role === 'output' && !declared.has(node.id))
    for (const made of outputs)
      if (this.#edge({ from: view.node.id, to: made.node.id, evidence: 'recorded' }, view.node, made.node))
        results.push({ view, item: made, depth: depth + 1 })
    return results
  }

  #outputsOf(view: RunView, depth: number): Visit[] {
    if (depth > this.#depth) return []
    return view.items.flatMap((item) =>
      item.node.role === 'output' &&
      this.#edge({ from: view.node.id, to: item.node.id, evidence: 'recorded' }, view.node, item.node)
        ? [{ view, item, depth }]
        : [],
    )
  }

  /** Link an output to the inputs of later runs with an equal digest. */
  async #usersOf(view: RunView, item: ViewedItem, depth: number): Promise<Visit[]> {
    if (item.links.size === 0) return []
    const results: Visit[] = []
    for (const run of this.#links.usersAfter(item.links, view.node.run)) {
      if (this.#isFull()) break
      results.push(...(await this.#useBy(run, item, depth)))
    }
    return results
  }

  async #useBy(run: RunId, made: ViewedItem, depth: number): Promise<Visit[]> {
    this.#signal?.throwIfAborted()
    const view = await this.#view(run)
    if (view === undefined) return []
    const used = view.items.filter(({ node, links }) => node.role === 'input' && shares(links, made.links))
    return used.flatMap((item) => (this.#link(made, item) ? [{ view, item, depth }] : []))
  }

  /** Link the first use of a content to its other uses. Return these. */
  async #otherUses(view: RunView, item: ViewedItem): Promise<Visit[]> {
    const uses: Visit[] = []
    if (item.links.size === 0) return uses
    for (const run of this.#links.users(item.links)) {
      if (this.#isFull()) break
      if (run !== view.node.run) uses.push(...(await this.#useBy(run, item, 0)))
    }
    return uses
  }

  async #viewOrThrow(run: RunId): Promise<RunView> {
    const view = await this.#view(run)
    if (view !== undefined) return view
    throw new LineaprintError('ERR_LINEAPRINT_RUN', `the run ${run} cannot be read`, {
      path: runFolder(this.#store, run),
      hint: `"lineaprint show ${run}" says why`,
    })
  }

  /** Return a run; `undefined` if it cannot be read, which is noted. */
  async #view(run: RunId): Promise<RunView | undefined> {
    if (this.#views.has(run)) return this.#views.get(run)
    let view: RunView | undefined
    try {
      view = viewOf(await readRun(runFolder(this.#store, run)))
    } catch (error) {
      if (!LineaprintError.is(error)) throw error
      this.#notes.add(`run ${run} cannot be read, and is left out: ${reasonOf(error)}`)
    }
    this.#views.set(run, view)
    return view
  }

  #isFull(): boolean {
    const isFull = this.#nodes.size >= this.#room
    this.#isCut ||= isFull
    return isFull
  }

  #add(node: LineageNode): boolean {
    if (this.#nodes.has(node.id)) return true
    if (this.#isFull()) return false
    this.#nodes.set(node.id, node)
    return true
  }

  /** Add an edge with its nodes. Return false if there is no room for them. An edge that is there stays as it is. */
  #edge(edge: LineageEdge, from: LineageNode, to: LineageNode): boolean {
    if (!this.#add(from) || !this.#add(to)) return false
    const step = edge.evidence === 'declared' ? JSON.stringify([edge.step, edge.params, edge.code]) : ''
    const key = JSON.stringify([edge.from, edge.to, edge.evidence, step])
    if (this.#edges.has(key)) return true
    if (edge.evidence === 'inferred') {
      const into = this.#inferred.get(edge.to) ?? 0
      if (into >= EQUAL_LIMIT) return true
      this.#inferred.set(edge.to, into + 1)
    }
    this.#edges.set(key, edge)
    return true
  }
}

function shares(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  for (const each of a) if (b.has(each)) return true
  return false
}
