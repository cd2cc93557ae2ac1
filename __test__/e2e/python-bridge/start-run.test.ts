/** Runs that a Python program starts itself: how they start, what they record, and how they end. */
import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { emptyRepository, git as inGit } from '../../capture/fixture.ts'
import { FAST, onlyRun } from '../runs/support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { PYTHON, PYTHONS, programsOf, python } from './support.ts'
import { standalone } from './standalone.ts'

const SLOW = { timeout: 120_000 }

test('a run has what was declared and logged, and the captures of this process', SLOW, async () => {
  const root = folderOf()
  writeFileSync(join(root, 'in.csv'), 'a,b\n1,2\n')
  const { code, said, stderr, records, record } = await standalone(
    `import lineaprint, random
with lineaprint.start_run(name="base", tags=["a", "b"], notes="why", metadata={"k": {1, 2}}, seed=42,
                          datasets={"in": "in.csv"}, outputs={"out": "out.txt"}) as run:
    say(run.status, run.joined, lineaprint.active(), os.environ["LINEAPRINT_RUN_ID"] == run.id)
    for step in range(3): lineaprint.log_metric("loss", random.random(), step)
    say(lineaprint.track_dataset(b"xyz", "bytes")["bytes"])
    open("out.txt", "w").write("made")
say(run.status, lineaprint.active(), "LINEAPRINT_BRIDGE" in os.environ)`,
    { root },
  )
  expect(stderr).not.toContain('Traceback')
  expect(code).toBe(0)
  expect(said).toEqual(['running', false, true, true, 3, 'finished', false, false])
  expect(records).toHaveLength(1)
  expect(record).toMatchObject({
    name: 'base',
    status: 'finished',
    tags: ['a', 'b'],
    notes: 'why',
    metadata: { k: [1, 2] },
    datasets: { in: { status: 'tracked' }, bytes: { status: 'tracked' } },
    outputs: { out: { status: 'tracked' } },
    metrics: { loss: { count: 3, lastStep: 2, first: 0.6394267984578837 } },
    command: { argv: [PYTHON, 'program.py'], wrapped: true, exitCode: null },
    failure: null,
  })
  expect(programsOf(record)).toMatchObject([
    { kind: 'program', script: 'program.py', seed: 42, origin: 'set_seeds', hasEnded: true },
  ])
  expect(record.command.stdout).toMatchObject({ status: 'not-captured' })
})

test('a run continues another, and one that is not there is a reason to record nothing', SLOW, async () => {
  const { records, said, stderr } = await standalone(
    `import lineaprint
with lineaprint.start_run(name="first") as first: pass
with lineaprint.start_run(name="second", continues=first.id) as second: pass
with lineaprint.start_run(name="third", continues="no such run") as third: say(third.status)
say(first.id)`,
  )
  const first = said.at(-1)
  expect(records.map(({ name, continues }) => [name, continues])).toEqual([
    ['first', undefined],
    ['second', first],
  ])
  expect(said[0]).toBe('not-recorded')
  expect(stderr).toContain('no such run: "no such run"')
})

