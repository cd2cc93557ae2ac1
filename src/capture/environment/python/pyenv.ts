/**
 * The Python behind a shim of pyenv.
 *
 * All in one go, without a turn of the event loop: `lineaprint run` asks before it loads the rest of itself, and what
 * waits for the loop would wait for that. It is some thirty looks at local files.
 *
 * A shim is a shell script that starts some ten other shell scripts to find its Python, and takes several times as long
 * as that Python takes to start. Where the answer is plain it is found here by the rules that pyenv documents; wherever
 * anything is out of the ordinary (hooks, several versions, beginnings of versions), the shim has the word.
 */
import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  readdirSync,
  statSync,
} from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { platform } from 'node:process'

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
export function behindShim(command: string, context: ShimContext): string | undefined {
  if (platform === 'win32' || command.includes('/')) return undefined
  const pyenv = readShim(onPath(command, context.variables['PATH'] ?? ''))
  if (pyenv === undefined) return undefined
  const version = chosenVersion(pyenv.root, context)
  if (version === undefined) return undefined
  const python = join(pyenv.root, 'versions', version, 'bin', command)
  if (!isProgram(python) || hasOwnHooks(pyenv, context.variables)) return undefined
  return python
}

function onPath(command: string, path: string): string | undefined {
  for (const folder of path.split(delimiter)) {
    // An empty part, and one that is not absolute, mean another file in every folder.
    if (!folder.startsWith('/')) return undefined
    const found = join(folder, command)
    if (isProgram(found)) return found
  }
  return undefined
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
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

/** Shims and files with versions are no longer than this. */
const SIZE_LIMIT = 4096

/**
 * The text of a short file: `undefined` where there is none, `null` where it is not known what it says. Never waits for
 * a FIFO.
 */
function readShort(path: string): string | null | undefined {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : null
  }
  try {
    const found = fstatSync(file)
    if (!found.isFile()) return undefined
    return found.size <= SIZE_LIMIT ? readFileSync(file, 'utf8') : null
  } finally {
    closeSync(file)
  }
}

function readShim(path: string | undefined): Pyenv | undefined {
  if (path === undefined || basename(dirname(path)) !== 'shims') return undefined
  const text = readShort(path) ?? ''
  const [root, installation] = [ROOT.exec(text)?.[1], EXEC.exec(text)?.[1]]
  // Older shims look at their arguments as well.
  if (root === undefined || installation === undefined || text.includes('PYENV_FILE_ARG')) return undefined
  return dirname(dirname(path)) === root ? { root, installation } : undefined
}

/** The one version that is chosen: by `PYENV_VERSION`, the nearest `.python-version`, or that of the root. */
function chosenVersion(root: string, { directory, variables }: ShimContext): string | undefined {
  const { PYENV_VERSION: said, PYENV_DIR: elsewhere } = variables
  if (elsewhere !== undefined && elsewhere !== '') return undefined
  const words =
    said !== undefined && said !== '' ? [said] : versionWords(nearestVersionFile(root, directory) ?? '')
  const [version, another] = words
  // "system" is another search, and a colon or a second word another version to try.
  const isPlain =
    version !== undefined && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(version) && version !== 'system'
  return isPlain && another === undefined ? version : undefined
}

function nearestVersionFile(root: string, directory: string): string | null | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    const text = readShort(join(folder, '.python-version'))
    if (text !== undefined) return text
    if (folder === dirname(folder)) return readShort(join(root, 'version'))
  }
}

/** The first word of each line that is not a comment. */
function versionWords(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [word = ''] = line.trim().split(/\s+/)
    return word === '' || word.startsWith('#') ? [] : [word]
  })
}

function hasOwnHooks({ root, installation }: Pyenv, variables: NodeJS.ProcessEnv): boolean {
  const plugins = namesIn(join(root, 'plugins'))
  const places = [
    ...(variables['PYENV_HOOK_PATH'] ?? '').split(':').filter((place) => place !== ''),
    ...[root, installation].map((folder) => join(folder, 'pyenv.d')),
    ...SYSTEM_HOOKS,
    ...plugins.map((plugin) => join(root, 'plugins', plugin, 'etc', 'pyenv.d')),
  ]
  const hooks = places.flatMap((place) => HOOKED.flatMap((step) => namesIn(join(place, step))))
  return hooks.some((name) => !KNOWN_HOOKS.has(name))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Most of these places are nowhere.
    return []
  }
}
