import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  createEnvironmentCapture,
  environmentCapture,
  environmentDigestFields,
  parseEnvironmentCapture,
} from '../../../src/capture/environment/capture.ts'
import { OPTIONS } from '../../../src/config/table.ts'
import { jsonDigest } from '../../../src/json/digest.ts'
import { objectAt, temporaryFolder } from '../fixture.ts'
import { folderOf, programs } from './fakes.ts'
import type { CaptureContext, Captured } from '../../../src/core/component.ts'
import type { JsonObject, JsonValue } from '../../../src/core/json-value.ts'
import type { EnvironmentCaptureSettings } from '../../../src/capture/environment/capture.ts'
import type { EnvironmentOptions, Given } from '../../../src/config/groups.ts'

function look(
  directory: string,
  { variables, ...options }: EnvironmentCaptureSettings & Given<Omit<EnvironmentOptions, 'variables'>> = {},
  context: Partial<CaptureContext> = {},
): Promise<Captured> {
  const resolved = OPTIONS.environment.resolve(options, directory)
  return createEnvironmentCapture(resolved, { variables }).capture({
    directory,
    algorithm: 'blake3',
    ...context,
  })
}

function fieldsOf(value: JsonObject): JsonObject {
  return environmentDigestFields(parseEnvironmentCapture(value))
}

const QUIET = { PATH: '/nowhere' }

test('this machine', async () => {
  const captured = await look(process.cwd())
  expect(objectAt(captured.value, 'node')).toMatchObject({
    status: 'present',
    version: process.versions.node,
    v8: process.versions.v8,
  })
  expect(objectAt(captured.value, 'system')).toMatchObject({ status: 'present', platform: process.platform })
  expect(objectAt(captured.value, 'npm')).toMatchObject({ status: 'present', name: 'lineaprint' })
  expect(captured.digest).toBe(jsonDigest('environment', fieldsOf(captured.value)).blake3?.toString())
  expect(JSON.parse(JSON.stringify(captured))).toStrictEqual(captured)
})

test('two looks at one machine are the same, whatever is free and whatever the time is', async () => {
  const [one, two] = [await look(process.cwd()), await look(process.cwd())]
  expect(two.digest).toBe(one.digest)
  expect(environmentCapture.compare(one, two)).toEqual({ status: 'same', differences: [] })
})

describe('volatile fields do not count', () => {
  test.each([
    ['system', 'memoryAvailable', 7],
    ['system', 'memoryTotal', 7],
    ['system', 'disk', { size: 7, free: 7 }],
    ['system', 'hostName', 'other'],
    ['system', 'kernel', 'other'],
    ['system', 'cores', 7],
    ['node', 'execPath', 'other'],
    ['node', 'execArgv', ['--other']],
    ['variables', 'recorded', { RANK: '7' }],
  ] satisfies [string, string, JsonValue][])('%s.%s', async (source, field, other) => {
    const { value } = await look(temporaryFolder(), { variables: QUIET })
    const changed = { ...value, [source]: { ...objectAt(value, source), [field]: other } }
    expect(fieldsOf(changed)).toEqual(fieldsOf(value))
  })
})

