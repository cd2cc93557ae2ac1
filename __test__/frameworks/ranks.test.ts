/** Ranks of torchrun and of accelerate, with one wrapper each: they are one run. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROGRAM } from '../support/program.ts'
import { SLOW, plain, programsIn, project, recordOf } from './support.ts'

const ACCELERATE =
  'accelerate launch --multi_gpu --num_processes 2 --num_machines 1 --mixed_precision no --dynamo_backend no --no_python'

const LAUNCHERS = [
  ['torchrun', 'torchrun --standalone --nproc_per_node 2 --no-python'],
  ['accelerate launch', ACCELERATE],
] as const

test.each(LAUNCHERS)('%s: one run with the states and seeds of each rank', SLOW, async (_, launcher) => {
  const root = project('ranks')
  const [node, main] = PROGRAM
  const run = [node, main, 'run', '--name', 'ranks', '--seed', '3', '--', 'python', 'train.py']
  await plain(root, [...launcher.split(' '), ...run])
  const record = recordOf(root, 'ranks')
  expect(record.status).toBe('finished')
  expect(record.launch).toMatchObject({
    launcher: 'torchrun',
    size: 2,
    ranks: [
      { rank: 0, status: 'ended', exitCode: 0 },
      { rank: 1, status: 'ended', exitCode: 0, stdout: { file: 'ranks/rank-1/stdout.log' } },
    ],
  })
  expect(programsIn(record)).toMatchObject([
    { rank: 0, seed: 3, ownSeeds: { torch: '5' } },
    { rank: 1, seed: 3, ownSeeds: { torch: '6' } },
  ])
  // What is reduced over the ranks is equal, and the draws of each are its own.
  const { metrics } = record
  expect(metrics['sum/rank 1']?.last).toBe(metrics['sum']?.last)
  expect(metrics['own/rank 1']?.last).not.toBe(metrics['own']?.last)
  const log = join(root, '.lineaprint', 'runs', record.id, 'ranks', 'rank-1', 'stdout.log')
  expect(readFileSync(log, 'utf8')).toContain('rank 1')
})
