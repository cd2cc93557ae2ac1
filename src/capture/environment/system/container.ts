/** The source `container`: the container of this process, its image and its resource limits. */
import { join } from 'node:path'
import { platform } from 'node:process'
import { NotApplicable, NotRequested } from '../../../util/not-available.ts'
import { redactText } from '../../../secrets/redact.ts'
import { isReachable } from '../../../util/fs.ts'
import { readLimits } from './cgroup.ts'
import { readHint } from '../files.ts'
import { recordMissingReason } from '../source.ts'
import type { Source, SourceContext } from '../source.ts'

/** Patterns in the name of a control group that identify the runtime. */
const HINTS = [
  ['kubernetes', /kubepods/],
  ['docker', /docker/],
  ['podman', /libpod/],
  ['containerd', /containerd|cri-/],
  ['lxc', /\/lxc/],
] as const

/** Variables that hold the image in containers of Apptainer and Singularity. */
const IMAGE_VARIABLES = ['APPTAINER_CONTAINER', 'SINGULARITY_CONTAINER'] as const

/**
 * Create the source for a file system.
 *
 * @param root The folder to use as `/`, for tests.
 */
export function createContainerSource(root = '/'): Source<'container'> {
  return {
    name: 'container',
    probe: async (context) => {
      if (platform !== 'linux') throw new NotRequested('containers are detected on Linux only')
      const { variables } = context
      const [runtime, limits, described] = await Promise.all([
        findRuntime(root, variables),
        readLimits(root),
        describeContainer(root, variables),
      ])
      const { memory, cpus, version } = limits
      if (runtime === undefined && memory === undefined && cpus === undefined)
        throw new NotApplicable('no container and no resource limits detected')
      return {
        runtime: recordMissingReason(
          context,
          'runtime',
          runtime,
          'resource limits are set, but no container was detected',
        ),
        ...describedFields(context, described, runtime),
        controlGroups: recordMissingReason(context, 'controlGroups', version, 'no control group can be read'),
        memoryLimit: recordMissingReason(
          context,
          'memoryLimit',
          memory,
          'no limit is set, or none can be read',
        ),
        cpuLimit: recordMissingReason(context, 'cpuLimit', cpus, 'no limit is set, or none can be read'),
      }
    },
  }
}

/** Source of the container that this process is in. */
export const containerSource: Source<'container'> = createContainerSource()

interface Described {
  readonly id?: string | undefined
  readonly image?: string | undefined
  readonly imageId?: string | undefined
}

function describedFields(
  context: SourceContext,
  { id, image, imageId }: Described,
  runtime: string | undefined,
): Record<'id' | 'image' | 'imageId', string | null> {
  const hidden = `${runtime ?? 'the runtime'} does not expose it inside the container`
  return {
    id: recordMissingReason(context, 'id', id, hidden),
    image: recordMissingReason(context, 'image', image && redactText(image), hidden),
    imageId: recordMissingReason(context, 'imageId', imageId, hidden),
  }
}

/**
 * Describe the container: Podman writes a file; Docker mounts files whose paths contain the id; Apptainer
 * sets a variable.
 */
async function describeContainer(root: string, variables: NodeJS.ProcessEnv): Promise<Described> {
  const podman = await readHint(join(root, 'run/.containerenv'))
  if (podman !== undefined && podman.trim() !== '') {
    const entry = (name: string): string | undefined =>
      new RegExp(`^${name}="([^"\n]+)"`, 'm').exec(podman)?.[1]
    return { id: entry('id'), image: entry('image'), imageId: entry('imageid') }
  }
  const image = IMAGE_VARIABLES.map((name) => variables[name]).find((value) => value !== undefined)
  const [mounts = '', groups = ''] = await Promise.all([
    readHint(join(root, 'proc/self/mountinfo')),
    readHint(join(root, 'proc/self/cgroup')),
  ])
  const id =
    /\/containers\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf) /.exec(mounts)?.[1] ??
    /[/:-]([0-9a-f]{64})(?:\.scope)?$/m.exec(groups)?.[1]
  return { id, image }
}

async function findRuntime(root: string, variables: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (variables['KUBERNETES_SERVICE_HOST'] !== undefined) return 'kubernetes'
  if (variables['APPTAINER_CONTAINER'] !== undefined) return 'apptainer'
  if (variables['SINGULARITY_CONTAINER'] !== undefined) return 'singularity'
  if (await isReachable(join(root, '.dockerenv'))) return 'docker'
  if (await isReachable(join(root, 'run/.containerenv'))) return 'podman'
  const groups = (await readHint(join(root, 'proc/1/cgroup'))) ?? ''
  return HINTS.find(([, pattern]) => pattern.test(groups))?.[0]
}
