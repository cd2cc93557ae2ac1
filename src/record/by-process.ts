/** Values that several processes gave under one name, and their names in the record. */
import { distinctName, distinctionOf, distinctions } from './positions.ts'
import { compareNatural } from '../util/natural-order.ts'
import type { ReportingProcess } from './record.ts'

/** The process of a value; 0 stands for the process that writes the run. */
type ProcessNumber = number

type Processes = ReadonlyMap<ProcessNumber, ReportingProcess>

/** The source of a series; the empty text for values that were logged with lineaprint. */
type Source = string

/**
 * Series of values by name, process and source. A process has a series of its own under each name; if it reported
 * different values to several libraries, it has one for each of them.
 */
export class SeriesByProcess<T> {
  readonly #names = new Map<string, Map<ProcessNumber, Map<Source, T>>>()
  /** Names in the record by the names that processes used, until another process or source uses the name. */
  readonly #keys = new Map<string, ReadonlyMap<string, string>>()

  /** Return the series of a process; `undefined` if it has none of that name. */
  get(name: string, process: ProcessNumber, source: Source = ''): T | undefined {
    return this.#names.get(name)?.get(process)?.get(source)
  }

  /** Set the series of a process. */
  set(name: string, process: ProcessNumber, series: T, source: Source = ''): void {
    const processes = this.#names.get(name) ?? new Map<ProcessNumber, Map<Source, T>>()
    this.#names.set(name, processes)
    const sources = processes.get(process) ?? new Map<Source, T>()
    processes.set(process, sources)
    if (!sources.has(source)) this.#keys.delete(name)
    sources.set(source, series)
  }

  /**
   * Return the name in the record of a series. While the run is running, it is the name that the record would have if it
   * ended now: a process that started earlier can still take it.
   */
  key(name: string, process: ProcessNumber, processes: Processes, source: Source = ''): string {
    let keys = this.#keys.get(name)
    if (keys === undefined) {
      const series = this.#series(name, processes)
      keys = new Map(
        series.map((entry) => [`${entry.process} ${entry.source}`, wantedName(name, entry)] as const),
      )
      this.#keys.set(name, keys)
    }
    return keys.get(`${process} ${source}`) ?? name
  }

  /** Return all series with their names in the record; those of one name in the order of their positions. */
  named(processes: Processes): NamedSeries<T>[] {
    const taken = new Set(this.#names.keys())
    return [...this.#names.keys()].flatMap((name) =>
      this.#series(name, processes)
        .toSorted((a, b) => compareNatural(a.distinction, b.distinction))
        .map((series) => {
          const { process, source, value } = series
          return { name, process, source, value, key: unusedName(name, wantedName(name, series), taken) }
        }),
    )
  }

  /** Return the series of one name, with what distinguishes them. */
  #series(name: string, processes: Processes): DistinctSeries<T>[] {
    const byProcess = this.#names.get(name) ?? new Map<ProcessNumber, Map<Source, T>>()
    const words = distinctions([...byProcess.keys()], processes)
    return [...byProcess].flatMap(([process, sources]) => {
      // What the program logged itself keeps the name, otherwise what it reported first.
      const first = sources.has('') ? '' : [...sources.keys()][0]
      return [...sources]
        .toSorted(([a], [b]) => Number(b === first) - Number(a === first))
        .map(([source, value]) => ({
          process,
          source,
          value,
          distinction: words.get(process) ?? '',
          apart: source === first ? '' : source,
        }))
    })
  }
}

interface DistinctSeries<T> {
  readonly process: ProcessNumber
  readonly source: Source
  readonly value: T
  /** The words that distinguish its process. */
  readonly distinction: string
  /** The source, if another one of the process has the name; otherwise empty. */
  readonly apart: Source
}

function wantedName(name: string, { distinction, apart }: DistinctSeries<unknown>): string {
  const distinct = distinctName(name, distinction)
  return apart === '' ? distinct : `${distinct} (${apart})`
}

/** The series of one process under one name. */
export interface NamedSeries<T> {
  /** The name in the record. */
  readonly key: string
  /** The name that the process used. */
  readonly name: string
  readonly process: ProcessNumber
  /** The source of its values; empty for what the program logged itself. */
  readonly source: Source
  readonly value: T
}

/**
 * Values by name and position. A later value of the same position replaces an earlier one. Processes at different
 * positions, such as the ranks of a job, can use one name for different values.
 */
export class ValuesByPosition<T> {
  readonly #names = new Map<string, Map<string, T>>()

  constructor(values: Iterable<readonly [string, T]> = []) {
    for (const [name, value] of values) this.#names.set(name, new Map([['', value]]))
  }

  /** Return the value of a position; that of the process that writes the run if no process is given. */
  get(name: string, process?: ReportingProcess): T | undefined {
    return this.#names.get(name)?.get(distinctionOf(process))
  }

  /** Set the value of a position. */
  set(name: string, value: T, process?: ReportingProcess): void {
    const known = this.#names.get(name)
    if (known === undefined) this.#names.set(name, new Map([[distinctionOf(process), value]]))
    else known.set(distinctionOf(process), value)
  }

  /** Return every value with its name; values of several positions have the same name. */
  *[Symbol.iterator](): Iterator<readonly [string, T]> {
    for (const [name, values] of this.#names) for (const value of values.values()) yield [name, value]
  }

  /**
   * Return the values by their names in the record. Positions with equal values share the name that they used.
   *
   * @param identity Returns equal texts for equal values; `undefined` for a value that equals no other.
   */
  named(identity: (name: string, value: T) => string | undefined): [key: string, value: T][] {
    const taken = new Set(this.#names.keys())
    return [...this.#names].flatMap(([name, values]) => {
      const inOrder = [...values].toSorted(([a], [b]) => compareNatural(a, b))
      const [first] = inOrder
      if (first === undefined) return []
      if (inOrder.length === 1) return [[name, first[1]] as [string, T]]
      const identities = inOrder.map(([, value]) => identity(name, value))
      if (identities[0] !== undefined && new Set(identities).size === 1)
        return [[name, first[1]] as [string, T]]
      return inOrder.map(([position, value]): [string, T] => [
        unusedName(name, distinctName(name, position), taken),
        value,
      ])
    })
  }
}

/** Return the name in the record. A name that a process used itself is not given to another series. */
function unusedName(name: string, wanted: string, taken: Set<string>): string {
  if (wanted === name) return name
  let key = wanted
  for (let number = 2; taken.has(key); number++) key = `${wanted} (${number})`
  taken.add(key)
  return key
}
