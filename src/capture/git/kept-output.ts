/** Keeps what git prints in a file of the run's folder: a patch, a bundle. */
import { open, rename, rm } from 'node:fs/promises'
import { LineaprintError } from '../../core/errors.ts'
import { NotAvailable } from '../../util/not-available.ts'
import type { Git } from './command.ts'

/** Where it goes, and how much of it. */
export interface KeptOutputOptions {
  /** Absolute path of the file. */
  readonly path: string
  /** What it is, for errors: `a patch`. */
  readonly what: string
  /** The most bytes; more of them is absent. */
  readonly limit: number
  /** What every piece goes through; without, the bytes stay as they are. */
  readonly filter?: { push(piece: Buffer): Buffer; end(): Buffer } | undefined
}

/** What became of it. */
export type KeptOutput =
  | { readonly status: 'written'; readonly size: number }
  | { readonly status: 'empty' }
  | { readonly status: 'absent'; readonly reason: string }

/**
 * Runs git and writes its output beside the file, which takes its name when it is whole: a reader sees all of it or
 * no file. Costs no memory but a piece of the output.
 *
 * @throws ERR_LINEAPRINT_STORE if it cannot be written, and what `git` throws that is no `NotAvailable`.
 */
export async function keepOutput(
  git: Git,
  args: readonly string[],
  { path, what, limit, filter }: KeptOutputOptions,
): Promise<KeptOutput> {
  const temporary = `${path}.partial`
  const stored = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (cause) {
      throw new LineaprintError('ERR_LINEAPRINT_STORE', `${what} could not be written`, { path, cause })
    }
  }
  const file = await stored(open(temporary, 'wx'))
  let size = 0
  const write = async (bytes: Buffer): Promise<void> => {
    size += bytes.length
    if (size > limit) throw new NotAvailable(`it is larger than ${limit} bytes`)
    // Not `write`, which may write a part.
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
