/**
 * Rounds that change files at random and read them, in a process with limited address space: the result is a
 * typed error or an answer that is checked by another reader; never a crash, and never more than a second.
 */
import { createInterface } from 'node:readline'
import { startChild } from './child.ts'
import { withFolder } from './folders.ts'
import { Tally } from './round.ts'
import type { Outcome, RoundOptions } from './round.ts'

/** Options of {@link fuzzRound}. */
export interface FuzzOptions extends RoundOptions {
  readonly executions: number
}

/** A line of output of the child; its numbers count from the line before. */
export interface FuzzReport {
  readonly done: number
  readonly read: number
  readonly refused: number
  /** Refused files that the control accepts. */
  readonly naive: number
  readonly slowest: number
  readonly failures: readonly string[]
}

/** Name, promise and control of a round. */
export interface FuzzPlan {
  readonly name: string
  readonly promise: string
  /** A reader that accepts files which are to be refused. */
  readonly control: string
  /** Arguments: first case, number of cases, seed, folder. Prints {@link FuzzReport}s. */
  readonly program: URL
}

/** Cases of one process. */
const BATCH = 20_000

/**
 * KiB of address space: Node reserves ten GiB of it, and the sizes claimed by a header must not add to that.
 */
const ADDRESS_SPACE = 16 << 20

/** Milliseconds without a line after which the process counts as hanging. */
const SILENCE = 60_000

/** Run the round. */
export async function fuzzRound(
  { name, promise, control, program }: FuzzPlan,
  { executions, seed, progress }: FuzzOptions,
): Promise<Outcome> {
  const tally = new Tally()
  const sums = { read: 0, refused: 0, naive: 0, slowest: 0 }
  for (let first = 0; first < executions; first += BATCH) {
    const count = Math.min(BATCH, executions - first)
    await runBatch(
      program,
      [first, count, seed],
      tally,
      ({ done, read, refused, naive, slowest, failures }) => {
        tally.rounds += done
        for (const failure of failures) tally.fail(failure)
        sums.read += read
        sums.refused += refused
        sums.naive += naive
        sums.slowest = Math.max(sums.slowest, slowest)
        if (tally.rounds % 5000 === 0) progress(`${tally.failures}/${tally.rounds} wrong, ${sums.read} read`)
      },
    )
  }
  // A reader that accepts everything, or nothing, does not distinguish valid from invalid files.
  if (sums.read === 0 || sums.refused === 0) tally.fail(`${sums.read} were read and ${sums.refused} refused`)
  return {
    name,
    promise,
    ...tally.result,
    controls: [{ what: control, tried: sums.refused, caught: sums.naive }],
    numbers: { read: sums.read, refused: sums.refused, 'slowest in ms': Math.round(sums.slowest) },
    skipped: [],
  }
}

async function runBatch(
  program: URL,
  args: readonly number[],
  tally: Tally,
  take: (report: FuzzReport) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    const child = startChild(program, [...args.map(String), folder], { addressSpace: ADDRESS_SPACE })
    const hang = setTimeout(() => child.kill('SIGKILL'), SILENCE)
    let [stderr, done] = ['', 0]
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    const closed = new Promise<string>((resolve) =>
      child.on('close', (code, signal) => resolve(String(code ?? signal))),
    )
    for await (const line of createInterface({ input: child.stdout })) {
      hang.refresh()
      const report = JSON.parse(line) as FuzzReport
      done += report.done
      take(report)
    }
    const code = await closed
    clearTimeout(hang)
    if (code !== '0')
      tally.count(`ended with ${code} at or after case ${(args[0] ?? 0) + done}: ${stderr.slice(-500)}`)
  }, '/dev/shm')
}
