/** The parser of a recorded environment. */
import {
  anyObject,
  boolean,
  listOf,
  nullable,
  number,
  objectOf,
  oneOf,
  optional,
  parseMembers,
  recordOf,
  text,
} from '../../json/read-fields.ts'
import { NO_OTHER_PYTHON } from './python/other.ts'
import { COMPILERS } from './types.ts'
import type { JsonObject } from '../../core/json-value.ts'
import type { FieldParser } from '../../json/read-fields.ts'
import type {
  AbsentSource,
  Compiler,
  CompilerName,
  Drift,
  EnvironmentCapture,
  LockFileRecord,
  RecordedSources,
  SourceName,
  SourceState,
} from './types.ts'

/** The state of a source that the record does not have. */
const NOT_RECORDED: AbsentSource = { status: 'absent', reason: 'the record does not have it' }

const textByName = recordOf(text)
const packageVersions = nullable(recordOf(listOf(text)))
const size = objectOf({ size: number, free: number })

const drift: FieldParser<Drift> = objectOf({
  package: text,
  locked: nullable(text),
  installed: nullable(text),
})

const lockFile: FieldParser<LockFileRecord> = (value, field) => {
  const { driftCount, packages, ...file } = objectOf({
    size: number,
    digest: text,
    packages: nullable(number),
    driftCount: optional(nullable(number)),
    drift: nullable(listOf(drift)),
  })(value, field)
  if (driftCount === undefined || packages === null || file.drift === null)
    return { ...file, packages: null, drift: null }
  return { ...file, packages, driftCount, drift: file.drift }
}

const origin = objectOf({ url: optional(text), commit: optional(text), editable: optional(boolean) })
const search = oneOf(['bridge', 'proc', 'search'])

const compiler: FieldParser<Compiler> = objectOf({
  command: text,
  version: text,
  host: optional(text),
  llvm: optional(text),
})

