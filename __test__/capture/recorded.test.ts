/**
 * Captures as they are recorded and read back: a parser loses nothing of what is captured, the digest follows from
 * what it gives, and whatever else stands in a record is an error of lineaprint and no other.
 */
import { OPTIONS } from '../../src/config/table.ts'
import { execFileSync } from 'node:child_process'
import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createEnvironmentCapture,
  environmentDigestFields,
  parseEnvironmentCapture,
} from '../../src/capture/environment/capture.ts'
import { gitDigestFields, parseGitCapture } from '../../src/capture/git/git-capture.ts'
import { environmentOf, gitOf, seedsOf } from '../../src/capture/records.ts'
import {
  createGenerator,
  parseSeedsCapture,
  releaseGenerator,
  restoreSeeds,
  seedDigestFields,
  seedsCapture,
  setSeeds,
} from '../../src/capture/seeds/capture.ts'
import { currentSeed } from '../../src/capture/seeds/registry.ts'
import { Programs } from '../../src/command/python-bridge/programs.ts'
import { Digest } from '../../src/core/digest.ts'
import { LineaprintError } from '../../src/core/errors.ts'
import { jsonDigest } from '../../src/json/digest.ts'
import { finished } from '../tracking/support.ts'
import { folderOf, programs } from './environment/fakes.ts'
import { emptyRepository, git, listAt, objectAt, temporaryFolder, gitInTurn } from './fixture.ts'
import { look, repository, write } from './git/look.ts'
import { rounds } from '../support/random.ts'
import type { Captured } from '../../src/core/component.ts'
import type { JsonObject, JsonValue } from '../../src/core/json-value.ts'
import type { JsonKind } from '../../src/json/digest.ts'

const DEFAULTS = OPTIONS.environment.default

type Fields = (value: JsonObject, digest: Digest) => JsonValue

const FIELDS: Readonly<Record<'environment' | 'git' | 'seeds', Fields>> = {
  environment: (value) => environmentDigestFields(parseEnvironmentCapture(value)),
  git: (value, { algorithm }) => gitDigestFields(parseGitCapture(value), algorithm),
  seeds: (value) => seedDigestFields(parseSeedsCapture(value)),
}

const PARSERS = { environment: parseEnvironmentCapture, git: parseGitCapture, seeds: parseSeedsCapture }

/** Holds that a capture reads back as it was recorded, and that its digest is that of the parsed fields. */
function expectRoundTrip(kind: JsonKind & keyof typeof FIELDS, captured: Captured): void {
  const value = JSON.parse(JSON.stringify(captured.value)) as JsonObject
  expect(PARSERS[kind](value)).toStrictEqual(captured.value)
  const digest = Digest.parse(captured.digest)
  const computed = jsonDigest(kind, FIELDS[kind](value, digest), digest.algorithm)
  expect(computed[digest.algorithm]?.toString()).toBe(captured.digest)
}

