/** Runs for tests, and child processes that make them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { Recorder } from '../../src/tracking/recorder.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { readRun } from '../../src/store/runs.ts'
import type { ChildProcessByStdio } from 'node:child_process'
import type { Readable } from 'node:stream'
import type { ExperimentOptions } from '../../src/config/options.ts'
import type { TrackerSettings } from '../../src/tracking/tracker.ts'
import type { StoredRun } from '../../src/store/runs.ts'

/** Captures cost time and are tested on their own. */
export const NO_CAPTURES: ExperimentOptions = {
  enableEnvironmentTracking: false,
  enableGitTracking: false,
  enableSeedTracking: false,
}

/** A started tracker with its store in a folder, and without captures. */
export async function started(
  outputDir: string,
  options: ExperimentOptions = {},
  settings: TrackerSettings = {},
): Promise<ExperimentTracker> {
  const tracker = new ExperimentTracker(
    { outputDir, ...NO_CAPTURES, ...options },
    { directory: outputDir, environment: {}, ...settings },
  )
  await tracker.startExperiment()
  return tracker
}

/** The same of a recorder, as `lineaprint run` and the bridge use it. */
export async function startedRecorder(outputDir: string, options: ExperimentOptions = {}): Promise<Recorder> {
  const recorder = new Recorder(
    { outputDir, ...NO_CAPTURES, ...options },
    { directory: outputDir, environment: {} },
  )
  await recorder.start()
  return recorder
}

/** A finished run, read back. */
export async function finished(
  outputDir: string,
  options: ExperimentOptions = {},
  work: (tracker: ExperimentTracker) => unknown = () => undefined,
): Promise<StoredRun> {
  const tracker = await started(outputDir, options)
  await work(tracker)
  await tracker.finishExperiment()
  return readRun(tracker.runDirectory)
}

/** A child process that runs a program which may import the tracker. */
export function startProgram(source: string, cwd: string): ChildProcessByStdio<null, Readable, Readable> {
  const tracker = resolve('src/tracking/tracker.ts')
  const head = `import { ExperimentTracker } from ${JSON.stringify(tracker)}\n`
  const off = `const off = ${JSON.stringify(NO_CAPTURES)}\n`
  const args = [
    '--disable-warning=ExperimentalWarning',
    '--input-type=module-typescript',
    '-e',
    head + off + source,
  ]
  return spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
}

/** Runs such a program to its end. */
export async function runProgram(
  source: string,
  cwd: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = startProgram(source, cwd)
  const [stdout, stderr, [code]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    once(child, 'exit') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

async function textOf(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream) text += String(chunk)
  return text
}

/** Path of a file in the folder of a run. */
export function inRun(run: StoredRun, name: string): string {
  return join(run.folder, name)
}
