/** A record as JSON for other programs. */
import type { RunRecord } from '../record/record.ts'

/** Strict JSON, as in `run.json`: `NaN` and the infinities stand as `{"__float__":"NaN"}`. */
export function toJson(record: RunRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`
}
