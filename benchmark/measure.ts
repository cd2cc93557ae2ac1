/** Measurement of contestants in turn: time and processor time. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

/** One way to do the work of a case. */
export interface Contestant {
  readonly name: string
  /**
   * `ours` comes first in each case: ratios are relative to it. `part` does only a part of the work, to show
   * the cost of that part.
   */
  readonly role: 'ours' | 'peer' | 'part'
  /** True if the work is done by a child process, whose start is then part of the time. */
  readonly child: boolean
  /** Number of times that `run` repeats the work, if it is too short to measure once. @default 1 */
  readonly repeats?: number
  /** Processor time so far in milliseconds, where neither this process nor an ended child spends it. */
  readonly cpuMs?: () => number
  /** The quotient of this time and that of the first contestant that is wanted at least. */
  readonly target?: number
  /** Prepares each round, outside of the measurement. */
  readonly before?: (() => Promise<void>) | undefined
  /** Do the work. The result must be the same each time. */
  run(): Promise<string | undefined>
  /**
   * Does the work once, outside of the measurement. The result must be the same for all contestants of the
   * case with the same `label`.
   */
  readonly check?: { readonly label: string; read(): Promise<string> }
}

/** A question that the benchmark answers. */
export interface Case {
  /** Name for `--only`. */
  readonly name: string
  readonly title: string
  /** Create the inputs and return the contestants, and the missing ones. */
  prepare(): Promise<Entry>
}

/** The contestants of a case. */
export interface Entry {
  /** Bytes that every contestant reads; 0 where it is not a matter of bytes. */
  readonly bytes: number
  readonly contestants: readonly Contestant[]
  /** Peers that are not installed. */
  readonly missing: readonly string[]
  /** Return lines about what was measured beside the times. */
  readonly notes?: () => readonly string[]
  /** Ends what the contestants have started. */
  readonly after?: () => void | Promise<void>
}

/** The measurements of a contestant, one number per round. */
export interface Measured {
  readonly contestant: Contestant
  readonly wallMs: readonly number[]
  /** Processor time of all threads; `undefined` if the system does not report it. */
  readonly cpuMs: readonly (number | undefined)[]
}

/** The measurements of all contestants of a case. */
export interface Rounds {
  readonly measured: readonly Measured[]
  /** Share of the processors used by other programs meanwhile, 0 to 1; `undefined` if unknown. */
  readonly others: number | undefined
}

/** A disagreement of two contestants: the benchmark has found a bug, and its times mean nothing. */
export class WrongDigest extends Error {}

/**
 * Run one warm-up each, then all contestants in turn, round after round, every other one backwards: changes
 * of the machine's speed then affect all of them alike.
 */
export async function alternate(contestants: readonly Contestant[], rounds: number): Promise<Rounds> {
  await warmUp(contestants)
  const others = otherPrograms(contestants)
  const measured = contestants.map((contestant) => ({
    contestant,
    wallMs: [] as number[],
    cpuMs: [] as (number | undefined)[],
  }))
  const first = new Map<Contestant, string | undefined>()
  for (let round = 0; round < rounds; round++) {
    // Backwards in every other round: the order matters if cores go to sleep and caches hold other data.
    for (const { contestant, wallMs, cpuMs } of round % 2 === 0 ? measured : measured.toReversed()) {
      const repeats = contestant.repeats ?? 1
      await contestant.before?.()
      const cpuSoFar = contestant.cpuMs ?? (() => cpuTime(contestant.child))
      const cpu = cpuSoFar()
      const start = performance.now()
      const answer = await contestant.run()
      const wall = performance.now() - start
      const cpuAfter = cpuSoFar()
      wallMs.push(wall / repeats)
      cpuMs.push(cpu === undefined || cpuAfter === undefined ? undefined : (cpuAfter - cpu) / repeats)
      if (!first.has(contestant)) first.set(contestant, answer)
      if (first.get(contestant) !== answer) {
        throw new WrongDigest(`${contestant.name} gave ${answer} after ${first.get(contestant)}`)
      }
    }
  }
  return { measured, others: others() }
}

async function warmUp(contestants: readonly Contestant[]): Promise<void> {
  const answers = new Map<string, { readonly name: string; readonly answer: string }>()
  for (const contestant of contestants) {
    const { name, check } = contestant
    if (!check) {
      await contestant.run()
      continue
    }
    const answer = await check.read()
    const other = answers.get(check.label)
    if (other && other.answer !== answer) {
      throw new WrongDigest(
        `${other.name} and ${name} disagree about ${check.label}: ${differ(other.answer, answer)}`,
      )
    }
    answers.set(check.label, { name, answer })
  }
}

function differ(a: string, b: string): string {
  const [linesA, linesB] = [a.split('\n'), b.split('\n')]
  const line = linesA.findIndex((text, index) => text !== linesB[index])
  return `${linesA[line]} and ${linesB[line]} (line ${line + 1} of ${linesA.length} and ${linesB.length})`
}

/**
 * Return the processor time so far in milliseconds: of this process, or of its ended children.
 *
 * Node does not report the latter; Linux does, in hundredths of a second.
 */
function cpuTime(child: boolean): number | undefined {
  if (!child) {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  if (process.platform !== 'linux') return undefined
  const stat = readFileSync('/proc/self/stat', 'latin1')
  // The program name is in brackets and may contain anything; the fields after it are numbers.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/**
 * Start to watch the load of other programs; the returned function gives the share of the processors they
 * used. Programs of contestants that stay count as children only when they have ended, so their own count is taken.
 */
function otherPrograms(contestants: readonly Contestant[]): () => number | undefined {
  const start = performance.now()
  const staying = (): number => contestants.reduce((sum, { cpuMs }) => sum + (cpuMs?.() ?? 0), 0)
  const before = { busy: busyTime(), own: cpuTime(false), children: cpuTime(true), staying: staying() }
  return () => {
    const [own, children] = [cpuTime(false), cpuTime(true)]
    if (own === undefined || children === undefined) return undefined
    const ownTime =
      own - (before.own ?? 0) + (children - (before.children ?? 0)) + (staying() - before.staying)
    const share =
      (busyTime() - before.busy - ownTime) / ((performance.now() - start) * availableParallelism())
    return Math.max(0, share)
  }
}

/** Return the milliseconds that the processors have worked, for all programs. */
function busyTime(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
}

/** Run a program to its end and return its output, or nothing if that is discarded. */
export function runProgram(
  command: string,
  args: readonly string[],
  keepOutput = false,
  errors: 'inherit' | 'ignore' = 'inherit',
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', keepOutput ? 'pipe' : 'ignore', errors] })
    const chunks: Buffer[] = []
    child.stdout?.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(chunks).toString())
      else reject(new Error(`${command} ended with ${signal ?? `exit code ${code}`}`))
    })
  })
}

/**
 * Measure the cost of starting a program without work, in milliseconds: the times of peers include it.
 * `undefined` if there is no such program.
 */
export async function spawnCost(): Promise<number | undefined> {
  if (process.platform === 'win32') return undefined
  const times: number[] = []
  for (let index = 0; index < 23; index++) {
    const start = performance.now()
    await runProgram('true', [])
    if (index >= 3) times.push(performance.now() - start)
  }
  return median(times)
}

/** Return the median; for an even number, the mean of the two middle values. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}
