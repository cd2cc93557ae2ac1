/** The answers of the API. The server, its document and the page use these types; `schemas.ts` describes each. */
import type { RecordedNumber } from '../../json/special-floats.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { RunRecord, RunStatus } from '../../record/record.ts'

/** A failure: what failed, where, what was expected and received, and what to do. */
export interface ErrorBody {
  readonly error: {
    readonly code: string
    readonly what: string
    /** The file, option or field concerned. */
    readonly where: string | null
    readonly expected: string | null
    readonly received: string | null
    readonly do: string | null
  }
}

/** The key of a session, which every request for data carries. */
export interface SessionBody {
  readonly key: string
}

/** The store that is served. */
export interface StoreBody {
  /** Absolute path of the folder `.lineaprint`. */
  readonly root: string
  /** Absolute path of the folder whose code and environment a verification compares. */
  readonly directory: string
  /** Version of lineaprint. */
  readonly lineaprint: string
  /** False on the server of a team, whose disk is not that of the user. */
  readonly canVerify: boolean
}

/** A run in a list. */
export interface ListedRunBody {
  readonly id: string
  readonly name: string
  readonly runName: string | null
  readonly status: RunStatus
  readonly startedAt: string
  readonly finishedAt: string | null
  readonly durationMs: number | null
  readonly tags: readonly string[]
  readonly parent: string | null
  /** By the name of the column; null for a missing value. */
  readonly values: Readonly<Record<string, JsonValue>>
}

/** A part of a list of runs. */
export interface RunListBody {
  /** Names the list, whose order stays the same until the server forgets it. Given again, the list is read on. */
  readonly list: string
  /** Position of the first of these runs in the list. */
  readonly offset: number
  /** Number of runs in the list. */
  readonly matched: number
  /** Number of readable runs in the store. */
  readonly total: number
  /** Fields as an expression has them. */
  readonly columns: readonly string[]
  readonly runs: readonly ListedRunBody[]
  /** Folders that cannot be read as a run; the first ones. */
  readonly damaged: readonly { readonly id: string; readonly folder: string; readonly message: string }[]
  /** Names that fields can have. */
  readonly names: { readonly parameters: readonly string[]; readonly metrics: readonly string[] }
}

/** Runs in groups. */
export interface GroupsBody {
  /** The groups with the most runs first; the first ones. */
  readonly groups: readonly {
    /** The value that its runs have; null if they have none. */
    readonly value: JsonValue
    readonly runs: number
    /** Runs that have a finite number in the field whose range is wanted. */
    readonly measured: number
    readonly least: number | null
    readonly mean: number | null
    readonly greatest: number | null
  }[]
  /** Number of all groups. */
  readonly count: number
}

/** An output stream of the command of a run, or of one of its ranks. */
export interface LogOfRun {
  readonly name: string
  readonly title: string
  /** Bytes of the output; null while it is written. */
  readonly bytes: number | null
  readonly keptBytes: number | null
}

/** Files that a record does not list. */
export interface UnlistedBody {
  readonly count: number
  /** Paths of the first ones. */
  readonly paths: readonly string[]
}

/** One run. */
export interface RunBody {
  readonly id: string
  readonly folder: string
  readonly status: RunStatus
  /** Tells whether the record is as it was sealed; `none` for a run that has not ended. */
  readonly seal: 'holds' | 'broken' | 'none'
  /** Files in the folder of the run that its record does not list, so that the seal does not cover them. */
  readonly unlisted: UnlistedBody
  readonly record: RunRecord
  readonly logs: readonly LogOfRun[]
  /** Names, tags and notes, with what was annotated. */
  readonly labels: {
    readonly runName: string | null
    readonly tags: readonly string[]
    readonly notes: readonly { readonly note: string; readonly time: string; readonly author: string }[]
    readonly isArchived: boolean
  }
  /** Sentences about what makes the record less reliable: damage of its journal and annotations. */
  readonly problems: readonly string[]
}

/** The uncommitted changes of a run. */
export interface PatchBody {
  /** Null if the run has no patch. */
  readonly text: string | null
  readonly bytes: number
  /** True if only the beginning is in `text`. */
  readonly truncated: boolean
  /** Sentences about why there is no patch, or what it lacks. */
  readonly reasons: readonly string[]
}

