import { expect, test } from 'vitest'
import { indexKillRound } from '../../soak/index-kill.ts'
import { saveFaultRound } from '../../soak/save-fault.ts'
import { saveKillRound } from '../../soak/save-kill.ts'
import { scarceRound } from '../../soak/scarce.ts'
import { straceRefusal } from '../../soak/support/strace.ts'
import { faultsOf, quietly } from './support.ts'

const refusal = await straceRefusal()
const why = refusal === undefined ? '' : ` (skipped: ${refusal})`

test.skipIf(refusal)(
  `a kill at a system call of a save loses nothing${why}`,
  { timeout: 300_000 },
  async () => {
    const outcome = await saveKillRound({ ...quietly, kills: 14, passes: 2 })
    expect(faultsOf(outcome)).toEqual([])
    expect(outcome.numbers['killed']).toBeGreaterThan(7)
  },
)

test.skipIf(refusal)(
  `a system call that fails is said and does no harm${why}`,
  { timeout: 300_000 },
  async () => {
    const outcome = await saveFaultRound({ ...quietly, faults: 24 })
    expect(faultsOf(outcome)).toEqual([])
    for (const step of ['start', 'flush', 'finish']) {
      expect(outcome.numbers[`said by ${step}`], step).toBeGreaterThan(0)
    }
  },
)

test.skipIf(refusal)(`a kill in a list leaves an index that works${why}`, { timeout: 300_000 }, async () => {
  const outcome = await indexKillRound({ ...quietly, kills: 5 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.numbers['killed while it made the index']).toBeGreaterThan(1)
  expect(outcome.numbers['killed while it changed it']).toBeGreaterThan(1)
})

test('a full disk and too many open files are said and do no harm', { timeout: 300_000 }, async () => {
  const outcome = await scarceRound({ ...quietly, saves: 6 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.numbers['too many open files that were told']).toBeGreaterThan(0)
  // Filling a disk takes root; what was left out is said by the round.
  if (outcome.skipped.length > 0) console.warn(`left out: ${outcome.skipped.join('; ')}`)
  const told = Number(outcome.numbers['full disks that were told'])
  expect(outcome.skipped.length > 0 || told > 0).toBe(true)
})
