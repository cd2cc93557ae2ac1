/** The last steps of a new object: it becomes durable, read-only, and gets its name. */
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { randomHex } from '../../core/random.ts'
import { syncFolder, syncHandle } from '../../util/fs.ts'
import { hasPiece, makeObjectFolders, objectModes, objectsFolder, piecePath } from './layout.ts'
import type { FileHandle } from 'node:fs/promises'
import type { Store } from '../store.ts'
import type { ObjectContent } from './layout.ts'

/** Names of temporary files. */
export const TEMPORARY: RegExp = /^\.[0-9a-f]{16}\.tmp$/

/** Return a new path for a temporary file. */
export function temporaryIn(store: Store): string {
  return join(objectsFolder(store), `.${randomHex(8)}.tmp`)
}

/** Run work that may write a temporary file, which is removed if it has no other name by then. */
export async function withTemporary<T>(store: Store, work: (path: string) => Promise<T>): Promise<T> {
  const temporary = temporaryIn(store)
  try {
    return await work(temporary)
  } finally {
    // After the rename there is nothing at this name.
    await rm(temporary, { force: true })
  }
}

/** Make a verified copy durable under the name of its content, unless the store has it. */
export async function commit(store: Store, temporary: string, content: ObjectContent): Promise<void> {
  if (await hasPiece(store, content)) return rm(temporary)
  await using file = await open(temporary, 'r+')
  await publish(store, temporary, piecePath(store, content), file)
}

/** Rename a file to its final path. It survives a loss of power then, and nobody may write to it. */
export async function publish(
  store: Store,
  temporary: string,
  target: string,
  file: FileHandle,
): Promise<void> {
  await makeObjectFolders(store, dirname(target))
  await file.chmod(objectModes(store).file)
  await syncHandle(file)
  await rename(temporary, target)
  await syncFolder(dirname(target))
}
