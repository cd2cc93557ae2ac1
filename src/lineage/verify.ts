/** Checks of the edges of a lineage against the files of today. */
import { checkKnown } from '../core/options.ts'
import { LineaprintError } from '../core/errors.ts'
import { verifyEntry } from '../compare/tracked.ts'
import { hashFile } from '../hash/file.ts'
import { reasonOf } from '../record/failure.ts'
import { checkSeal } from '../record/seal.ts'
import { readRun } from '../store/runs.ts'
import { checkStore, runFolder } from '../store/store.ts'
import { isReadError } from '../util/fs.ts'
import { NOUNS, adjacencyOf, checkLineage } from './graph.ts'
import type { ReadLimits } from '../compare/tracked.ts'
import type { RunId } from '../core/run-id.ts'
import type { StepCode } from '../record/record.ts'
import type { StoredRun } from '../store/runs.ts'
import type { Store } from '../store/store.ts'
import type { EdgeCheck, ItemNode, Lineage, LineageEdge, LineageNode } from './graph.ts'

/** The worst of several results decides. */
const RANKS: Readonly<Record<EdgeCheck['status'], number>> = {
  changed: 3,
  missing: 2,
  'not-checked': 1,
  same: 0,
}

const SAME: EdgeCheck = { status: 'same', detail: '' }

/**
 * Compare each edge of a lineage with the files as they are now: both ends and the code of the step are digested again, and
 * the seals of the runs are checked. An edge is `same` only if all of these are as recorded.
 *
 * Cost: one read of everything that the lineage names, each once for each run that recorded it.
 *
 * @param lineage From `readLineage`.
 * @returns The lineage, with the result on each edge.
 * @throws The reason of the signal.
 */
export async function verifyLineage(
  store: Store,
  lineage: Lineage,
  limits: ReadLimits = {},
): Promise<Lineage> {
  checkStore(store)
  checkLineage(lineage)
  checkKnown(limits, ['signal', 'onProgress'])
  const checker = new Checker(store, limits)
  const { nodes } = adjacencyOf(lineage)
  const edges: LineageEdge[] = []
  for (const edge of lineage.edges) edges.push({ ...edge, check: await checker.edge(edge, nodes) })
  return { ...lineage, edges }
}

class Checker {
  readonly #store: Store
  readonly #limits: ReadLimits
  readonly #runs = new Map<RunId, Promise<StoredRun | EdgeCheck>>()
  readonly #items = new Map<string, EdgeCheck>()
  readonly #files = new Map<string, EdgeCheck>()

  constructor(store: Store, limits: ReadLimits) {
    this.#store = store
    this.#limits = limits
  }

  async edge(
    { from, to, code = [] }: LineageEdge,
    nodes: ReadonlyMap<string, LineageNode>,
  ): Promise<EdgeCheck> {
    const parts: EdgeCheck[] = []
    for (const id of [from, to]) {
      const node = nodes.get(id)
      if (node === undefined) parts.push({ status: 'not-checked', detail: 'a node of the edge is not there' })
      else parts.push(node.kind === 'run' ? await this.#seal(node.run) : await this.#item(node))
    }
    for (const part of code) parts.push(await this.#code(part))
    return parts.reduce((worst, part) => (RANKS[part.status] > RANKS[worst.status] ? part : worst), SAME)
  }

  async #seal(id: RunId): Promise<EdgeCheck> {
    const run = await this.#run(id)
    if ('detail' in run) return run
    const seal = checkSeal(run.record)
    if (seal === 'holds') return SAME
    return seal === 'broken'
      ? { status: 'changed', detail: `the record of run ${id} was changed after it was sealed` }
      : { status: 'not-checked', detail: `run ${id} has not ended, so its record has no seal` }
  }

  async #item(node: ItemNode): Promise<EdgeCheck> {
    const known = this.#items.get(node.id)
    if (known !== undefined) return known
    const check = await this.#readItem(node)
    this.#items.set(node.id, check)
    return check
  }

  async #readItem({ run: id, section, name }: ItemNode): Promise<EdgeCheck> {
    const seal = await this.#seal(id)
    if (section === null)
      return { status: 'not-checked', detail: `run ${id} did not track ${JSON.stringify(name)}` }
    const run = await this.#run(id)
    if ('detail' in run || seal.status === 'changed') return seal
    const { status, detail } = await verifyEntry(run, section, name, this.#limits)
    if (status === 'same') return seal
    const label = `${NOUNS[section]} ${JSON.stringify(name)} of run ${id}`
    return { status, detail: detail === '' ? label : `${label}: ${detail}` }
  }

  async #code(part: StepCode): Promise<EdgeCheck> {
    if (part.kind === 'source')
      return {
        status: 'not-checked',
        detail: `the source of the function ${JSON.stringify(part.name)} has no file`,
      }
    const { path, digest } = part
    const key = JSON.stringify([path, digest])
    const known = this.#files.get(key)
    if (known !== undefined) return known
    const check = await this.#readCode(path, digest)
    this.#files.set(key, check)
    return check
  }

  async #readCode(path: string, digest: string): Promise<EdgeCheck> {
    const { signal } = this.#limits
    try {
      const algorithm = digest.startsWith('sha256:') ? 'sha256' : 'blake3'
      const present = await hashFile(path, { algorithm, signal })
      if (present.digest.toString() === digest) return SAME
      return { status: 'changed', detail: `the code ${path} differs` }
    } catch (error) {
      signal?.throwIfAborted()
      if (!isReadError(error)) throw error
      const isMissing = LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_NOT_FOUND'
      return { status: isMissing ? 'missing' : 'not-checked', detail: reasonOf(error) }
    }
  }

  /** Return a run, or the result for every edge of a run that cannot be read. */
  #run(id: RunId): Promise<StoredRun | EdgeCheck> {
    const known = this.#runs.get(id)
    if (known !== undefined) return known
    const reading = readRun(runFolder(this.#store, id)).catch((error: unknown): EdgeCheck => {
      if (!LineaprintError.is(error)) throw error
      return { status: 'not-checked', detail: `run ${id} cannot be read: ${reasonOf(error)}` }
    })
    this.#runs.set(id, reading)
    return reading
  }
}
