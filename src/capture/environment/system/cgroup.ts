/** Resource limits of control groups, of both versions of the interface. */
import { join } from 'node:path'
import { readHint } from '../files.ts'

/** The lowest limits of the control group of a process and its parents. */
export interface Limits {
  /** Bytes. */
  readonly memory: number | undefined
  /** Number of processors, possibly a fraction. */
  readonly cpus: number | undefined
  /** Version of the interface that was read. */
  readonly version: 1 | 2 | undefined
}

/** Version 1 has no value for "no limit", but a number near 2^63, rounded down to a page. */
const UNLIMITED = 2 ** 62

/**
 * Read the limits.
 *
 * @param root The folder to use as `/`, for tests.
 * @param pid The process whose control group is read. @default this one
 */
export async function readLimits(root: string, pid?: number): Promise<Limits> {
  const groups = (await readHint(join(root, `proc/${pid ?? 'self'}/cgroup`))) ?? ''
  const mount = join(root, 'sys/fs/cgroup')
  const [unified, legacy] = [await readUnified(mount, groups), await readLegacy(mount, groups)]
  // A machine may have both versions, with the controllers in the older one.
  const memory = least([unified.memory, legacy.memory])
  const cpus = least([unified.cpus, legacy.cpus])
  const version = legacy.isPresent ? 1 : unified.isPresent ? 2 : undefined
  return { memory, cpus, version }
}

interface GroupLimits {
  readonly memory: number | undefined
  readonly cpus: number | undefined
  readonly isPresent: boolean
}

async function readUnified(mount: string, groups: string): Promise<GroupLimits> {
  const own = /^0::(\/.*)$/m.exec(groups)?.[1] ?? '/'
  const memories: (number | undefined)[] = []
  const processors: (number | undefined)[] = []
  let isPresent = false
  for (const folder of foldersAbove(mount, own)) {
    const [memory, cpu] = [
      await readHint(join(folder, 'memory.max')),
      await readHint(join(folder, 'cpu.max')),
    ]
    isPresent ||= memory !== undefined || cpu !== undefined
    memories.push(wholeNumber(memory))
    const [, quota, period] = /^(\d+) (\d+)/.exec(cpu ?? '') ?? []
    if (quota !== undefined) processors.push(Number(quota) / Number(period))
  }
  isPresent ||= (await readHint(join(mount, 'cgroup.controllers'))) !== undefined
  return { memory: least(memories), cpus: least(processors), isPresent }
}

async function readLegacy(mount: string, groups: string): Promise<GroupLimits> {
  const memories: (number | undefined)[] = []
  const processors: (number | undefined)[] = []
  let isPresent = false
  for (const folder of controllerFolders(mount, groups, 'memory')) {
    const limit = await readHint(join(folder, 'memory.limit_in_bytes'))
    isPresent ||= limit !== undefined
    const bytes = wholeNumber(limit)
    if (bytes !== undefined && bytes < UNLIMITED) memories.push(bytes)
  }
  for (const folder of controllerFolders(mount, groups, 'cpu')) {
    const quota = wholeNumber(await readHint(join(folder, 'cpu.cfs_quota_us')))
    const period = wholeNumber(await readHint(join(folder, 'cpu.cfs_period_us')))
    isPresent ||= period !== undefined
    if (quota !== undefined && period !== undefined && quota > 0 && period > 0)
      processors.push(quota / period)
  }
  return { memory: least(memories), cpus: least(processors), isPresent }
}

/**
 * Return the folders of a controller. `4:cpu,cpuacct:/docker/abc` lies below a mount with the name of all
 * controllers or of one.
 */
function controllerFolders(mount: string, groups: string, controller: string): string[] {
  for (const [, names = '', path = '/'] of groups.matchAll(/^\d+:([^:\n]+):(\/.*)$/gm)) {
    if (!names.split(',').includes(controller)) continue
    return [...new Set([controller, names])].flatMap((name) => foldersAbove(join(mount, name), path))
  }
  return foldersAbove(join(mount, controller), '/')
}

/** Return the folder of a group and its parents. */
function foldersAbove(mount: string, path: string): string[] {
  // A container with its own namespace has the path `/`; a `..` would lead to folders that it cannot see.
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '..')
  return Array.from({ length: segments.length + 1 }, (_, levels) =>
    join(mount, ...segments.slice(0, segments.length - levels)),
  )
}

function wholeNumber(text: string | undefined): number | undefined {
  const clean = text?.trim() ?? ''
  return /^\d+$/.test(clean) ? Number(clean) : undefined
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
