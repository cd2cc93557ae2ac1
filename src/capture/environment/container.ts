/** Whether this runs in a container, and what it may use there. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { platform } from 'node:process'
import { NotThere } from '../absent.ts'
import { readHint } from './files.ts'
import type { Source } from './source.ts'

/** What the name of a control group says about who made it. */
const HINTS = [
  ['kubernetes', /kubepods/],
  ['docker', /docker/],
  ['podman', /libpod/],
  ['containerd', /containerd|cri-/],
  ['lxc', /\/lxc/],
] as const

/**
 * Makes the source for a file system.
 *
 * @param root Where `/` is, for tests.
 */
export function createContainerSource(root = '/'): Source {
  return {
    name: 'container',
    look: async ({ variables }) => {
      if (platform !== 'linux') throw new NotThere('containers are looked for on Linux only')
      const runtime = await findRuntime(root, variables)
      const { memory, cpus } = await readLimits(root)
      if (runtime === undefined && memory === undefined && cpus === undefined) {
        throw new NotThere('no sign of a container, and no limits')
      }
      return { runtime: runtime ?? null, memoryLimit: memory ?? null, cpuLimit: cpus ?? null }
    },
  }
}

/** The container that this process is in. */
export const containerSource: Source = createContainerSource()

async function findRuntime(root: string, variables: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (variables['KUBERNETES_SERVICE_HOST'] !== undefined) return 'kubernetes'
  if (await isThere(join(root, '.dockerenv'))) return 'docker'
  if (await isThere(join(root, 'run/.containerenv'))) return 'podman'
  const groups = (await readHint(join(root, 'proc/1/cgroup'))) ?? ''
  return HINTS.find(([, pattern]) => pattern.test(groups))?.[0]
}

/** The lowest limit of this process's control group and of those above it. Memory in bytes, processors as a number. */
async function readLimits(root: string): Promise<{ memory: number | undefined; cpus: number | undefined }> {
  const own = /^0::(\/.*)$/m.exec((await readHint(join(root, 'proc/self/cgroup'))) ?? '')?.[1] ?? '/'
  const memories: number[] = []
  const processors: number[] = []
  // A container that has its own namespace sees itself as `/`; `..` would lead to what it cannot see.
  const segments = own.split('/').filter((segment) => segment !== '' && segment !== '..')
  for (let depth = segments.length; depth >= 0; depth--) {
    const folder = join(root, 'sys/fs/cgroup', ...segments.slice(0, depth))
    const memory = (await readHint(join(folder, 'memory.max')))?.trim()
    if (memory !== undefined && /^\d+$/.test(memory)) memories.push(Number(memory))
    const [, quota, period] = /^(\d+) (\d+)/.exec((await readHint(join(folder, 'cpu.max'))) ?? '') ?? []
    if (quota !== undefined) processors.push(Number(quota) / Number(period))
  }
  return { memory: least(memories), cpus: least(processors) }
}

function least(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : Math.min(...values)
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}
