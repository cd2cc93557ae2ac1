/** The public surface of lineaprint, and nothing else. */
// oxlint-disable-next-line import/no-unassigned-import -- it runs the check, before the other modules
import './core/node-version.ts'
export { environmentCapture } from './capture/environment/capture.ts'
export { gitCapture } from './capture/git/git-capture.ts'
export {
  Generator,
  createGenerator,
  restoreSeeds,
  seedVariables,
  seedsCapture,
  setSeeds,
} from './capture/seeds/capture.ts'
export { readDataset } from './dataset/read.ts'
export { diffTables } from './dataset/table-diff.ts'
export { findLeaks } from './dataset/leaks.ts'
export { hashTable } from './dataset/table.ts'
export { Digest } from './core/digest.ts'
export { LineaprintError } from './core/errors.ts'
export { reproduceRun } from './reproduce/reproduce.ts'
export { diffCode } from './diff/code.ts'
export { diffListedTensors } from './diff/listed-tensors.ts'
export { diffRuns } from './diff/runs.ts'
export { ExperimentTracker } from './tracking/tracker.ts'
export { readLineage } from './lineage/read.ts'
export { verifyLineage } from './lineage/verify.ts'
export { lineageToMermaid } from './lineage/mermaid.ts'
export { lineageToSvg } from './lineage/svg.ts'
export { verifyRun } from './verify/verify.ts'
export { exportToMlflow } from './export/mlflow/send.ts'
export { exportToWandb } from './export/wandb/folder.ts'
export { hashArray } from './hash/array.ts'
export { hashBytes } from './hash/bytes.ts'
export { checkManifest } from './manifest/check.ts'
export { checkTensors } from './manifest/check-tensors.ts'
export { hashFile, hashFiles } from './hash/file.ts'
export { createManifest, formatManifest, parseManifest } from './manifest/manifest.ts'
export { manifestOf } from './manifest/written.ts'
export { hashPart, mergeParts, parsePart } from './hash/part.ts'
export { hashStream } from './hash/stream.ts'
export { hashTree } from './hash/tree.ts'
export { diffTrees } from './hash/tree-diff.ts'
export { diffModels } from './model/diff/diff.ts'
export { deriveModel } from './model/derivation/derive.ts'
export { derivationStatement } from './export/derivation.ts'
export { describeModel } from './model/describe.ts'
export { hashTensors } from './model/in-memory.ts'
export { listModel, readModel } from './model/read.ts'
export { writeSafetensors } from './model/safetensors.ts'
export { readTokenizer } from './model/tokenizer.ts'
export { annotate, readAnnotations } from './store/annotations.ts'
export { planRemoval, removeStoredRun } from './database/removal.ts'
export { findRun, listRuns } from './database/runs.ts'
export { RunDatabase } from './database/team/database.ts'
export { TeamClient } from './server/team/client.ts'
export { pullRun } from './transfer/pull.ts'
export { pushRun } from './transfer/push.ts'
export { metricsAsParquet } from './export/parquet.ts'
export { readMetrics } from './store/metrics/series.ts'
export { collectObjects } from './store/objects/collect.ts'
export { getKept } from './store/objects/get.ts'
export { readRun } from './store/runs.ts'
export { storeIn } from './store/store.ts'
export { VERSION } from './core/version.ts'

