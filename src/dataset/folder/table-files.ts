/** The files of a table: one file, or those of a folder. */
import { readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { LineaprintError } from '../../core/errors.ts'
import { inputError, statInput } from '../../util/fs.ts'
import { nameList } from '../../util/name-list.ts'
import { isTableFile, takesSchema } from '../table-names.ts'
import { declaredLayout } from './hugging-face.ts'
import { layoutOf } from './layout.ts'
import { shardLayout } from './shards.ts'

/**
 * Return the files of a table in the order of their rows: the path itself if it is a file, else the table files of the
 * folder, as `lineaprint dataset` reads them.
 *
 * @param hasSchema True if JSON lines count as tables.
 * @throws ERR_LINEAPRINT_UNSUPPORTED if the folder is not one table, with the reason; NOT_FOUND and UNREADABLE.
 */
export async function tableFiles(path: string, hasSchema: boolean = false): Promise<string | string[]> {
  const stats = await statInput(path)
  if (!stats.isDirectory()) return path
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw inputError(path, 'read', cause)
  })
  const names = entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)).split(sep).join('/'))
  const isTable = hasSchema ? takesSchema : isTableFile
  const declared = await declaredLayout(path, () => names, isTable)
  const layout = declared?.layout ?? layoutOf(names, isTable)
  if (layout.kind === 'none') {
    // No digest of a table is defined for them: the types of their values are those of the package alone.
    if (shardLayout(() => names) !== undefined)
      throw noTable(path, 'its MosaicML shards are samples', OF_SHARDS)
    throw noTable(path, 'it holds no table files')
  }
  if (layout.kind === 'unclear') throw noTable(path, layout.reason)
  const [group, ...others] = layout.groups
  if (group === undefined || others.length > 0) {
    const splits = nameList(layout.groups.map(({ split = '' }) => split))
    throw noTable(path, `it has several splits (${splits}), which are a table each`)
  }
  return group.files.map((file) => join(path, file))
}

const OF_SHARDS =
  'write the samples of both to Parquet, or compare their digests, which `lineaprint dataset` prints'

function noTable(
  path: string,
  reason: string,
  hint: string = 'name the files of one table',
): LineaprintError {
  return new LineaprintError('ERR_LINEAPRINT_UNSUPPORTED', `the folder is not one table: ${reason}`, {
    path,
    hint,
  })
}
