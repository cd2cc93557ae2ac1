/** Links across runs: which run made what another one read, by equal digests alone. */
import type { RunId } from '../core/run-id.ts'
import type { ContentList, StoredContent } from '../database/stored-contents.ts'
import type { ListedRun } from '../store/listed-run.ts'

/** The inputs and outputs of all runs by their digests, each list in the order of the starts of the runs. */
export class ContentLinks {
  readonly #byDigest: ReadonlyMap<string, readonly StoredContent[]>
  readonly #runs: ReadonlyMap<RunId, { readonly run: ListedRun; readonly order: number }>

  constructor({ runs, contents }: Pick<ContentList, 'runs' | 'contents'>) {
    this.#runs = new Map(runs.map((run, order) => [run.id, { run, order }]))
    const inOrder = contents
      .filter(({ run }) => this.#runs.has(run))
      .toSorted((a, b) => this.#order(a.run) - this.#order(b.run))
    this.#byDigest = Map.groupBy(inOrder, ({ digest }) => digest)
  }

  /** Return a run of the store. */
  run(id: RunId): ListedRun | undefined {
    return this.#runs.get(id)?.run
  }

  /** Return the runs that made content with one of these digests before a run started, the newest first. */
  makersBefore(digests: ReadonlySet<string>, user: RunId): RunId[] {
    return this.#runsWith(digests, 'outputs')
      .filter((maker) => this.isBefore(maker, user))
      .toReversed()
  }

  /** Return the runs that started after a run and read content with one of these digests, the oldest first. */
  usersAfter(digests: ReadonlySet<string>, maker: RunId): RunId[] {
    return this.#runsWith(digests, 'inputs').filter((user) => this.isBefore(maker, user))
  }

  /** Return all runs whose inputs, or outputs, have one of these digests, the oldest first. */
  #runsWith(digests: ReadonlySet<string>, list: StoredContent['list']): RunId[] {
    const runs = [...digests].flatMap((digest) =>
      (this.#byDigest.get(digest) ?? []).flatMap((content) => (content.list === list ? [content.run] : [])),
    )
    const distinct = [...new Set(runs)]
    return digests.size === 1 ? distinct : distinct.toSorted((a, b) => this.#order(a) - this.#order(b))
  }

  /** Return all runs that read or made one of these digests, the oldest first. */
  holders(digests: ReadonlySet<string>): RunId[] {
    const all = new Set([...this.makers(digests), ...this.users(digests)])
    return [...all].toSorted((a, b) => this.#order(a) - this.#order(b))
  }

  /** Return all runs that read one of these digests, the oldest first. */
  users(digests: ReadonlySet<string>): RunId[] {
    return this.#runsWith(digests, 'inputs')
  }

  /** Return all runs that made one of these digests, the oldest first. */
  makers(digests: ReadonlySet<string>): RunId[] {
    return this.#runsWith(digests, 'outputs')
  }

  /** Return the digests that begin with a text, in written form. */
  digestsWith(matches: (digest: string) => boolean): string[] {
    return [...this.#byDigest.keys()].filter(matches)
  }

  #order(id: RunId): number {
    return this.#runs.get(id)?.order ?? -1
  }

  /** Check whether a run started before another. What started in the same instant was made by neither for the other. */
  isBefore(a: RunId, b: RunId): boolean {
    const [first, second] = [this.run(a)?.startedAt, this.run(b)?.startedAt]
    if (first === undefined || second === undefined || a === b) return false
    return Date.parse(first) < Date.parse(second)
  }
}
