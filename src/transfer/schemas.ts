/** Schemas of the bodies and answers by which runs are moved; apart, so that the types of the client need no package. */
import { z } from 'zod/mini'
import { lazily } from '../util/schema.ts'
import { FILE_LIMIT, OBJECT_LIMIT } from './wire.ts'
import type { CommitBody, LiveBody, MissingBody, ProjectsBody, RunFilesBody } from './wire.ts'

const hex = z.string().check(z.regex(/^[0-9a-f]{64}$/))
const count = z.number().check(z.int(), z.minimum(0))

const file = z.strictObject({ path: z.string(), bytes: count, blake3: hex })

/** Describe the files of a run. */
export const runFilesSchema: () => z.ZodMiniType<RunFilesBody> = lazily(() =>
  z.strictObject({ files: z.array(file).check(z.maxLength(FILE_LIMIT)) }),
)

/** Describe the answer to a commit. */
export const commitSchema: () => z.ZodMiniType<CommitBody> = lazily(() =>
  z.union([
    z.strictObject({ state: z.literal('missing'), blobs: z.array(hex) }),
    z.strictObject({ state: z.literal('committed'), missingObjects: z.array(z.string()) }),
    z.strictObject({
      state: z.literal('unchanged'),
      annotations: count,
      missingObjects: z.array(z.string()),
    }),
  ]),
)

/** Describe the names of objects in a question. */
export const objectNamesSchema: () => z.ZodMiniType<{ readonly names: readonly string[] }> = lazily(() =>
  z.strictObject({ names: z.array(z.string()).check(z.maxLength(OBJECT_LIMIT)) }),
)

/** Describe the names of objects that are missing. */
export const missingSchema: () => z.ZodMiniType<MissingBody> = lazily(() =>
  z.strictObject({ missing: z.array(z.string()) }),
)

/** Describe the length of a growing file. */
export const liveSchema: () => z.ZodMiniType<LiveBody> = lazily(() =>
  z.strictObject({ state: z.enum(['appended', 'elsewhere']), size: count }),
)

/** Describe the projects of a token. */
export const projectsSchema: () => z.ZodMiniType<ProjectsBody> = lazily(() =>
  z.strictObject({ projects: z.array(z.strictObject({ name: z.string(), role: z.string() })) }),
)
