/**
 * The cost of the bridge at the start of a Python program: `python -c pass`, and a program that imports
 * NumPy, with and without it. `npm run bench:python`.
 *
 * The measure is the processor time of the program, user and system: other work on the machine adds little to
 * it. Starts with and without the bridge alternate.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads'
import { Bridge } from '../src/command/python-bridge/bridge.ts'
import { Recorder } from '../src/tracking/recorder.ts'

const ROUNDS = 40

const PROGRAMS = {
  'python -c pass': 'pass',
  'import random': 'import random',
  'import numpy.random': 'import numpy.random',
} as const

/**
 * Starts the program repeatedly, with other variables each second time; prints the processor time of each
 * start in ms.
 */
const DRIVER = `
import json, os, resource, subprocess, sys
source, variables, rounds = sys.argv[1], json.loads(sys.argv[2]), int(sys.argv[3])
# Without what Python keeps compiled, this would measure its compiler.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
def spent():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
times = [[], []]
for round in range(-2, rounds):
    for which, more in enumerate(({}, variables)):
        before = spent()
        subprocess.run([sys.executable, "-c", source], check=True, env={**os.environ, **more})
        # The first ones fill the caches of the system and of Python.
        if round >= 0:
            times[which].append((spent() - before) * 1000)
print(json.dumps(times))`

if (isMainThread) await measure()
else await serve(workerData as string)

async function measure(): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'lineaprint-bench-'))
  // The bridge answers in a thread of its own, because measuring blocks this one.
  const worker = new Worker(new URL(import.meta.url), { workerData: root })
  const variables = await new Promise<Record<string, string>>((done, fail) => {
    worker.once('message', done)
    worker.once('error', fail)
  })
  try {
    const python = interpreter()
    const version = spawnSync(python, ['--version'], { encoding: 'utf8' }).stdout.trim()
    console.log(
      `${version}, ${cpus()[0]?.model ?? 'unknown processor'}, ${ROUNDS} starts each, ms of processor time`,
    )
    console.log('                        least of all                 median')
    console.log('program              without    with   added   without    with   added')
    for (const [name, source] of Object.entries(PROGRAMS)) {
      const [unbridged, bridged] = compare(python, source, { ...variables, LINEAPRINT_SEED: '42' })
      const columns = [least, median].flatMap((of) =>
        [of(unbridged), of(bridged), of(bridged) - of(unbridged)].map((value) =>
          value.toFixed(1).padStart(8),
        ),
      )
      console.log(`${name.padEnd(20)} ${columns.join('')}`)
    }
  } finally {
    // A worker thread has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    worker.postMessage('end')
    await new Promise((done) => worker.once('exit', done))
    rmSync(root, { recursive: true, force: true })
  }
}

function interpreter(): string {
  const own = resolve('.peers/python/bin/python')
  return existsSync(own) ? own : 'python3'
}

function compare(python: string, source: string, variables: Record<string, string>): [number[], number[]] {
  const args = ['-c', DRIVER, source, JSON.stringify(variables), String(ROUNDS)]
  const { status, stdout, stderr } = spawnSync(python, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`the programs failed: ${stderr}`)
  return JSON.parse(stdout) as [number[], number[]]
}

function least(values: number[]): number {
  return Math.min(...values)
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

async function serve(root: string): Promise<void> {
  const off = { enableEnvironmentTracking: false, enableGitTracking: false }
  const recorder = new Recorder({ outputDir: root, ...off }, { directory: root, environment: {} })
  await recorder.start()
  const bridge = await Bridge.open(recorder, { argv: ['python'], environment: {} })
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  parentPort?.postMessage(bridge.variables)
  parentPort?.once('message', () => {
    void bridge
      .close(new AbortController().signal)
      .then(() => recorder.finish())
      .then(() => process.exit(0))
  })
}