/** A part of a log. */
export interface LogBody {
  readonly text: string
  /** The line after the text that has not ended. The run can still write over it, as over a progress bar. */
  readonly open: string
  /** Position of the text in the file, in bytes. */
  readonly from: number
  readonly to: number
  /** Bytes of the file. */
  readonly size: number
}

/** A download that waits to be fetched. */
export interface DownloadBody {
  /** Last part of its address, `/downloads/…`, which is good once and for a minute. */
  readonly download: string
  /** Name of the file. */
  readonly name: string
  readonly size: number
}

/** One of two compared runs. */
export interface SideBody {
  readonly id: string
  readonly name: string
  readonly runName?: string | undefined
  readonly status: RunStatus
  readonly startedAt: string
  readonly folder: string
}

/** The summary of a metric of one run. */
export interface MetricSideBody {
  readonly count: number
  readonly nanCount: number
  readonly last: RecordedNumber
  readonly min: RecordedNumber | null
  readonly max: RecordedNumber | null
}

/** The first position at which two runs have different values. */
export interface DivergenceBody {
  readonly step: number | null
  readonly index: number
}

/** One field in which two runs differ. */
export interface DifferenceBody {
  readonly cause: string
  readonly field: string
  readonly before?: string | undefined
  readonly after?: string | undefined
  readonly detail?: string | undefined
}

/** A field without a verdict, and the reason. */
export interface NotComparedBody {
  readonly field: string
  readonly reason: string
}

/** The comparison of one metric. */
export interface MetricDiffBody {
  readonly name: string
  readonly same: boolean
  readonly before: MetricSideBody | null
  readonly after: MetricSideBody | null
  readonly divergence: DivergenceBody | null
  readonly onlyBefore: number
  readonly onlyAfter: number
}

/** Two runs compared, as `lineaprint diff` compares them. */
export interface DiffBody {
  readonly kind: 'run'
  readonly same: boolean
  readonly before: SideBody
  readonly after: SideBody
  readonly firstCause: string | null
  readonly differences: readonly DifferenceBody[]
  readonly ignored: readonly DifferenceBody[]
  readonly leftOut: readonly NotComparedBody[]
  readonly notCompared: readonly NotComparedBody[]
  readonly unexplained: readonly string[]
  readonly metrics: readonly MetricDiffBody[]
  readonly digests: readonly {
    readonly name: string
    readonly same: boolean
    readonly divergence: DivergenceBody | null
  }[]
  readonly firstDivergence: {
    readonly step: number
    readonly digests: readonly string[]
    readonly metrics: readonly string[]
  } | null
  readonly warnings: readonly string[]
}

/** One item of a verification. */
export interface VerifyItemBody {
  readonly section: string
  readonly name: string
  readonly status: 'same' | 'changed' | 'missing' | 'not-checked'
  readonly detail: string
  /** True if this makes the verification fail. */
  readonly counts: boolean
  readonly differences: readonly {
    readonly field: string
    readonly before?: string | null | undefined
    readonly after?: string | null | undefined
    readonly counts: boolean
  }[]
}

/** One line of the stream of a verification. */
export type VerifyEvent =
  | { readonly type: 'item'; readonly item: VerifyItemBody }
  | { readonly type: 'progress'; readonly bytesDone: number; readonly bytesTotal: number }
  | { readonly type: 'end'; readonly same: boolean; readonly level: string }
  | { readonly type: 'error'; readonly error: ErrorBody['error'] }

/** One event of a running run. */
export interface LiveEvent {
  /** Grows with what the run records. */
  readonly version: number
  readonly status: RunStatus
}

/** One series of an answer with metrics. */
export interface SeriesHead {
  readonly run: string
  readonly name: string
  /** Values that the run logged. */
  readonly count: number
  /** Values in the range that was asked for. */
  readonly inRange: number
  /** Points that follow, each with its position on the axis and its value. */
  readonly points: number
  /** True if points stand for more values: of each pixel the first, the least, the greatest and the last. */
  readonly isReduced: boolean
  /** `step`, `time` in seconds since the start of the run, `epoch`, or `index`, the number of the value. */
  readonly axis: 'step' | 'time' | 'epoch' | 'index'
  /** Values in the range that are NaN or infinite. */
  readonly notFinite: number
  /** Ends of the whole axis; null without values. */
  readonly from: number | null
  readonly to: number | null
}

/** The head of an answer with metrics: the columns of each series follow it. */
export interface MetricsHead {
  readonly series: readonly SeriesHead[]
  readonly warnings: readonly string[]
}
