import { expect, test } from 'vitest'
import { secretsRound } from '../../soak/secrets.ts'
import { faultsOf, quietly } from './support.ts'

test(
  'secrets in everything that a run is made of are in nothing that comes out',
  { timeout: 180_000 },
  async () => {
    const outcome = await secretsRound({ ...quietly, secrets: 120 })
    expect(faultsOf(outcome)).toEqual([])
    const [control] = outcome.controls
    // Names of files and folders that a run did not need are in no record.
    expect(control?.caught).toBeGreaterThan(90)
  },
)
