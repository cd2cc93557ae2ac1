/** Interactive shells at a pseudo-terminal, for completions. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

// All keys are sent at once. A shell takes them in their order, so nothing depends on time.
const SCRIPT = `import os, pty, sys, threading
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
threading.Thread(target=os.write, args=(terminal, sys.argv[1].encode()), daemon=True).start()
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

/** Return whether a shell is installed. */
export function hasShell(name: string): boolean {
  return spawnSync(name, ['-c', 'exit 0']).status === 0
}

/** A home with \`lineaprint\` in its PATH. Returns the environment of a shell there. */
export function homeWithProgram(home: string): Record<string, string> {
  const program = join(home, 'bin', 'lineaprint')
  mkdirSync(join(home, 'bin'))
  const main = resolve(process.env['TEST_PROGRAM'] ?? 'src/cli/main.ts')
  writeFileSync(program, `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
  chmodSync(program, 0o755)
  const path = `${join(home, 'bin')}:${process.env['PATH'] ?? ''}`
  return {
    HOME: home,
    PATH: path,
    TERM: 'dumb',
    LC_ALL: 'C.UTF-8',
    XDG_CACHE_HOME: home,
    XDG_CONFIG_HOME: home,
  }
}

/**
 * Type each line, a tab, and what turns the line into an argument list that is printed. Return the argument lists, after
 * the shell has taken quotes away and expanded what it expands.
 */
export function typedWithTab(
  shell: readonly string[],
  setUp: string,
  lines: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): string[][] {
  const start = '\u0001'
  const keys = lines.map((line) => `${line}\t${start}show: \r`).join('')
  const show = `show:() { printf '%s' '<<'; printf '%s|' "$@"; printf '%s\\n' '>>'; }`
  const typed = `${show}\r${setUp}\r${keys}exit\r`
  const { stdout } = spawnSync('python3', ['-c', SCRIPT, typed, ...shell], { cwd, env, encoding: 'utf8' })
  return [...stdout.matchAll(/<<([^\r\n]*)\|>>/g)].map(([, text = '']) => text.split('|'))
}
