/** The source `otherPythons`, which only the programs of a run can fill. */
import type { AbsentSource } from '../types.ts'

/** The state of the source if there is none, and until a program has run. */
export const NO_OTHER_PYTHON: AbsentSource = {
  status: 'absent',
  reason: 'no other Python is known to have run',
  exists: false,
}
