/** Makes folders. */
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'

/**
 * Makes a folder and those above it, one by one: Node's own recursive way never ends where the system answers that
 * there is no such place, as below `/proc`.
 *
 * @param path Absolute.
 * @returns The first that had to be made; `undefined` if all were there.
 * @throws The system's error if one cannot be made.
 */
export async function makeFolders(path: string): Promise<string | undefined> {
  const missing: string[] = []
  for (let place = path; !(await isFolder(place)); place = dirname(place)) missing.unshift(place)
  for (const place of missing) {
    try {
      await mkdir(place)
    } catch (error) {
      // Another process may have made it in the meantime.
      if (!(await isFolder(place))) throw error
    }
  }
  return missing[0]
}

/** Whether there is a folder, itself or behind a link. What cannot be looked at is none. */
export async function isFolder(path: string): Promise<boolean> {
  if (path === dirname(path)) return true
  const info = await stat(path).catch(() => undefined)
  return info?.isDirectory() === true
}
