/** Execution of the package managers that rebuild an environment. */
import { runProgram } from '../../subprocess/run.ts'
import { redactText } from '../../secrets/redact.ts'
import { LineaprintError } from '../../core/errors.ts'

/** The context that all tools of a rebuild share. */
export interface ToolContext {
  readonly signal: AbortSignal | undefined
  /** Environment variables of the tools. */
  readonly variables: NodeJS.ProcessEnv
  /** Called with each command before it starts, as a person would type it. */
  readonly onStep?: ((command: string) => void) | undefined
}

/** Timeout of a tool, in milliseconds. It may download gigabytes. */
const TIMEOUT = 60 * 60_000
/** Number of last lines of the output in an error. */
const LAST_LINES = 12
const KEPT_BYTES = 64 << 10

/**
 * Run a tool to its end and return its output.
 *
 * @throws ERR_LINEAPRINT_COMMAND with its last lines, if it fails or does not exist.
 */
export async function runTool(
  argv: readonly string[],
  directory: string,
  { signal, variables, onStep }: ToolContext,
): Promise<string> {
  const [program = '', ...args] = argv
  const name = redactText(argv.join(' '))
  onStep?.(name)
  let tail: Buffer = Buffer.alloc(0)
  const result = await runProgram(program, args, {
    directory,
    environment: variables,
    timeout: TIMEOUT,
    signal,
    outputLimit: Infinity,
    onOutput: (chunk) => {
      tail = Buffer.concat([tail, chunk]).subarray(-KEPT_BYTES)
    },
  })
  if (result.status === 'ended' && result.code === 0) return tail.toString()
  if (result.status === 'not-found') {
    throw new LineaprintError(
      'ERR_LINEAPRINT_COMMAND',
      `the environment cannot be rebuilt: ${result.reason}`,
      {
        field: 'rebuild',
        expected: name,
        hint: 'install the tool, or reproduce without --rebuild',
      },
    )
  }
  const how = result.status === 'ended' ? `ended with ${result.code ?? 'a signal'}` : result.reason
  // Some tools write their errors to stdout.
  const output = result.status === 'ended' ? lastLines(`${tail.toString()}\n${result.stderr}`) : ''
  throw new LineaprintError(
    'ERR_LINEAPRINT_COMMAND',
    `the environment could not be rebuilt: ${name} ${how}${output === '' ? '' : `: ${output}`}`,
    { path: directory, field: 'rebuild', hint: 'without --rebuild the current environment is used' },
  )
}

/** Check whether a program can be started. */
export async function isInstalled(program: string, { variables, signal }: ToolContext): Promise<boolean> {
  const options = { directory: '/', environment: variables, timeout: 20_000, signal }
  const result = await runProgram(program, ['--version'], options)
  return result.status === 'ended' && result.code === 0
}

function lastLines(text: string): string {
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return redactText(lines.slice(-LAST_LINES).join('\n'))
}
