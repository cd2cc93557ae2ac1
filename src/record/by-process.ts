/** Values that several processes gave under one name, and their names in the record. */
import { distinctName, distinctionOf, distinctions } from './positions.ts'
import type { ReportingProcess } from './record.ts'

/** The process of a value; 0 stands for the process that writes the run. */
type ProcessNumber = number

type Processes = ReadonlyMap<ProcessNumber, ReportingProcess>

/** Series of values by name and process. A process has a series of its own under each name. */
export class SeriesByProcess<T> {
  readonly #names = new Map<string, Map<ProcessNumber, T>>()
  /** Names in the record by the names that processes used, until another process uses the name. */
  readonly #keys = new Map<string, ReadonlyMap<ProcessNumber, string>>()

  /** Return the series of a process; `undefined` if it has none of that name. */
  get(name: string, process: ProcessNumber): T | undefined {
    return this.#names.get(name)?.get(process)
  }

  /** Set the series of a process. */
  set(name: string, process: ProcessNumber, series: T): void {
    const known = this.#names.get(name)
    if (known?.has(process) !== true) this.#keys.delete(name)
    if (known === undefined) this.#names.set(name, new Map([[process, series]]))
    else known.set(process, series)
  }

  /**
   * Return the name in the record of a series. While the run goes on, it is the name that the record would have if it
   * ended now: a process that started earlier can still take it.
   */
  key(name: string, process: ProcessNumber, processes: Processes): string {
    let keys = this.#keys.get(name)
    if (keys === undefined) {
      const words = distinctions([...(this.#names.get(name)?.keys() ?? [])], processes)
      keys = new Map([...words].map(([number, distinction]) => [number, distinctName(name, distinction)]))
      this.#keys.set(name, keys)
    }
    return keys.get(process) ?? name
  }

  /** Return all series with their names in the record; those of one name in the order of their positions. */
  named(processes: Processes): NamedSeries<T>[] {
    const taken = new Set(this.#names.keys())
    return [...this.#names].flatMap(([name, series]) => {
      const words = distinctions([...series.keys()], processes)
      return [...series]
        .map(([process, value]) => ({ name, process, value, distinction: words.get(process) ?? '' }))
        .toSorted((a, b) => compareNatural(a.distinction, b.distinction))
        .map(({ distinction, ...entry }) => ({ ...entry, key: unusedName(name, distinction, taken) }))
    })
  }
}

/** The series of one process under one name. */
export interface NamedSeries<T> {
  /** The name in the record. */
  readonly key: string
  /** The name that the process used. */
  readonly name: string
  readonly process: ProcessNumber
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
      return inOrder.map(([position, value]): [string, T] => [unusedName(name, position, taken), value])
    })
  }
}

/** Return the name in the record. A name that a process used itself is not given to another series. */
function unusedName(name: string, distinction: string, taken: Set<string>): string {
  if (distinction === '') return name
  const wanted = distinctName(name, distinction)
  let key = wanted
  for (let number = 2; taken.has(key); number++) key = `${wanted} (${number})`
  taken.add(key)
  return key
}

let collator: Intl.Collator | undefined

/** Order texts with numbers by their numbers: rank 2 before rank 10. */
function compareNatural(a: string, b: string): number {
  // Most runs have one process, and need none.
  collator ??= new Intl.Collator('en', { numeric: true })
  return collator.compare(a, b)
}
