/** A program that started its run itself never depends on the recorder: killed, stopped, or with a full disk. */
import { expect, onTestFinished, test } from 'vitest'
import { PYTHON, python } from './support.ts'
import { COMMAND, standalone } from './standalone.ts'

const SLOW = { timeout: 120_000 }

/**
 * A training loop. Its calls are timed. What waits for a recorder that is silent waits 15 s, so a second is far from
 * both: the slowness of a machine, and a wait.
 */
const LOOP = (fault: string, calls: string): string => `import lineaprint, signal, time
run = lineaprint.start_run()
with open(os.path.join(run.directory, "run.json")) as file: recorder = json.load(file)["process"]["pid"]
longest, losses = 0.0, []
def timed(call):
    global longest
    begin = time.monotonic()
    call()
    longest = max(longest, time.monotonic() - begin)
for step in range(20000):
    if step == 100: ${fault}
    losses.append(1 / (step + 1))
    timed(lambda: lineaprint.log_metric("a metric with a name of some length", losses[-1], step))
    if step % 5000 == 4999: ${calls}
timed(run.finish)
say(longest < 1, len(losses), run.status, longest)`

const CALLS =
  'timed(lineaprint.flush); timed(lambda: lineaprint.track_dataset(bytes(8), "b%d" % step)); timed(lambda: lineaprint.checkpoint("c"))'

/** The command with a limit for the size of its files, which acts as a full disk. */
const FULL = `/bin/sh -c "trap '' XFSZ; ulimit -f 100; exec ${COMMAND} record-program" sh`

test.each([
  ['killed', 'os.kill(recorder, signal.SIGKILL)', CALLS],
  ['stopped, with calls that wait', 'os.kill(recorder, signal.SIGSTOP)', CALLS],
  ['stopped, with metrics alone', 'os.kill(recorder, signal.SIGSTOP)', 'pass'],
])('the recorder is %s', SLOW, async (_, fault, calls) => {
  let recorder = 0
  onTestFinished(() => {
    try {
      if (recorder > 0) process.kill(recorder, 'SIGKILL')
    } catch {
      // It has ended.
    }
  })
  const { code, said, stderr } = await standalone(
    `${LOOP(fault, calls)}\nsay(recorder)\nos.kill(recorder, signal.SIGKILL) if os.path.exists("/proc/%d" % recorder) else None`,
    { waits: false },
  )
  recorder = Number(said[4])
  expect(stderr.split('\n').filter((line) => line !== '')).toEqual([
    'lineaprint: the connection to lineaprint is lost; from here on nothing is recorded',
  ])
  expect([code, ...said.slice(0, 3)]).toEqual([0, true, 20_000, 'lost'])
})

test('the disk is full', SLOW, async () => {
  const { code, said, stderr } = await standalone(LOOP('pass', CALLS), {
    interpreter: [PYTHON],
    env: { LINEAPRINT_COMMAND: FULL },
    waits: false,
  })
  expect(stderr.split('\n').filter((line) => line !== '')).toEqual([
    'lineaprint: the connection to lineaprint is lost; from here on nothing is recorded',
  ])
  expect([code, ...said.slice(0, 3)]).toEqual([0, true, 20_000, 'lost'])
})

test('below lineaprint run, which is stopped', SLOW, async () => {
  const { code, said, stderr, record } = await python(`import json, lineaprint, signal, time
with open(os.path.join(os.environ["LINEAPRINT_RUN_DIRECTORY"], "run.json")) as file: writer = json.load(file)["process"]["pid"]
longest = 0.0
for step in range(20000):
    if step == 100: os.kill(writer, signal.SIGSTOP)
    begin = time.monotonic()
    lineaprint.log_metric("a metric with a name of some length", 1, step)
    if step % 5000 == 4999: lineaprint.flush()
    longest = max(longest, time.monotonic() - begin)
os.kill(writer, signal.SIGCONT)
say(longest < 1)`)
  expect(stderr).toContain('the connection to lineaprint is lost')
  expect([code, ...said]).toEqual([0, true])
  expect(record.status).toBe('finished')
})

test('with strict, a lost recorder raises', SLOW, async () => {
  const { said, code } = await standalone(
    `import lineaprint, signal, time
run = lineaprint.start_run(strict=True)
with open(os.path.join(run.directory, "run.json")) as file: recorder = json.load(file)["process"]["pid"]
os.kill(recorder, signal.SIGKILL)
try: lineaprint.flush()
except lineaprint.LineaprintError as error: say(error.code)
try: run.finish()
except lineaprint.LineaprintError as error: say(error.code)
say(run.status)`,
    { waits: false },
  )
  expect(code).toBe(0)
  expect(said).toEqual(['ERR_LINEAPRINT_STATE', 'ERR_LINEAPRINT_STATE', 'lost'])
})
