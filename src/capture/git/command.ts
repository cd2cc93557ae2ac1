/**
 * Calls of the git program that only look.
 *
 * No call may write to the repository, not even to refresh its index: `git diff` does that by itself, whatever
 * `--no-optional-locks` says, so only `status` and plumbing commands are used. No call may start a program that
 * the configuration of a repository names, except its filters, without which git cannot compare files.
 */
import { NotAvailable } from '../../util/not-available.ts'
import { runProgram } from '../../subprocess/run.ts'
import { redactText } from '../../secrets/redact.ts'
import { words } from '../../util/word-list.ts'

/** What every call of one capture shares. */
export interface GitOptions {
  readonly directory: string
  /** Milliseconds for each call. */
  readonly timeout: number
  readonly signal?: AbortSignal | undefined
  readonly environment: NodeJS.ProcessEnv
}

/** How one call differs. */
export interface GitCall {
  /** Exit codes that are answers, beside 0. */
  readonly accept?: readonly number[]
  readonly input?: Uint8Array
  readonly onOutput?: (piece: Buffer) => void | Promise<void>
  /** Another working directory than that of the capture. */
  readonly directory?: string
}

/** Runs git with some arguments and gives its output. Throws {@link NotAvailable} with git's own reason if it fails. */
export type Git = (args: readonly string[], call?: GitCall) => Promise<Buffer>

/** The settings keep git from starting programs that outlive the call, and fix the output of the commands used. */
const SETTINGS = words(
  '--no-optional-locks --no-pager -c core.fsmonitor=false -c maintenance.auto=false ' +
    '-c status.relativePaths=false -c diff.suppressBlankEmpty=false -c core.quotePath=false',
)

/** Makes the function that calls git. */
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
 * The variables git gets. Those that choose a repository, an index or a program are dropped: inside a hook they
 * are set and mean another repository than the folder that was asked about.
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
    // In a partial clone a missing object would be fetched, and written.
    GIT_NO_LAZY_FETCH: '1',
  }
}

const KEPT = new Set(['GIT_CEILING_DIRECTORIES', 'GIT_DISCOVERY_ACROSS_FILESYSTEM', 'GIT_EXEC_PATH'])

function explain(command: string, code: number | null, stderr: string): string {
  if (stderr.includes('not a git repository')) return 'this folder is not in a git repository'
  const line = stderr.split('\n').find((text) => text.trim() !== '') ?? `exit code ${code ?? 'unknown'}`
  return `git ${command} failed: ${redactText(line.replace(/^(fatal|error): /, ''))}`
}
