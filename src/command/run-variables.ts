/** The variables by which a command finds its run. */
import { meetingName } from './ranks/launch.ts'
import type { Launch } from './ranks/launch.ts'

/** Return the variables of a run: its id, its folder, and the name of its launch if its ranks belong to one. */
export function runVariables(id: string, directory: string, launch?: Launch): Record<string, string> {
  return {
    LINEAPRINT_RUN_ID: id,
    LINEAPRINT_RUN_DIRECTORY: directory,
    ...(launch !== undefined && { LINEAPRINT_LAUNCH: meetingName(launch) }),
  }
}
