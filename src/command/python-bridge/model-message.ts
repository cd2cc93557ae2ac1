/** What a program sends of a model beside its tensors. */
import { z } from 'zod/mini'
import type { GivenConfig } from '../../model/read.ts'

/** What is known of a model in memory. */
export interface ModelFacts {
  /** Classes and parameters, where the tensors alone do not show the architecture. */
  readonly config?: GivenConfig | undefined
  /** What is to be known of the digests, for example the version that wrote the bytes. */
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

/** Return the fields of the schema. */
export function modelFacts(): Facts {
  const upTo = (limit: number): z.ZodMiniType<string> => z.string().check(z.maxLength(limit))
  const sentences = (limit: number): z.ZodMiniType<string[]> => z.array(upTo(1000)).check(z.maxLength(limit))
  return {
    config: z.optional(
      z.object({
        name: upTo(1024),
        text: upTo(CONFIG_LIMIT),
        ignored: z.array(upTo(1024)).check(z.maxLength(1000)),
      }),
    ),
    remarks: z.optional(sentences(10)),
    warnings: z.optional(sentences(100)),
    ignored: z.optional(z.array(z.string()).check(z.maxLength(100))),
    ignoredCount: z.optional(z.int().check(z.minimum(0))),
  }
}
