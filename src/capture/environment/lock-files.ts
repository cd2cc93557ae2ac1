/** Lock files: what a package manager says was installed, known by their bytes. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Absent } from '../absent.ts'
import { foldersUp, readIfThere } from './files.ts'
import type { JsonObject } from '../../json/value.ts'

/** Lock files of JavaScript package managers. */
export const NPM_LOCK_FILES: readonly string[] = [
  'package-lock.json',
  'npm-shrinkwrap.json',
  'pnpm-lock.yaml',
  'yarn.lock',
  'bun.lock',
  'bun.lockb',
]

/** Files that fix Python packages. */
export const PYTHON_LOCK_FILES: readonly string[] = [
  'uv.lock',
  'poetry.lock',
  'pdm.lock',
  'Pipfile.lock',
  'pixi.lock',
  'pylock.toml',
  'conda-lock.yml',
  'requirements.txt',
]

/**
 * The lock files of the nearest folder that has any, from the working folder up: in a workspace it is the root's.
 * Digests are SHA-256 whatever the run uses, as the package managers' own are.
 *
 * @param warnings Gets a sentence for each that is there but cannot be read.
 */
export async function findLockFiles(
  directory: string,
  names: readonly string[],
  warnings: string[],
): Promise<JsonObject> {
  for await (const folder of foldersUp(directory)) {
    const found: Record<string, JsonObject> = {}
    for (const name of names) {
      try {
        const bytes = await readIfThere(join(folder, name))
        if (bytes === undefined) continue
        const sha256 = createHash('sha256').update(bytes).digest('hex')
        found[name] = { size: bytes.length, digest: `sha256:${sha256}` }
      } catch (error) {
        if (!(error instanceof Absent)) throw error
        warnings.push(error.message)
      }
    }
    if (Object.keys(found).length > 0) return found
  }
  return {}
}
