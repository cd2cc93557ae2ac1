/**
 * Types of an environment capture. It has a source for each part of the environment. Each source is either
 * present with its findings or absent with the reason: a value that could not be read is never replaced by a
 * default.
 *
 * The types `…Findings` are the form that this version records. A record of another version may lack fields;
 * {@link EnvironmentCapture} is the form that is read from any record. A field of findings is `null` if it
 * could not be read; `unseen` of its source gives the reason.
 */
import type { JsonObject } from '../../core/json-value.ts'
import type { ReportingProcess } from '../../record/record.ts'
import type { Recorded } from '../recorded.ts'

/** A source with findings. */
export type PresentSource<T> = { readonly status: 'present' } & T & {
    /** Reasons for missing values, by field. */
    readonly unseen?: Readonly<Record<string, string>>
    /** Fields of `unseen` that have no value because what they describe does not exist. */
    readonly nonexistent?: readonly string[]
  }

/** A source without findings, and the reason. */
export type AbsentSource = {
  readonly status: 'absent'
  readonly reason: string
  /**
   * `false` if it was searched for and does not exist, for example no GPU. Absent if that is not known, because
   * it could not be read or was not requested.
   */
  readonly exists?: false
}

/** A source of the environment. */
export type SourceState<T> = PresentSource<T> | AbsentSource

/** Versions of each installed package, sorted by UTF-8 bytes. */
export type PackageVersions = Readonly<Record<string, readonly string[]>>

/** A package whose installed versions differ from the lock file. */
export type Drift = {
  readonly package: string
  /** Versions in the lock file; `null` if it does not list the package. */
  readonly locked: string | null
  /** Installed versions; `null` if there are none. */
  readonly installed: string | null
}

/**
 * A lock file: its size in bytes, the plain SHA-256 digest of its bytes, and the drift of the installed
 * packages.
 */
export type LockFileRecord = { readonly size: number; readonly digest: string } & (
  | {
      /** Number of packages that it locks. */
      readonly packages: number

      /** Number of packages that differ from it; `null` if the file was not understood completely. */
      readonly driftCount: number | null
      /** The first of these packages. */
      readonly drift: readonly Drift[]
    }
  /** The file was not compared with the installed packages. */
  | { readonly packages: null; readonly drift: null }
)

/** Lock files by their name. */
export type LockFileRecords = Readonly<Record<string, LockFileRecord>>

