import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RANKS, findLaunch, findOwnLaunch, meetingName, rankOf } from '../../../src/command/ranks/launch.ts'

const PARENT = 'process 1, 2'

const TORCHRUN = {
  RANK: '3',
  LOCAL_RANK: '1',
  WORLD_SIZE: '4',
  LOCAL_WORLD_SIZE: '2',
  MASTER_ADDR: 'n0',
  MASTER_PORT: '29500',
  TORCHELASTIC_RUN_ID: 'job',
  TORCHELASTIC_RESTART_COUNT: '0',
}

const OPEN_MPI = {
  OMPI_COMM_WORLD_RANK: '1',
  OMPI_COMM_WORLD_LOCAL_RANK: '1',
  OMPI_COMM_WORLD_SIZE: '2',
  OMPI_COMM_WORLD_LOCAL_SIZE: '2',
  PMIX_NAMESPACE: '77',
}

/** The variables of srun as its manual page documents them. */
const SLURM = {
  SLURM_PROCID: '2',
  SLURM_LOCALID: '0',
  SLURM_STEP_NUM_TASKS: '4',
  SLURM_JOB_ID: '11',
  SLURM_STEP_ID: '0',
  SLURM_CLUSTER_NAME: 'c',
}

const MPICH = { PMI_RANK: '1', PMI_SIZE: '2', MPI_LOCALRANKID: '1', MPI_LOCALNRANKS: '2' }

test.each([
  [TORCHRUN, { launcher: 'torchrun', group: 'job n0 29500 0', rank: 3, localRank: 1, size: 4, localSize: 2 }],
  [OPEN_MPI, { launcher: 'Open MPI', group: '77', rank: 1, localRank: 1, size: 2, localSize: 2 }],
  [SLURM, { launcher: 'Slurm', group: 'c 11 0', rank: 2, localRank: 0, size: 4 }],
  [MPICH, { launcher: 'MPICH', group: `started by ${PARENT}`, rank: 1, localRank: 1, size: 2 }],
  // A script below srun that sets what torch.distributed reads.
  [
    { ...SLURM, RANK: '2', WORLD_SIZE: '4', MASTER_ADDR: 'n0', MASTER_PORT: '1' },
    { launcher: 'torch.distributed', group: 'n0 1', rank: 2, localRank: 0, size: 4 },
  ],
  [
    { ...OPEN_MPI, LINEAPRINT_RUN_GROUP: 'mine' },
    { launcher: 'Open MPI', group: 'mine', rank: 1, localRank: 1 },
  ],
  // Who names the group needs no more than a rank.
  [
    { RANK: '1', LINEAPRINT_RUN_GROUP: 'mine' },
    { launcher: 'torch.distributed', group: 'mine', rank: 1, localRank: 1 },
  ],
])('%o', (variables, launch) => {
  expect(findLaunch(variables, PARENT)).toMatchObject({ ...launch, parent: PARENT })
})

test.each([
  ['nothing', {}],
  ['a variable of that name for something else', { RANK: '16' }],
  ['no number', { ...TORCHRUN, RANK: 'x' }],
  ['a number that is too long', { ...TORCHRUN, RANK: '1234567890' }],
  ['one process', { ...TORCHRUN, RANK: '0', WORLD_SIZE: '1' }],
  ['the script of a job of Slurm, which is no step', { ...SLURM, SLURM_STEP_NUM_TASKS: '' }],
])('%s is no launch', (_, variables) => {
  expect(findLaunch(variables, PARENT)).toBeUndefined()
})

test('a command inside of a rank is no rank', () => {
  const launch = findOwnLaunch(TORCHRUN)
  if (launch === undefined) throw new Error('there is a launch')
  expect(findOwnLaunch({ ...TORCHRUN, LINEAPRINT_LAUNCH: meetingName(launch) })).toBeUndefined()
  expect(findOwnLaunch({ ...TORCHRUN, LINEAPRINT_LAUNCH: 'another' })).toMatchObject({ rank: 3 })
})

test('the ranks of one launch meet, and those of another do not', () => {
  const nameOf = (variables: Record<string, string>): string => {
    const launch = findLaunch(variables, PARENT)
    return launch === undefined ? '' : meetingName(launch)
  }
  const name = nameOf(TORCHRUN)
  expect(name).toMatch(/^[0-9a-f]{32}$/)
  expect(nameOf({ ...TORCHRUN, RANK: '2', LOCAL_RANK: '0' })).toBe(name)
  expect(nameOf({ ...TORCHRUN, TORCHELASTIC_RESTART_COUNT: '1' })).not.toBe(name)
  expect(nameOf({ ...TORCHRUN, MASTER_PORT: '29501' })).not.toBe(name)
})

test('the variables of a rank are those of the Python side, in its order', () => {
  const source = readFileSync('python/_lineaprint/_position.py', 'utf8')
  const [, list = ''] = /^RANKS = \(\n([^)]*)\)/m.exec(source) ?? []
  expect([...list.matchAll(/"(\w+)"/g)].map(([, name]) => name)).toEqual(RANKS)
  expect(rankOf({ SLURM_PROCID: '4', LOCAL_RANK: '1' })).toBe(4)
  expect(rankOf({ RANK: 'x', LOCAL_RANK: '1' })).toBe(1)
  expect(rankOf({})).toBeUndefined()
})