/** A repository with every kind of change. */
function changedRepository(): string {
  const folder = repository({ 'a.py': 'a\n', 'b.py': 'b\n', 'c.py': 'c\n', 'gone.py': 'x\n' })
  symlinkSync('a.py', join(folder, 'link'))
  write(folder, '.gitattributes', '*.bin filter=lfs\n')
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12\n`
  write(folder, 'large.bin', pointer)
  const inner = repository()
  gitInTurn(
    folder,
    ['submodule', 'add', '-q', inner, 'module'],
    ['-c', 'filter.lfs.clean=cat', 'add', '-A'],
    ['commit', '-q', '-m', 'second'],
    ['tag', 'v1'],
    ['remote', 'add', 'origin', 'https://user:password@example.org/r.git'],
  )
  write(folder, 'a.py', 'changed\n')
  write(folder, 'b.py', 'staged\n')
  git(folder, 'add', 'b.py')
  rmSync(join(folder, 'gone.py'))
  rmSync(join(folder, 'link'))
  symlinkSync('b.py', join(folder, 'link'))
  write(folder, 'new.txt', 'new')
  write(folder, 'id_rsa', 'a key')
  write(folder, 'module/untracked', 'x')
  symlinkSync('nowhere', join(folder, 'new-link'))
  symlinkSync(Buffer.from([0x61, 0xff]), join(folder, 'odd-link'))
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x62, 0xfe])]), 'x')
  write(folder, 'inner/.git/HEAD', '')
  rmSync(join(folder, 'inner'), { recursive: true })
  git(folder, 'init', '-q', 'inner')
  return folder
}

function conflictedRepository(): string {
  const folder = repository()
  git(folder, 'checkout', '-q', '-b', 'side')
  write(folder, 'a.py', 'side\n')
  gitInTurn(folder, ['commit', '-q', '-a', '-m', 'side'], ['checkout', '-q', 'main'])
  write(folder, 'a.py', 'main\n')
  git(folder, 'commit', '-q', '-a', '-m', 'main')
  expect(() => git(folder, 'merge', 'side')).toThrow('merge')
  return folder
}

/** A machine with everything that there are sources for. */
function equipped(): { directory: string; variables: NodeJS.ProcessEnv } {
  const directory = folderOf({
    'package.json': { name: 'x', engines: { node: '>=22' } },
    'package-lock.json': {
      lockfileVersion: 3,
      packages: { 'node_modules/zod': { version: '1.0.0' } },
    },
    'node_modules/.package-lock.json': {
      packages: {
        'node_modules/zod': { version: '2.0.0' },
        'node_modules/onnxruntime-node': { version: '1.2.3' },
      },
    },
    'requirements.txt': 'foo>=2\n',
    'uv.lock': 'broken [',
    'Cargo.toml': '',
    'Cargo.lock': '',
  })
  const conda = folderOf({
    'conda-meta/a.json': { name: 'a', version: '1', build: 'b', channel: 'https://example.org/c' },
    'conda-meta/b.json': { name: 'b', version: '1' },
  })
  execFileSync('python3', ['-m', 'venv', '--without-pip', conda])
  const folder = programs({
    'nvidia-smi': `case "$1" in
      *compute_cap*) echo '0, 9.0, [N/A]';;
      --query*) echo '0, H100, 550.1, 81559';;
      *) echo 'CUDA Version: 12.4';;
    esac`,
    rustc: 'echo rustc 1.90.0; echo host: x; echo LLVM version: 20',
    cargo: 'exit 1',
  })
  const variables = {
    ...process.env,
    PATH: `${folder}:${join(conda, 'bin')}:${process.env['PATH'] ?? ''}`,
    VIRTUAL_ENV: '',
    KUBERNETES_SERVICE_HOST: '10.0.0.1',
    OMP_NUM_THREADS: '3',
    RANK: '1',
    SLURM_JOB_ID: '7',
  }
  return { directory, variables }
}

async function capturedSeeds(): Promise<Captured> {
  setSeeds(42)
  createGenerator(7, { name: 'recorded', stream: 2 })
  try {
    return await seedsCapture.capture({ directory: '/', algorithm: 'blake3' })
  } finally {
    releaseGenerator('recorded')
  }
}

/** What the record holds of programs that ran Python. */
function pythonSeeds(): JsonObject {
  const all = new Programs()
  const program = all.greet({
    call: 'hello',
    protocol: 1,
    pid: 7,
    parent: 1,
    kind: 'spawned',
    version: '3.11.7',
    implementation: 'CPython',
    hashSeed: '42',
    seed: 42,
    origin: 'derived',
    path: [0, 1],
  })
  if (program === undefined) throw new Error('the program was not taken')
  const targets = [{ name: 'random', status: 'seeded', detail: '' }]
  const report = { call: 'seeds', deterministic: true, path: [0, 1], targets } as const
  all.report(program, { ...report, seed: 9, origin: 'set_seeds' })
  return { reached: all.describe(true, true) ?? null, missed: new Programs().describe(true, true) ?? null }
}

describe('a capture reads back as it was recorded', () => {
  test('git', { timeout: 60_000 }, async () => {
    const changed = changedRepository()
    for (const algorithm of ['blake3', 'sha256', 'both'] as const) {
      const filesDirectory = temporaryFolder()
      const captured = await look(changed, { bundle: true }, { algorithm, filesDirectory })
      expect(objectAt(objectAt(captured.value, 'patches'), 'diff')).toMatchObject({ status: 'written' })
      const kinds = listAt(captured.value, 'untracked').map(({ kind }) => kind)
      expect(new Set(kinds)).toEqual(new Set(['file', 'link', 'repository']))
      expectRoundTrip('git', captured)
      expectRoundTrip('git', await look(changed, {}, { algorithm }))
    }
    const limits = { patchLimit: 1, fileLimit: 0, bundleLimit: 1, bundle: true }
    const limited = await look(changed, limits, { filesDirectory: temporaryFolder() })
    expect(objectAt(objectAt(limited.value, 'patches'), 'staged')).toMatchObject({ status: 'absent' })
    expectRoundTrip('git', limited)
    expectRoundTrip('git', await look(conflictedRepository(), {}, { filesDirectory: temporaryFolder() }))
    expectRoundTrip('git', await look(repository()))
    expectRoundTrip('git', await look(emptyRepository()))
    expectRoundTrip('git', await look(temporaryFolder()))
  })

  test('environment', { timeout: 120_000 }, async () => {
    const { directory, variables } = equipped()
    const context = { directory, algorithm: 'blake3' } as const
    const full = await createEnvironmentCapture({ ...DEFAULTS, timeoutMs: 30_000 }, { variables }).capture(
      context,
    )
    const present = Object.entries(full.value).flatMap(([name]) =>
      objectAt(full.value, name)['status'] === 'present' ? [name] : [],
    )
    for (const name of ['npm', 'gpu', 'conda', 'container', 'toolchain', 'frameworks'])
      expect(present).toContain(name)
    expectRoundTrip('environment', full)
    for (const [options, found] of [
      [{}, { PATH: '/nowhere' }],
      [{ packages: false }, variables],
      [{ timeoutMs: 1 }, variables],
    ] as const) {
      const component = createEnvironmentCapture({ ...DEFAULTS, ...options }, { variables: found })
      expectRoundTrip('environment', await component.capture(context))
    }
  })

  test('seeds', async () => {
    const captured = await capturedSeeds()
    expectRoundTrip('seeds', captured)
    const { reached, missed } = pythonSeeds()
    for (const python of [reached, missed]) {
      const value = { ...captured.value, python: python ?? null }
      expect(parseSeedsCapture(value)).toStrictEqual(value)
    }
    const fields = seedDigestFields(parseSeedsCapture({ ...captured.value, python: reached ?? null }))
    expect(fields.python).toEqual([9])
  })

  test('in the record of a run', { timeout: 60_000 }, async () => {
    const folder = repository()
    const captures = { enableEnvironmentTracking: true, enableGitTracking: true, enableSeedTracking: true }
    const { record } = await finished(folder, captures)
    const value = (name: string): JsonObject => {
      const capture = record.captures[name]
      if (capture?.status !== 'captured') throw new Error(`${name} was not captured`)
      return capture.value
    }
    expect(environmentOf(record)).toStrictEqual(value('environment'))
    expect(gitOf(record)).toStrictEqual(value('git'))
    expect(seedsOf(record)).toStrictEqual(value('seeds'))
    const off = { captures: { git: { status: 'off' } } } as const
    expect([gitOf(off), environmentOf(off), gitOf({ captures: {} })]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})

describe('records of other versions', () => {
  test('a source that the record does not have is absent, and not empty', () => {
    const environment = parseEnvironmentCapture({ node: { status: 'present', version: '22.0.0' } })
    expect(environment.node).toEqual({ status: 'present', version: '22.0.0', v8: null, openssl: null })
    expect(environment.gpu).toEqual({ status: 'absent', reason: 'the record does not have it' })
  })

  test('fields that this version does not know are left out, and do not change the digest fields', async () => {
    const { value } = await look(repository())
    const later = { ...value, later: { a: 1 }, submodules: [] }
    expect(parseGitCapture(later)).toStrictEqual(parseGitCapture({ ...value, submodules: [] }))
  })

  test.each([
    ['environment', { node: 'gone' }, 'node'],
    ['environment', { node: { status: 'here' } }, 'node.status'],
    ['environment', { gpu: { status: 'present', devices: [{ name: 7 }] } }, 'gpu.devices.name'],
    ['git', {}, 'available'],
    ['git', { available: true }, 'commit'],
    ['git', { available: true, commit: 'c', changed: [], untracked: [{}] }, 'untracked.kind'],
    ['seeds', { seed: -1 }, 'seed'],
    ['seeds', { seed: 1, variables: { PYTHONHASHSEED: 7 } }, 'variables.PYTHONHASHSEED'],
  ] as const)('%s: what is damaged is named', (kind, value, field) => {
    expect(() => PARSERS[kind](value)).toThrow(
      expect.objectContaining({ code: 'ERR_LINEAPRINT_RECORD', field }),
    )
  })
})

describe('hostile records', () => {
  const honest: Readonly<Record<keyof typeof PARSERS, () => Promise<JsonObject>>> = {
    environment: async () => {
      const { directory, variables } = equipped()
      const component = createEnvironmentCapture({ ...DEFAULTS, timeoutMs: 30_000 }, { variables })
      return (await component.capture({ directory, algorithm: 'blake3' })).value
    },
    git: async () => {
      const filesDirectory = temporaryFolder()
      return (await look(changedRepository(), { bundle: true }, { filesDirectory })).value
    },
    seeds: async () => ({
      ...(await capturedSeeds()).value,
      python: pythonSeeds()['reached'] ?? null,
    }),
  }

  test.each(['environment', 'git', 'seeds'] as const)(
    '%s: whatever stands in it, the parser gives a value or an error of lineaprint',
    { timeout: 120_000 },
    async (kind) => {
      const value = await honest[kind]()
      const parse = PARSERS[kind]
      const attempt = (input: JsonObject): void => {
        const parsed = unlessRefused(() => parse(input), ['ERR_LINEAPRINT_RECORD'])
        if (parsed === undefined) return
        // What was read is of the form that is read.
        expect(parse(parsed)).toStrictEqual(parsed)
        FIELDS[kind](parsed, Digest.parse(`blake3:${'0'.repeat(64)}`))
      }
      expect(parse(value)).toStrictEqual(value)
      fc.assert(fc.property(objects, attempt), { numRuns: rounds(100) })
      fc.assert(fc.property(mutated(value), attempt), { numRuns: rounds(600) })
    },
  )

  test('seeds that cannot be restored change nothing', async () => {
    const { value } = await capturedSeeds()
    const before = currentSeed()
    onTestFinished(() => {
      releaseGenerator('recorded')
    })
    fc.assert(
      fc.property(mutated(value), (other) => {
        const restore = (): true => {
          restoreSeeds(other)
          return true
        }
        const codes = ['RECORD', 'FORMAT', 'UNSUPPORTED'].map((code) => `ERR_LINEAPRINT_${code}`)
        if (unlessRefused(restore, codes)) restoreSeeds(value)
        expect(currentSeed()).toBe(before)
      }),
      { numRuns: rounds(300) },
    )
  })
})

/** Return what was parsed; `undefined` where it was refused with one of these codes. Other errors are thrown on. */
function unlessRefused<T>(parse: () => T, codes: readonly string[]): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (LineaprintError.is(error) && codes.includes(error.code)) return undefined
    throw error
  }
}

/** Names that objects have anyway, and those that parsers read. */
const key = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'status', 'available', 'generators', 'kind'),
  fc.string(),
)

const json: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(key, tie('value'), { maxKeys: 3 }),
  ),
})).value

const objects: fc.Arbitrary<JsonObject> = fc.dictionary(key, json, { maxKeys: 5 })

/** The value with something else in one place, or without it. */
function mutated(value: JsonObject): fc.Arbitrary<JsonObject> {
  const paths = pathsOf(value)
  return fc
    .tuple(fc.nat(paths.length - 1), fc.option(json, { nil: undefined }))
    .map(([index, other]) => replaced(value, paths[index] ?? [], other) as JsonObject)
}

type Path = readonly (string | number)[]

function pathsOf(value: JsonValue, path: Path = []): Path[] {
  const members: (readonly [string | number, JsonValue])[] = Array.isArray(value)
    ? [...(value as readonly JsonValue[]).entries()]
    : value !== null && typeof value === 'object'
      ? Object.entries(value as JsonObject)
      : []
  return members.flatMap(([name, member]) => [[...path, name], ...pathsOf(member, [...path, name])])
}

function replaced(value: JsonValue, [name, ...rest]: Path, other: JsonValue | undefined): JsonValue {
  if (name === undefined) return other ?? null
  if (Array.isArray(value)) {
    return (value as readonly JsonValue[]).flatMap((item, index) => {
      if (index !== name) return [item]
      if (rest.length > 0) return [replaced(item, rest, other)]
      return other === undefined ? [] : [other]
    })
  }
  const { [name]: member = null, ...others } = value as JsonObject
  if (rest.length === 0) return other === undefined ? others : { ...others, [name]: other }
  return { ...others, [name]: replaced(member, rest, other) }
}
