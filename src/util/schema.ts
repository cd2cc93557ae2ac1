/** What the schemas of all rooms share: they are built when first needed, and say in English what they refuse. */
import { z } from 'zod/mini'

/**
 * Goes with every parse whose words are shown: `zod/mini` brings none. What zod can be set to for all parses belongs
 * to the program that uses this package.
 */
export const ENGLISH: { readonly error: z.core.$ZodErrorMap } = { error: z.locales.en().localeError }

/** @returns What builds the schema at the first call, and gives the same one from then on. */
export function lazily<T extends z.ZodMiniType>(build: () => T): () => T {
  let schema: T | undefined
  return () => (schema ??= build())
}
