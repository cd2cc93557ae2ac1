/**
 * What a capture of the environment records. It has a source for each part of the environment, and each source is
 * either present with its findings or absent with the reason: nothing that was not seen is ever taken for a value.
 *
 * The `…Findings` are what this version records. A record of another version may lack fields; {@link EnvironmentCapture}
 * is what is read from any record. A field of findings is `null` where it could not be seen, and `unseen` of its source
 * says why.
 */
import type { JsonObject } from '../../core/json-value.ts'
import type { Recorded } from '../recorded.ts'

/** A source that found something. */
export type PresentSource<T> = { readonly status: 'present' } & T & {
    /** Reasons by the field that could not be seen. */
    readonly unseen?: Readonly<Record<string, string>>
  }

/** A source that found nothing, and why. */
export type AbsentSource = { readonly status: 'absent'; readonly reason: string }

/** A source of the environment. */
export type SourceState<T> = PresentSource<T> | AbsentSource

/** Versions of each installed package, sorted by UTF-8 bytes. */
export type PackageVersions = Readonly<Record<string, readonly string[]>>

/** One package in which what is installed departs from the lock file. */
export type Drift = {
  readonly package: string
  /** Versions by the lock file, `null` where it does not name the package. */
  readonly locked: string | null
  /** Versions that are installed, `null` where there is none. */
  readonly installed: string | null
}

/** A lock file: its size in bytes, the plain SHA-256 digest of its bytes, and how what is installed departs from it. */
export type LockFileRecord = { readonly size: number; readonly digest: string } & (
  | {
      /** Packages that it locks. */
      readonly packages: number
      /** Packages that depart from it. */
      /** `null` where the file was not understood as a whole. */
      readonly driftCount: number | null
      /** The first of them. */
      readonly drift: readonly Drift[]
    }
  /** Not compared with what is installed. */
  | { readonly packages: null; readonly drift: null }
)

/** Lock files by their name. */
export type LockFileRecords = Readonly<Record<string, LockFileRecord>>

/** The Node.js that runs this. */
export type NodeFindings = {
  /** Without the `v`. */
  readonly version: string
  readonly v8: string
  readonly openssl: string
  readonly uv: string
  readonly execPath: string
  /** With secrets replaced. */
  readonly execArgv: readonly string[]
}

/** The fields of a `package.json`. */
export type ProjectFindings = {
  readonly name: string | null
  readonly version: string | null
  readonly packageManager: string | null
  readonly engines: Readonly<Record<string, string>> | null
}

/** The npm project that a run works in. The fields of `package.json` are there where there is one. */
export type NpmFindings = Partial<ProjectFindings> & {
  readonly lockFiles: LockFileRecords
  readonly packages: PackageVersions | null
  /** The file or folder that the packages are known from. */
  readonly packagesFrom: string | null
}

/** Machine and operating system. Sizes are bytes. */
export type SystemFindings = {
  readonly platform: string
  readonly arch: string
  readonly distribution: string | null
  readonly release: string | null
  readonly kernel: string
  readonly libc: string | null
  readonly cpu: string | null
  readonly cores: number
  readonly physicalCores: number | null
  readonly cpuFlags: string | null
  readonly memoryTotal: number
  readonly memoryAvailable: number | null
  readonly swapTotal: number | null
  /** Display controllers, in the fields that the system has of them. */
  readonly graphics: readonly JsonObject[] | null
  readonly hostName: string
  readonly disk: { readonly size: number; readonly free: number } | null
}

/** A graphics processor. */
export type GpuDevice = {
  readonly index: number
  readonly name: string
  /** In MiB. */
  readonly memory: number | null
  readonly computeCapability: string | null
  readonly mig: string | null
}

/** Graphics processors of NVIDIA, in the order of their index. */
export type GpuFindings = {
  readonly driver: string | null
  /** The newest version that the driver can run. */
  readonly cuda: string | null
  readonly devices: readonly GpuDevice[]
}

/** A package of conda. */
export type CondaPackage = {
  readonly version: string
  readonly build: string | null
  readonly channel: string | null
}

/** The active environment of conda. */
export type CondaFindings = {
  readonly prefix: string
  readonly name: string
  readonly packages: Readonly<Record<string, CondaPackage>>
}

/** The container that a run works in, and the limits of its control groups. */
export type ContainerFindings = {
  readonly runtime: string | null
  readonly id: string | null
  readonly image: string | null
  readonly imageId: string | null
  /** Version of the interface. */
  readonly controlGroups: 1 | 2 | null
  /** In bytes. */
  readonly memoryLimit: number | null
  /** In processors. */
  readonly cpuLimit: number | null
}

