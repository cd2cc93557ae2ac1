/** Tracked files that differ from the commit, with digests of their content in the work tree. */
import { hashContents, hashLink } from './content.ts'
import { writePath } from './paths.ts'
import type { Content, ContentOptions } from './content.ts'
import type { ChangedPath } from './status.ts'
import type { Blob, ChangedFile } from './types.ts'

/**
 * Return changed paths in their recorded form.
 *
 * @param changed The changed paths of the status; submodules are handled by {@link describeSubmodules}.
 * @param warnings Gets a message for each file that could not be read.
 */
export async function describeChanged(
  changed: readonly ChangedPath[],
  options: ContentOptions,
  warnings: string[],
): Promise<ChangedFile[]> {
  const entries = changed.filter(({ submodule }) => submodule === null)
  const files = entries.filter(({ workTreeMode }) => workTreeMode.startsWith('100'))
  const contents = new Map<ChangedPath, Content>()
  const hashed = await hashContents(
    files.map(({ path }) => path),
    options,
  )
  for (const [index, entry] of files.entries()) {
    const content = hashed[index]
    if (content !== undefined) contents.set(entry, content)
  }
  for (const entry of entries) {
    if (entry.workTreeMode === '120000') contents.set(entry, await hashLink(entry.path, options))
  }
  return entries.map((entry) => {
    const content = contents.get(entry)
    if (content?.status === 'failed') {
      warnings.push(`${JSON.stringify(entry.path.text)} could not be hashed: ${content.reason}`)
    }
    return describe(entry, content)
  })
}

function describe(entry: ChangedPath, content: Content | undefined): ChangedFile {
  const { path, staged, unstaged, conflict, head, index, stages, workTreeMode } = entry
  return {
    ...writePath(path),
    staged,
    unstaged,
    ...(conflict === null
      ? { conflict, head: written(head), index: written(index) }
      : { conflict, stages: stages.map(written) }),
    workTree:
      workTreeMode === '000000'
        ? null
        : {
            mode: workTreeMode,
            ...(content?.status === 'hashed'
              ? { size: content.size, digests: content.digests }
              : { reason: content?.reason ?? 'not a file or a symbolic link' }),
          },
  }
}

function written(blob: Blob | null): Blob | null {
  return blob === null ? null : { mode: blob.mode, blob: blob.blob }
}
