/**
 * The Python behind a shim of pyenv.
 *
 * A shim is a shell script that starts some ten other shell scripts to find its Python. The reader finds it by the rules
 * that pyenv documents; wherever these do not decide alone (hooks, several versions, beginnings of versions), the shim
 * itself is started.
 *
 * It saves more than 50 ms: in 25 rounds in alternation `lineaprint run -- true` took 403 ms with it and 564 ms without
 * (medians; 210 and 280 ms of processor time), on two cores of an AMD EPYC that others used as well. The command that
 * prints this: `npm run bench -- --only shim-run --rounds 25`.
 *
 * All calls are synchronous: `lineaprint run` asks before it loads the rest of itself, and what waits for the event loop
 * would wait for that. They are some thirty on local files.
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

/** Folders that pyenv searches for hooks of the whole machine. */
const SYSTEM_HOOKS = ['/usr/etc/pyenv.d', '/usr/local/etc/pyenv.d', '/etc/pyenv.d', '/usr/lib/pyenv/hooks']

/** The steps on the way to a Python that hooks can change. */
const HOOKED = ['version-name', 'which', 'exec']

/**
 * Find the Python that a name on `PATH` leads to through a shim of pyenv.
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
 * Read a short file: `undefined` where there is none, `null` where it cannot be read or is too long. Never waits for a
 * FIFO.
 */
function readShort(path: string): string | null | undefined {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (error) {
    return errorCode(error) === 'ENOENT' ? undefined : null
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

/** Return the one version that is chosen: by `PYENV_VERSION`, the nearest `.python-version`, or that of the root. */
function chosenVersion(root: string, { directory, variables }: ShimContext): string | undefined {
  const { PYENV_VERSION: version = '', PYENV_DIR: searched = '' } = variables
  if (searched !== '') return undefined
  const words = version === '' ? versionWords(nearestVersionFile(root, directory) ?? '') : [version]
  const [word, another] = words
  // "system" is another search, and a colon or a second word another version to try.
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

/** The first word of each line that is not a comment. */
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
