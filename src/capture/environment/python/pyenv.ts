/**
 * The Python that a shim of pyenv would start.
 *
 * A shim is a shell script that starts about ten other shell scripts to find its Python. This module applies
 * the documented rules of pyenv. If these are not sufficient (hooks, several versions, version prefixes), the
 * shim itself is started.
 *
 * This saves more than 50 ms: in 25 alternating rounds `lineaprint run -- true` took 403 ms with it and 564
 * ms without (medians; 210 and 280 ms of processor time), on two cores of a shared AMD EPYC. The command that
 * prints this: `npm run bench -- --only shim-run --rounds 25`.
 *
 * All calls are synchronous: `lineaprint run` starts the probe before it loads its other modules, and
 * asynchronous calls would have to wait for that. There are about thirty calls on local files.
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
import { errorCode } from '../../../util/fs.ts'

/** The values that determine which Python a shim starts. */
export interface ShimContext {
  readonly directory: string
  readonly variables: NodeJS.ProcessEnv
}

/**
 * Hooks that are part of pyenv and pyenv-virtualenv; none of them changes which Python is started by its
 * name.
 */
const KNOWN_HOOKS: ReadonlySet<string> = new Set([
  'pip-rehash',
  'pip-rehash.bash',
  'conda.bash',
  'python-config.bash',
  'system-site-packages.bash',
])

/** Folders that pyenv searches for hooks of the whole machine. */
const SYSTEM_HOOKS = ['/usr/etc/pyenv.d', '/usr/local/etc/pyenv.d', '/etc/pyenv.d', '/usr/lib/pyenv/hooks']

/** The steps of the search that hooks can change. */
const HOOKED = ['version-name', 'which', 'exec']

/**
 * Return the Python that a pyenv shim on `PATH` would start.
 *
 * @param command A name without a folder.
 * @returns Its path; `undefined` if the name is not a shim, or only the shim itself can decide.
 */
export function pythonOfShim(command: string, context: ShimContext): string | undefined {
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
    // An empty or relative part resolves differently in every folder.
    if (!folder.startsWith('/')) return undefined
    const candidate = join(folder, command)
    if (isProgram(candidate)) return candidate
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
  /** The folder that pyenv is installed in; often the root. */
  readonly installation: string
}

/** The last line of every shim, and the line with the root of the versions. */
const EXEC = /^exec "(\/[^"$`\\]+)\/libexec\/pyenv" exec "\$program" "\$@"\n*$/m
const ROOT = /^export PYENV_ROOT="(\/[^"$`\\]+)"$/m

/** Limit of the size of shims and version files in bytes. */
const SIZE_LIMIT = 4096

/**
 * Read a short file: `undefined` if it does not exist, `null` if it cannot be read or is too long. Never
 * waits for a FIFO.
 */
function readShort(path: string): string | null | undefined {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : null
  }
  try {
    const info = fstatSync(file)
    if (!info.isFile()) return undefined
    return info.size <= SIZE_LIMIT ? readFileSync(file, 'utf8') : null
  } finally {
    closeSync(file)
  }
}

function readShim(path: string | undefined): Pyenv | undefined {
  if (path === undefined || basename(dirname(path)) !== 'shims') return undefined
  const text = readShort(path) ?? ''
  const [root, installation] = [ROOT.exec(text)?.[1], EXEC.exec(text)?.[1]]
  // Older shims also evaluate their arguments.
  if (root === undefined || installation === undefined || text.includes('PYENV_FILE_ARG')) return undefined
  return dirname(dirname(path)) === root ? { root, installation } : undefined
}

/**
 * Return the selected version if there is exactly one: from `PYENV_VERSION`, the nearest `.python-version`,
 * or the file of the root.
 */
function chosenVersion(root: string, { directory, variables }: ShimContext): string | undefined {
  const { PYENV_VERSION: version = '', PYENV_DIR: searched = '' } = variables
  if (searched !== '') return undefined
  const words = version === '' ? versionWords(nearestVersionFile(root, directory) ?? '') : [version]
  const [word, another] = words
  // "system" requires another search; a colon or a second word means a further version to try.
  const isOneVersion = word !== undefined && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(word) && word !== 'system'
  return isOneVersion && another === undefined ? word : undefined
}

function nearestVersionFile(root: string, directory: string): string | null | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    const text = readShort(join(folder, '.python-version'))
    if (text !== undefined) return text
    if (folder === dirname(folder)) return readShort(join(root, 'version'))
  }
}

/** Return the first word of each line that is not a comment. */
function versionWords(text: string): string[] {
  return text.split(/\r?\n/).flatMap((line) => {
    const [word = ''] = line.trim().split(/\s+/)
    return word === '' || word.startsWith('#') ? [] : [word]
  })
}

function hasOwnHooks({ root, installation }: Pyenv, variables: NodeJS.ProcessEnv): boolean {
  const plugins = namesIn(join(root, 'plugins'))
  const folders = [
    ...(variables['PYENV_HOOK_PATH'] ?? '').split(':').filter((folder) => folder !== ''),
    ...[root, installation].map((folder) => join(folder, 'pyenv.d')),
    ...SYSTEM_HOOKS,
    ...plugins.map((plugin) => join(root, 'plugins', plugin, 'etc', 'pyenv.d')),
  ]
  const hooks = folders.flatMap((folder) => HOOKED.flatMap((step) => namesIn(join(folder, step))))
  return hooks.some((name) => !KNOWN_HOOKS.has(name))
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Most of these folders do not exist.
    return []
  }
}
