/** Facts of a model that a program sends beside its tensors. */
import { z } from 'zod/mini'
import type { GivenConfig } from '../../model/config.ts'

/** Facts of a model in memory. */
export interface ModelFacts {
  /** Classes and parameters, where the tensors alone do not show the architecture. */
  readonly config?: GivenConfig | undefined
  /** Facts to know of the digests, for example the version that wrote the bytes. */
  readonly remarks?: readonly string[] | undefined
  readonly warnings?: readonly string[] | undefined
  /** Names of entries that are not tensors, up to a limit. */
  readonly ignored?: readonly string[] | undefined
  readonly ignoredCount?: number | undefined
}

/** Most characters of a configuration. */
const CONFIG_LIMIT = 1 << 20

/** The schema of each field. */
type Facts = {
  readonly [Field in keyof ModelFacts]-?: z.ZodMiniOptional<z.ZodMiniType<NonNullable<ModelFacts[Field]>>>
}

const upTo = (limit: number): z.ZodMiniType<string> => z.string().check(z.maxLength(limit))

/** Return the fields of the schema. Python cuts text to 1000 characters, of which each has up to two code units. */
export function modelFacts(): Facts {
  return {
    config: z.optional(
      z.object({
        name: upTo(2000),
        text: upTo(CONFIG_LIMIT),
        ignored: z.array(upTo(2000)).check(z.maxLength(1000)),
      }),
    ),
    remarks: z.optional(z.array(upTo(2000)).check(z.maxLength(10))),
    warnings: z.optional(z.array(upTo(2000)).check(z.maxLength(100))),
    ignored: z.optional(z.array(z.string()).check(z.maxLength(100))),
    ignoredCount: z.optional(z.int().check(z.minimum(0))),
  }
}