describe('how a program ends', () => {
  const cases: readonly (readonly [string, string, object])[] = [
    ['by its last line', '', { status: 'finished', command: { exitCode: 0, signal: null }, failure: null }],
    ['sys.exit()', 'sys.exit()', { status: 'finished', command: { exitCode: 0 } }],
    ['sys.exit(3)', 'sys.exit(3)', { status: 'failed', command: { exitCode: 3 } }],
    ['sys.exit(259)', 'sys.exit(259)', { status: 'failed', command: { exitCode: 3 } }],
    ['sys.exit of text', 'sys.exit("no")', { status: 'failed', command: { exitCode: 1 } }],
    [
      'a caught sys.exit',
      'try: sys.exit(5)\nexcept SystemExit: pass',
      { status: 'finished', command: { exitCode: 0 } },
    ],
    [
      'raise SystemExit(4)',
      'raise SystemExit(4)',
      {
        status: 'failed',
        command: { exitCode: null },
        failure: { message: expect.stringContaining('not known') },
      },
    ],
    [
      'an exception',
      'def f(): raise ValueError("boom")\nf()',
      { status: 'failed', command: { exitCode: 1 }, failure: { message: 'ValueError: boom' } },
    ],
    [
      'KeyboardInterrupt',
      'raise KeyboardInterrupt',
      { status: 'killed', command: { exitCode: null, signal: 'SIGINT' } },
    ],
    [
      'os._exit',
      'lineaprint.flush(); os._exit(0)',
      {
        status: 'failed',
        command: { exitCode: null },
        failure: { message: expect.stringContaining('not known') },
      },
    ],
    [
      'SIGKILL',
      'import signal; os.kill(os.getpid(), signal.SIGKILL)',
      {
        status: 'failed',
        command: { exitCode: null },
        failure: { message: expect.stringContaining('not known') },
      },
    ],
  ]
  const body = (end: string): string =>
    `import lineaprint\nlineaprint.start_run()\nlineaprint.log_metric("m", 1)\n${end}`
  test.each(cases)('%s', SLOW, async (_, end, expected) => {
    const { records, record } = await standalone(body(end))
    expect(records).toHaveLength(1)
    // What was logged before any end is there.
    expect(record).toMatchObject({ ...expected, name: 'program', metrics: { m: { count: 1 } } })
    expect(record.seal).not.toBe(null)
  })

  test.each(PYTHONS.slice(1))('%s', SLOW, async (interpreter) => {
    const [good, bad, raised] = await Promise.all(
      ['', 'sys.exit(3)', '1 / 0'].map((end) => standalone(body(end), { interpreter: [interpreter] })),
    )
    expect([good?.record.command.exitCode, bad?.record.command.exitCode]).toEqual([0, 3])
    expect(raised?.record.failure?.message).toBe('ZeroDivisionError: division by zero')
    expect([good?.code, bad?.code, raised?.code]).toEqual([0, 3, 1])
  })

  test('an exception that leaves the block, and is caught outside', SLOW, async () => {
    const { code, said, record } = await standalone(`import lineaprint
try:
    with lineaprint.start_run() as run: raise KeyError("x")
except KeyError: say(run.status)`)
    expect([code, said]).toEqual([0, ['failed']])
    expect(record).toMatchObject({ status: 'failed', failure: { message: "KeyError: 'x'" } })
  })
})

test('the hooks are put back, and the program sees the exit of Python', SLOW, async () => {
  const { said } = await standalone(`import lineaprint, pickle
before = (sys.exit, sys.excepthook)
run = lineaprint.start_run()
say(pickle.loads(pickle.dumps(sys.exit)) is sys.exit)
try: sys.exit(7)
except SystemExit as error: say(error.code)
run.finish()
say((sys.exit, sys.excepthook) == before)`)
  expect(said).toEqual([true, 7, true])
})

test('several runs of one process, one after another', SLOW, async () => {
  const { records } = await standalone(`import lineaprint, random
for n in range(2):
    with lineaprint.start_run(name="n%d" % n, seed=n):
        lineaprint.log_metric("n", random.random())`)
  expect(records.map(({ name, status }) => [name, status])).toEqual([
    ['n0', 'finished'],
    ['n1', 'finished'],
  ])
  expect(records.map((record) => programsOf(record)[0]?.['seed'])).toEqual([0, 1])
  expect(records.map(({ metrics }) => metrics['n']?.count)).toEqual([1, 1])
})

test('a start within a run joins it, with a warning, and ends nothing', SLOW, async () => {
  const { records, record, said } = await standalone(`import lineaprint
with lineaprint.start_run() as outer:
    with lineaprint.start_run(tags=["inner"]) as inner: say(inner.joined, inner.id == outer.id)
    say(outer.status, lineaprint.active())`)
  expect(said).toEqual([true, true, 'running', true])
  expect(records).toHaveLength(1)
  expect(record.tags).toEqual(['inner'])
  expect(record.warnings.join()).toContain('a run is open')
})

