/** The command gets the world that it would have without lineaprint. Through the program as it is installed: a link. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, symlinkSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import type { ChildProcess } from 'node:child_process'
import { keptFolder } from '../../support/kept-folder.ts'
import { FAST, onlyRun } from './support.ts'

/** The sources have no shell launcher at their head, so only what was compiled can be installed. */
const PROGRAM = process.env['TEST_PROGRAM']
const INSTALLED = PROGRAM !== undefined && process.platform === 'linux'

interface Place {
  readonly root: string
  readonly program: string
  readonly env: Record<string, string | undefined>
}

/** A folder, and the program as npm links it. */
function install(): Place {
  const root = keptFolder()
  mkdirSync(join(root, 'bin'))
  const program = join(root, 'bin', 'lineaprint')
  symlinkSync(resolve(PROGRAM ?? ''), program)
  return { root, program, env: { ...process.env, ...FAST } }
}

/** Run a Python program, which gets the words before a command: none, or those of lineaprint. Compare what it prints. */
function bothWays(python: string): { readonly without: string; readonly within: string } {
  const { root, program, env } = install()
  const [without, within] = [[], [program, 'run', '--']].map((words) => {
    const { stdout, stderr, status } = spawnSync('python3', ['-c', python, ...words], {
      cwd: root,
      encoding: 'utf8',
      env,
    })
    if (status !== 0) throw new Error(stderr)
    return stdout
  })
  return { without: without ?? '', within: within ?? '' }
}

const START = `
import fcntl, os, resource, signal, subprocess, sys
before = sys.argv[1:]
def run(*command, **options):
    sys.stdout.flush()
    return subprocess.run([*before, *command], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, restore_signals=False, **options)
`

test.runIf(INSTALLED).each([
  [
    'ignored and blocked signals, and the handlers of Node are not there',
    `for s in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR2, 40): signal.signal(s, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGTERM, 41])
run('grep', '-E', 'Sig(Blk|Ign|Cgt)|ShdPnd', '/proc/self/status')`,
  ],
  [
    'the soft limit of open files',
    `resource.setrlimit(resource.RLIMIT_NOFILE, (133, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
run('sh', '-c', 'ulimit -S -n; ulimit -H -n')`,
  ],
  [
    'descriptors, whatever their number, and no others',
    `r, w = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 200) for end in os.pipe())
for n in (3, 4, 5, 6, 7, 9, 11, 17, 100, 999): os.dup2(w, n)
run('ls', '/proc/self/fd', pass_fds=(3, 4, 5, 6, 7, 9, 11, 17, 100, 999))
run('sh', '-c', 'echo seven >&7; echo nine >&9', pass_fds=(7, 9))
print(os.read(r, 100))`,
  ],
  [
    'a descriptor that the command closes is closed',
    `r, w = os.pipe()
p = subprocess.Popen([*before, 'sh', '-c', 'exec 9>&-; sleep 20'], pass_fds=(9,), stderr=subprocess.DEVNULL) if os.dup2(w, 9) else None
os.close(w); os.close(9)
print(os.read(r, 1)); p.terminate(); p.wait()`,
  ],
  [
    'variables of every name, and bytes that are no text',
    `env = {b'PATH': os.environb[b'PATH'], b'a.b': b'1', b'BASH_FUNC_f%%': b'() { :\\n}', b'SHLVL': b'7', b'BAD': b'\\xff',
       b'HOME': os.environb[b'HOME'], b'LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING': b'false', b'LINEAPRINT_ENABLE_GIT_TRACKING': b'false'}
out = run('env', '-0', env=env, stdout=subprocess.PIPE).stdout.split(b'\\0')
print(sorted(v for v in out if not v.startswith((b'LINEAPRINT_RUN_', b'LINEAPRINT_BRIDGE=', b'LINEAPRINT_SCRATCH=', b'PYTHONPATH=', b'LINEAPRINT_PYTHON'))))`,
  ],
  [
    'arguments: empty, with spaces, and with the character that stands for lost bytes',
    `print(run('printf', '%s.', 'a\\ufffd', '', 'b c', stdout=subprocess.PIPE).stdout)`,
  ],
  [
    'process group, session and umask',
    `os.umask(0o027); os.setpgid(0, 0)
code = 'import os; u = os.umask(0); print(u, os.getpgrp() == int(os.environ["G"]), os.getsid(0) == int(os.environ["S"]))'
run('python3', '-c', code, env={**os.environ, 'G': str(os.getpgrp()), 'S': str(os.getsid(0))})`,
  ],
  [
    'standard descriptors that are closed',
    `def close(): os.close(0); os.close(1)
sys.stdout.flush()
r, w = os.pipe()
subprocess.run([*before, 'sh', '-c', 'for n in 0 1; do [ -e /proc/self/fd/$n ]; echo $n $? >&9; done'], pass_fds=(os.dup2(w, 9),), preexec_fn=close, stderr=subprocess.DEVNULL)
print(os.read(r, 100))`,
  ],
  [
    'a script without an interpreter, and exit codes',
    `open('s', 'w').write('echo script; exit 7'); os.chmod('s', 0o755)
print(run('sh', '-c', 'exit 255').returncode, run('sh', '-c', './s; echo $?').returncode)`,
  ],
])('%s', (_, python) => {
  const { without, within } = bothWays(START + python)
  expect(within).toBe(without)
  expect(without).not.toBe('')
})

