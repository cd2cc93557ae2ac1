/** Filters: programs that the configuration of a repository names, and that git starts to compare files. */
import { join } from 'node:path'
import { isReachable } from '../../util/fs.ts'
import { NotAvailable } from '../../util/not-available.ts'
import { readIndexEntries } from './index-entries.ts'
import { gitPath } from './paths.ts'
import { splitNul } from './status.ts'
import type { Inspection } from '../../core/component.ts'
import type { Git } from './command.ts'
import type { GitPath } from './paths.ts'
import type { ChangedPath } from './status.ts'

/** More filters or nested submodules than this are refused: no real repository has them. */
const FILTER_LIMIT = 200
const DEPTH_LIMIT = 16

/**
 * List the names of all filters that are configured for the repository of a folder and for its submodules,
 * which `git status` reads as well.
 *
 * @param directory Absolute path of a folder of the work tree.
 * @throws NotAvailable if there are too many.
 */
export async function listFilters(git: Git, directory: string): Promise<string[]> {
  const names = new Set<string>()
  await collectFilters(git, directory, names, 0)
  return [...names]
}

async function collectFilters(git: Git, directory: string, names: Set<string>, depth: number): Promise<void> {
  if (depth > DEPTH_LIMIT) throw new NotAvailable(`submodules are nested more than ${DEPTH_LIMIT} deep`)
  const here: Git = (args, call) => git(args, { ...call, directory })
  // Exit code 1: nothing matches.
  const output = await here(['config', '--null', '--name-only', '--get-regexp', '^filter\\.'], {
    accept: [1],
  })
  for (const key of splitNul(output)) {
    const name = /^filter\.(.*)\.[^.]*$/s.exec(key.toString())?.[1]
    if (name !== undefined) names.add(name)
  }
  if (names.size > FILTER_LIMIT) throw new NotAvailable(`it configures more than ${FILTER_LIMIT} filters`)
  // Elsewhere git compares no files.
  if ((await here(['rev-parse', '--is-inside-work-tree'])).toString().trim() !== 'true') return
  const { submodules } = await readIndexEntries(here)
  if (submodules.length === 0) return
  const root = (await here(['rev-parse', '--show-toplevel'])).toString().replace(/\n$/, '')
  for (const { path } of submodules) {
    if (!path.utf8) throw new NotAvailable('the name of a submodule is not UTF-8')
    const folder = join(root, path.text)
    if (await isReachable(join(folder, '.git'))) await collectFilters(git, folder, names, depth + 1)
  }
}

/**
 * Report the changed files that only a filter could compare with the index. Without it, git compares the bytes
 * on disk, and may see a change where there is none.
 *
 * @param git Calls of the capture, whose filters are disabled.
 * @param disabled Names of these filters.
 */
export async function reportFiltered(
  git: Git,
  root: string,
  changed: readonly ChangedPath[],
  disabled: readonly string[],
  { reportUnchecked }: Inspection,
): Promise<void> {
  if (disabled.length === 0) return
  const files = changed.filter((entry) => entry.submodule === null && entry.unstaged !== null)
  for (const [{ text, utf8 }, name] of await filtersOf(
    git,
    files.map(({ path }) => path),
    root,
  )) {
    if (!disabled.includes(name)) continue
    reportUnchecked(`changed.${text}${utf8 ? '' : ' (not UTF-8)'}`, reasonFor(name), 'added')
  }
  for (const { path, submodule } of changed) {
    if (submodule?.modified !== true || !path.utf8) continue
    const directory = join(root, path.text)
    const modified = splitNul(await git(['diff-files', '--name-only', '-z'], { directory }))
    const paths = modified.map((bytes) => gitPath(Buffer.from(bytes)))
    const filtered = (await filtersOf(git, paths, directory)).find(([, name]) => disabled.includes(name))
    if (filtered !== undefined) reportUnchecked(`submodules.${path.text}`, reasonFor(filtered[1]))
  }
}

function reasonFor(name: string): string {
  return `git would start its filter ${JSON.stringify(name)} to compare it`
}

/** Return the filter of each path that has one. */
export async function filtersOf(
  git: Git,
  paths: readonly GitPath[],
  directory?: string,
): Promise<(readonly [GitPath, string])[]> {
  if (paths.length === 0) return []
  const input = Buffer.concat(paths.flatMap(({ bytes }) => [bytes, Buffer.from([0])]))
  const answer = splitNul(
    await git(['check-attr', '-z', '--stdin', 'filter'], {
      input,
      ...(directory !== undefined && { directory }),
    }),
  )
  // Each entry has three parts: path, attribute, value.
  return paths.flatMap((path, index) => {
    const name = answer[index * 3 + 2]?.toString() ?? 'unspecified'
    return name === 'unspecified' || name === 'unset' ? [] : [[path, name] as const]
  })
}