test('below lineaprint run, the call joins that run', SLOW, async () => {
  const { said, record, code, root } = await python(`import lineaprint
with lineaprint.start_run(name="ignored", tags=["t"], notes="n", outputs={"me": "program.py"}, seed=3) as run:
    say(run.joined, run.id == os.environ["LINEAPRINT_RUN_ID"])
    lineaprint.log_metric("m", 1)
say(run.status, lineaprint.active())
lineaprint.log_metric("after", 1)
sys.exit(4)`)
  expect(code).toBe(4)
  expect(said).toEqual([true, true, 'finished', true])
  expect(record).toMatchObject({
    name: 'program',
    status: 'failed',
    tags: ['t'],
    notes: 'n',
    command: { exitCode: 4 },
    outputs: { me: { status: 'tracked' } },
  })
  expect(Object.keys(record.metrics)).toEqual(['m', 'after'])
  expect(readFileSync(join(root, 'program.py'), 'utf8')).toContain('start_run')
})

test('child processes report to the run of their parent', SLOW, async () => {
  const { record } = await standalone(`import lineaprint, multiprocessing, subprocess
def work(n): lineaprint.log_metric("child", n)
if __name__ == "__main__":
    with lineaprint.start_run() as run:
        child = multiprocessing.get_context("fork").Process(target=work, args=(1,)); child.start(); child.join()
        subprocess.run([sys.executable, "-c", "import lineaprint; lineaprint.log_metric('program', 1)"])
        lineaprint.log_metric("own", 1)`)
  expect(record.status).toBe('finished')
  expect(Object.keys(record.metrics).toSorted()).toHaveLength(3)
})

test('a run that a script started is reproduced from its command line', SLOW, async () => {
  const root = folderOf()
  const git = (...args: string[]): void => void execFileSync('git', args, { cwd: root, stdio: 'ignore' })
  writeFileSync(join(root, '.gitignore'), '.lineaprint/\nmodel.txt\n')
  writeFileSync(join(root, 'program.py'), '')
  git('init')
  const { record } = await standalone(
    `import lineaprint, random, subprocess
subprocess.run(["git", "add", "-A"]); subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x"])
with lineaprint.start_run(seed=42, outputs={"model": "model.txt"}):
    lineaprint.log_metric("loss", random.random(), 0)
    with open("model.txt", "w") as file: file.write(str(random.random()))`,
    { root, env: { LINEAPRINT_ENABLE_GIT_TRACKING: 'true' } },
  )
  expect(record.captures['git']).toMatchObject({ status: 'captured' })
  const { code, stdout, stderr } = await lineaprint(
    ['reproduce', record.id, '--into', join(root, '..', `${basename(root)}-again`), '--yes', '--json'],
    { cwd: root, env: FAST },
  )
  rmSync(join(root, '..', `${basename(root)}-again`), { recursive: true, force: true })
  expect(stderr).not.toContain('Traceback')
  const { items } = JSON.parse(stdout) as { items: { section: string; name: string; verdict: string }[] }
  const verdicts = Object.fromEntries(
    items.map(({ section, name, verdict }) => [`${section} ${name}`, verdict]),
  )
  expect(verdicts).toMatchObject({
    'seeds seeds': 'same',
    // The block ended before the program, so nothing is known of the end.
    'command end': 'not-compared',
    'outputs model': 'same',
    'metrics loss': 'same',
  })
  expect(code).toBe(0)
})

