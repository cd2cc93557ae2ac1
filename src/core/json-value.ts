/** A JSON value in a record or configuration. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue }

/** A JSON object. */
export type JsonObject = { readonly [key: string]: JsonValue }

/** Types that no JSON value can hold. */
type NoJson =
  | ((...args: never[]) => unknown)
  | (abstract new (...args: never[]) => unknown)
  | symbol
  | bigint
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBufferView
  | ArrayBufferLike

/**
 * A type with `never` in the place of everything that has no JSON form, so that a value with a function in it does not fit.
 * An object with a `toJSON` becomes the result of that call.
 */
export type WithJsonForm<T> = T extends JsonValue | { toJSON(): unknown }
  ? T
  : T extends NoJson
    ? never
    : T extends object
      ? { readonly [K in keyof T]: WithJsonForm<T[K]> }
      : T
