/** Runs contestants in turn and measures time and processor time. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

/** One way to do the work of a case. */
export interface Contestant {
  readonly name: string
  /** `ours` first in each case: ratios are to it. `part` does only a part of the work, to show what that part costs. */
  readonly role: 'ours' | 'peer' | 'part'
  /** Whether the work is done by a child process, whose start is then part of the time. */
  readonly child: boolean
  /** How often `run` does the work, for work that is too short to measure once. @default 1 */
  readonly repeats?: number
  /** Puts things in place before each round, outside of the measurement. */
  readonly before?: (() => Promise<void>) | undefined
  /** Does the work. What it returns must be the same each time. */
  run(): Promise<string | undefined>
  /**
   * Does the work once, outside of the measurement, and returns something that must be equal to what every
   * other contestant of the case returns under the same `label`.
   */
  readonly check?: { readonly label: string; read(): Promise<string> }
}

/** A question of the benchmark. */
export interface Case {
  /** What `--only` names. */
  readonly name: string
  readonly title: string
  /** Makes the inputs and says who takes part, and who is missing. */
  prepare(): Promise<Entry>
}

/** Who takes part in a case. */
export interface Entry {
  /** Bytes that every contestant reads. */
  readonly bytes: number
  readonly contestants: readonly Contestant[]
  /** Peers that are not installed. */
  readonly missing: readonly string[]
}

/** What was measured of a contestant, one number per round. */
export interface Measured {
  readonly contestant: Contestant
  readonly wallMs: readonly number[]
  /** Processor time of all threads; `undefined` where the system does not tell. */
  readonly cpuMs: readonly (number | undefined)[]
}

/** What was measured of all contestants of a case. */
export interface Rounds {
  readonly measured: readonly Measured[]
  /** Share of the processors that went to other programs meanwhile, 0 to 1; `undefined` where it is not known. */
  readonly others: number | undefined
}

/** Two contestants disagree: the benchmark has found a bug, and its times mean nothing. */
export class WrongDigest extends Error {}

/**
 * One warm-up each, then all contestants in turn, round after round and every other one backwards: what changes on
 * the machine meanwhile meets all of them.
 */
export async function alternate(contestants: readonly Contestant[], rounds: number): Promise<Rounds> {
  await warmUp(contestants)
  const others = otherPrograms()
  const measured = contestants.map((contestant) => ({
    contestant,
    wallMs: [] as number[],
    cpuMs: [] as (number | undefined)[],
  }))
  const first = new Map<Contestant, string | undefined>()
  for (let round = 0; round < rounds; round++) {
    // Every other round backwards: who follows whom matters where cores fall asleep and caches are full of others.
    for (const { contestant, wallMs, cpuMs } of round % 2 === 0 ? measured : measured.toReversed()) {
      const repeats = contestant.repeats ?? 1
      await contestant.before?.()
      const cpu = cpuTime(contestant.child)
      const start = performance.now()
      const answer = await contestant.run()
      const wall = performance.now() - start
      const cpuAfter = cpuTime(contestant.child)
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
  const [left, right] = [a.split('\n'), b.split('\n')]
  const line = left.findIndex((text, index) => text !== right[index])
  return `${left[line]} and ${right[line]} (line ${line + 1} of ${left.length} and ${right.length})`
}

/**
 * Processor time so far in milliseconds: of this process, or of its children that have ended.
 *
 * Node does not tell the latter, Linux does, in hundredths of a second.
 */
function cpuTime(child: boolean): number | undefined {
  if (!child) {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  }
  if (process.platform !== 'linux') return undefined
  const stat = readFileSync('/proc/self/stat', 'latin1')
  // The name of the program stands in brackets and may hold anything; after it the fields are numbers.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** Starts to watch what other programs do; the function it returns says what share of the processors they took. */
function otherPrograms(): () => number | undefined {
  const start = performance.now()
  const before = { busy: busyTime(), own: cpuTime(false), children: cpuTime(true) }
  return () => {
    const [own, children] = [cpuTime(false), cpuTime(true)]
    if (own === undefined || children === undefined) return undefined
    const ours = own - (before.own ?? 0) + (children - (before.children ?? 0))
    const share = (busyTime() - before.busy - ours) / ((performance.now() - start) * availableParallelism())
    return Math.max(0, share)
  }
}

/** Milliseconds that the processors have worked, for whomever. */
function busyTime(): number {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0)
}

/** Runs a program to its end and returns what it printed, or nothing where that is thrown away. */
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
 * What it costs to start a program that does nothing, in milliseconds: the times of peers contain it.
 * `undefined` where there is no such program.
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

/** The middle value; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}
