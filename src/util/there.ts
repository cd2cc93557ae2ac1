/** Whether something is there. */
import { access } from 'node:fs/promises'

/** Whether a path leads to something that can be reached; why not is not said. */
export async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
