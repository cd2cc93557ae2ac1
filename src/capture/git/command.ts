/**
 * Read-only calls of the git program.
 *
 * No call may write to the repository, not even to refresh its index. `git diff` refreshes the index
 * regardless of `--no-optional-locks`, so only `status` and plumbing commands are used. No call may start a
 * program that the configuration of a repository names, except its filters, without which git cannot compare
 * files.
 */
import { NotAvailable } from '../../util/not-available.ts'
import { runProgram } from '../../subprocess/run.ts'
import { redactText } from '../../secrets/redact.ts'
import { ABSENCES } from './absence.ts'
import { words } from '../../util/word-list.ts'

/** Options of all calls of one capture. */
export interface GitOptions {
  readonly directory: string
  /** Time limit for each call in milliseconds. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
  readonly environment: NodeJS.ProcessEnv
}

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

/**
 * Settings that prevent git from starting programs that outlive the call, and that fix the output of the
 * commands.
 */
const SETTINGS = words(
  '--no-optional-locks --no-pager -c core.fsmonitor=false -c maintenance.auto=false ' +
    '-c status.relativePaths=false -c diff.suppressBlankEmpty=false -c core.quotePath=false',
)

/** Create the function that calls git. */
export function createGit(options: GitOptions): Git {
  const environment = cleanEnvironment(options.environment)
  return async (args, { accept = [], ...call } = {}) => {
    const result = await runProgram('git', [...SETTINGS, ...args], { ...options, ...call, environment })
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
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    LANGUAGE: '',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    // In a partial clone, git would fetch a missing object and write it.
    GIT_NO_LAZY_FETCH: '1',
  }
}

const KEPT = new Set(['GIT_CEILING_DIRECTORIES', 'GIT_DISCOVERY_ACROSS_FILESYSTEM', 'GIT_EXEC_PATH'])

function explain(command: string, code: number | null, stderr: string): string {
  if (stderr.includes('not a git repository')) return ABSENCES.repository
  const line = stderr.split('\n').find((text) => text.trim() !== '') ?? `exit code ${code ?? 'unknown'}`
  return `git ${command} failed: ${redactText(line.replace(/^(fatal|error): /, ''))}`
}
