/**
 * Change model files at random and read them, in a process whose address space is limited: a typed error, or the
 * tensors that a slow reader finds; never a crash, nor more than a second.
 *
 * Beside it runs a reader without checks, which must take models that are to be refused.
 */
import { createInterface } from 'node:readline'
import { withFolder } from './support/places.ts'
import { startChild } from './support/child.ts'
import { Tally } from './support/round.ts'
import type { FormatsReport } from './children/formats.ts'
import type { Outcome, RoundOptions } from './support/round.ts'

/** Options of {@link formatsRound}. */
export interface FormatsOptions extends RoundOptions {
  readonly executions: number
}

const PROGRAM = new URL('./children/formats.ts', import.meta.url)

/** Cases of one process. */
const BATCH = 20_000

/** KiB of address space: Node reserves ten GiB of it, and what a header claims must not add to that. */
const ADDRESS_SPACE = 16 << 20

/** Milliseconds without a line after which the process hangs. */
const SILENCE = 60_000

/** The round. */
export async function formatsRound({ executions, seed, say }: FormatsOptions): Promise<Outcome> {
  const tally = new Tally()
  const sums = { read: 0, refused: 0, naive: 0, slowest: 0 }
  for (let first = 0; first < executions; first += BATCH) {
    const count = Math.min(BATCH, executions - first)
    await runBatch([first, count, seed], tally, ({ done, read, refused, naive, slowest, failures }) => {
      tally.rounds += done
      for (const failure of failures) tally.fail(failure)
      sums.read += read
      sums.refused += refused
      sums.naive += naive
      sums.slowest = Math.max(sums.slowest, slowest)
      if (tally.rounds % 5000 === 0) say(`${tally.failures}/${tally.rounds} wrong, ${sums.read} read`)
    })
  }
  // A reader that takes everything, or nothing, does not tell one from the other.
  if (sums.read === 0 || sums.refused === 0) tally.fail(`${sums.read} were read and ${sums.refused} refused`)
  return {
    name: 'formats',
    promise: 'a model file gives a typed error or the tensors that a slow reader finds, within a second',
    ...tally.result,
    controls: [{ what: 'reader without checks', tried: sums.refused, caught: sums.naive }],
    numbers: { read: sums.read, refused: sums.refused, 'slowest in ms': Math.round(sums.slowest) },
    skipped: [],
  }
}

async function runBatch(
  args: readonly number[],
  tally: Tally,
  take: (report: FormatsReport) => void,
): Promise<void> {
  await withFolder(async (folder) => {
    const child = startChild(PROGRAM, [...args.map(String), folder], { addressSpace: ADDRESS_SPACE })
    const hang = setTimeout(() => child.kill('SIGKILL'), SILENCE)
    let [stderr, done] = ['', 0]
    child.stderr.on('data', (chunk: Buffer) => (stderr += String(chunk)))
    const closed = new Promise<string>((resolve) =>
      child.on('close', (code, signal) => resolve(String(code ?? signal))),
    )
    for await (const line of createInterface({ input: child.stdout })) {
      hang.refresh()
      const report = JSON.parse(line) as FormatsReport
      done += report.done
      take(report)
    }
    const code = await closed
    clearTimeout(hang)
    if (code !== '0')
      tally.count(`ended with ${code} at or after case ${(args[0] ?? 0) + done}: ${stderr.slice(-500)}`)
  }, '/dev/shm')
}
