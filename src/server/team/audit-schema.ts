/** The schema of the audit log, apart from its types, which need no package. */
import { z } from 'zod/mini'
import { lazily } from '../../util/schema.ts'
import type { AuditBody } from './audit-body.ts'

/** Describe a part of the audit log. */
export const auditSchema: () => z.ZodMiniType<AuditBody> = lazily(() =>
  z.strictObject({
    entries: z.array(
      z.strictObject({
        number: z.number(),
        time: z.string(),
        project: z.string(),
        token: z.nullable(z.string()),
        address: z.string(),
        action: z.string(),
        subject: z.string(),
      }),
    ),
  }),
)
