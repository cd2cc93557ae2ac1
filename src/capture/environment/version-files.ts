/**
 * Files with which a folder selects the version of a program, and that can name a program of the folder
 * itself. They are read by tools that stand in for the program on `PATH`.
 */
import { realpath } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { NotAvailable } from '../../util/not-available.ts'
import { isReachable } from '../../util/fs.ts'
import { readHint } from './files.ts'

/** One kind of such files. */
interface VersionFile {
  readonly names: readonly string[]
  /** Returns whether such a file can select a program. */
  readonly selects: (command: string, target: string) => boolean
  /** Variable of the person that takes precedence over the files. */
  readonly variable?: string
  /** Returns whether a text can name a program by its path. */
  readonly namesPath: (text: string) => boolean
}

const VERSION_FILES: readonly VersionFile[] = [
  {
    names: ['rust-toolchain', 'rust-toolchain.toml'],
    selects: (command) => /^(?:rustc|cargo)$/.test(basename(command)),
    variable: 'RUSTUP_TOOLCHAIN',
    namesPath: (text) => /[/\\]|\bpath\b/.test(text),
  },
  {
    // asdf, mise and others.
    names: ['.tool-versions', 'mise.toml', '.mise.toml'],
    selects: (_, target) => basename(dirname(target)) === 'shims' || /^(?:asdf|mise)$/.test(basename(target)),
    namesPath: (text) => /\bpath\b|[/\\]/.test(text),
  },
]

/**
 * Refuse a program of `PATH` that would start another one, which a file of the folder names.
 *
 * @throws NotAvailable naming the file.
 */
export async function refuseFolderTool(
  command: string,
  { directory, variables }: { readonly directory: string; readonly variables: NodeJS.ProcessEnv },
): Promise<void> {
  const program = await locate(command, variables['PATH'] ?? '')
  if (program === undefined) return
  for (const { names, selects, variable, namesPath } of VERSION_FILES) {
    if (!program.some((path) => selects(command, path))) continue
    if (variable !== undefined && (variables[variable] ?? '') !== '') continue
    for (let folder = directory; ; folder = dirname(folder)) {
      for (const name of names) {
        const text = await readHint(join(folder, name))
        if (text === undefined || !namesPath(text)) continue
        throw new NotAvailable(
          `${command} was not started: ${join(folder, name)} decides which program it starts`,
        )
      }
      if (folder === dirname(folder)) break
    }
  }
}

/** Return the path of a program on `PATH`, and the path that links lead to. */
async function locate(command: string, path: string): Promise<string[] | undefined> {
  if (/[/\\]/.test(command)) return [command, await realpath(command).catch(() => command)]
  for (const folder of path.split(delimiter)) {
    const candidate = join(folder, command)
    if (folder !== '' && (await isReachable(candidate)))
      return [candidate, await realpath(candidate).catch(() => candidate)]
  }
  return undefined
}
