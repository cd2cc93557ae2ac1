/** Runs the command-line program at a terminal: a pseudo-terminal of Python, of a given width. */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const SCRIPT = `import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, int(sys.argv[1]), 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
received = b""
while True:
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    received += piece
os.waitpid(pid, 0)
sys.stdout.buffer.write(received)
`

/** Return the lines that \`lineaprint\` shows at a terminal of this many columns, without colours. */
export function linesAtTerminal(
  columns: number,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): string[] {
  const { stdout, status, stderr } = spawnSync(
    'python3',
    ['-c', SCRIPT, String(columns), process.execPath, resolve('src/cli/main.ts'), ...args],
    { cwd, env: { ...process.env, TERM: 'xterm', ...env }, encoding: 'utf8' },
  )
  if (status !== 0) throw new Error(`the terminal failed: ${stderr}`)
  return stripVTControlCharacters(stdout).split('\r\n')
}
