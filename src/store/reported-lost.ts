/**
 * Reports to the server of a team that the process of a run is gone. The server runs on another machine, and cannot find out by itself
 * whether a process of this one exists.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pathExists, writeAtomic } from '../util/fs.ts'
import type { Modes } from '../util/modes.ts'

/** Name of the file in the folder of a run. */
const LOST_FILE = '.lost'

/** Note that the process of a run is gone. */
export async function noteLost(folder: string, modes: Modes): Promise<void> {
  await writeAtomic(join(folder, LOST_FILE), '', modes.file)
}

/** Take back that it is gone: the run goes on. */
export async function forgetLost(folder: string): Promise<void> {
  await rm(join(folder, LOST_FILE), { force: true })
}

/** Check whether the process of a run was reported to be gone. */
export async function isReportedLost(folder: string): Promise<boolean> {
  return pathExists(join(folder, LOST_FILE), 'keep')
}
