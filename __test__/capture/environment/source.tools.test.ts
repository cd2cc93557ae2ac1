import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createCondaSource } from '../../../src/capture/environment/python/conda.ts'
import { createContainerSource } from '../../../src/capture/environment/system/container.ts'
import { gpuSource } from '../../../src/capture/environment/system/gpu.ts'
import { probeSource } from '../../../src/capture/environment/source.ts'
import { environmentDigestFields, parseEnvironmentCapture } from '../../../src/capture/environment/capture.ts'
import { NotApplicable } from '../../../src/util/not-available.ts'
import { folderOf, programs } from './fakes.ts'
import type { Source } from '../../../src/capture/environment/source.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

function ask(
  source: Source<'conda'> | Source<'container'> | Source<'gpu'>,
  variables: NodeJS.ProcessEnv,
): Promise<{ value: JsonObject; warnings: readonly string[] }> {
  const options = { variables: [], packages: true, timeoutMs: 3000 }
  const limits = { directory: '/', variables, options }
  return probeSource<'conda' | 'container' | 'gpu'>(source, limits)
}

/** The source for a Python with these prefixes. */
function condaOf(python: { readonly prefix: string; readonly basePrefix: string }): Source<'conda'> {
  const answer = { ...python, version: '3.12.1', implementation: 'CPython', executable: '/python' }
  const rest = { packages: [], direct: {}, builds: {}, unread: {}, broken: 0 }
  return createCondaSource(() => Promise.resolve({ command: '/python', answer: { ...answer, ...rest } }))
}

const NO_PYTHON = createCondaSource(() => Promise.reject(new NotApplicable('there is no Python')))

describe('conda', () => {
  const numpy = {
    name: 'numpy',
    version: '2.0.0',
    build: 'py312h1',
    channel: 'https://u:p@c.org/t/tk-12345678/forge',
  }

  test('packages come from the records, and the variables of the environment are not read', async () => {
    const prefix = folderOf({
      'conda-meta/numpy-2.0.0.json': numpy,
      'conda-meta/mkl.json': { name: 'mkl', version: '2024' },
      'conda-meta/broken.json': '{',
      'conda-meta/history': 'x',
      'conda-meta/state': { env_vars: { COMET_API_KEY: 'planted-secret' } },
    })
    const { value, warnings } = await ask(NO_PYTHON, { CONDA_PREFIX: prefix, PATH: '' })
    expect(value).toMatchObject({
      status: 'present',
      prefix,
      packages: {
        mkl: { version: '2024', build: null, channel: null },
        numpy: { version: '2.0.0', build: 'py312h1', channel: 'https://c.org/t/<redacted>/forge' },
      },
    })
    expect(warnings).toEqual(['conda: 1 record of conda-meta cannot be read'])
    expect(JSON.stringify(value)).not.toContain('planted')
  })

  test('the environment is that of the Python, or of the Python that it was made from', async () => {
    const prefix = folderOf({ 'conda-meta/numpy.json': numpy })
    const other = folderOf({ 'conda-meta/other.json': { name: 'other', version: '1' } })
    const made = folderOf({ 'pyvenv.cfg': 'home = x\n' })
    // An active environment whose Python does not run does not count.
    const variables = { CONDA_PREFIX: other, PATH: '/nowhere' }
    for (const python of [
      { prefix, basePrefix: prefix },
      { prefix: made, basePrefix: prefix },
    ]) {
      expect((await ask(condaOf(python), variables)).value).toMatchObject({
        status: 'present',
        prefix,
        packages: { numpy: { version: '2.0.0' } },
      })
    }
    expect((await ask(condaOf({ prefix: made, basePrefix: made }), variables)).value).toEqual({
      status: 'absent',
      reason: `the Python in ${made} does not belong to a conda environment`,
      exists: false,
    })
  })

  test('absence has a reason', async () => {
    expect(await ask(NO_PYTHON, { PATH: '/nowhere' })).toEqual({
      value: { status: 'absent', reason: 'there is no Python', exists: false },
      warnings: [],
    })
    const { value } = await ask(NO_PYTHON, { CONDA_PREFIX: '/nowhere' })
    expect(value).toMatchObject({ status: 'absent', reason: '/nowhere/conda-meta cannot be listed: ENOENT' })
  })
})

