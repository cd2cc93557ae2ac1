/** The audit log as the API gives it. */
import type { AuditEntry } from '../../database/team/audit.ts'

/** A part of the audit log, the newest entries first. */
export interface AuditBody {
  readonly entries: readonly (AuditEntry & { readonly number: number })[]
}
