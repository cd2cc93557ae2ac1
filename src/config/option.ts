/**
 * The definition of an option, and the composition of options into groups: a group is an option whose value
 * is an object of options. The whole configuration is such a group.
 */
import { LineaprintError } from '../core/errors.ts'
import { nearest } from '../core/options.ts'
import { jsonVariable, switchVariable, textVariable } from './variables.ts'
import type { z } from 'zod/mini'
import type { JsonObject, JsonValue } from '../core/json-value.ts'
import type { Given } from './groups.ts'
import type { VariableReader } from './variables.ts'

/**
 * The functions of the schema library that the table uses. The caller passes them in, because the defaults of
 * the table are needed before the library is loaded.
 */
export type Zod = Pick<
  typeof z,
  | 'array'
  | 'boolean'
  | 'custom'
  | 'enum'
  | 'int'
  | 'maximum'
  | 'minLength'
  | 'minimum'
  | 'number'
  | 'optional'
  | 'readonly'
  | 'regex'
  | 'strictObject'
  | 'string'
>

/** Context of the check of a value. */
export interface CheckContext {
  readonly zod: Zod
  /** Name of the option for errors, segments joined by `.`. */
  readonly field: string
  /** Absolute path of the folder that relative paths are relative to. */
  readonly folder: string
}

/** An option of any type. Its functions accept the values that its own schema accepts. */
export interface AnyOption {
  /** The value if no source sets one; `undefined` if it depends on the run. */
  readonly default: unknown
  /** Reader of the environment variable; `null` if text cannot express the value. */
  readonly variable: VariableReader | null
  /** Description of valid values, for errors about members. */
  readonly expected: string | undefined
  /** Name of the built-in capture that the option enables or disables. */
  readonly switches: string | undefined
  /** The options of a group, by name. */
  readonly members: Readonly<Record<string, AnyOption>>
  /** Return the schema of a given value. */
  schema(zod: Zod): z.ZodMiniType
  /**
   * Check the constraints that the schema cannot express, and return the value to use.
   *
   * @throws ERR_LINEAPRINT_ARGUMENT naming the field.
   */
  check(given: unknown, context: CheckContext): unknown
  /** Merge the values of two sources; the later one wins. */
  merge(base: unknown, override: unknown): unknown
  /**
   * Fill in defaults and freeze the result.
   *
   * @param directory The working directory, absolute.
   */
  resolve(given: unknown, directory: string): unknown
  /** Return the form of the value in a record; `undefined` is left out. */
  toRecord(value: unknown): JsonValue | undefined
  /** Return the option value for a recorded value; `undefined` if it is damaged or not known. */
  fromRecord(recorded: JsonValue | undefined, context: CheckContext): unknown
}

/**
 * An option.
 *
 * @typeParam Value The type of a given value.
 * @typeParam Resolved The type with defaults filled in.
 */
export interface Option<Value, Resolved = Value> extends AnyOption {
  readonly default: Resolved
  schema(zod: Zod): z.ZodMiniType<Value>
  check(given: Value, context: CheckContext): Value
  merge(base: Value, override: Value): Value
  resolve(given: Value | undefined, directory: string): Resolved
  toRecord(value: Resolved): JsonValue | undefined
  fromRecord(recorded: JsonValue | undefined, context: CheckContext): Value | undefined
  /**
   * Never set. Using both types as parameter and as result makes them invariant: neither a wider nor a
   * narrower type is assignable.
   */
  readonly types?: (given: Value, resolved: Resolved) => readonly [Value, Resolved]
}

const NOTHING_MORE = { expected: undefined, switches: undefined } as const

/** An entry of the table. The schema alone determines the type. */
interface Parts<Value> {
  readonly schema: (zod: Zod) => z.ZodMiniType<Value>
  /** @default the text itself */
  readonly variable?: VariableReader | null
  readonly expected?: string
  readonly switches?: string
  readonly check?: (given: NoInfer<Value>, context: CheckContext) => NoInfer<Value>
  /**
   * Invert {@link AnyOption.toRecord}; schema and check run afterwards. @default the recorded value itself
   */
  readonly parse?: (recorded: JsonValue) => unknown
}

