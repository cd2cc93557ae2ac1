/** Runs the command-line program. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

/** What a run of the program left. */
export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Options of {@link lineaprint}. */
export interface ProgramOptions {
  readonly cwd?: string
  readonly input?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  /** A program and its arguments that runs the program, for example `strace`. */
  readonly under?: readonly string[]
  /** Called with the process once it has started. */
  readonly started?: (child: ReturnType<typeof spawn>) => void
}

/** The program: the sources, or what `npm test` compiled from them, which starts faster. */
const MAIN = resolve(process.env['TEST_PROGRAM'] ?? 'src/cli/main.ts')

/** The program and its first argument, for a command that starts it itself. */
export const PROGRAM: readonly [node: string, main: string] = [process.execPath, MAIN]

/** Runs `lineaprint` with these arguments. */
export function lineaprint(args: readonly string[], options: ProgramOptions = {}): Promise<Outcome> {
  const [program, ...before] = [...(options.under ?? []), process.execPath]
  const child = spawn(program, [...before, MAIN, ...args], {
    cwd: options.cwd,
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  options.started?.(child)
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  // A program that ends before it has read everything is not this test's failure.
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', (code, signal) =>
      done({
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    )
  })
}
