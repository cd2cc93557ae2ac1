/**
 * Change the records, journals, manifests, configurations and indexes of a project at random and run the commands that
 * read them: nothing that the project names is executed, no raw escape sequence reaches a terminal, no call takes a
 * second longer than for a sound project, and every failure is an error of lineaprint.
 *
 * The commands run in one process, with its outputs as terminals; a sample runs as a program on a terminal of its own.
 *
 * The controls do what a careless reader does: start what stands in the repository, print a name as it is, open a FIFO,
 * and trust the types of a row.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, cpSync, openSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Generator } from '../src/capture/seeds/generator.ts'
import { startChild } from './support/child.ts'
import { withFolder } from './support/folders.ts'
import { Tally } from './support/round.ts'
import { errorFault, textFault } from './strangers-judge.ts'
import { HOSTILE_TEXT, mutate } from './strangers-mutate.ts'
import { GIT_VARIABLES, RUNS, makeProject, marksIn } from './strangers-project.ts'
import type { StrangerReport } from './children/strangers.ts'
import type { Control, Outcome, RoundOptions } from './support/round.ts'

/** Options of the round. */
export interface StrangersOptions extends RoundOptions {
  /** Number of changed projects that are read in process. */
  readonly cases: number
  /** Number of changed projects that are read by the program. */
  readonly programs: number
}

const CHILD = new URL('children/strangers.ts', import.meta.url)
const PROGRAM = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url))

/** Cases of one process. */
const BATCH = 200

/** Milliseconds without a line after which a process counts as hanging. */
const SILENCE = 120_000

/** Run the round. */
export async function strangersRound({
  seed,
  progress,
  cases,
  programs,
}: StrangersOptions): Promise<Outcome> {
  const tally = new Tally()
  const sums = { commands: 0, refused: 0, slowest: 0, programs: 0 }
  const skipped: string[] = []
  const controls: Control[] = []
  await withFolder(async (folder) => {
    makeProject(folder)
    controls.push(...(await controlsOf(folder)))
    for (let done = 0; done < cases;) {
      const count = Math.min(BATCH, cases - done)
      const ran = await runBatch(folder, [done, count, seed], tally, (report) => {
        sums.commands += report.commands
        sums.refused += report.refused
        sums.slowest = Math.max(sums.slowest, report.slowest)
        if (tally.rounds % 50 === 0) progress(`${tally.failures} failures in ${tally.rounds} projects`)
      })
      done += ran
    }
    if (spawnSync('script', ['--version']).status !== 0)
      skipped.push('programs on a terminal: there is no script')
    else
      for (let at = 0; at < programs; at++) {
        for (const failure of await runProgram(folder, seed + cases + at)) tally.fail(failure)
        sums.programs++
      }
  })
  if (sums.refused === 0) tally.fail('no project was refused')
  return {
    name: 'strangers',
    promise:
      'reading the runs, manifests and settings of a stranger starts nothing, ends and says what is wrong',
    ...tally.result,
    controls,
    numbers: { ...sums, slowest: `${Math.round(sums.slowest)} ms` },
    skipped,
  }
}

async function runBatch(
  folder: string,
  args: readonly number[],
  tally: Tally,
  take: (report: StrangerReport) => void,
): Promise<number> {
  const child = startChild(CHILD, [...args.map(String), folder])
  const hang = setTimeout(() => child.kill('SIGKILL'), SILENCE)
  let [stderr, ran] = ['', 0]
  child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
  const closed = new Promise<string>((resolve) =>
    child.on('close', (code, signal) => resolve(String(code ?? signal))),
  )
  for await (const line of createInterface({ input: child.stdout })) {
    hang.refresh()
    const report = JSON.parse(line) as StrangerReport
    ran++
    tally.rounds++
    for (const failure of report.failures) tally.fail(failure)
    take(report)
  }
  const code = await closed
  clearTimeout(hang)
  if (code !== '0')
    tally.count(`ended with ${code} after case ${(args[0] ?? 0) + ran}: ${stderr.slice(-500)}`)
  // The case at which a process ends is not tried again.
  return code === '0' ? ran : ran + 1
}

