/** Submodules: the commit in the index, and the commit that is checked out. */
import { errorText } from '../../util/error-text.ts'
import { NotAvailable } from '../../util/not-available.ts'
import { redactUrl } from '../../secrets/redact.ts'
import { hiddenReason, readIndexEntries } from './index-entries.ts'
import { writePath } from './paths.ts'
import { splitNul } from './status.ts'
import type { Git } from './command.ts'
import type { IndexEntries } from './index-entries.ts'
import type { GitPath } from './paths.ts'
import type { ChangedPath } from './status.ts'
import type { ContentOptions } from './content.ts'
import type { NestedContent, Submodule } from './types.ts'

/**
 * Read the uncommitted files inside a submodule or another repository; see `readNested` in `nested.ts`, which calls
 * the functions that need it.
 */
export type ReadNested = (
  git: Git,
  path: GitPath,
  options: ContentOptions,
  kind: 'submodule' | 'repository',
) => Promise<NestedContent>

/**
 * Return submodules in their recorded form.
 *
 * @param submodules The submodules of the index.
 * @param changed The changed paths of the status.
 * @param warnings Gets a message for each submodule whose content cannot be restored.
 */
export async function describeSubmodules(
  git: Git,
  { readNested, ...options }: ContentOptions & { readonly readNested: ReadNested },
  submodules: IndexEntries['submodules'],
  changed: readonly ChangedPath[],
  warnings: string[],
): Promise<Submodule[]> {
  if (submodules.length === 0) return []
  const { root } = options
  const addresses = await readAddresses(git)
  const described: Submodule[] = []
  for (const { path, commit } of submodules) {
    const state = changed.find(({ path: other }) => other.bytes.equals(path.bytes))?.submodule
    const modified = state?.modified ?? false
    const untracked = state?.untracked ?? false
    if (modified || untracked) {
      warnings.push(`the submodule ${JSON.stringify(path.text)} has uncommitted changes, which are not kept`)
    }
    const checkedOut = await readCheckedOut(git, root, path)
    if (checkedOut.reason !== undefined) {
      warnings.push(`the submodule ${JSON.stringify(path.text)} is not checked out: ${checkedOut.reason}`)
    }
    const content =
      modified || untracked
        ? await readNested(git, path, options, 'submodule')
        : checkedOut.commit === null
          ? undefined
          : await hiddenContent(git, `${root}/${path.text}`)
    if (content?.status === 'failed')
      warnings.push(
        `changes inside the submodule ${JSON.stringify(path.text)} are not known: ${content.reason}`,
      )
    described.push({
      ...writePath(path),
      index: commit,
      workTree: checkedOut.commit,
      modified,
      untracked,
      url: addresses.get(path.text) ?? null,
      ...(content !== undefined && { content }),
    })
  }
  return described
}

/**
 * Return the content of a submodule that git calls unchanged: not known if it, or a submodule in it, has files that git
 * does not look at; else `undefined`.
 */
async function hiddenContent(git: Git, directory: string): Promise<NestedContent | undefined> {
  const inner: Git = (args, call) => git(args, { directory, ...call })
  try {
    const entries = await readIndexEntries(inner)
    const reason = await hiddenReason(inner, entries)
    if (reason !== undefined) return { status: 'failed', reason }
    for (const { path } of entries.submodules) {
      const { commit } = await readCheckedOut(inner, directory, path)
      if (commit === null) continue
      const content = await hiddenContent(git, `${directory}/${path.text}`)
      if (content !== undefined) return content
    }
    return undefined
  } catch (error) {
    if (!(error instanceof NotAvailable)) throw error
    return { status: 'failed', reason: error.message }
  }
}

/** Return the commit that is checked out in a nested repository. */
export async function readCheckedOut(
  git: Git,
  root: string,
  path: GitPath,
): Promise<{ readonly commit: string | null; readonly reason?: string }> {
  if (!path.utf8) return { commit: null, reason: 'its name is not UTF-8' }
  try {
    // In an empty folder, git would return the commit of the surrounding repository.
    const output = await git(['rev-parse', '--show-prefix', 'HEAD'], { directory: `${root}/${path.text}` })
    const [prefix, commit] = output.toString().split('\n')
    if (prefix !== '' || commit === undefined) return { commit: null, reason: 'it is not initialised' }
    return { commit }
  } catch (error) {
    if (error instanceof NotAvailable) return { commit: null, reason: errorText(error, 'first') }
    throw error
  }
}

/** Read the addresses of submodules by path from `.gitmodules`. */
async function readAddresses(git: Git): Promise<Map<string, string>> {
  const paths = new Map<string, string>()
  const urls = new Map<string, string>()
  const args = ['config', '--file', '.gitmodules', '--null', '--get-regexp', '^submodule\\..*\\.(path|url)$']
  for (const entry of splitNul(await git(args, { accept: [1] }))) {
    const [key = '', ...value] = entry.toString().split('\n')
    const [, name = '', field] = /^submodule\.(.*)\.(path|url)$/s.exec(key) ?? []
    if (field === 'path') paths.set(value.join('\n'), name)
    else urls.set(name, redactUrl(value.join('\n')))
  }
  return new Map([...paths].map(([path, name]) => [path, urls.get(name) ?? '']))
}
