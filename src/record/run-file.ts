/** Reading of a file that an entry of a record names, from a run folder that may come from an untrusted source. */
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { errorCode } from '../util/fs.ts'
import { isSafeRelativePath } from '../util/paths.ts'
import { RECORD_LIMIT } from './seal.ts'

/** A file of a run that was read. */
export interface RunFile {
  /** Absolute path, for errors. */
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Read a file that an entry of a record names.
 *
 * @param folder The folder of the run.
 * @param file The recorded path; `undefined` if the entry names none.
 * @param noun What the file is, for errors: `tensor list`.
 * @param field The field of the entry that names it.
 * @returns `undefined` if the run has no such file.
 * @throws ERR_LINEAPRINT_RECORD for a path outside of the folder, and for a file that cannot be read or is too
 * long.
 */
export async function readRunFile(
  folder: string,
  file: string | undefined,
  noun: string,
  field: string,
): Promise<RunFile | undefined> {
  if (file === undefined || file === '') return undefined
  if (!isSafeRelativePath(file)) {
    throw new LineaprintError(
      'ERR_LINEAPRINT_RECORD',
      'the record names a path outside the folder of the run',
      { path: folder, field, received: JSON.stringify(file), expected: 'a path below it' },
    )
  }
  const path = join(folder, file)
  try {
    const info = await stat(path)
    if (info.isFile() && info.size <= RECORD_LIMIT) return { path, bytes: await readFile(path) }
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return undefined
    const reason = `the ${noun} cannot be read: ${errorCode(cause) ?? String(cause)}`
    throw new LineaprintError('ERR_LINEAPRINT_RECORD', reason, { path, cause })
  }
  throw new LineaprintError('ERR_LINEAPRINT_RECORD', `not a ${noun}`, {
    path,
    expected: `a regular file of at most ${RECORD_LIMIT} bytes`,
  })
}
