/** The answers of the API about models, datasets and lineage. `content-schemas.ts` describes each. */
import type { JsonValue } from '../../core/json-value.ts'
import type { Evidence } from '../../lineage/graph.ts'
import type { RunStatus, TrackedSection } from '../../record/record.ts'

/** Kinds of content that are listed. */
export type ContentKind = 'models' | 'datasets'

/** A model or dataset in a list, known by its digest. */
export interface ListedContentBody {
  readonly digest: string
  /** Names that runs gave it, the newest first; the first ones. */
  readonly names: readonly string[]
  readonly nameCount: number
  /** Number of runs that made it. */
  readonly made: number
  /** Number of runs that read it. */
  readonly used: number
  /** Starts of the first and the last of these runs. */
  readonly firstAt: string
  readonly lastAt: string
  /** Id of the last of these runs. */
  readonly lastRun: string
}

/** A part of a list of models or datasets, those of the newest runs first. */
export interface ContentListBody {
  readonly offset: number
  /** Number that the search selects. */
  readonly matched: number
  readonly total: number
  readonly contents: readonly ListedContentBody[]
}

/** A run that made or read something. */
export interface ContentRunBody {
  readonly run: string
  readonly name: string
  readonly runName: string | null
  readonly status: RunStatus
  readonly startedAt: string
  /** Its name in that run. */
  readonly as: string
}

/** Runs, the newest first. */
export interface ContentRunsBody {
  readonly count: number
  /** The first ones. */
  readonly runs: readonly ContentRunBody[]
}

/** A column of a table. */
export interface ColumnBody {
  readonly name: string
  readonly type: string
  /** As recorded; null if the record has none. */
  readonly statistics: { readonly [field: string]: JsonValue } | null
}

/** A table of a dataset. */
export interface TableBody {
  /** Name of the split; null for a table that is no split. */
  readonly split: string | null
  readonly digest: string
  readonly rows: number
  readonly columnCount: number
  /** The first ones. */
  readonly columns: readonly ColumnBody[]
}

/** A tensor of a model. */
export interface TensorBody {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly number[]
  readonly digest: string
  /** As recorded; null if the record has none. */
  readonly health: { readonly [field: string]: JsonValue } | null
  /** Compared with the other model; null without one. */
  readonly change: 'same' | 'changed' | 'added' | null
}

/** The tensors of a model, or the reason why they are not known. */
export interface TensorsBody {
  readonly count: number
  /** The first ones. */
  readonly tensors: readonly TensorBody[]
  /** Why there are none, in one sentence; null if they are known. */
  readonly reason: string | null
  /** The model with which they were compared, by the digests of the tensors; null without one. */
  readonly against: RelatedBody | null
  /** Numbers of tensors by their change; null without another model. */
  readonly changes: {
    readonly same: number
    readonly changed: number
    readonly added: number
    readonly removed: number
  } | null
  /** Change by layer, in the natural order of the layers; empty without another model. The first ones. */
  readonly layers: readonly {
    readonly layer: string
    readonly same: number
    readonly changed: number
    readonly added: number
    readonly removed: number
  }[]
}

/** Another content, and how it is related. */
export interface RelatedBody {
  readonly digest: string
  readonly name: string
  readonly relation: 'input' | 'earlier' | 'chosen' | 'equal'
}

/** A model or dataset. */
export interface ContentBody {
  readonly digest: string
  readonly kind: ContentKind
  readonly made: ContentRunsBody
  readonly used: ContentRunsBody
  /** The newest record that has it; null if none can be read. */
  readonly recorded: {
    readonly run: string
    readonly section: string
    readonly name: string
    /** Short values of the entry by their names, as recorded. */
    readonly facts: { readonly [field: string]: JsonValue }
    readonly digests: readonly string[]
    readonly warnings: readonly string[]
    /** Counts of files by label; null if none are recorded. */
    readonly labels: readonly { readonly label: string; readonly files: number }[] | null
    /** Splits with their rows or records; null if none are recorded. */
    readonly splits:
      | readonly {
          readonly name: string
          readonly digest: string | null
          readonly rows: number | null
        }[]
      | null
    readonly tables: readonly TableBody[]
  } | null
  /** Null for what is no model. */
  readonly tensors: TensorsBody | null
  /** Other digests of equal content, and models to compare with. */
  readonly related: readonly RelatedBody[]
  /** Sentences about what is not known, and why. */
  readonly notes: readonly string[]
}

/** A run of a lineage. */
export interface LineageRunBody {
  readonly kind: 'run'
  readonly id: string
  readonly run: string
  readonly name: string
  readonly runName: string | null
  readonly status: RunStatus
  readonly startedAt: string
}

/** Something that a run of a lineage read or made. */
export interface LineageItemBody {
  readonly kind: 'item'
  readonly id: string
  readonly run: string
  /** Null for a name that the run did not track. */
  readonly section: TrackedSection | null
  readonly name: string
  readonly role: 'input' | 'output'
  readonly digest: string | null
  readonly bytes: number | null
  /** Why it is linked to no other run; null if it can be. */
  readonly unlinked: string | null
}

/** One step of a lineage, in the direction in which data flows. */
export interface LineageEdgeBody {
  readonly from: string
  readonly to: string
  readonly evidence: Evidence
  readonly step?: string
  readonly digest?: string
  readonly alternativeCount?: number
}

/** A part of a lineage: the nodes next to what was asked for. */
export interface LineageBody {
  readonly reference: string
  readonly start: readonly string[]
  readonly nodes: readonly (LineageRunBody | LineageItemBody)[]
  readonly edges: readonly LineageEdgeBody[]
  readonly notes: readonly string[]
  /** True if there can be more than these nodes. */
  readonly isCut: boolean
}
