/** Parameters that programs reported: equal values of several sources are one parameter. */
import { ValuesByPosition } from './by-process.ts'
import type { JsonValue } from '../core/json-value.ts'
import type { ParameterEvent } from './events.ts'
import type { ParameterRecord, ReportingProcess } from './record.ts'

/** The values of one name by their source; a later value of a source replaces an earlier one. */
type BySource = Map<string, JsonValue>

/** The parameters of a run. */
export class Parameters {
  readonly #processes = new Map<number, Map<string, BySource>>()

  /** Set the value of a source. */
  set({ name, value, source, process = 0 }: Omit<ParameterEvent, 'type'>): void {
    const names = this.#processes.get(process) ?? new Map<string, BySource>()
    this.#processes.set(process, names)
    const sources: BySource = names.get(name) ?? new Map<string, JsonValue>()
    names.set(name, sources.set(source, value))
  }

  /** Return the parameters by their names in the record; `undefined` if there are none. */
  record(
    processOf: (number: number) => ReportingProcess | undefined,
  ): Record<string, ParameterRecord> | undefined {
    if (this.#processes.size === 0) return undefined
    const values = new ValuesByPosition<ParameterRecord>()
    for (const [process, names] of this.#processes)
      for (const [name, sources] of names)
        for (const [suffix, parameter] of partsOf(sources))
          values.set(`${name}${suffix}`, parameter, processOf(process))
    return Object.fromEntries(values.named((_, parameter) => JSON.stringify(parameter)))
  }
}

/** Return the different values of one name: the first keeps the name, and the others add their source. */
function partsOf(sources: BySource): [suffix: string, parameter: ParameterRecord][] {
  const parts: { value: JsonValue; sources: string[] }[] = []
  for (const [source, value] of sources) {
    const equal = parts.find((part) => isSameValue(part.value, value))
    if (equal === undefined) parts.push({ value, sources: [source] })
    else {
      equal.sources.push(source)
      // Text is how a source wrote a value that another one has as it is.
      if (typeof equal.value === 'string') equal.value = value
    }
  }
  return parts.map((part, index) => [index === 0 ? '' : ` (${part.sources[0]})`, part])
}

/** Check whether two sources have the same value. MLflow writes every value as text, in the way of Python. */
function isSameValue(a: JsonValue, b: JsonValue): boolean {
  if (JSON.stringify(a) === JSON.stringify(b)) return true
  if (typeof a === 'string') return isTextOf(a, b)
  return typeof b === 'string' && isTextOf(b, a)
}

/** Texts of Python for the values of JSON that have no digits. */
const WORDS: ReadonlyMap<string, boolean | null> = new Map([
  ['True', true],
  ['False', false],
  ['None', null],
])

function isTextOf(text: string, value: JsonValue): boolean {
  if (WORDS.has(text)) return WORDS.get(text) === value
  return typeof value === 'number' && text.trim() !== '' && Number(text) === value
}
