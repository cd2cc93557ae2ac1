/** What `show` says of seeds, also of records that come from strangers. */
import { expect, test } from 'vitest'
import { describeSeeds } from '../../../src/cli/commands/show/seeds.ts'
import type { JsonObject, JsonValue } from '../../../src/core/json-value.ts'
import type { RunRecord } from '../../../src/record/record.ts'

function recordOf(value: JsonObject, seeds: JsonValue = {}): RunRecord {
  const whole = { seed: null, variables: {}, generators: {}, ...value }
  const capture = { status: 'captured', digest: 'seeds.v1.blake3:00', value: whole, warnings: [] }
  const command = { workingDirectory: '/' }
  return { captures: { seeds: capture }, configuration: { seeds }, command } as unknown as RunRecord
}

test('the seed, the requested options, and programs with the generators they did not seed', () => {
  const program = {
    number: 1,
    kind: 'program',
    script: 'a.py',
    version: '3.11.7',
    seed: 7,
    origin: 'set_seeds',
    setSeeds: [7],
    states: ['generators/end.json'],
    hasEnded: false,
    targets: [
      { name: 'random', status: 'seeded', detail: '' },
      { name: 'jax', status: 'own-seed', detail: '' },
      { name: 'os.urandom', status: 'unreachable', detail: '' },
    ],
  }
  const worker = { number: 2, kind: 'forked', version: '3.11.7', seed: null, setSeeds: [], hasEnded: false }
  const value = {
    seed: 42,
    source: 'LINEAPRINT_SEED',
    python: { status: 'reached', programs: [program, worker, worker, worker, worker], unlisted: 3 },
  }
  expect(describeSeeds(recordOf(value, { deterministic: true, replaceMathRandom: true }))).toEqual([
    ['seed', '42, from LINEAPRINT_SEED'],
    ['asked', 'deterministic results requested, Math.random replaced in Node programs'],
    ['python 1', 'a.py, Python 3.11.7, seed 7 from set_seeds, 1 saved states, ended without a final report'],
    [' seeded', 'random'],
    [' own seeds', 'jax'],
    [' not seeded', 'os.urandom'],
    ['python 2', 'forked, Python 3.11.7, no seed'],
    ['python 2', 'forked, Python 3.11.7, no seed'],
    ['python 2', 'forked, Python 3.11.7, no seed'],
    ['', '4 more Python processes'],
  ])
  const unreached = { python: { status: 'not-reached', reason: 'it ignores PYTHONPATH', programs: [] } }
  expect(describeSeeds(recordOf(unreached))).toEqual([['python', 'not reached: it ignores PYTHONPATH']])
})

test('nonsense is left out', () => {
  for (const python of [
    7,
    null,
    [],
    { status: 'reached', programs: 'x' },
    { status: 'reached', programs: [7, null] },
  ])
    expect(describeSeeds(recordOf({ seed: 'x', python }, null))).toEqual([])
  expect(describeSeeds({ captures: {}, configuration: {} } as unknown as RunRecord)).toEqual([])
})