test('without a command, one line tells how to get one; with strict it raises', SLOW, async () => {
  const source = `import lineaprint
from lineaprint import _command
_command._OWN = "nowhere"
try:
    run = lineaprint.start_run(strict=len(sys.argv) > 1)
    say(run.status, lineaprint.log_metric("m", 1))
    run.finish()
except lineaprint.LineaprintError as error: say(error.code, str(error))`
  const env = { LINEAPRINT_COMMAND: '', PATH: '/usr/bin:/bin' }
  const lenient = await standalone(source, { env })
  expect(lenient.said).toEqual(['not-recorded', null])
  expect(lenient.stderr).toMatch(/^lineaprint: warning: the run could not be started.*npm install lineaprint/)
  const strict = await standalone(source, { env: { ...env, LINEAPRINT_STRICT: '1' } })
  expect(strict.said[0]).toBe('ERR_LINEAPRINT_COMMAND')
  expect(strict.said[1]).toContain('npm install lineaprint')
})

test('the command is found in node_modules of a folder above', SLOW, async () => {
  const root = folderOf()
  const { said } = await standalone(
    `import lineaprint, pathlib
from lineaprint import _command
_command._OWN = "nowhere"
bin = pathlib.Path("node_modules/.bin"); bin.mkdir(parents=True)
(bin / "lineaprint").write_text("#!/bin/sh\\n"); (bin / "lineaprint").chmod(0o755)
pathlib.Path("a/b").mkdir(parents=True); os.chdir("a/b")
say(_command.find_command() == [str(pathlib.Path("../../node_modules/.bin/lineaprint").resolve())])`,
    { root, env: { LINEAPRINT_COMMAND: '', PATH: '/usr/bin:/bin' } },
  )
  expect(said).toEqual([true])
})

const METRICS = `
with open("m.jsonl", "w") as file: file.write('{"loss":0.5}\\n{"loss":0.25}\\n')
with open("n.csv", "w") as file: file.write("epoch,acc\\n3,0.9\\n")`

test('files with metrics are read to the end of the run', SLOW, async () => {
  const { code, stderr, record } = await standalone(`import lineaprint
with lineaprint.start_run(metrics=["m.jsonl", "n.csv", "none.json", "notes.txt"]):${METRICS.replaceAll('\n', '\n    ')}`)
  expect(code, stderr).toBe(0)
  expect(record.metrics).toMatchObject({
    loss: { count: 2, last: 0.25, lastStep: 1, sources: ['m.jsonl'] },
    acc: { last: 0.9, lastStep: 3, sources: ['n.csv'] },
  })
  expect(record.metricFiles).toMatchObject([
    { source: 'm.jsonl', status: 'read', rows: 2 },
    { source: 'n.csv', status: 'read', rows: 1 },
    { source: 'none.json', status: 'not-checked', reason: 'there is no such file' },
  ])
  const told = 'a file with metrics was not recorded: notes.txt: a file with metrics has another name'
  expect(record.warnings).toContainEqual(expect.stringContaining(told))
  expect(stderr).toContain(told)
})

test('a run that is joined reads them as well, and takes model files as outputs', SLOW, async () => {
  const root = emptyRepository()
  writeFileSync(
    join(root, 'program.py'),
    `import lineaprint, struct, json
with lineaprint.start_run(metrics="m.jsonl", auto_outputs=True):
    with open("m.jsonl", "w") as file: file.write('{"loss":0.5}\\n')
    head = json.dumps({"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    with open("m.safetensors", "wb") as file: file.write(struct.pack("<Q", len(head)) + head + b"abcd")
`,
  )
  inGit(root, 'add', '-A')
  inGit(root, 'commit', '-qm', 'program')
  const env = { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' }
  const { code, stderr } = await lineaprint(['run', '--', PYTHON, 'program.py'], { cwd: root, env })
  expect(code, stderr).toBe(0)
  const { record } = onlyRun(root)
  expect(record.metrics).toMatchObject({ loss: { last: 0.5, sources: ['m.jsonl'] } })
  expect(record.outputs).toMatchObject({ 'm.safetensors': { status: 'tracked' } })
})
