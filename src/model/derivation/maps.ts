/** Maps between schemes of tensor names. They are data: `maps.json` has those that come with lineaprint. */
import builtIn from './maps.json' with { type: 'json' }
import { readFile } from 'node:fs/promises'
import { parseJson } from '../../json/parse.ts'
import { LineaprintError } from '../../core/errors.ts'
import { inputError } from '../../util/fs.ts'
import type { ParsedJson } from '../../json/parse.ts'

/** Rule by which a tensor with one name follows from tensors with other names. `{i}` in a name stands for a whole number. */
export interface NameRule {
  /** Name in the scheme that the map leads to. */
  readonly to: string
  /** Names in the scheme that it starts from: several are joined. */
  readonly from: readonly string[]
  /** The axis along which several are joined. @default 0 */
  readonly axis?: number
  /** Joined group by group of rows; the number of groups is this parameter. */
  readonly groups?: string
  /** A placeholder of `from` that `to` lacks: the tensors for 0, 1, … are stacked along a new first axis. */
  readonly stack?: string
  /** The halves of the rows of each head are interleaved; the number of heads is this parameter. */
  readonly permute?: { readonly rotary: string }
  /** True if both axes change places. */
  readonly transpose?: boolean
  /** A constant that is added. */
  readonly offset?: number
}

/** Names of the tensors that hold a quantised matrix. `*` stands for the same text in all of them. */
export interface PackedNames {
  /** The way the codes are stored: words of GPTQ or AWQ, or floats of eight bits with scales beside them. */
  readonly as: 'gptq' | 'awq' | 'scaled'
  /** Name of the matrix that was quantised. */
  readonly matrix: string
  readonly codes: string
  readonly scales: string
  /** Name of the zero points, of `gptq` and `awq` alone. */
  readonly zeros?: string
  /** Name of the group of each input, of `gptq` alone. */
  readonly order?: string
}

/** A map from one scheme to another. It is used in both directions. */
export interface NameMap {
  readonly name: string
  readonly from: string
  readonly to: string
  /** Facts that the models must have: keys of a GGUF file or of `config.json`, each with its allowed values. */
  readonly when?: Readonly<Partial<Record<'from' | 'to', Readonly<Record<string, readonly string[]>>>>>
  /** Parameters of rules: the facts that give each, the first one that is there counts. `*.x` matches any key ending in `.x`. */
  readonly parameters: Readonly<Record<string, readonly string[]>>
  readonly rules: readonly NameRule[]
  /** Names in the first scheme of tensors that a conversion leaves out. */
  readonly dropped: readonly string[]
  /** The tensors that one matrix becomes. Used from the first scheme to the second alone. */
  readonly packed?: PackedNames
}

/** Return the maps that come with lineaprint. */
export function builtInMaps(): NameMap[] {
  return parseMaps(parseJson(Buffer.from(JSON.stringify(builtIn))).value, 'maps.json')
}

/**
 * Read a file of maps.
 *
 * @throws ERR_LINEAPRINT_CONFIGURATION for a file that is no such file, with the field that is wrong.
 */
export async function readMaps(path: string): Promise<NameMap[]> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw inputError(path, 'read', cause)
  })
  try {
    return parseMaps(parseJson(bytes).value, path)
  } catch (error) {
    if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_CONFIGURATION') throw error
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', 'the file of maps does not parse', {
      path,
      expected: 'a JSON object',
      cause: error,
    })
  }
}

type Fields = Map<string, ParsedJson>

class Reader {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  fail(field: string, expected: string): never {
    throw new LineaprintError('ERR_LINEAPRINT_CONFIGURATION', 'the file of maps does not fit its schema', {
      path: this.path,
      field,
      expected,
      hint: 'docs/derivation.md describes the fields',
    })
  }

  object(value: ParsedJson | undefined, field: string, known?: readonly string[]): Fields {
    if (!(value instanceof Map)) return this.fail(field, 'an object')
    const unknown = known && [...value.keys()].find((key) => !known.includes(key))
    if (unknown !== undefined) this.fail(`${field}.${unknown}`, `one of ${known?.join(', ')}`)
    return value
  }

  text(value: ParsedJson | undefined, field: string): string {
    return typeof value === 'string' && value !== '' ? value : this.fail(field, 'a text')
  }

  list(value: ParsedJson | undefined, field: string): readonly ParsedJson[] {
    return Array.isArray(value) ? value : this.fail(field, 'an array')
  }

