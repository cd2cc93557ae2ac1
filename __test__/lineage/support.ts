/** Stores of records that were written by hand. */
import { storeIn } from '../../src/store/store.ts'
import { folderOf } from '../support/folder.ts'
import { recordOf, writeRun } from '../database/support.ts'
import type { Lineage } from '../../src/lineage/graph.ts'
import type { RunRecord, TrackedRecord } from '../../src/record/record.ts'
import type { Store } from '../../src/store/store.ts'

/** Return the plain digest that stands for some content. */
export function digestOf(content: string): string {
  return `blake3:${Buffer.from(content).toString('hex').padEnd(64, '0')}`
}

/** Return the entry of a file with this content. */
export function file(
  content: string,
  path: string = `/data/${content}`,
): Extract<TrackedRecord, { status: 'tracked' }> {
  return { status: 'tracked', kind: 'file', path, bytes: content.length, digest: digestOf(content) }
}

/** A run that read and made files, by the content of each under its name. */
export interface WrittenRun extends Partial<RunRecord> {
  readonly reads?: Readonly<Record<string, string>>
  readonly makes?: Readonly<Record<string, string>>
}

/** Return a store with runs that started one second after the other. */
export function storeOf(runs: Readonly<Record<string, WrittenRun>>): Store {
  const store = storeIn(folderOf())
  Object.entries(runs).forEach(([id, { reads = {}, makes = {}, ...fields }], index) => {
    const startedAt = new Date(Date.UTC(2026, 0, 1) + index * 1000).toISOString()
    const files = (entries: Readonly<Record<string, string>>): Record<string, TrackedRecord> =>
      Object.fromEntries(Object.entries(entries).map(([name, content]) => [name, file(content)]))
    writeRun(
      store,
      recordOf(id, { name: `of ${id}`, startedAt, datasets: files(reads), outputs: files(makes), ...fields }),
    )
  })
  return store
}

/** Return the edges of a lineage in a short form: `run a -> outputs a x (recorded)`. */
export function edgesOf({ edges }: Lineage): string[] {
  return edges.map(({ from, to, evidence }) => `${from} -> ${to} (${evidence})`).toSorted()
}