test.runIf(INSTALLED).concurrent.each(['SIGTERM', 'SIGINT', 'SIGUSR1', 'SIGHUP', 'SIGQUIT', 'SIGALRM'])(
  '%s to the group reaches the command once, and to the process alone as well',
  async (signal) => {
    const { root, program, env } = install()
    const counter = `
import os, signal, time
n = 0
def count(*_):
    global n
    n += 1
    open(f'got {n}', 'w').close()
signal.signal(signal.${signal}, count)
open('ready', 'w').close()
while not os.path.exists('stop'): time.sleep(0.02)
print('received', n)`
    const child = spawn(program, ['run', '--', 'python3', '-c', counter], {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const output = text(child.stdout)
    await until(() => existsSync(join(root, 'ready')))
    for (const [index, pid] of [-(child.pid ?? 0), child.pid ?? 0, -(child.pid ?? 0)].entries()) {
      process.kill(pid, signal)
      await until(() => existsSync(join(root, `got ${index + 1}`)))
      // A second one would come now.
      await pause()
    }
    spawnSync('touch', [join(root, 'stop')])
    expect(await output).toBe('received 3\n')
  },
)

test.runIf(INSTALLED)(
  'the end of a command is told as it was to a lineaprint that is busy with a signal',
  async () => {
    // lineaprint gets the signal, and asks about it, while the command ends.
    const code = `
import json, os, signal, time
with open(os.environ['LINEAPRINT_RUN_DIRECTORY'] + '/run.json') as file: pid = json.load(file)['process']['pid']
os.kill(pid, signal.SIGSTOP)
time.sleep(0.05)
os.kill(pid, signal.SIGCONT)
os._exit(7)`
    const codes = await Promise.all(
      Array.from({ length: 24 }, () => {
        const { root, program, env } = install()
        const child = spawn(program, ['run', '--', 'python3', '-S', '-c', code], {
          cwd: root,
          env,
          stdio: 'ignore',
        })
        return new Promise((done) => child.once('exit', (exit, signal) => done(exit ?? signal)))
      }),
    )
    expect(codes).toEqual(codes.map(() => 7))
  },
)

test.runIf(INSTALLED).concurrent.each(['pipe', 'file'])(
  'if lineaprint is killed, the command goes on and its output is whole: to a %s',
  async (target) => {
    const { root, program, env } = install()
    const script =
      'echo $$ > pid; i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); [ -e go ] || sleep 0.01; done; : > end'
    const shell = target === 'file' ? `exec "$0" run -- sh -c "$1" > out` : `exec "$0" run -- sh -c "$1"`
    const child = spawn('sh', ['-c', shell, program, script], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const output = text(child.stdout)
    await until(() => existsSync(join(root, 'pid')))
    child.kill('SIGKILL')
    await new Promise((done) => child.once('exit', done))
    spawnSync('touch', [join(root, 'go')])
    await until(() => existsSync(join(root, 'end')))
    const expected = Array.from({ length: 3000 }, (_, index) => `${index}\n`).join('')
    const received = target === 'pipe' ? () => output : () => readFileSync(join(root, 'out'), 'utf8')
    if (target === 'file')
      await until(() => readFileSync(join(root, 'out'), 'utf8').length >= expected.length)
    expect(await received()).toBe(expected)
    // The launcher ends with the command.
    const pid = Number(readFileSync(join(root, 'pid'), 'utf8'))
    await until(() => !existsSync(`/proc/${pid}`))
  },
)

/** Print 300 numbers to stdout and stderr in turn, in parts of lines. */
const ALTERNATE = 'i=0; while [ $i -lt 300 ]; do printf %s, $i; printf "%s\\n" $i >&2; i=$((i+1)); done'
const ALTERNATED: string = Array.from({ length: 300 }, (_, index) => `${index},${index}\n`).join('')

test
  .runIf(INSTALLED)
  .concurrent.each(['> out 2>&1', '>> out 2>&1', '>> out 2>> out', '2> out 1>&2', '2>&1 | cat > out'])(
  'stdout and stderr in one file or pipe keep their order: %s',
  async (redirection) => {
    const { root, program, env } = install()
    await ended(
      spawn('sh', ['-c', `"$0" run -- sh -c "$1" ${redirection}`, program, ALTERNATE], {
        cwd: root,
        env,
        stdio: 'ignore',
      }),
    )
    const written = readFileSync(join(root, 'out'), 'utf8')
    expect(written.replaceAll(/^lineaprint: .*\n/gm, '')).toBe(ALTERNATED)
    const { record, folder } = onlyRun(root)
    expect(record.command.stdout).toMatchObject({ status: 'captured', bytes: ALTERNATED.length })
    expect(record.command.stderr).toEqual({
      status: 'not-captured',
      reason: 'it went to the same file or pipe as stdout, and is in stdout.log',
    })
    expect(readFileSync(join(folder, 'stdout.log'), 'utf8')).toBe(ALTERNATED)
    expect(readdirSync(folder)).not.toContain('stderr.log')
  },
)

test
  .runIf(INSTALLED)
  .concurrent.each(['> out 2> out', '> out 2> other', '1<> out 2> out', '2>&1 > out | cat'])(
  'two files, and one that was opened twice, are two streams: %s',
  async (redirection) => {
    const { root, program, env } = install()
    const shell = `"$0" run -- sh -c "printf 123456; printf ab >&2" ${redirection}`
    await ended(spawn('sh', ['-c', shell, program], { cwd: root, env, stdio: 'ignore' }))
    const { record } = onlyRun(root)
    expect(record.command.stdout).toMatchObject({ status: 'captured', file: 'stdout.log', bytes: 6 })
    expect(record.command.stderr).toMatchObject({ status: 'captured', file: 'stderr.log', bytes: 2 })
  },
)

test.runIf(INSTALLED)(
  'one pipe for both ends for its reader only when the command has closed both',
  async () => {
    const { root, program, env } = install()
    const script =
      'echo $$ > pid; echo out; echo err >&2; until [ -e go ]; do sleep 0.02; done; exec >&- 2>&-; sleep 60'
    const child = spawn('sh', ['-c', 'exec "$0" run -- sh -c "$1" 2>&1', program, script], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const output = text(child.stdout)
    await until(() => existsSync(join(root, 'pid')))
    child.kill('SIGKILL')
    await ended(child)
    spawnSync('touch', [join(root, 'go')])
    // Only the launcher is left, and the command still runs.
    expect((await output).replaceAll(/^lineaprint: .*\n/gm, '')).toBe('out\nerr\n')
    process.kill(Number(readFileSync(join(root, 'pid'), 'utf8')), 'SIGKILL')
  },
)

test.runIf(INSTALLED)(
  'if lineaprint is killed, one file for both still gets everything in order',
  async () => {
    const { root, program, env } = install()
    const script = `echo $$ > pid; until [ -e go ]; do sleep 0.02; done; ${ALTERNATE}; : > end`
    const child = spawn('sh', ['-c', 'exec "$0" run -- sh -c "$1" > out 2>&1', program, script], {
      cwd: root,
      env,
      stdio: 'ignore',
    })
    await until(() => existsSync(join(root, 'pid')))
    child.kill('SIGKILL')
    await ended(child)
    spawnSync('touch', [join(root, 'go')])
    await until(() => existsSync(join(root, 'end')))
    const written = (): string =>
      readFileSync(join(root, 'out'), 'utf8').replaceAll(/^lineaprint: .*\n/gm, '')
    await until(() => written().length >= ALTERNATED.length)
    expect(written()).toBe(ALTERNATED)
  },
)

test.runIf(INSTALLED)('when the reader of one pipe for both has gone, writing to either fails', async () => {
  const { root, program, env } = install()
  const script = `trap '' PIPE; echo first; until [ -e go ]; do sleep 0.02; done
i=0; while echo x && echo x >&2; do sleep 0.02; i=$((i+1)); [ $i -lt 3000 ] || exit; done; echo x && : > out; echo x >&2 && : > err; : > end`
  const child = spawn('sh', ['-c', 'exec "$0" run -- sh -c "$1" 2>&1', program, script], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let received = ''
  for await (const chunk of child.stdout) if ((received += String(chunk)).includes('first')) break
  spawnSync('touch', [join(root, 'go')])
  await until(() => existsSync(join(root, 'end')))
  expect([existsSync(join(root, 'out')), existsSync(join(root, 'err'))]).toEqual([false, false])
})

test.runIf(INSTALLED)('a command that stops, stops lineaprint as well, and both go on', async () => {
  const { root, program, env } = install()
  const child = spawn(program, ['run', '--', 'sh', '-c', 'echo $$ > pid; kill -STOP $$; echo on'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const output = text(child.stdout)
  await until(() => stateOf(child.pid ?? 0) === 'T')
  expect(stateOf(Number(readFileSync(join(root, 'pid'), 'utf8')))).toBe('T')
  // As the signal of `fg` would, but only to the process that the shell knows.
  child.kill('SIGCONT')
  expect(await output).toBe('on\n')
})

test.runIf(INSTALLED)('a command that cannot be started is named as before', () => {
  const { root, program, env } = install()
  const { status, stderr } = spawnSync(program, ['run', '--', './nothing'], {
    cwd: root,
    encoding: 'utf8',
    env,
  })
  expect(status).toBe(3)
  expect(stderr).toContain('"./nothing" could not be started: no such program')
  expect(onlyRun(root).record.status).toBe('failed')
})

test.runIf(INSTALLED)('a full disk is told in the record, and does not end the command', () => {
  const { root, program, env } = install()
  const shell = 'exec "$0" run -- sh -c "echo lost; : > end" > /dev/full'
  spawnSync('sh', ['-c', shell, program], { cwd: root, env })
  expect(readdirSync(root)).toContain('end')
  expect(onlyRun(root).record.warnings).toContain('5 bytes of stdout could not be written: ENOSPC')
})

async function ended(child: ChildProcess): Promise<void> {
  await new Promise((done) => child.once('exit', done))
}

function stateOf(pid: number): string | undefined {
  return / ([A-Z]) /.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.[1]
}

async function text(stream: AsyncIterable<unknown>): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += String(chunk)
  return all
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((done) => setTimeout(done, 10))
}

/** Signals of one kind merge until they are received, with or without lineaprint. */
function pause(): Promise<void> {
  return new Promise((done) => setTimeout(done, 300))
}