  texts(value: ParsedJson | undefined, field: string): string[] {
    return this.list(value, field).map((item, index) => this.text(item, `${field}[${index}]`))
  }
}

const RULE_KEYS = ['to', 'from', 'axis', 'groups', 'stack', 'permute', 'transpose', 'offset']
const MAP_KEYS = ['name', 'from', 'to', 'when', 'parameters', 'include', 'rules', 'dropped', 'packed']
const PACKED_KEYS = ['as', 'matrix', 'codes', 'scales', 'zeros', 'order']

function parseMaps(value: ParsedJson, path: string): NameMap[] {
  const reader = new Reader(path)
  const file = reader.object(value, 'file', ['version', 'sets', 'maps'])
  if (file.get('version') !== 1) reader.fail('version', '1')
  const sets = new Map<string, NameRule[]>()
  for (const [name, rules] of reader.object(file.get('sets') ?? new Map(), 'sets'))
    sets.set(name, parseRules(reader, rules, `sets.${name}`))
  return reader.list(file.get('maps'), 'maps').map((item, index) => {
    const at = `maps[${index}]`
    const map = reader.object(item, at, MAP_KEYS)
    const included = reader.texts(map.get('include') ?? [], `${at}.include`).flatMap((name) => {
      return sets.get(name) ?? reader.fail(`${at}.include`, `a name of a set, not ${JSON.stringify(name)}`)
    })
    const parameters = reader.object(map.get('parameters') ?? new Map(), `${at}.parameters`)
    const rules = [...included, ...parseRules(reader, map.get('rules') ?? [], `${at}.rules`)]
    for (const { permute, groups } of rules) {
      for (const name of [permute?.rotary, groups])
        if (name !== undefined && !parameters.has(name))
          reader.fail(`${at}.parameters.${name}`, 'an array of facts')
    }
    return {
      name: reader.text(map.get('name'), `${at}.name`),
      from: reader.text(map.get('from'), `${at}.from`),
      to: reader.text(map.get('to'), `${at}.to`),
      when: parseWhen(reader, map.get('when'), `${at}.when`),
      parameters: Object.fromEntries(
        [...parameters].map(([name, facts]) => [name, reader.texts(facts, `${at}.parameters.${name}`)]),
      ),
      rules,
      dropped: reader.texts(map.get('dropped') ?? [], `${at}.dropped`),
      ...(map.has('packed') && { packed: parsePacked(reader, map.get('packed'), `${at}.packed`) }),
    }
  })
}

function parseWhen(reader: Reader, value: ParsedJson | undefined, at: string): NonNullable<NameMap['when']> {
  const sides = reader.object(value ?? new Map(), at, ['from', 'to'])
  return Object.fromEntries(
    [...sides].map(([side, facts]) => [
      side,
      Object.fromEntries(
        [...reader.object(facts, `${at}.${side}`)].map(([key, values]) => [
          key,
          reader.texts(values, `${at}.${side}.${key}`),
        ]),
      ),
    ]),
  )
}

function parsePacked(reader: Reader, value: ParsedJson | undefined, at: string): PackedNames {
  const packed = reader.object(value, at, PACKED_KEYS)
  const as = packed.get('as')
  if (as !== 'gptq' && as !== 'awq' && as !== 'scaled') return reader.fail(`${at}.as`, 'gptq, awq or scaled')
  const name = (key: string): string => {
    const text = reader.text(packed.get(key), `${at}.${key}`)
    return text.split('*').length === 2 ? text : reader.fail(`${at}.${key}`, 'a name with one *')
  }
  const optional = (key: string): Record<string, string> => (packed.has(key) ? { [key]: name(key) } : {})
  return {
    as,
    matrix: name('matrix'),
    codes: name('codes'),
    scales: name('scales'),
    ...(as !== 'scaled' && { zeros: name('zeros') }),
    ...(as === 'gptq' && optional('order')),
  }
}

function parseRules(reader: Reader, value: ParsedJson, at: string): NameRule[] {
  return reader.list(value, at).map((item, index) => parseRule(reader, item, `${at}[${index}]`))
}

