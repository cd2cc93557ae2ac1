/** The picture of `lineaprint diff --values --svg`. */
import { basename } from 'node:path'
import { layersSvg } from '../../../model/diff/svg.ts'
import { writeWithFolders } from './runs.ts'
import type { ModelDiff } from '../../../model/diff/diff.ts'

/**
 * Draw the change of each layer to a file.
 *
 * @param path Replaced atomically.
 */
export async function writeLayers(path: string, { before, after, layers = [] }: ModelDiff): Promise<void> {
  const title = `${basename(before.path)} → ${basename(after.path)}`
  await writeWithFolders(path, layersSvg(title, layers))
}