/** Run the program on a terminal, and return what is wrong. */
async function runProgram(folder: string, seed: number): Promise<string[]> {
  const random = new Generator(seed)
  const project = join(folder, 'project')
  rmSync(project, { recursive: true, force: true })
  cpSync(join(folder, 'pristine'), project, { recursive: true, verbatimSymlinks: true })
  const changes = mutate(project, random)
  const id = RUNS[random.integer(0, RUNS.length - 1)] ?? ''
  const failures: string[] = []
  for (const args of [['list'], ['show', id], ['verify', id, '--data'], ['export', id, '-f', 'yaml']]) {
    const line = [process.execPath, PROGRAM, ...args, '--output-dir', '.']
      .map((word) => `'${word}'`)
      .join(' ')
    const child = spawn('script', ['-qec', line, '/dev/null'], {
      cwd: project,
      env: { ...process.env, ...GIT_VARIABLES, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: 60_000,
      killSignal: 'SIGKILL',
    })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
    // A terminal ends its lines with a carriage return.
    const output = Buffer.concat(chunks).toString().replaceAll('\r\n', '\n')
    const marks = marksIn(folder)
    const fault =
      marks.length > 0
        ? `started ${marks.join(', ')}`
        : (textFault(output) ??
          (code === null || code > 3 ? `ended with ${code}: ${output.slice(-300)}` : undefined))
    if (fault !== undefined)
      failures.push(`seed ${seed} (${changes.join(', ')}): the program, ${args.join(' ')}: ${fault}`)
    for (const mark of marks) rmSync(join(folder, 'marks', mark))
  }
  return failures
}

/** Do what a careless reader does, and check that the round would notice. */
async function controlsOf(folder: string): Promise<Control[]> {
  const project = join(folder, 'project')
  spawnSync('git', ['status'], { cwd: project, env: { ...process.env, ...GIT_VARIABLES } })
  // In two parts: knip takes a relative path in a call for an import.
  spawnSync(['.', 'venv/bin/python3'].join('/'), [], { cwd: project, stdio: 'ignore' })
  const marks = marksIn(folder)
  for (const mark of marks) rmSync(join(folder, 'marks', mark))

  const texts = HOSTILE_TEXT.split('').filter((character) => !/[a-z\n\][;0-9J]/.test(character))
  const seen = texts.filter((character) => textFault(`name: a${character}b`) !== undefined)

  const errors: unknown[] = []
  for (const text of ['null', '{"tags":1}', '{"durationMs":{}}', '[]']) {
    try {
      const entry = JSON.parse(text) as { tags: string[]; startedAt: string }
      entry.tags.map((tag) => entry.startedAt.slice(0, 16) + tag)
    } catch (error) {
      errors.push(error)
    }
  }
  return [
    {
      what: 'git that trusts the repository, and its interpreter',
      tried: 2,
      caught: Math.min(2, marks.length),
    },
    { what: 'a name that is printed as it is', tried: texts.length, caught: seen.length },
    {
      what: 'a reader that trusts a row',
      tried: 4,
      caught: errors.filter((error) => errorFault(error) !== undefined).length,
    },
    { what: 'a reader that opens a FIFO', tried: 1, caught: await hangsAtFifo(join(folder, 'fifo')) },
  ]
}

async function hangsAtFifo(path: string): Promise<number> {
  execFileSync('mkfifo', [path])
  const reading = readFile(path)
  const hasHung = await Promise.race([reading.then(() => false), sleep(1000).then(() => true)])
  // A writer that comes and goes ends the read.
  closeSync(openSync(path, constants.O_RDWR | constants.O_NONBLOCK))
  closeSync(openSync(path, constants.O_WRONLY | constants.O_NONBLOCK))
  await reading
  return hasHung ? 1 : 0
}