/** Parsers of the findings of each source. */
const FINDINGS: { readonly [N in SourceName]: FieldParser<RecordedSources[N]> } = {
  node: objectOf({
    version: nullable(text),
    v8: nullable(text),
    openssl: nullable(text),
    uv: optional(text),
    execPath: optional(text),
    execArgv: optional(listOf(text)),
  }),
  npm: objectOf({
    name: optional(nullable(text)),
    version: optional(nullable(text)),
    packageManager: optional(nullable(text)),
    engines: optional(nullable(textByName)),
    lockFiles: recordOf(lockFile),
    packages: packageVersions,
    packagesFrom: optional(nullable(text)),
  }),
  system: objectOf({
    platform: nullable(text),
    arch: nullable(text),
    distribution: nullable(text),
    release: nullable(text),
    kernel: optional(text),
    libc: nullable(text),
    cpu: nullable(text),
    cores: optional(number),
    physicalCores: optional(nullable(number)),
    cpuFlags: optional(nullable(text)),
    memoryTotal: optional(number),
    memoryAvailable: optional(nullable(number)),
    swapTotal: optional(nullable(number)),
    graphics: optional(nullable(listOf(anyObject))),
    hostName: optional(text),
    disk: optional(nullable(size)),
  }),
  gpu: objectOf({
    driver: nullable(text),
    cuda: nullable(text),
    devices: listOf(
      objectOf({
        index: optional(number),
        name: nullable(text),
        memory: optional(nullable(number)),
        computeCapability: optional(nullable(text)),
        mig: optional(nullable(text)),
      }),
    ),
  }),
  conda: objectOf({
    prefix: optional(text),
    name: optional(text),
    packages: recordOf(objectOf({ version: text, build: nullable(text), channel: nullable(text) })),
  }),
  container: objectOf({
    runtime: optional(nullable(text)),
    id: optional(nullable(text)),
    image: optional(nullable(text)),
    imageId: optional(nullable(text)),
    controlGroups: optional(nullable(oneOf([1, 2]))),
    memoryLimit: optional(nullable(number)),
    cpuLimit: optional(nullable(number)),
  }),
  variables: objectOf({
    hashed: textByName,
    recorded: optional(textByName),
    schedulers: optional(recordOf(textByName)),
  }),
  toolchain: objectOf({
    ...(Object.fromEntries(COMPILERS.map((name) => [name, optional(nullable(compiler))])) as Record<
      CompilerName,
      FieldParser<Compiler | null | undefined>
    >),
    lockFile: optional(nullable(text)),
  }),
  python: objectOf({
    command: optional(text),
    version: nullable(text),
    implementation: nullable(text),
    compiler: optional(nullable(text)),
    executable: optional(text),
    prefix: optional(text),
    basePrefix: optional(text),
    virtualEnvironment: optional(boolean),
    foundBy: optional(search),
    direct: recordOf(origin),
    packages: packageVersions,
    lockFiles: recordOf(lockFile),
  }),
  execution: objectOf({
    command: nullable(
      objectOf({
        affinity: nullable(text),
        cpuLimit: nullable(number),
        memoryLimit: nullable(number),
      }),
    ),
    programs: listOf(
      objectOf({
        number,
        pid: number,
        rank: optional(number),
        path: optional(listOf(number)),
        script: optional(text),
        startTime: optional(number),
        affinity: nullable(text),
        settings: nullable(textByName),
        workers: optional(number),
      }),
    ),
    unlisted: optional(number),
  }),
  otherPythons: objectOf({
    pythons: listOf(
      objectOf({
        foundBy: optional(search),
        executable: text,
        reason: optional(text),
        prefix: optional(text),
        basePrefix: optional(text),
        version: optional(nullable(text)),
        implementation: optional(nullable(text)),
        packages: optional(packageVersions),
        direct: optional(recordOf(origin)),
      }),
    ),
  }),
  pip: objectOf({ version: optional(text) }),
  frameworks: objectOf({
    python: recordOf(
      objectOf({
        version: text,
        build: optional(textByName),
        cudnn: optional(nullable(text)),
        blas: optional(text),
      }),
    ),
    libraries: optional(textByName),
    javascript: optional(recordOf(objectOf({ versions: listOf(text), libraries: optional(listOf(text)) }))),
  }),
}

const state = objectOf({
  status: oneOf(['present', 'absent']),
  reason: optional(text),
  unseen: optional(textByName),
  nonexistent: optional(listOf(text)),
  exists: optional(boolean),
})

function source<N extends SourceName>(name: N): FieldParser<SourceState<RecordedSources[N]>> {
  return (value, field) => {
    if (value === undefined) return NOT_RECORDED
    const { status, reason = 'no reason is recorded', unseen, nonexistent, exists } = state(value, field)
    if (status === 'absent') return { status, reason, ...(exists === false && { exists }) }
    return {
      status,
      ...FINDINGS[name](value, field),
      ...(unseen !== undefined && { unseen }),
      ...(nonexistent !== undefined && { nonexistent }),
    }
  }
}

/** A record of an earlier version lists one Python, and no other is known. */
const otherPythons: FieldParser<SourceState<RecordedSources['otherPythons']>> = (value, field) =>
  value === undefined ? NO_OTHER_PYTHON : source('otherPythons')(value, field)

/**
 * Parse a recorded environment capture of this version or another.
 *
 * @param value The `value` of the capture.
 * @throws ERR_LINEAPRINT_RECORD naming the field whose recorded form is damaged.
 */
export function parseEnvironmentCapture(value: JsonObject): EnvironmentCapture {
  return parseMembers(
    {
      node: source('node'),
      npm: source('npm'),
      system: source('system'),
      gpu: source('gpu'),
      conda: source('conda'),
      container: source('container'),
      variables: source('variables'),
      toolchain: source('toolchain'),
      python: source('python'),
      otherPythons,
      execution: source('execution'),
      pip: source('pip'),
      frameworks: source('frameworks'),
    },
    value,
    '',
  )
}
