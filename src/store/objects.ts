/**
 * Files that runs keep, in `objects` of the store: each once, under the digest of its content. They belong to the
 * store, so that only their owner may read them, and they are copies: a link to a file of the user would change with
 * it.
 */
import { chmod, constants, copyFile, mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Digest, primary } from '../core/digest.ts'
import { randomHex } from '../core/random.ts'
import { hashFile } from '../hash/file.ts'
import { makeFolders, pathExists, storeError, syncFolder } from '../util/fs.ts'
import type { AlgorithmChoice, Digests, WrittenDigests } from '../core/digest.ts'
import type { Store } from './store.ts'

/** A kept file. */
export interface KeptObject {
  readonly size: number
  readonly digests: Digests
}

/**
 * Copy a file into the store. On file systems that can, the copy shares its blocks with the file until one is written.
 *
 * @param source Absolute path; a link is followed.
 * @returns The size and digests of the copy, which is read once.
 * @throws ERR_LINEAPRINT_STORE if it cannot be copied.
 */
export async function keepObject(
  { root }: Store,
  source: string,
  options: { readonly algorithm: AlgorithmChoice; readonly signal?: AbortSignal | undefined },
): Promise<KeptObject> {
  const folder = join(root, OBJECTS)
  // As in names of unfinished runs: two runs may keep a file at the same time.
  const temporary = join(folder, `.${randomHex(6)}.tmp`)
  try {
    await makeFolders(root)
    await makePrivate(folder)
    await copyFile(source, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE)
    await chmod(temporary, 0o600)
    const { size, digests } = await hashFile(temporary, options)
    const target = objectPath(root, primary(digests))
    if (await pathExists(target, 'keep')) await rm(temporary)
    else {
      await makePrivate(join(target, '..', '..'))
      await makePrivate(join(target, '..'))
      await rename(temporary, target)
      await syncFolder(join(target, '..'))
    }
    return { size, digests }
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    options.signal?.throwIfAborted()
    throw storeError(source, 'it cannot be copied into the store', cause)
  }
}

/**
 * Return the path at which the store keeps content.
 *
 * @param written Plain digests in written form.
 * @returns `undefined` if no digest is a plain one.
 */
export function keptPath({ root }: Store, written: WrittenDigests): string | undefined {
  const text = written.blake3 ?? written.sha256
  if (text === undefined || !/^(?:blake3|sha256):[0-9a-f]{64}$/.test(text)) return undefined
  return objectPath(root, Digest.parse(text))
}

const OBJECTS = 'objects'

function objectPath(root: string, digest: Digest): string {
  const [algorithm = '', hex = ''] = digest.toString().split(':')
  return join(root, OBJECTS, algorithm, hex.slice(0, 2), hex.slice(2))
}

async function makePrivate(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
}