/** The Node.js of this process. */
export type NodeFindings = {
  /** Without the `v`; of another runtime its name and version, such as `Bun 1.4.5, as Node 26.3.0`. */
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

/** The npm project that a run works in. The fields of `package.json` are present if the file exists. */
export type NpmFindings = Partial<ProjectFindings> & {
  readonly lockFiles: LockFileRecords
  readonly packages: PackageVersions | null
  /** The file or folder that lists the packages. */
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
  /** Display controllers, in the fields that the system reports. */
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
  /** The newest version that the driver supports. */
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
  /** Variables that the digest covers. */
  readonly hashed: Readonly<Record<string, string>>
  readonly recorded: Readonly<Record<string, string>>
  /** Variables of each scheduler that sets any. */
  readonly schedulers: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** Compilers whose version is captured. */
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

/** The compilers in use; `null` for one whose version command failed. */
export type ToolchainFindings = { readonly [C in CompilerName]?: Compiler | null } & {
  /** The digest of `Cargo.lock`, if Cargo is used. */
  readonly lockFile?: string | null
}

/** The origin of a Python package that was not installed from an index. */
export type DirectOrigin = {
  /** With secrets replaced. */
  readonly url?: string
  readonly commit?: string
  readonly editable: boolean
}

/**
 * Evidence of a Python: its program reported it through the bridge, its process was seen in `/proc`, or it was
 * searched for as the one that a run would use, and is not known to have run.
 */
export type PythonSearch = 'bridge' | 'proc' | 'search'

/** The Python of a run: the one that ran, or the one that the run would use. */
export type PythonFindings = {
  /** The program that was started. */
  readonly command: string
  readonly foundBy: PythonSearch
  readonly version: string
  readonly implementation: string
  readonly compiler: string | null
  readonly executable: string
  readonly prefix: string
  readonly basePrefix: string
  readonly virtualEnvironment: boolean
  readonly direct: Readonly<Record<string, DirectOrigin>>
  /** Packages by their names, normalised according to PEP 503. */
  readonly packages: PackageVersions | null
  readonly lockFiles: LockFileRecords
}

/** Another Python that ran. Its packages, or the reason why they are not known. */
export type OtherPython = {
  readonly foundBy: PythonSearch
  readonly executable: string
} & (
  | (Pick<PythonFindings, 'prefix' | 'basePrefix' | 'version' | 'implementation' | 'packages' | 'direct'> & {
      /** Why the packages are not known. */
      readonly reason?: string
    })
  | { readonly reason: string }
)

/** The Pythons that ran besides that of the source `python`. */
export type OtherPythonsFindings = { readonly pythons: readonly OtherPython[] }

/** The execution of the process of a command. */
export type CommandExecution = {
  /** The processors that it may use, such as `0-3,8`. */
  readonly affinity: string | null
  /** Limit of its control group, in processors. */
  readonly cpuLimit: number | null
  /** In bytes. */
  readonly memoryLimit: number | null
}

/** The execution of a Python program, at its end. */
export type ProgramExecution = ReportingProcess & {
  readonly affinity: string | null
  /** Threads, precision and determinism of libraries; `null` if the program did not report at its end. */
  readonly settings: Readonly<Record<string, string>> | null
  /** Number of Python processes that it started; absent if there are none. */
  readonly workers?: number
}

/** The execution of the processes of a run. */
export type ExecutionFindings = {
  /** The process of the command, or of what replaced it; `null` if it ended before it could be read. */
  readonly command: CommandExecution | null
  readonly programs: readonly ProgramExecution[]
  /** Number of further programs. */
  readonly unlisted?: number
}

/** The pip of that Python. */
export type PipFindings = { readonly version: string }

/** A Python framework. */
export type PythonFramework = {
  readonly version: string
  /** Build options of the framework. */
  readonly build?: Readonly<Record<string, string>>
  readonly cudnn?: string | null
  readonly blas?: string
}

/** A JavaScript framework. */
export type JavaScriptFramework = {
  readonly versions: readonly string[]
  /** Names of its native libraries. */
  readonly libraries?: readonly string[]
}

/** Machine learning frameworks. */
export type FrameworksFindings = {
  readonly python: Readonly<Record<string, PythonFramework>>
  /** Versions of packages that contain libraries of NVIDIA, AMD, Intel and Google. */
  readonly libraries: Readonly<Record<string, string>>
  readonly javascript: Readonly<Record<string, JavaScriptFramework>>
}

/** The findings of each source, in the order of the record. */
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
  readonly otherPythons: OtherPythonsFindings
  readonly execution: ExecutionFindings
  readonly pip: PipFindings
  readonly frameworks: FrameworksFindings
}

/** Name of a source. */
export type SourceName = keyof EnvironmentFindings

/** The environment as this version captures it. */
export type CapturedEnvironment = { readonly [N in SourceName]: SourceState<EnvironmentFindings[N]> }

/** Another Python in a record of any version. */
export type RecordedOtherPython = {
  readonly foundBy?: PythonSearch
  readonly executable: string
  readonly reason?: string
  readonly prefix?: string
  readonly basePrefix?: string
  readonly version?: string | null
  readonly implementation?: string | null
  readonly packages?: PackageVersions | null
  readonly direct?: Readonly<Record<string, Recorded<DirectOrigin>>>
}

/** The findings of each source in a record of any version. */
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
  readonly execution: ExecutionFindings
  readonly otherPythons: { readonly pythons: readonly RecordedOtherPython[] }
  readonly pip: Recorded<PipFindings>
  readonly frameworks: Recorded<Omit<FrameworksFindings, 'python'>> & Pick<FrameworksFindings, 'python'>
}

/** The environment in a record of any version. A source that the record does not have is absent. */
export type EnvironmentCapture = { readonly [N in SourceName]: SourceState<RecordedSources[N]> }
