/** The launch of a job: the variables by which torchrun, mpirun, srun and others number its processes. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { thisProcess } from '../../util/process-identity.ts'
import type { LaunchRecord, RankRecord } from '../../record/record.ts'

type Variables = Readonly<Record<string, string | undefined>>

/** A kind of launcher. The variables are tried in their order. */
interface Launcher {
  readonly name: string
  readonly rank: string
  readonly localRank: readonly string[]
  readonly size: readonly string[]
  readonly localSize: readonly string[]
  /** Variables that together name one launch on all machines; empty if the launcher sets none. */
  readonly launch: readonly string[]
  /** Variables without which this is no launch. */
  readonly required?: readonly string[]
}

/** Variables by which launchers number the processes of one job, as in `python/_lineaprint/_position.py`. */
export const RANKS: readonly string[] = [
  'RANK',
  'OMPI_COMM_WORLD_RANK',
  'PMIX_RANK',
  'PMI_RANK',
  'MV2_COMM_WORLD_RANK',
  'HOROVOD_RANK',
  'PALS_RANKID',
  'FLUX_TASK_RANK',
  'SLURM_PROCID',
  'LOCAL_RANK',
]

/** Launchers, the most specific first. */
const LAUNCHERS: readonly Launcher[] = [
  {
    // torchrun, and `accelerate launch`, which calls it.
    name: 'torchrun',
    rank: 'RANK',
    localRank: ['LOCAL_RANK'],
    size: ['WORLD_SIZE'],
    localSize: ['LOCAL_WORLD_SIZE'],
    launch: ['TORCHELASTIC_RUN_ID', 'MASTER_ADDR', 'MASTER_PORT', 'TORCHELASTIC_RESTART_COUNT'],
    required: ['TORCHELASTIC_RUN_ID'],
  },
  {
    // DeepSpeed, Lightning, and scripts that set what torch.distributed reads, often below another launcher.
    name: 'torch.distributed',
    rank: 'RANK',
    localRank: ['LOCAL_RANK', 'OMPI_COMM_WORLD_LOCAL_RANK', 'MPI_LOCALRANKID', 'SLURM_LOCALID'],
    size: ['WORLD_SIZE'],
    localSize: ['LOCAL_WORLD_SIZE', 'LOCAL_SIZE'],
    launch: ['MASTER_ADDR', 'MASTER_PORT'],
  },
  {
    name: 'Open MPI',
    rank: 'OMPI_COMM_WORLD_RANK',
    localRank: ['OMPI_COMM_WORLD_LOCAL_RANK'],
    size: ['OMPI_COMM_WORLD_SIZE'],
    localSize: ['OMPI_COMM_WORLD_LOCAL_SIZE'],
    launch: ['PMIX_NAMESPACE'],
  },
  {
    // MPICH and Intel MPI.
    name: 'MPICH',
    rank: 'PMI_RANK',
    localRank: ['MPI_LOCALRANKID'],
    size: ['PMI_SIZE'],
    localSize: ['MPI_LOCALNRANKS'],
    launch: [],
    // srun with its plugin for PMI sets the rank as well.
    required: ['MPI_LOCALRANKID'],
  },
  {
    name: 'MVAPICH',
    rank: 'MV2_COMM_WORLD_RANK',
    localRank: ['MV2_COMM_WORLD_LOCAL_RANK'],
    size: ['MV2_COMM_WORLD_SIZE'],
    localSize: ['MV2_COMM_WORLD_LOCAL_SIZE'],
    launch: [],
  },
  {
    name: 'Horovod',
    rank: 'HOROVOD_RANK',
    localRank: ['HOROVOD_LOCAL_RANK'],
    size: ['HOROVOD_SIZE'],
    localSize: ['HOROVOD_LOCAL_SIZE'],
    launch: [],
  },
  {
    name: 'PALS',
    rank: 'PALS_RANKID',
    localRank: ['PALS_LOCAL_RANKID'],
    size: ['PMI_SIZE'],
    localSize: ['PALS_LOCAL_SIZE', 'PMI_LOCAL_SIZE'],
    launch: ['PALS_APID'],
    required: ['PALS_APID'],
  },
  {
    name: 'Flux',
    rank: 'FLUX_TASK_RANK',
    localRank: ['FLUX_TASK_LOCAL_ID'],
    size: ['FLUX_JOB_SIZE'],
    localSize: [],
    launch: ['FLUX_JOB_ID'],
    required: ['FLUX_JOB_ID'],
  },
  {
    // In the script of a job the same variables are set, but those of a step only by srun.
    name: 'Slurm',
    rank: 'SLURM_PROCID',
    localRank: ['SLURM_LOCALID'],
    size: ['SLURM_STEP_NUM_TASKS'],
    localSize: [],
    launch: ['SLURM_CLUSTER_NAME', 'SLURM_JOB_ID', 'SLURM_STEP_ID'],
    required: ['SLURM_JOB_ID', 'SLURM_STEP_ID', 'SLURM_STEP_NUM_TASKS'],
  },
]