/** Environment variables that are set, with secrets replaced. */
export type VariablesFindings = {
  /** Those that count for the digest. */
  readonly hashed: Readonly<Record<string, string>>
  readonly recorded: Readonly<Record<string, string>>
  /** Those of each scheduler that sets any. */
  readonly schedulers: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Compilers that are asked for their version. */
export const COMPILERS = ['rustc', 'cargo', 'cc', 'c++', 'nvcc'] as const

/** One of {@link COMPILERS}. */
export type CompilerName = (typeof COMPILERS)[number]

/** A compiler. */
export type Compiler = {
  /** With secrets replaced. */
  readonly command: string
  readonly version: string
  readonly host?: string
  readonly llvm?: string
}

/** The compilers that are used; `null` for one that did not answer. */
export type ToolchainFindings = { readonly [C in CompilerName]?: Compiler | null } & {
  /** The digest of `Cargo.lock`, where Cargo is used. */
  readonly lockFile?: string | null
}

/** Where a Python package came from that no index has. */
export type DirectOrigin = {
  /** With secrets replaced. */
  readonly url?: string
  readonly commit?: string
  readonly editable: boolean
}

/** The Python that a run would find. */
export type PythonFindings = {
  /** What was started. */
  readonly command: string
  readonly version: string
  readonly implementation: string
  readonly compiler: string | null
  readonly executable: string
  readonly prefix: string
  readonly basePrefix: string
  readonly virtualEnvironment: boolean
  readonly direct: Readonly<Record<string, DirectOrigin>>
  /** By their names as PEP 503 normalises them. */
  readonly packages: PackageVersions | null
  readonly lockFiles: LockFileRecords
}

/** The pip of that Python. */
export type PipFindings = { readonly version: string }

/** A framework of Python. */
export type PythonFramework = {
  readonly version: string
  /** What it was built with. */
  readonly build?: Readonly<Record<string, string>>
  readonly cudnn?: string | null
  readonly blas?: string
}

/** A framework of JavaScript. */
export type JavaScriptFramework = {
  readonly versions: readonly string[]
  /** Names of its native libraries. */
  readonly libraries?: readonly string[]
}

/** Frameworks of machine learning. */
export type FrameworksFindings = {
  readonly python: Readonly<Record<string, PythonFramework>>
  /** Versions of packages that bring libraries of NVIDIA, AMD, Intel and Google. */
  readonly libraries: Readonly<Record<string, string>>
  readonly javascript: Readonly<Record<string, JavaScriptFramework>>
}

/** What each source finds, in the order of the record. */
export type EnvironmentFindings = {
  readonly node: NodeFindings
  readonly npm: NpmFindings
  readonly system: SystemFindings
  readonly gpu: GpuFindings
  readonly conda: CondaFindings
  readonly container: ContainerFindings
  readonly variables: VariablesFindings
  readonly toolchain: ToolchainFindings
  readonly python: PythonFindings
  readonly pip: PipFindings
  readonly frameworks: FrameworksFindings
}

/** Name of a source. */
export type SourceName = keyof EnvironmentFindings

/** The environment as this version captures it. */
export type CapturedEnvironment = { readonly [N in SourceName]: SourceState<EnvironmentFindings[N]> }

/** What a record of any version holds of each source. */
export type RecordedSources = {
  readonly node: Recorded<NodeFindings, 'version' | 'v8' | 'openssl'>
  readonly npm: Recorded<Omit<NpmFindings, 'lockFiles'>, 'packages'> & Pick<NpmFindings, 'lockFiles'>
  readonly system: Recorded<SystemFindings, 'platform' | 'arch' | 'distribution' | 'release' | 'libc' | 'cpu'>
  readonly gpu: Pick<GpuFindings, 'driver' | 'cuda'> & {
    readonly devices: readonly Recorded<GpuDevice, 'name'>[]
  }
  readonly conda: Recorded<Omit<CondaFindings, 'packages'>> & Pick<CondaFindings, 'packages'>
  readonly container: Recorded<ContainerFindings>
  readonly variables: Recorded<Omit<VariablesFindings, 'hashed'>> & Pick<VariablesFindings, 'hashed'>
  readonly toolchain: ToolchainFindings
  readonly python: Recorded<
    Omit<PythonFindings, 'direct' | 'lockFiles'>,
    'version' | 'implementation' | 'packages'
  > & {
    readonly direct: Readonly<Record<string, Recorded<DirectOrigin>>>
    readonly lockFiles: LockFileRecords
  }
  readonly pip: Recorded<PipFindings>
  readonly frameworks: Recorded<Omit<FrameworksFindings, 'python'>> & Pick<FrameworksFindings, 'python'>
}

/** The environment as a record of any version holds it. A source that the record does not have is absent. */
export type EnvironmentCapture = { readonly [N in SourceName]: SourceState<RecordedSources[N]> }
