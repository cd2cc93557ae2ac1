import { expect, test } from 'vitest'
import { wrapperRound } from '../../soak/wrapper.ts'
import { faultsOf, quietly } from './support.ts'

/** The round runs what is installed, which is compiled, with its launcher. */
const isCompiled = process.platform === 'linux' && process.env['TEST_PROGRAM'] !== undefined

/** The same worlds in every run: they have each kind of stream, a terminal, signals, limits and descriptors. */
const SEED = 20_261_129

test.runIf(isCompiled)(
  'a command under run finds the same world as without, and leaves the same',
  { timeout: 300_000 },
  async () => {
    const outcome = await wrapperRound({ ...quietly, seed: SEED, commands: 16, kills: 0 })
    expect(faultsOf(outcome)).toEqual([])
  },
)

test.runIf(isCompiled)('a command goes on if its wrapper is killed', { timeout: 300_000 }, async () => {
  const outcome = await wrapperRound({ ...quietly, commands: 0, kills: 10 })
  expect(faultsOf(outcome)).toEqual([])
  expect(outcome.numbers['killed while it ran']).toBeGreaterThan(0)
})