/** Describe an option that is used and recorded in the form in which it is given. */
export function option<Value extends JsonValue>(
  parts: Parts<Value> & { readonly default: NoInfer<Value> },
): Option<Value> {
  const fallback = freezeDeep(parts.default)
  return converted<Value, Value>({
    ...parts,
    resolve: (given) => (given === undefined ? fallback : freezeCopy(given)),
    toRecord: (value) => value,
  })
}

/** Describe an option without a default: it is `undefined` unless given. */
export function optional<Value>(
  parts: Parts<Value> & { readonly toRecord: (value: NoInfer<Value>) => JsonValue },
): Option<Value, Value | undefined> {
  return converted<Value, Value | undefined>({
    ...parts,
    default: undefined,
    resolve: (given) => (given === undefined ? undefined : freezeCopy(given)),
    toRecord: (value) => (value === undefined ? undefined : parts.toRecord(value)),
  })
}

/** Describe an option whose resolved type differs from the given type. */
export function converted<Value, Resolved>(
  parts: Parts<Value> & {
    readonly default: NoInfer<Resolved>
    readonly resolve: (given: NoInfer<Value> | undefined, directory: string) => Resolved
    readonly toRecord: (value: NoInfer<Resolved>) => JsonValue | undefined
  },
): Option<Value, Resolved> {
  const { check = (given) => given, parse = (recorded) => recorded } = parts
  return {
    variable: textVariable,
    members: {},
    ...NOTHING_MORE,
    ...parts,
    check,
    merge: (_, override) => override,
    fromRecord(recorded, context) {
      if (recorded === undefined) return undefined
      const { data, success } = parts.schema(context.zod).safeParse(parse(recorded))
      return success ? usable(() => check(data, context)) : undefined
    },
  }
}

/** The entries of a group: one for each option, with exactly the type of that option. */
export type Members<Value extends object, Resolved extends object> = {
  readonly [K in keyof Value | keyof Resolved]-?: Option<
    Exclude<Value[K & keyof Value], undefined>,
    Resolved[K & keyof Resolved]
  >
}

/** Describe a group. Values of several sources are merged key by key. */
export function group<Resolved extends object, Value extends object = Given<Resolved>>(
  entries: Members<Value, Resolved>,
): Option<Value, Resolved> {
  const members: Readonly<Record<string, AnyOption>> = entries
  const all = Object.entries(members)
  const each = (of: (name: string, member: AnyOption) => unknown): Record<string, unknown> => {
    const values = all.map(([name, member]) => [name, of(name, member)] as const)
    return Object.fromEntries(values.filter(([, value]) => value !== undefined))
  }
  const composed: AnyOption = {
    default: Object.freeze(Object.fromEntries(all.map(([name, member]) => [name, member.default]))),
    variable: jsonVariable,
    ...NOTHING_MORE,
    members,
    schema: (zod) =>
      zod.strictObject(
        Object.fromEntries(all.map(([name, member]) => [name, zod.optional(member.schema(zod))])),
      ),
    check: (given: Readonly<Record<string, unknown>>, context) =>
      each((name, member) =>
        given[name] === undefined ? undefined : member.check(given[name], within(context, name)),
      ),
    merge: (base: Readonly<Record<string, unknown>>, override: Readonly<Record<string, unknown>>) =>
      each((name, member) => {
        const [before, after] = [base[name], override[name]]
        if (before === undefined || after === undefined) return after ?? before
        return member.merge(before, after)
      }),
    resolve: (given: Readonly<Record<string, unknown>> = {}, directory) =>
      Object.freeze(
        Object.fromEntries(all.map(([name, member]) => [name, member.resolve(given[name], directory)])),
      ),
    toRecord: (value: Readonly<Record<string, unknown>>) =>
      each((name, member) => member.toRecord(value[name])) as JsonObject,
    fromRecord: (recorded, context) =>
      isObject(recorded)
        ? each((name, member) => member.fromRecord(recorded[name], within(context, name)))
        : undefined,
  }
  return composed as Option<Value, Resolved>
}

