/**
 * Read-only calls of the git program.
 *
 * No call may write to the repository, not even to refresh its index. `git diff` refreshes the index
 * regardless of `--no-optional-locks`, so only `status` and plumbing commands are used.
 *
 * No call may start a program that the configuration of a repository names: no file system monitor, no hook,
 * no transport of a missing object, and no program for differences (the calls that print them say so). The
 * exception are filters, without which git cannot compare some files; `disabledFilters` names those that are
 * not started.
 */
import { NotAvailable } from '../../util/not-available.ts'
import { runProgram } from '../../subprocess/run.ts'
import { withAbsolutePath } from '../../subprocess/search-path.ts'
import { redactText } from '../../secrets/redact.ts'
import { ABSENCES } from './absence.ts'
import { blockedReason } from './blocked.ts'
import { words } from '../../util/word-list.ts'

/** Options of all calls of one capture. */
export interface GitOptions {
  readonly directory: string
  /** Time limit for each call in milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
  readonly environment: NodeJS.ProcessEnv
  /** Names of filters that git must not start; see `listFilters`. @default none */
  readonly disabledFilters?: readonly string[] | undefined
  /**
   * Transport that git may use. A repository can name any program for a transport, and can have git fetch an
   * object that is missing. `file` only for calls in a repository that lineaprint made. @default 'none'
   */
  readonly transport?: 'none' | 'file' | undefined
  /** The answers of {@link blockedReason}: callers of one capture share them. @default a new map */
  readonly blocked?: BlockedAnswers | undefined
}

/** Answers of {@link blockedReason} by folder. */
export type BlockedAnswers = Map<string, Promise<string | undefined>>

/** Options of one call. */
export interface GitCall {
  /** Exit codes other than 0 that are valid results. */
  readonly accept?: readonly number[]
  readonly input?: Uint8Array
  readonly onOutput?: (piece: Buffer) => void | Promise<void>
  /** Working directory. @default that of the capture */
  readonly directory?: string
}

/**
 * Run git with some arguments and return its output. Throws {@link NotAvailable} with git's own reason if it
 * fails.
 */
export type Git = (args: readonly string[], call?: GitCall) => Promise<Buffer>

/** Settings that prevent git from starting programs, and that fix the output of the commands. */
const SETTINGS = words(
  '--no-optional-locks --no-pager -c core.fsmonitor=false -c core.hooksPath=/dev/null -c maintenance.auto=false ' +
    '-c credential.helper= -c core.askPass= -c log.showSignature=false ' +
    '-c status.relativePaths=false -c diff.suppressBlankEmpty=false -c core.quotePath=false',
)

/** Create the function that calls git. */
export function createGit(options: GitOptions): Git {
  const { disabledFilters = [], transport = 'none', blocked = new Map() as BlockedAnswers } = options
  const disabling = disabledFilters.flatMap(filterSettings)
  const environment = withSettings(
    { ...cleanEnvironment(options.environment), GIT_ALLOW_PROTOCOL: transport },
    disabling,
  )
  // Before git 2.31, settings are not read from variables; a name with `=` cannot be given as an argument.
  const known = disabling.filter(([key]) => !key.includes('='))
  const settings = [...SETTINGS, ...known.flatMap(([key, value]) => ['-c', `${key}=${value}`])]
  return async (args, { accept = [], ...call } = {}) => {
    const directory = call.directory ?? options.directory
    const checking = blocked.get(directory) ?? blockedReason(directory)
    blocked.set(directory, checking)
    const reason = await checking
    if (reason !== undefined) throw new NotAvailable(reason)
    const result = await runProgram('git', [...settings, ...args], {
      ...options,
      ...call,
      environment,
      refuseFifo: 'git',
    })
    if (result.status !== 'ended') throw new NotAvailable(result.reason)
    if (result.code === 0 || (result.code !== null && accept.includes(result.code))) return result.stdout
    throw new NotAvailable(explain(args[0] ?? '', result.code, result.stderr))
  }
}

/**
 * Return the environment variables for git. Variables that choose a repository, an index or a program are
 * removed: inside a hook they are set and refer to another repository than that of the given folder.
 */
function cleanEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).filter(
    ([name]) => !name.startsWith('GIT_') || name.startsWith('GIT_CONFIG_') || KEPT.has(name),
  )
  return {
    ...withAbsolutePath(Object.fromEntries(kept)),
    LC_ALL: 'C',
    LANGUAGE: '',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    // Otherwise git writes its answers to a list of paths one by one.
    GIT_FLUSH: '0',
    // In a partial clone, git would fetch a missing object and write it.
    GIT_NO_LAZY_FETCH: '1',
  }
}

type Setting = readonly [key: string, value: string]

/** Return the settings under which git treats a filter as not configured. */
function filterSettings(name: string): Setting[] {
  const values = { clean: '', smudge: '', process: '', required: 'false' }
  return Object.entries(values).map(([key, value]) => [`filter.${name}.${key}`, value])
}

/** Return the variables with further settings of git after those that are there. */
export function withSettings(
  environment: NodeJS.ProcessEnv,
  settings: readonly Setting[],
): NodeJS.ProcessEnv {
  const before = Number(environment['GIT_CONFIG_COUNT'] ?? 0)
  const pairs = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${before + index}`, key],
    [`GIT_CONFIG_VALUE_${before + index}`, value],
  ])
  return { ...environment, ...Object.fromEntries(pairs), GIT_CONFIG_COUNT: String(before + settings.length) }
}

const KEPT = new Set(['GIT_CEILING_DIRECTORIES', 'GIT_DISCOVERY_ACROSS_FILESYSTEM', 'GIT_EXEC_PATH'])

function explain(command: string, code: number | null, stderr: string): string {
  // Without these words, a file `.git` names the folder of a repository that is not there.
  if (stderr.includes('not a git repository (or any ')) return ABSENCES.repository
  const line = stderr.split('\n').find((text) => text.trim() !== '') ?? `exit code ${code ?? 'unknown'}`
  return `git ${command} failed: ${redactText(line.replace(/^(fatal|error): /, ''))}`
}
