/** Helpers for the schemas of all rooms: lazy construction, and error messages in English. */
import { z } from 'zod/mini'

/**
 * The option for every parse whose messages are shown, since `zod/mini` includes no messages. The global
 * configuration of zod belongs to the program that uses this package.
 */
export const ENGLISH: { readonly error: z.core.$ZodErrorMap } = { error: z.locales.en().localeError }

/** Return a function that builds the schema at the first call and returns the same schema afterwards. */
export function lazily<T extends z.ZodMiniType>(build: () => T): () => T {
  let schema: T | undefined
  return () => (schema ??= build())
}