describe('comparison', () => {
  test('names the package and the field', async () => {
    const files = (zod: string): string =>
      folderOf({
        'package.json': { name: 'x' },
        'package-lock.json': zod,
        'node_modules/.package-lock.json': {
          packages: { 'node_modules/zod': { version: zod }, 'node_modules/yaml': { version: '2.9.1' } },
        },
      })
    const before = await look(files('4.6.6'), { variables: { ...QUIET, OMP_NUM_THREADS: '1' } })
    const after = await look(files('4.6.7'), { variables: { ...QUIET, TZ: 'UTC' } })
    const { status, differences } = environmentCapture.compare(before, after)
    expect(status).toBe('changed')
    expect(differences).toMatchObject([
      {
        field: 'npm.lockFiles.package-lock.json',
        before: expect.stringMatching(/^sha256:/) as string,
        after: expect.stringMatching(/^sha256:/) as string,
      },
      { field: 'npm.packages.zod', before: '4.6.6', after: '4.6.7' },
      { field: 'variables.OMP_NUM_THREADS', before: '1', after: undefined },
      { field: 'variables.TZ', before: undefined, after: 'UTC' },
    ])
  })

  test('a source that is now absent is one difference with its reason', async () => {
    const there = folderOf({ 'package.json': { name: 'x' }, 'yarn.lock': 'x' })
    const [before, after] = [
      await look(there, { variables: QUIET }),
      await look(temporaryFolder(), { variables: QUIET }),
    ]
    expect(environmentCapture.compare(before, after).differences).toEqual([
      {
        field: 'npm',
        before: 'present',
        after: expect.stringMatching(/^absent: no package\.json in /) as string,
      },
    ])
  })

  test('compilers and builds of frameworks are compared, though they are no part of the digest', async () => {
    const rustc = (version: string): NodeJS.ProcessEnv => ({
      PATH: programs({ rustc: `echo rustc ${version}` }),
    })
    const folder = folderOf({ 'Cargo.toml': '' })
    const [before, after] = [
      await look(folder, { variables: rustc('1.90.0') }),
      await look(folder, { variables: rustc('1.91.0') }),
    ]
    expect(after.digest).toBe(before.digest)
    expect(environmentCapture.compare(before, after)).toMatchObject({
      status: 'changed',
      differences: [{ field: 'toolchain.rustc.version', before: 'rustc 1.90.0', after: 'rustc 1.91.0' }],
    })
    const built = (blas: string): Captured => ({
      ...before,
      value: {
        ...before.value,
        frameworks: { status: 'present', python: { numpy: { version: '2.0.0', build: { blas } } } },
      },
    })
    expect(environmentCapture.compare(built('mkl'), built('openblas')).differences).toEqual([
      { field: 'frameworks.numpy.build.blas', before: 'mkl', after: 'openblas' },
    ])
    // Records of before these sources were there are still compared.
    const { toolchain: _, frameworks: __, ...old } = before.value
    expect(environmentCapture.compare({ ...before, value: old }, after)).toMatchObject({
      status: 'not-checked',
      differences: [],
      notChecked: ['frameworks', 'toolchain'].map((field) => ({
        field,
        reason: 'the record does not have it',
      })),
    })
  })

  test('a damaged record is an error', async () => {
    const captured = await look(temporaryFolder(), { variables: QUIET })
    const damaged = { ...captured, value: { ...captured.value, node: 'gone' } }
    expect(() => environmentCapture.compare(captured, damaged)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD', field: 'node' }),
    )
  })
})

describe('variables', () => {
  test('only those of the list, and without what looks like a secret', async () => {
    const token = `hf_${'a1B2'.repeat(8)}`
    const captured = await look(temporaryFolder(), {
      variables: {
        ...QUIET,
        OPENAI_API_KEY: 'plain-secret-value',
        MY_VARIABLE: 'mine',
        NODE_OPTIONS: `--import=./x.js --token=${token}`,
        XLA_FLAGS: `--url=https://user:pw@example.org/${token}`,
        SLURM_JOB_ID: '17',
        CUDA_VISIBLE_DEVICES: '0,1',
      },
    })
    expect(objectAt(captured.value, 'variables')).toEqual({
      status: 'present',
      hashed: { CUDA_VISIBLE_DEVICES: '0,1', XLA_FLAGS: '--url=https://<redacted>@example.org/<redacted>' },
      schedulers: { slurm: { SLURM_JOB_ID: '17' } },
      recorded: { NODE_OPTIONS: '--import=./x.js --token=<redacted>' },
    })
    expect(JSON.stringify(captured)).not.toMatch(/plain-secret|mine|pw@|hf_a1/)
  })
})

