/** A command at a terminal, driven by a program that is the terminal. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { keptFolder } from '../../support/kept-folder.ts'
import { FAST, onlyRun } from './support.ts'

/** Functions of the driver: a shell at a terminal, which runs lines, is typed to and read. */
const DRIVER = `
import fcntl, os, pty, select, struct, sys, termios, time
os.environ.update(PS1='$ ', INPUTRC='/dev/null')
pid, fd = pty.fork()
if pid == 0: os.execvp('bash', ['bash', '--norc', '--noprofile', '--noediting', '-i'])
def size(rows, columns): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
def key(text): os.write(fd, text.encode())
def modes(): return termios.tcgetattr(fd)[:4]
seen = ''
def wait(text):
    global seen
    while text not in seen:
        if not select.select([fd], [], [], 20)[0]: sys.exit('no ' + repr(text) + ' in ' + repr(seen))
        try: seen += os.read(fd, 65536).decode(errors='replace')
        except OSError: sys.exit('closed: ' + repr(seen))
    before, seen = seen.split(text, 1)
    return before
size(33, 101)
run = ' '.join(sys.argv[1:]) + ' run '
wait('$ ')
key('stty -echo; echo re""ady\\n'); wait('ready'); before = modes()
`

/** Run a driver to its end. @returns the folder that it ran in, and what it printed */
async function drive(
  files: Readonly<Record<string, string>>,
  script: string,
): Promise<{ root: string; printed: string }> {
  const root = keptFolder(files)
  const program = [process.execPath, resolve(process.env['TEST_PROGRAM'] ?? 'src/cli/main.ts')]
  const child = spawn('python3', ['-c', `${DRIVER}${script}`, ...program], {
    cwd: root,
    env: { ...process.env, ...FAST, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [printed, errors] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()))
  const code = await new Promise((done) => child.once('close', done))
  if (code !== 0) throw new Error(errors)
  return { root, printed }
}

const LOOK = `import os, sys
print([os.isatty(n) for n in range(3)], tuple(os.get_terminal_size(2)), file=sys.stderr)
print('out')`

test.runIf(process.platform === 'linux')(
  'the command has a terminal of the same size, and is captured',
  async () => {
    const { root, printed } = await drive(
      { 'look.py': LOOK },
      `key(run + '-- python3 look.py; echo co""de $?\\n'); wait('[True, True, True] (101, 33)'); wait('out'); wait('code 0')
print(modes() == before)`,
    )
    expect(printed).toBe('True\n')
    const { record, folder } = onlyRun(root)
    expect(record.command.stdout).toMatchObject({ status: 'captured', file: 'stdout.log', bytes: 35 })
    expect(record.command.stderr).toEqual({
      status: 'not-captured',
      reason: 'it went to the terminal together with stdout, and is in stdout.log',
    })
    expect(readFileSync(join(folder, 'stdout.log'), 'utf8')).toBe('[True, True, True] (101, 33)\r\nout\r\n')
  },
)

test.runIf(process.platform === 'linux')(
  'in a pipeline and with --no-capture it has the real terminal',
  async () => {
    const { printed } = await drive(
      { 'look.py': LOOK, 'name.py': 'import os; print(os.ttyname(0))' },
      `key(run + '-- python3 look.py | cat; echo co""de $?\\n'); wait('[True, False, True]'); wait('code 0')
key('tty; echo en""d\\n'); tty = wait('end').split()[-1]
key(run + '--no-capture -- python3 name.py; echo en""d\\n'); print(tty in wait('end'))
key(run + '-- python3 name.py; echo en""d\\n'); print(tty in wait('end').split())`,
    )
    expect(printed).toBe('True\nFalse\n')
  },
)

test.runIf(process.platform === 'linux')(
  'keys, sizes and modes are passed on, and modes come back after SIGKILL',
  async () => {
    const { printed } = await drive(
      {
        'keys.py': `import os, signal, tty
signal.signal(signal.SIGWINCH, lambda *_: os.write(1, f'columns {os.get_terminal_size().columns}.'.encode()))
line = input()
tty.setraw(0)
print('got', line, end='. raw.', flush=True)
print(os.read(0, 1), os.read(0, 1), end='. resize.', flush=True)
os.read(0, 1)
os.kill(os.getpid(), 9)`,
      },
      `key(run + '-- python3 keys.py; echo co""de $?\\n'); time.sleep(1); key('hello\\n'); wait('got hello'); wait('raw.')
key('\\x03'); key('\\x1a'); print(wait('. resize.')); size(40, 77); wait('columns 77.'); key('x'); wait('code 137')
print(modes() == before)`,
    )
    expect(printed).toBe("b'\\x03' b'\\x1a'\nTrue\n")
  },
)

test.runIf(process.platform === 'linux')(
  'Ctrl-C reaches the command once, and Ctrl-Z and fg work',
  async () => {
    const { printed } = await drive(
      {
        'stop.py': `import os, signal, time
signal.signal(signal.SIGINT, lambda *_: os.write(1, b'interrupted\\n'))
signal.signal(signal.SIGCONT, lambda *_: os.write(1, b'continued\\n'))
print('running', flush=True)
# Python runs no handler of a signal that comes just before it waits for a line.
while not os.path.exists('go'): time.sleep(0.02)
print('line', input())`,
      },
      `key(run + '-- python3 stop.py; echo co""de $?\\n'); wait('running'); key('\\x03'); wait('interrupted'); time.sleep(0.3)
key('\\x1a'); between = wait('Stopped'); wait('code '); print(modes() == before, 'interrupted' in between)
key('fg\\n'); wait('continued'); time.sleep(0.3); open('go', 'w').close(); key('abc\\n'); print(wait('line abc').count('continued')); wait('finished'); wait('$ '); print(modes() == before)`,
    )
    expect(printed).toBe('True False\n0\nTrue\n')
  },
)

test.runIf(process.platform === 'linux')('a terminal that goes away hangs up the command, once', async () => {
  const { root } = await drive(
    {
      'hang.py': `import signal, time
signal.signal(signal.SIGHUP, lambda *_: open('hangups', 'a').write('x'))
print('running', flush=True)
end = time.monotonic() + 2
while time.monotonic() < end: time.sleep(0.1)
open('end', 'w').close()`,
    },
    `key(run + '-- python3 hang.py\\n'); wait('running'); os.close(fd)
while not os.path.exists('end'): time.sleep(0.05)`,
  )
  expect(readFileSync(join(root, 'hangups'), 'utf8')).toBe('x')
})
