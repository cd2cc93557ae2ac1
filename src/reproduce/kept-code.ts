/** The recorded commit from the objects of the store, where the repository does not have it any more. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { contentOf, piecesOf } from '../store/objects/layout.ts'
import { writeObject } from '../store/objects/read.ts'
import type { Git } from '../capture/git/command.ts'
import type { ObjectContent } from '../store/objects/layout.ts'
import type { Store } from '../store/store.ts'
import type { RecordedTree } from './preflight.ts'

/** Return the content of the pack that a run kept; `undefined` if there is none, or the store does not have it. */
export async function keptPack(
  store: Store,
  { repository }: RecordedTree,
): Promise<ObjectContent | undefined> {
  const { code } = repository
  const [file] = code?.status === 'kept' ? code.files : []
  const content = file && contentOf(file.digests, file.size)
  return content !== undefined && (await piecesOf(store, content)) !== undefined ? content : undefined
}

/**
 * Make a repository with the recorded commit and no commit before it. Git computes the id of each object of the pack, so
 * that a pack with other content does not have the commit.
 *
 * @throws ERR_LINEAPRINT_CHANGED if the object is damaged.
 */
export async function unpack(
  git: Git,
  { commit, repository }: RecordedTree,
  target: string,
  { store, pack, signal }: { store: Store; pack: ObjectContent; signal: AbortSignal | undefined },
): Promise<void> {
  const format = repository.objectFormat === 'sha256' ? 'sha256' : 'sha1'
  await git(['init', '--quiet', '--template=', `--object-format=${format}`, target])
  const folder = join(target, '.git', 'objects', 'pack')
  await mkdir(folder, { recursive: true })
  const path = join(folder, 'pack-lineaprint.pack')
  await writeObject(store, pack, path, { mode: 0o444, signal })
  await git(['index-pack', path])
  await writeFile(join(target, '.git', 'shallow'), `${commit}\n`)
}
