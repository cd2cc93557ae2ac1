/** Parameters of the addresses of the API: their parsers, and their form in the OpenAPI document. */
import { nearest } from '../core/options.ts'
import { Refusal } from './errors.ts'

/** A parameter. */
export interface Parameter<T> {
  readonly description: string
  readonly isRequired: boolean
  /** The schema of its values in the document. */
  readonly schema: object
  /** @throws Refusal for values that it does not take. */
  readonly parse: (values: readonly string[], name: string) => T
}

/** The values of parameters. */
export type ValuesOf<P> = { readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never }

/** Return a parameter that is a text, once at most. */
export function optionalText(description: string): Parameter<string | undefined> {
  return {
    description,
    isRequired: false,
    schema: { type: 'string' },
    parse: (values, name) => single(values, name),
  }
}

/** Return a parameter that is a text and must be there. */
export function requiredText(description: string): Parameter<string> {
  return {
    description,
    isRequired: true,
    schema: { type: 'string' },
    parse: (values, name) => {
      const value = single(values, name)
      if (value !== undefined) return value
      throw refused(name, 'a text', 'nothing')
    },
  }
}

/** Return a parameter that can be given again and again. */
export function texts(
  description: string,
  { least = 0, most }: { readonly least?: number; readonly most: number },
): Parameter<readonly string[]> {
  return {
    description,
    isRequired: least > 0,
    schema: { type: 'array', items: { type: 'string' }, minItems: least, maxItems: most },
    parse: (values, name) => {
      if (values.length >= least && values.length <= most) return values
      throw refused(name, `${least} to ${most} values`, String(values.length))
    },
  }
}

/** The range of a number. */
export interface NumberRange {
  readonly least: number
  readonly most: number
  readonly isWhole: boolean
}

/** Return a parameter that is a number in a range. */
export function number<D extends number | undefined>(
  description: string,
  { least, most, isWhole }: NumberRange,
  byDefault: D,
): Parameter<number | D> {
  return {
    description,
    isRequired: false,
    schema: {
      type: isWhole ? 'integer' : 'number',
      minimum: least,
      maximum: most,
      ...(byDefault !== undefined && { default: byDefault }),
    },
    parse: (values, name) => {
      const text = single(values, name)
      if (text === undefined) return byDefault
      const value = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text) ? Number(text) : NaN
      if (value >= least && value <= most && (!isWhole || Number.isSafeInteger(value))) return value
      const kind = isWhole ? 'a whole number' : 'a number'
      throw refused(name, `${kind} from ${least} to ${most}`, JSON.stringify(text.slice(0, 80)))
    },
  }
}

/** Return a parameter that is one of a list. */
export function choice<T extends string>(description: string, choices: readonly [T, ...T[]]): Parameter<T> {
  return {
    description,
    isRequired: false,
    schema: { type: 'string', enum: choices, default: choices[0] },
    parse: (values, name) => {
      const text = single(values, name) ?? choices[0]
      const known = choices.find((other) => other === text)
      if (known !== undefined) return known
      throw refused(name, choices.join(', '), JSON.stringify(text.slice(0, 80)))
    },
  }
}

/** Return a parameter that is one of a list, or left out. */
export function optionalChoice<T extends string>(
  description: string,
  choices: readonly [T, ...T[]],
): Parameter<T | undefined> {
  const { parse } = choice(description, choices)
  return {
    description,
    isRequired: false,
    schema: { type: 'string', enum: choices },
    parse: (values, name) => (values.length === 0 ? undefined : parse(values, name)),
  }
}

/** Parse the parameters of an address. @throws Refusal for an unknown one, and for a wrong value. */
export function parseParameters<P extends Readonly<Record<string, Parameter<unknown>>>>(
  search: URLSearchParams,
  parameters: P,
): ValuesOf<P> {
  const names = Object.keys(parameters)
  for (const name of search.keys()) {
    if (names.includes(name)) continue
    const near = nearest(name, names)
    throw new Refusal(
      400,
      'ERR_LINEAPRINT_ARGUMENT',
      `unknown parameter ${JSON.stringify(name.slice(0, 80))}`,
      {
        where: name.slice(0, 80),
        expected: names.join(', ') || 'no parameters',
        do: near === undefined ? null : `did you mean ${near}?`,
      },
    )
  }
  const values = Object.entries(parameters).map(([name, parameter]) => [
    name,
    parameter.parse(search.getAll(name), name),
  ])
  return Object.fromEntries(values) as ValuesOf<P>
}

function single(values: readonly string[], name: string): string | undefined {
  if (values.length <= 1) return values[0]
  throw refused(name, 'one value', `${values.length} values`)
}

function refused(name: string, expected: string, received: string): Refusal {
  return new Refusal(400, 'ERR_LINEAPRINT_ARGUMENT', `${name} is not ${expected}`, {
    where: name,
    expected,
    received,
  })
}