describe('gpu', () => {
  const SMI = `case "$1" in
    *compute_cap*) echo '0, 9.0, Disabled'; echo '1, 9.0, [N/A]';;
    --query*) echo '0, NVIDIA H100 80GB HBM3, 580.95.05, 81559'; echo '1, NVIDIA H100 80GB HBM3, 580.95.05, [N/A]';;
    *) echo '| NVIDIA-SMI 580.95.05    Driver Version: 580.95.05    CUDA Version: 13.0 |';;
  esac`

  test('devices, driver and CUDA', async () => {
    const { value, warnings } = await ask(gpuSource, { PATH: `${programs({ 'nvidia-smi': SMI })}:/bin` })
    expect(value).toEqual({
      status: 'present',
      driver: '580.95.05',
      cuda: '13.0',
      devices: [
        { index: 0, name: 'NVIDIA H100 80GB HBM3', memory: 81559, computeCapability: '9.0', mig: 'Disabled' },
        { index: 1, name: 'NVIDIA H100 80GB HBM3', memory: null, computeCapability: '9.0', mig: null },
      ],
      unseen: {
        'devices.memory': 'nvidia-smi does not report it for every device',
        'devices.mig': 'nvidia-smi does not report it for every device',
      },
    })
    expect(warnings).toEqual([])
    const sections = ['node', 'npm', 'system', 'python', 'conda', 'variables']
    const rest = Object.fromEntries(sections.map((name) => [name, { status: 'absent' }]))
    const fields = environmentDigestFields(parseEnvironmentCapture({ ...rest, gpu: value }))
    expect(fields['gpu']).toEqual({
      driver: '580.95.05',
      cuda: '13.0',
      devices: ['NVIDIA H100 80GB HBM3', 'NVIDIA H100 80GB HBM3'],
    })
  })

  test('an older driver that refuses a field still lists its devices', async () => {
    const script = `case "$1" in
      *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;;
      --query*) echo '0, Tesla K80, 418.0, 11441';;
      *) exit 1;;
    esac`
    const { value } = await ask(gpuSource, { PATH: `${programs({ 'nvidia-smi': script })}:/bin` })
    expect(value).toMatchObject({
      driver: '418.0',
      cuda: null,
      devices: [{ name: 'Tesla K80', mig: null }],
      unseen: {
        cuda: 'nvidia-smi does not report the CUDA version',
        'devices.computeCapability': 'nvidia-smi does not report it for every device',
      },
    })
  })

  test('a driver that does not answer is absent with what it says', async () => {
    const script =
      "echo 'NVIDIA-SMI has failed because it could not communicate with the NVIDIA driver.'; exit 9"
    const { value } = await ask(gpuSource, { PATH: `${programs({ 'nvidia-smi': script })}:/bin` })
    expect(value).toMatchObject({
      status: 'absent',
      reason: expect.stringMatching(/^nvidia-smi ended with 9: NVIDIA-SMI has failed/) as string,
    })
  })
})

describe.skipIf(process.platform !== 'linux')('container', () => {
  const look = (files: Readonly<Record<string, string>>): Promise<{ value: JsonObject }> =>
    ask(createContainerSource(folderOf(files)), {})

  test('the lowest limit of the groups counts', async () => {
    const { value } = await look({
      '.dockerenv': '',
      'proc/self/cgroup': '0::/outer/inner\n',
      'sys/fs/cgroup/outer/memory.max': '2000000\n',
      'sys/fs/cgroup/outer/cpu.max': '150000 100000\n',
      'sys/fs/cgroup/outer/inner/memory.max': 'max\n',
      'sys/fs/cgroup/outer/inner/cpu.max': 'max 100000\n',
    })
    expect(value).toMatchObject({
      status: 'present',
      runtime: 'docker',
      controlGroups: 2,
      memoryLimit: 2_000_000,
      cpuLimit: 1.5,
      image: null,
      unseen: { image: 'docker does not expose it inside the container' },
    })
  })

  test('the limits of version 1, where the largest number means none', async () => {
    const { value } = await look({
      '.dockerenv': '',
      'proc/self/cgroup': '5:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': '3000000\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us': '50000\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
    })
    expect(value).toMatchObject({ controlGroups: 1, memoryLimit: 3_000_000, cpuLimit: 0.5 })
    const none = await look({
      '.dockerenv': '',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
    })
    expect(none.value).toMatchObject({ controlGroups: 1, memoryLimit: null, cpuLimit: null })
  })

  test('the image, where the container tells it: Podman, Apptainer; Docker tells its own id alone', async () => {
    const id = 'ab'.repeat(32)
    const podman = await look({
      'run/.containerenv': `engine="podman-4.9"\nid="${id}"\nimage="docker.io/library/python:3.12"\nimageid="${'cd'.repeat(32)}"\n`,
    })
    expect(podman.value).toMatchObject({
      runtime: 'podman',
      id,
      image: 'docker.io/library/python:3.12',
      imageId: 'cd'.repeat(32),
    })
    const docker = await look({
      '.dockerenv': '',
      'proc/self/mountinfo': `1 2 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/sda rw\n`,
    })
    expect(docker.value).toMatchObject({ runtime: 'docker', id, imageId: null })
    const apptainer = await ask(createContainerSource(folderOf({})), { APPTAINER_CONTAINER: '/images/a.sif' })
    expect(apptainer.value).toMatchObject({ runtime: 'apptainer', image: '/images/a.sif' })
  })

  test('a path of a group cannot lead out', async () => {
    const folder = folderOf({
      'proc/self/cgroup': '0::/../../secret\n',
      'sys/fs/cgroup/secret/memory.max': '7',
    })
    mkdirSync(join(folder, 'sys/secret'), { recursive: true })
    writeFileSync(join(folder, 'sys/secret/memory.max'), '9')
    const { value } = await ask(createContainerSource(folder), {})
    expect(value).toMatchObject({ memoryLimit: 7 })
  })

  test('Kubernetes by its variable, others by the name of the group, and none', async () => {
    const kubernetes = await ask(createContainerSource(folderOf({})), { KUBERNETES_SERVICE_HOST: '10.0.0.1' })
    expect(kubernetes.value).toMatchObject({ runtime: 'kubernetes' })
    expect((await look({ 'proc/1/cgroup': '0::/machine/libpod-12.scope' })).value).toMatchObject({
      runtime: 'podman',
    })
    expect((await look({})).value).toMatchObject({ status: 'absent' })
  })
})
