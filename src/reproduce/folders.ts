/**
 * The folders that the command works in and writes to. Git does not keep them if they are empty or ignored.
 */
import { realpath } from 'node:fs/promises'
import { dirname, relative, sep } from 'node:path'
import { gitPath } from '../capture/git/paths.ts'
import { LineaprintError } from '../core/errors.ts'
import { storeError } from '../util/fs.ts'
import { inputExists } from './inputs.ts'
import { isInside } from '../util/paths.ts'
import { preparePath } from './paths.ts'
import type { StoredRun } from '../store/runs.ts'
import type { TreeMap } from './paths.ts'

/**
 * Create missing parent folders of the outputs.
 *
 * @param target Absolute path of the new tree.
 * @param source The repository.
 * @throws ERR_LINEAPRINT_STATE for an output that the command would overwrite: one outside of the repository,
 * or one behind a link that leads out of the new tree. The original would be lost, or compared with itself.
 */
export async function prepareOutputFolders(
  { record }: StoredRun,
  map: TreeMap,
  target: string,
  source: string,
): Promise<void> {
  for (const [name, entry] of Object.entries(record.outputs)) {
    if (!('path' in entry) || typeof entry.path !== 'string') continue
    const path = map.path(entry.path)
    if (isInside(target, path)) await makeFolder(dirname(path), target)
    const real = await resolveExisting(path)
    if (isInside(target, real.path) || (!real.exists && !isInside(source, real.path))) continue
    throw new LineaprintError(
      'ERR_LINEAPRINT_STATE',
      `the output ${JSON.stringify(name)} is outside the new work tree, and a new run would overwrite it`,
      { path: real.path, field: `outputs.${name}`, hint: 'move it first' },
    )
  }
}

/** Create a folder in the new tree, if it does not exist. */
export async function makeFolder(folder: string, target: string): Promise<void> {
  if (folder === target || (await inputExists(folder))) return
  const relativePath = relative(target, folder).split(sep).join('/')
  await preparePath(target, gitPath(Buffer.from(`${relativePath}/file`)))
}

/** Resolve the links of a path. If it does not exist, resolve its nearest existing parent. */
async function resolveExisting(path: string): Promise<{ path: string; exists: boolean }> {
  let existing = path
  while (!(await inputExists(existing)) && dirname(existing) !== existing) existing = dirname(existing)
  try {
    return { path: await realpath(existing), exists: existing === path }
  } catch (cause) {
    throw storeError(path, 'cannot stat it', cause)
  }
}
