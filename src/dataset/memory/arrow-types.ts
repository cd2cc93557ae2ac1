/** Types of columns of Arrow, as a table in memory is written with them. */
import { LineaprintError } from '../../core/errors.ts'

/** Units of times, in the order of their numbers in Arrow. */
export const TIME_UNITS = ['s', 'ms', 'us', 'ns'] as const

/** One of {@link TIME_UNITS}. */
export type TimeUnit = (typeof TIME_UNITS)[number]

/** Units of intervals, in the order of their numbers in Arrow. */
export const INTERVAL_UNITS = ['year_month', 'day_time', 'month_day_nano'] as const

/** A type of Arrow. */
export type ArrowType =
  | { readonly kind: 'null' | 'bool' | 'utf8' | 'binary' | 'large_utf8' | 'large_binary' }
  | { readonly kind: 'utf8_view' | 'binary_view' }
  | { readonly kind: 'int'; readonly bits: 8 | 16 | 32 | 64; readonly isSigned: boolean }
  | { readonly kind: 'float'; readonly bits: 16 | 32 | 64 }
  | { readonly kind: 'fixed_binary'; readonly width: number }
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number; readonly bits: number }
  | { readonly kind: 'date'; readonly bits: 32 | 64 }
  | { readonly kind: 'time'; readonly bits: 32 | 64; readonly unit: TimeUnit }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly zone?: string | undefined }
  | { readonly kind: 'duration'; readonly unit: TimeUnit }
  | { readonly kind: 'interval'; readonly unit: (typeof INTERVAL_UNITS)[number] }
  | { readonly kind: 'list' | 'large_list'; readonly item: ArrowType }
  | { readonly kind: 'fixed_list'; readonly size: number; readonly item: ArrowType }
  | { readonly kind: 'struct'; readonly fields: readonly ArrowField[] }
  | { readonly kind: 'map'; readonly key: ArrowType; readonly value: ArrowType }
  | {
      readonly kind: 'dictionary'
      readonly id: number
      readonly index: ArrowType & { kind: 'int' }
      readonly values: ArrowType
    }

/** A named column or member of a structure. */
export interface ArrowField {
  readonly name: string
  readonly type: ArrowType
  /** True for the entries of a map and their keys, which are never null. */
  readonly isRequired?: true
}

/** Bytes of a value of a type of fixed width; `undefined` of others, and of bits. */
export function widthOf(type: ArrowType): number | undefined {
  if (type.kind === 'dictionary') return widthOf(type.index)
  if (type.kind === 'fixed_binary') return type.width
  if (type.kind === 'interval') return { year_month: 4, day_time: 8, month_day_nano: 16 }[type.unit]
  if ('bits' in type) return type.bits / 8
  return type.kind === 'timestamp' || type.kind === 'duration' ? 8 : undefined
}

/** Types whose spelling is one word. */
const WORDS: ReadonlyMap<string, ArrowType> = new Map<string, ArrowType>([
  ...(['null', 'bool', 'utf8', 'binary'] as const).map((kind) => [kind, { kind }] as const),
  ...([8, 16, 32, 64] as const).flatMap((bits) => [
    [`int${bits}`, { kind: 'int', bits, isSigned: true }] as const,
    [`uint${bits}`, { kind: 'int', bits, isSigned: false }] as const,
  ]),
  ...([16, 32, 64] as const).map((bits) => [`float${bits}`, { kind: 'float', bits }] as const),
  ...([32, 64] as const).map((bits) => [`date${bits}`, { kind: 'date', bits }] as const),
])

/** Parse the spelling of a type that the addon has accepted. */
export function parseType(spelling: string): ArrowType {
  const parser = new TypeParser(spelling)
  const type = parser.type()
  parser.end()
  return type
}

/** The grammar is in `docs/format.md`, "Types". */
class TypeParser {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  type(): ArrowType {
    const word = this.#match(/[a-z_0-9]+/y)
    const known = WORDS.get(word)
    if (known !== undefined) return known
    switch (word) {
      case 'fixed_binary':
        return { kind: 'fixed_binary', width: Number(this.#arguments()[0]) }
      case 'decimal': {
        const [precision, scale] = this.#arguments().map(Number)
        return {
          kind: 'decimal',
          precision: precision ?? 0,
          scale: scale ?? 0,
          bits: (precision ?? 0) > 38 ? 256 : 128,
        }
      }
      case 'time32':
      case 'time64':
        return { kind: word.slice(0, 4) as 'time', bits: word === 'time32' ? 32 : 64, unit: this.#unit() }
      case 'timestamp': {
        const [unit, zone] = this.#arguments()
        return { kind: 'timestamp', unit: unit as TimeUnit, zone }
      }
      case 'duration':
        return { kind: 'duration', unit: this.#unit() }
      case 'interval':
        return { kind: 'interval', unit: this.#arguments()[0] as (typeof INTERVAL_UNITS)[number] }
      case 'list':
        return this.#within(() => ({ kind: 'list', item: this.type() }))
      case 'fixed_list':
        return this.#within(() => {
          const size = Number(this.#match(/\d+/y))
          this.#match(/,/y)
          return { kind: 'fixed_list', size, item: this.type() }
        })
      case 'map':
        return this.#within(() => {
          const key = this.type()
          this.#match(/,/y)
          return { kind: 'map', key, value: this.type() }
        })
      case 'struct':
        return this.#within(() => ({ kind: 'struct', fields: this.#fields() }))
      default:
        throw this.#error()
    }
  }

  end(): void {
    if (this.#at !== this.#text.length) throw this.#error()
  }

  #fields(): ArrowField[] {
    const fields: ArrowField[] = []
    while (this.#text[this.#at] !== '>') {
      if (fields.length > 0) this.#match(/,/y)
      const name = this.#name()
      this.#match(/:/y)
      fields.push({ name, type: this.type() })
    }
    return fields
  }

  #name(): string {
    if (this.#text[this.#at] !== '"') return this.#match(/[A-Za-z0-9_\-+/.]+/y)
    return this.#match(/"(?:[^"\\]|\\.)*"/sy)
      .slice(1, -1)
      .replaceAll(/\\(.)/gs, '$1')
  }

  #unit(): TimeUnit {
    return this.#arguments()[0] as TimeUnit
  }

  #arguments(): string[] {
    this.#match(/\(/y)
    const matched = [this.#name()]
    while (this.#text[this.#at] === ',') {
      this.#at += 1
      matched.push(this.#name())
    }
    this.#match(/\)/y)
    return matched
  }

  #within(inner: () => ArrowType): ArrowType {
    this.#match(/</y)
    const type = inner()
    this.#match(/>/y)
    return type
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const matched = pattern.exec(this.#text)?.[0]
    if (matched === undefined) throw this.#error()
    this.#at += matched.length
    return matched
  }

  #error(): LineaprintError {
    return new LineaprintError('ERR_LINEAPRINT_INTERNAL', 'a type was not parsed', { received: this.#text })
  }
}
