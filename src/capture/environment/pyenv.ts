/**
 * The Python behind a shim of pyenv.
 *
 * A shim is a shell script that starts some ten other shell scripts to find its Python, and takes several times as long
 * as that Python takes to start. Where the answer is plain it is found here by the rules that pyenv documents; wherever
 * anything is out of the ordinary (hooks, several versions, beginnings of versions), the shim has the word.
 */
import { constants } from 'node:fs'
import { access, readdir, stat } from 'node:fs/promises'
import { basename, delimiter, dirname, join } from 'node:path'
import { platform } from 'node:process'
import { readHint } from './files.ts'

/** What decides which Python a shim starts. */
export interface ShimContext {
  readonly directory: string
  readonly variables: NodeJS.ProcessEnv
}

/** Hooks that pyenv and pyenv-virtualenv bring; none of them changes which Python is started by its name. */
const KNOWN_HOOKS: ReadonlySet<string> = new Set([
  'pip-rehash',
  'pip-rehash.bash',
  'conda.bash',
  'python-config.bash',
  'system-site-packages.bash',
])

/** Where pyenv looks for hooks of the whole machine. */
const SYSTEM_HOOKS = ['/usr/etc/pyenv.d', '/usr/local/etc/pyenv.d', '/etc/pyenv.d', '/usr/lib/pyenv/hooks']

/** The steps on the way to a Python that hooks can change. */
const HOOKED = ['version-name', 'which', 'exec']

/**
 * The Python that a name on `PATH` leads to through a shim of pyenv.
 *
 * @param command A name without a folder.
 * @returns Its path; `undefined` where the name is no shim, or only the shim knows.
 */
export async function behindShim(command: string, context: ShimContext): Promise<string | undefined> {
  if (platform === 'win32' || command.includes('/')) return undefined
  const pyenv = await readShim(await onPath(command, context.variables['PATH'] ?? ''))
  if (pyenv === undefined) return undefined
  const version = await chosenVersion(pyenv.root, context)
  if (version === undefined) return undefined
  const python = join(pyenv.root, 'versions', version, 'bin', command)
  if (!(await isProgram(python)) || (await hasOwnHooks(pyenv, context.variables))) return undefined
  return python
}

async function onPath(command: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    // An empty part, and one that is not absolute, mean another file in every folder.
    if (!folder.startsWith('/')) return undefined
    const found = join(folder, command)
    if (await isProgram(found)) return found
  }
  return undefined
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK)
    return (await stat(path)).isFile()
  } catch {
    return false
  }
}

interface Pyenv {
  readonly root: string
  /** The folder that pyenv itself is installed in; often the root. */
  readonly installation: string
}

/** The last line of every shim, and the line that says where the versions are. */
const EXEC = /^exec "(\/[^"$`\\]+)\/libexec\/pyenv" exec "\$program" "\$@"\n*$/m
const ROOT = /^export PYENV_ROOT="(\/[^"$`\\]+)"$/m

/** A shim is no longer than this, while the programs it could be are. */
const SHIM_LIMIT = 4096

async function readShim(path: string | undefined): Promise<Pyenv | undefined> {
  if (path === undefined || basename(dirname(path)) !== 'shims') return undefined
  if ((await stat(path)).size > SHIM_LIMIT) return undefined
  const text = (await readHint(path)) ?? ''
  const [root, installation] = [ROOT.exec(text)?.[1], EXEC.exec(text)?.[1]]
  // Older shims look at their arguments as well.
  if (root === undefined || installation === undefined || text.includes('PYENV_FILE_ARG')) return undefined
  return dirname(dirname(path)) === root ? { root, installation } : undefined
}

/** The one version that is chosen: by `PYENV_VERSION`, the nearest `.python-version`, or that of the root. */
async function chosenVersion(
  root: string,
  { directory, variables }: ShimContext,
): Promise<string | undefined> {
  const { PYENV_VERSION: said, PYENV_DIR: elsewhere } = variables
  if (elsewhere !== undefined && elsewhere !== '') return undefined
  const words =
    said !== undefined && said !== '' ? [said] : versionWords(await nearestVersionFile(root, directory))
  const [version, another] = words
  // "system" is another search, and a colon or a second word another version to try.
  const isPlain =
    version !== undefined && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(version) && version !== 'system'
  return isPlain && another === undefined ? version : undefined
}

async function nearestVersionFile(root: string, directory: string): Promise<string> {
  for (let folder = directory; ; folder = dirname(folder)) {
    const text = await readHint(join(folder, '.python-version'))
    if (text !== undefined) return text
    if (folder === dirname(folder)) return (await readHint(join(root, 'version'))) ?? ''
  }
}

/** The first word of each line that is not a comment. */
function versionWords(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [word = ''] = line.trim().split(/\s+/)
    return word === '' || word.startsWith('#') ? [] : [word]
  })
}

async function hasOwnHooks({ root, installation }: Pyenv, variables: NodeJS.ProcessEnv): Promise<boolean> {
  const plugins = await namesIn(join(root, 'plugins'))
  const places = [
    ...(variables['PYENV_HOOK_PATH'] ?? '').split(':').filter((place) => place !== ''),
    ...[root, installation].map((folder) => join(folder, 'pyenv.d')),
    ...SYSTEM_HOOKS,
    ...plugins.map((plugin) => join(root, 'plugins', plugin, 'etc', 'pyenv.d')),
  ]
  const hooks = await Promise.all(places.flatMap((place) => HOOKED.map((step) => namesIn(join(place, step)))))
  return hooks.flat().some((name) => !KNOWN_HOOKS.has(name))
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch {
    // Most of these places are nowhere.
    return []
  }
}