describe('no source can hold up or fail the others', () => {
  test('programs that hang are absent when their time is over', async () => {
    const variables = {
      PATH: programs({ python3: 'exec /bin/sleep 60', 'nvidia-smi': 'exec /bin/sleep 60' }),
    }
    const started = performance.now()
    const captured = await look(temporaryFolder(), { variables, timeoutMs: 1500 })
    expect(performance.now() - started).toBeLessThan(30_000)
    for (const name of ['python', 'pip', 'gpu']) {
      expect(objectAt(captured.value, name)).toEqual({ status: 'absent', reason: 'no answer within 1.5 s' })
    }
    expect(objectAt(captured.value, 'node')).toMatchObject({ status: 'present' })
    expect(captured.warnings).toContain('python: no answer within 1.5 s')
  })

  test('a package.json that is a folder, lock files that cannot be read', async () => {
    const folder = folderOf({ 'package.json': { name: 7 } })
    mkdirSync(join(folder, 'yarn.lock'))
    const { value, warnings } = await look(folder, { variables: QUIET })
    expect(objectAt(value, 'npm')).toMatchObject({ status: 'present', name: null, lockFiles: {} })
    expect(warnings.join()).toContain('yarn.lock is not a regular file')
    const other = folderOf({})
    mkdirSync(join(other, 'package.json'))
    expect(objectAt((await look(other, { variables: QUIET })).value, 'npm')).toMatchObject({
      status: 'absent',
    })
  })

  test('an abort ends everything with the reason of the signal', async () => {
    const reason = new Error('enough')
    const variables = { PATH: programs({ python3: 'exec /bin/sleep 60' }) }
    const controller = new AbortController()
    setTimeout(() => controller.abort(reason), 200)
    const started = performance.now()
    await expect(look(temporaryFolder(), { variables }, { signal: controller.signal })).rejects.toBe(reason)
    expect(performance.now() - started).toBeLessThan(30_000)
    await expect(look('/', {}, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
  })

  test('a folder that is gone', async () => {
    const { value } = await look('/no/such/folder', { variables: QUIET })
    expect(objectAt(value, 'npm')).toMatchObject({ status: 'absent' })
    expect(objectAt(value, 'system')).toMatchObject({ status: 'present', disk: null })
  })
})

test('nothing that identifies the machine but its name is recorded', async () => {
  const { value } = await look(process.cwd())
  expect(JSON.stringify(value)).not.toMatch(/"(serial|uuid|mac|fqdn|machineId)"/i)
})

describe('no value is missing without a reason', () => {
  /** Paths of every `null`, list items without their number; in departures `null` means that there is none. */
  const missing = (value: JsonValue, path = ''): string[] => {
    if (value === null) return [path]
    if (typeof value !== 'object' || path.endsWith('.drift')) return []
    if (Array.isArray(value)) return value.flatMap((item: JsonValue) => missing(item, path))
    return Object.entries(value as JsonObject).flatMap(([key, member]) =>
      missing(member, path === '' ? key : `${path}.${key}`),
    )
  }
  const explained = (path: string, reasons: readonly string[]): boolean =>
    reasons.some((reason) => {
      const pattern = reason
        .split('*')
        .map((part) => part.replace(/[.\\/]/g, '\\$&'))
        .join('[^.]+')
      return new RegExp(`^${pattern}(?:\\.|$)`).test(path)
    })
  const silent = ({ value }: Captured): string[] =>
    Object.entries(value).flatMap(([name, found]) => {
      const source = found as JsonObject
      if (source['status'] === 'absent') return source['reason'] ? [] : [name]
      const reasons = Object.keys((source['unseen'] ?? {}) as JsonObject)
      return missing({ ...source, unseen: {} })
        .filter((path) => !explained(path, reasons))
        .map((path) => `${name}.${path}`)
    })

  test('on this machine, with all programs and with none', async () => {
    expect(silent(await look(process.cwd()))).toEqual([])
    expect(silent(await look(process.cwd(), { variables: QUIET }))).toEqual([])
    expect(silent(await look(temporaryFolder(), { packages: false }))).toEqual([])
  })

  test('where every source has found something, and not everything', async () => {
    const smi = `case "$1" in --query*) echo '0, Tesla K80, 418.0, [N/A]';; *) exit 1;; esac`
    const folder = folderOf({
      'package.json': {},
      'bun.lockb': 'x',
      'pixi.lock': 'x',
      'uv.lock': 'version = 1',
      'Cargo.toml': '',
      'conda-meta/a.json': { name: 'a', version: '1' },
    })
    const python = `echo 'lineaprint-probe:{"version":"3","implementation":"C","executable":"/x","prefix":"${folder}","basePrefix":"/x","packages":null,"direct":{"a":"{}"},"broken":1}'`
    const captured = await look(folder, {
      variables: {
        PATH: programs({ 'nvidia-smi': smi, python3: python }),
        KUBERNETES_SERVICE_HOST: '10.0.0.1',
        CC: '/nowhere/cc',
      },
    })
    const present = Object.entries(captured.value).filter(
      ([, found]) => objectAt({ found }, 'found')['status'] === 'present',
    )
    expect(present.map(([name]) => name)).toEqual(
      expect.arrayContaining(['npm', 'system', 'gpu', 'conda', 'toolchain', 'python', 'variables']),
    )
    expect(silent(captured)).toEqual([])
  })
})