/**
 * Describe a group that can also be given as `true`. The value is kept as given, because only the consumer of
 * the option knows its defaults.
 */
export function switchable<Value extends object>(members: Members<Value, Value>): Option<boolean | Value> {
  const inner = group<Value, Value>(members)
  return {
    default: false,
    variable: switchVariable,
    ...NOTHING_MORE,
    members: inner.members,
    schema: (zod) =>
      zod.custom<boolean | Value>(
        (given) => typeof given === 'boolean' || isObject(given),
        'true, false or an object',
      ),
    check(given, context) {
      if (typeof given === 'boolean') return given
      checkMembers(inner, given, context)
      return inner.check(given, context)
    },
    merge: (_, override) => override,
    resolve: (given) => (given === undefined ? false : freezeCopy(given)),
    toRecord: (value) => (typeof value === 'boolean' ? value : inner.toRecord(value)),
    fromRecord: (recorded, context) =>
      typeof recorded === 'boolean' ? recorded : inner.fromRecord(recorded, context),
  }
}

/**
 * Describe a group that can also be given as `true`, with its defaults. A mistake in a member is reported for
 * the whole option.
 *
 * @param expected Description of valid values.
 */
export function switchableGroup<Resolved extends object>(
  members: Members<Given<Resolved>, Resolved>,
  variable: VariableReader,
  expected: string,
): Option<boolean | Given<Resolved>, false | Resolved> {
  const inner = group<Resolved>(members)
  return {
    default: false,
    variable,
    ...NOTHING_MORE,
    members: inner.members,
    schema: (zod) =>
      zod.custom<boolean | Given<Resolved>>(
        (given) => typeof given === 'boolean' || inner.schema(zod).safeParse(given).success,
        expected,
      ),
    check: (given, context) => (typeof given === 'boolean' ? given : inner.check(given, context)),
    merge: (_, override) => override,
    resolve(given, directory) {
      if (given === undefined || given === false) return false
      return inner.resolve(given === true ? undefined : given, directory)
    },
    toRecord: (value) => (value === false ? false : inner.toRecord(value)),
    fromRecord: (recorded, context) =>
      typeof recorded === 'boolean' ? recorded : inner.fromRecord(recorded, context),
  }
}

function checkMembers(inner: AnyOption, given: object, { zod, field: name }: CheckContext): void {
  const issue = inner.schema(zod).safeParse(given).error?.issues[0]
  if (issue === undefined) return
  const known = Object.keys(inner.members)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    const near = nearest(key, known)
    throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${name} has an unknown key`, {
      field: `${name}.${key}`,
      expected: near ?? `one of ${known.join(', ')}`,
      received: JSON.stringify(key),
    })
  }
  const key = String(issue.path[0])
  throw new LineaprintError('ERR_LINEAPRINT_ARGUMENT', `${name}.${key} has an invalid value`, {
    field: `${name}.${key}`,
    expected: inner.members[key]?.expected,
    received: typeof (given as Record<string, unknown>)[key],
  })
}

function within(context: CheckContext, name: string): CheckContext {
  return { ...context, field: context.field === '' ? name : `${context.field}.${name}` }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Return the result of checking a recorded value; `undefined` if the check fails. */
function usable<T>(check: () => T): T | undefined {
  try {
    return check()
  } catch (error) {
    if (LineaprintError.isFinding(error)) return undefined
    throw error
  }
}

/** Return a frozen deep copy, so that later changes to the original have no effect. */
function freezeCopy<T>(value: T): T {
  return freezeDeep(structuredClone(value))
}

/** Freeze a value of objects and arrays at every depth. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value
  for (const member of Object.values(value)) freezeDeep(member)
  return Object.freeze(value)
}