/** Largest number of digits of a rank. */
const DIGITS = 9

/** The place of this process in a launch. */
export interface Launch {
  /** Name of the launcher. */
  readonly launcher: string
  /** The name of the launch: what its ranks have in common. */
  readonly group: string
  readonly rank: number
  /** Number among the ranks of this machine. */
  readonly localRank: number
  /** Number of ranks on all machines; absent if the launcher does not tell. */
  readonly size?: number
  /** The same on this machine. */
  readonly localSize?: number
  /** Name of this machine. */
  readonly node: string
  /** Identity of the process that started this one: of a launcher, the same for all of its ranks here. */
  readonly parent: string
}

/**
 * Return the number of this process in a job; `undefined` if it is in none.
 *
 * The rule is that of the Python side: the first variable that is a number.
 */
export function rankOf(variables: Variables): number | undefined {
  return firstNumber(RANKS, variables)
}

/**
 * Find the launch that started this process; `undefined` for a process that is no rank, or the only one.
 *
 * @param parent Identity of the process that started this one. @default read from the system
 */
export function findLaunch(variables: Variables, parent: string = parentOf()): Launch | undefined {
  const own = variables['LINEAPRINT_RUN_GROUP'] ?? ''
  const launcher = LAUNCHERS.find(
    ({ rank, required = [] }) =>
      numberOf(variables[rank]) !== undefined && required.every((name) => (variables[name] ?? '') !== ''),
  )
  if (launcher === undefined) return undefined
  const rank = numberOf(variables[launcher.rank]) ?? 0
  const size = firstNumber(launcher.size, variables)
  // One variable alone, such as RANK, may mean something else. A launch of one rank has no others.
  if (size === undefined ? own === '' : size < 2) return undefined
  const localSize = firstNumber(launcher.localSize, variables)
  const parts = launcher.launch.map((name) => variables[name] ?? '').filter((part) => part !== '')
  // Without a name of the launch, its ranks on this machine have their parent in common.
  const group = own !== '' ? own : parts.length > 0 ? parts.join(' ') : `started by ${parent}`
  return {
    launcher: launcher.name,
    group,
    rank,
    localRank: firstNumber(launcher.localRank, variables) ?? rank,
    ...(size !== undefined && { size }),
    ...(localSize !== undefined && { localSize }),
    node: thisProcess().host,
    parent,
  }
}

/**
 * Find the launch of which a command is a rank. A command inside of a rank has its variables as well, and is none: the
 * variable that its wrapper set tells so.
 */
export function findOwnLaunch(variables: Variables): Launch | undefined {
  const launch = findLaunch(variables)
  return launch === undefined || variables['LINEAPRINT_LAUNCH'] === meetingName(launch) ? undefined : launch
}

/** Return the name of the file by which the ranks of a launch on this machine meet: a digest of what they share. */
export function meetingName({ launcher, group }: Launch): string {
  const { host, bootId, pidNamespace } = thisProcess()
  const text = JSON.stringify([launcher, group, host, bootId, pidNamespace])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

function firstNumber(names: readonly string[], variables: Variables): number | undefined {
  return names.map((name) => numberOf(variables[name])).find((number) => number !== undefined)
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && text.length <= DIGITS && /^[0-9]+$/.test(text) ? Number(text) : undefined
}

/** Return the identity of the process that started this one. Its id alone may be used again. */
function parentOf(): string {
  const pid = process.ppid
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    // Field 22 of proc_pid_stat(5); the list starts at field 3, after the name, which may contain any character.
    const started = text.slice(text.lastIndexOf(')') + 2).split(' ')[19]
    return `process ${pid}, ${started}`
  } catch {
    return `process ${pid}`
  }
}

/** Return the record of a launch before the other ranks have come. */
export function launchRecord(
  { launcher, group, node, size, rank, localRank }: Launch,
  pid: number = process.pid,
): LaunchRecord {
  const own: RankRecord = { rank, localRank, pid, status: 'running', exitCode: null, signal: null }
  return { launcher, group, node, ...(size !== undefined && { size }), ranks: [own] }
}