export type {
  ListedSide,
  ListedTensor,
  ListedTensorChange,
  ListedTensorsDiff,
  ListedTensorsOptions,
} from './diff/listed-tensors.ts'
export type { JobOptions, Progress, HashOptions } from './core/options.ts'
export type {
  Captured,
  CaptureContext,
  Comparison,
  Component,
  Difference,
  Inspection,
} from './core/component.ts'
export type { GeneratorOptions, GeneratorState, SeedReport, SeedTarget } from './capture/seeds/capture.ts'
export type { DatasetSequence } from './dataset/describe-sequence.ts'
export { hashLines, hashRecords } from './dataset/sequence.ts'
export type { SequenceHash, SequenceOptions } from './dataset/sequence.ts'
export type { SequenceFormat } from './dataset/table-names.ts'
export { hashArchive } from './hash/archive.ts'
export type { ArchiveFormat, ArchiveHash, ArchiveOptions, ArchiveSamples } from './hash/archive.ts'
export type { DeclaredTerms } from './dataset/folder/declared-terms.ts'
export type { StatedTerms } from './dataset/stated.ts'
export type { LabelCount } from './dataset/folder/findings.ts'
export type { DatasetArchive } from './dataset/describe-archive.ts'
export type { DatasetColumn, DatasetTable } from './dataset/describe-table.ts'
export type { ColumnHistogram, ColumnNumber, ColumnStatistics } from './dataset/statistics.ts'
export type { DatasetSplit, DatasetSplits } from './dataset/folder/splits-digest.ts'
export type { DatasetOptions, DatasetReport, DatasetSource } from './dataset/read.ts'
export type { NamedArray } from './dataset/memory/read.ts'
export type {
  LeakExample,
  LeakOptions,
  LeakPair,
  LeakReport,
  LeakSplit,
  LeakSplits,
  NearExample,
  NearLeaks,
} from './dataset/leaks.ts'
export type { ColumnChange, RowRange, TableDiff, TableSide, TableSource } from './dataset/table-diff.ts'
export type { CellChange, ComparedRows, RowChange, RowComparison, RowOptions } from './dataset/table-rows.ts'
export type {
  TableColumn,
  TableFormat,
  TableHash,
  TableOptions,
  TableSchema,
  TextEncoding,
} from './dataset/table.ts'
export type { Algorithm, AlgorithmChoice, DigestKind, Digests } from './core/digest.ts'
export type { ErrorCode, ErrorDetails } from './core/errors.ts'
export type {
  DatasetTrackingOptions,
  EnvironmentOptions,
  GitOptions,
  Given,
  GivenOptionGroups,
  ModelTrackingOptions,
  KeepOptions,
  ReportedOptions,
  OptionGroups,
  SeedsOptions,
} from './config/groups.ts'
export type { Configuration, ExperimentOptions } from './config/options.ts'
export type { SystemMetricsOptions } from './config/system-metrics.ts'
export type { CodeDiff } from './diff/code.ts'
export type {
  Cause,
  DigestDiff,
  Divergence,
  FirstDivergence,
  MetricDiff,
  MetricSide,
  NotCompared,
  RunDiff,
  RunDiffOptions,
  RunDifference,
  RunSide,
} from './diff/runs.ts'
export type { LineageOptions } from './lineage/read.ts'
export type { ReferenceKind } from './lineage/start.ts'
export type {
  EdgeCheck,
  Evidence,
  ItemNode,
  Lineage,
  LineageEdge,
  LineageNode,
  RunNode,
} from './lineage/graph.ts'
export type { StepCode } from './record/record.ts'
export type { BatchLoader, BatchOptions } from './tracking/batches.ts'
export type { SampleMode } from './tracking/sample-order.ts'
export type { DeriveOptions, NamedSource, StepSource } from './tracking/derivations.ts'
export type { DigestOptions, DigestSource } from './tracking/digests.ts'
export type { MetricOptions } from './tracking/metrics.ts'
export type {
  FileTotal,
  ReproduceItem,
  ReproduceOptions,
  ReproduceVerdict,
  ReproducingRun,
  Reproduction,
  ReproductionPlan,
} from './reproduce/reproduce.ts'
export type { ExperimentSummary, MetricSummary } from './tracking/summary.ts'
export type { OutputTrackingOptions, TrackerSettings } from './tracking/tracker.ts'
export type {
  Verification,
  VerifyDifference,
  VerifyItem,
  VerifyLevel,
  VerifyOptions,
  VerifyStatus,
} from './verify/verify.ts'
export type { MlflowExportOptions, MlflowReport } from './export/mlflow/send.ts'
export type { MlflowOptions, WandbOptions } from './config/outputs.ts'
export type { WandbExportOptions, WandbFolder } from './export/wandb/folder.ts'
export type { ArrayHash, ShapedArray, TypedArray } from './hash/array.ts'
export type { BytesHash } from './hash/bytes.ts'
export type { CacheUsage } from './hash/cache.ts'
export type { CheckItem, CheckOptions, MalformedLine, ManifestCheck } from './manifest/check.ts'
export type { CheckedTensor, TensorStatus, TensorsCheck } from './manifest/check-tensors.ts'
export type { FileHash, FileOptions, FilesOptions } from './hash/file.ts'
export type {
  Manifest,
  ManifestEntry,
  ManifestModel,
  ManifestOptions,
  ManifestTensor,
} from './manifest/manifest.ts'
export type { FilePart } from './hash/part.ts'
export type { ByteStream, StreamHash } from './hash/stream.ts'
export type { LinkMode, TreeEntry, TreeHash, TreeOptions, TreeWarning } from './hash/tree.ts'
export type { TreeChange, TreeChangeStatus, TreeDiff, TreeDiffOptions, TreeSide } from './hash/tree-diff.ts'
export type { JsonObject, JsonValue, WithJsonForm } from './core/json-value.ts'
export type {
  ConfigDifference,
  LayerChange,
  ModelDiff,
  ModelDiffOptions,
  ModelSide,
  TensorChange,
  TokenizerDifference,
  ValueComparison,
} from './model/diff/diff.ts'
export type {
  DerivationOptions,
  DerivationSide,
  DerivedTensor,
  ModelDerivation,
  TensorDerivation,
  Verdict,
} from './model/derivation/derive.ts'
export type { TensorHealth } from './model/health.ts'
export type { TensorsReport } from './model/in-memory.ts'
export type { ModelTensors } from './model/model-tensors.ts'
export type { TensorData } from './model/tensor-data.ts'
export type { TfjsGraphModel, TfjsLayersModel } from './model/library-models.ts'
export type { OnnxTensor, TfjsTensor } from './hash/library-tensors.ts'
export type {
  BaseBinding,
  DtypeTotal,
  ModelFile,
  ModelFormat,
  ModelListing,
  ModelOptions,
  ModelReport,
  PartNotRead,
  PipelineComponent,
  TensorInfo,
} from './model/report.ts'
export type { DescribedModel, ModelStructure, Quantisation } from './model/describe.ts'
export type { WriteOptions, WrittenTensors } from './model/safetensors.ts'
export type { LayerPattern } from './model/name-pattern.ts'
export type { TokenizerReport } from './model/tokenizer.ts'
export type {
  CaptureRecord,
  CommandRecord,
  DigestRecord,
  FlagKind,
  FlagRecord,
  MetricRecord,
  RunRecord,
  RunStatus,
  TrackedRecord,
} from './record/record.ts'
export type { RecordedNumber } from './json/special-floats.ts'
export type {
  RecordedArray,
  RecordedColumn,
  RecordedTable,
  TrackedArray,
  TrackedContent,
  TrackedFile,
  TrackedFolder,
  TrackedMemory,
  TrackedModel,
  TrackedTokenizer,
} from './record/tracked.ts'
export type { EnvironmentCapture } from './capture/environment/types.ts'
export type { GitCapture } from './capture/git/types.ts'
export type { SeedsCapture } from './capture/seeds/types.ts'
export type { SyncOptions, SyncReport } from './database/team/database.ts'
export type { PullOptions, PullReport } from './transfer/pull.ts'
export type { PushOptions, PushReport } from './transfer/push.ts'
export type { RequestOptions, ServerOptions } from './transfer/client.ts'
export type { RunQuery } from './server/team/client.ts'
export type { MetricSeries, MetricsOfRuns, ReadMetricsOptions, SeriesPart } from './store/metrics/series.ts'
export type { ListedLaunch, ListedRun, StoredRun } from './store/runs.ts'
export type { ColumnValue, RunFilter, RunList, RunOfList } from './database/runs.ts'
export type { Store } from './store/store.ts'
export type { AnnotateOptions, Annotation, AnnotationChange, Annotations } from './store/annotations.ts'
export type { CollectOptions, Collection, ObjectTotal } from './store/objects/collect.ts'
export type { GetOptions, GottenFiles } from './store/objects/get.ts'
export type { DependentRun, RemovableRun, RemovalPlan } from './database/removal.ts'
export type { SampledHashOptions, SampleOptions } from './hash/sample/options.ts'
export type { SampleReport } from './hash/sample/report.ts'
