/** Running the package managers that rebuild an environment. */
import { runProgram } from '../../subprocess/run.ts'
import { redactText } from '../../secrets/redact.ts'
import { LineaprintError } from '../../core/errors.ts'

/** What every tool of one rebuild shares. */
export interface ToolContext {
  readonly signal: AbortSignal | undefined
  /** Variables that the tools get. */
  readonly variables: NodeJS.ProcessEnv
  /** Told each command before it starts, as a person would type it. */
  readonly onStep?: ((command: string) => void) | undefined
}

/** Milliseconds a tool may take: it may have gigabytes to bring. */
const TIMEOUT = 60 * 60_000
/** The end of the output that an error tells. */
const LAST_LINES = 12
const KEPT_BYTES = 64 << 10

/**
 * Runs a tool to its end and gives its output.
 *
 * @throws ERR_LINEAPRINT_COMMAND with the last lines it wrote, if it does not end well or is not there.
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
    onOutput: (piece) => {
      tail = Buffer.concat([tail, piece]).subarray(-KEPT_BYTES)
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
  // Some tools tell their errors to stdout.
  const said = result.status === 'ended' ? lastLines(`${tail.toString()}\n${result.stderr}`) : ''
  throw new LineaprintError(
    'ERR_LINEAPRINT_COMMAND',
    `the environment could not be rebuilt: ${name} ${how}${said === '' ? '' : `: ${said}`}`,
    { path: directory, field: 'rebuild', hint: 'without --rebuild the current environment is used' },
  )
}

/** Whether a program can be started. */
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
