/** A record as JSON for other programs. */
import type { RunRecord } from '../record/record.ts'

/** Format strict JSON, as in `run.json`: `NaN` and the infinities are `{"__float__":"NaN"}`. */
export function toJson(record: RunRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`
}
