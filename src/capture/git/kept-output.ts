/** Output of git that is kept in a file of the run's folder: a patch, a bundle. */
import { open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { modesIn } from '../../util/modes.ts'
import { LineaprintError } from '../../core/errors.ts'
import { NotAvailable } from '../../util/not-available.ts'
import type { Git } from './command.ts'

/** Target and limit of the output. */
export interface KeptOutputOptions {
  /** Absolute path of the file. */
  readonly path: string
  /** Description for errors: `a patch`. */
  readonly label: string
  /** Limit in bytes; larger output is recorded as absent. */
  readonly limit: number
  /** Filter for every chunk of the output. @default the bytes are unchanged */
  readonly filter?: { push(piece: Buffer): Buffer; end(): Buffer } | undefined
}

/** The result: written, empty, or absent with the reason. */
export type KeptOutput =
  | { readonly status: 'written'; readonly size: number }
  | { readonly status: 'empty' }
  | { readonly status: 'absent'; readonly reason: string }

/**
 * Run git and write its output to a temporary file in the same folder, which is renamed when it is complete:
 * a reader sees all of it or no file. Uses memory for one chunk of the output only.
 *
 * @throws ERR_LINEAPRINT_STORE if it cannot be written, and errors of `git` other than `NotAvailable`.
 */
export async function keepOutput(
  git: Git,
  args: readonly string[],
  { path, label, limit, filter }: KeptOutputOptions,
): Promise<KeptOutput> {
  const temporary = `${path}.partial`
  const stored = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (cause) {
      throw new LineaprintError('ERR_LINEAPRINT_STORE', `${label} could not be written`, { path, cause })
    }
  }
  const file = await stored(open(temporary, 'wx', modesIn(dirname(path)).file))
  let size = 0
  const write = async (bytes: Buffer): Promise<void> => {
    size += bytes.length
    if (size > limit) throw new NotAvailable(`it is larger than ${limit} bytes`)
    // `writeFile` writes all bytes, while `write` may write a part.
    if (bytes.length > 0) await stored(file.writeFile(bytes))
  }
  try {
    await git(args, { onOutput: (piece) => write(filter ? filter.push(piece) : piece) })
    if (filter) await write(filter.end())
  } catch (error) {
    await file.close()
    await rm(temporary, { force: true })
    if (!(error instanceof NotAvailable)) throw error
    return { status: 'absent', reason: error.message }
  }
  await stored(file.close())
  if (size === 0) {
    await stored(rm(temporary))
    return { status: 'empty' }
  }
  await stored(rename(temporary, path))
  return { status: 'written', size }
}
