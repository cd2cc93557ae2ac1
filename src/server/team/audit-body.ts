/** The audit log as the API gives it. */
import { z } from 'zod/mini'
import { lazily } from '../../util/schema.ts'
import type { AuditEntry } from '../../database/team/audit.ts'

/** A part of the audit log, the newest entries first. */
export interface AuditBody {
  readonly entries: readonly (AuditEntry & { readonly number: number })[]
}

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
