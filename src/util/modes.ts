/**
 * Modes of the files of runs: only their owner may read them, or also the group of a shared store.
 *
 * A file takes the access of the group from its folder, so that the choice is made once: when the folder of a run
 * is made. The system takes away what the umask of the process forbids.
 */
import { statSync } from 'node:fs'

/** The modes of new files and folders. */
export interface Modes {
  readonly file: number
  readonly folder: number
}

/** Only the owner has access. */
export const OWNER_MODES: Modes = { file: 0o600, folder: 0o700 }

/** The owner and the group have access. */
export const GROUP_MODES: Modes = { file: 0o660, folder: 0o770 }

/**
 * Return the modes of what is made in a folder. A folder that everybody may enter is no folder of a group: earlier
 * versions made stores so.
 *
 * @param folder A folder of a store. If it cannot be read, only the owner has access.
 */
export function modesIn(folder: string): Modes {
  const mode = statSync(folder, { throwIfNoEntry: false })?.mode ?? 0
  return (mode & 0o070) !== 0 && (mode & 0o007) === 0 ? GROUP_MODES : OWNER_MODES
}