function parseRule(reader: Reader, value: ParsedJson, at: string): NameRule {
  const rule = reader.object(value, at, RULE_KEYS)
  const from = reader.texts(rule.get('from'), `${at}.from`)
  if (from.length === 0) reader.fail(`${at}.from`, 'at least one name')
  const optional = <T>(key: string, read: (value: ParsedJson, field: string) => T): Record<string, T> => {
    const given = rule.get(key)
    return given === undefined ? {} : { [key]: read(given, `${at}.${key}`) }
  }
  const number = (given: ParsedJson, field: string): number =>
    typeof given === 'number' && Number.isFinite(given) ? given : reader.fail(field, 'a number')
  const parsed: NameRule = {
    to: reader.text(rule.get('to'), `${at}.to`),
    from,
    ...optional('axis', (given, field) => {
      const axis = number(given, field)
      return Number.isInteger(axis) && axis >= 0 ? axis : reader.fail(field, 'a whole number from 0 on')
    }),
    ...optional('groups', (given, field) => reader.text(given, field)),
    ...optional('stack', (given, field) => reader.text(given, field)),
    ...optional('permute', (given, field) => ({
      rotary: reader.text(reader.object(given, field, ['rotary']).get('rotary'), `${field}.rotary`),
    })),
    ...optional('transpose', (given, field) =>
      typeof given === 'boolean' ? given : reader.fail(field, 'true or false'),
    ),
    ...optional('offset', number),
  }
  if (from.length > 1 && (parsed.permute ?? parsed.transpose ?? parsed.stack) !== undefined)
    reader.fail(at, 'several tensors only joined, or one that is permuted, transposed or stacked')
  return parsed
}

/** The numbers that stand for the placeholders of a name. */
export type Numbers = Readonly<Record<string, string>>

/** Return the numbers of the placeholders if a name fits a pattern. */
export function matchName(pattern: string, name: string): Numbers | undefined {
  let compiled = PATTERNS.get(pattern)
  if (compiled === undefined) {
    const seen = new Set<string>()
    const source = pattern
      .split(/(\{[a-z]+\})/)
      .map((piece) => {
        const key = /^\{([a-z]+)\}$/.exec(piece)?.[1]
        if (key === undefined) return piece.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
        if (seen.has(key)) return String.raw`\k<${key}>`
        seen.add(key)
        return `(?<${key}>[0-9]+)`
      })
      .join('')
    compiled = new RegExp(`^${source}$`)
    PATTERNS.set(pattern, compiled)
  }
  const match = compiled.exec(name)
  return match === null ? undefined : (match.groups ?? {})
}

const PATTERNS = new Map<string, RegExp>()

/** Return a pattern with numbers in place of its placeholders. */
export function fillName(pattern: string, numbers: Numbers): string {
  return pattern.replaceAll(/\{([a-z]+)\}/g, (whole, key: string) => numbers[key] ?? whole)
}

/** Return the text that `*` stands for if a name fits a pattern. */
export function matchStar(pattern: string, name: string): string | undefined {
  const [start = '', end = ''] = pattern.split('*')
  const fits = name.length >= start.length + end.length && name.startsWith(start) && name.endsWith(end)
  return fits ? name.slice(start.length, name.length - end.length) : undefined
}

/** Facts that are known of a model beside its tensors: keys and values of a GGUF file and of `config.json`. */
export type Facts = ReadonlyMap<string, string>

/** Check whether the conditions of a map hold for the side that it starts from and the side that it leads to. */
export function mapApplies({ when = {} }: NameMap, from: Facts, to: Facts): boolean {
  const holds = (facts: Facts, wanted: Readonly<Record<string, readonly string[]>> = {}): boolean =>
    Object.entries(wanted).every(([key, values]) => values.includes(facts.get(key) ?? ''))
  return holds(from, when.from) && holds(to, when.to)
}

/** Return the value of a parameter, or a sentence that says why there is none. */
export function parameterOf(map: NameMap, name: string, sides: readonly Facts[]): number | string {
  const keys = map.parameters[name] ?? []
  const values = new Set(sides.flatMap((facts) => factOf(facts, keys) ?? []))
  if (values.size === 0)
    return `the number of ${name} is not known: neither model states ${keys.join(' or ')}`
  if (values.size > 1) return `the models state different numbers of ${name}: ${[...values].join(' and ')}`
  const value = Number([...values][0])
  return Number.isSafeInteger(value) && value > 0 ? value : `the number of ${name} is not a whole number`
}

function factOf(facts: Facts, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const suffix = key.slice(1)
    const value = key.startsWith('*.')
      ? [...facts].find(([name]) => name.endsWith(suffix))?.[1]
      : facts.get(key)
    if (value !== undefined) return value
  }
  return undefined
}
