/**
 * Datasets, models, tokenizers and outputs: each is digested and recorded under a name that stands for one
 * content.
 */
import { mkdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { LineaprintError } from '../core/errors.ts'
import { disguiseSentence } from '../util/disguised.ts'
import { modesIn } from '../util/modes.ts'
import { storeError, writeAtomic } from '../util/fs.ts'
import { checkKnown } from '../core/options.ts'
import { safeFileName } from '../core/run-id.ts'
import { reasonOf } from '../record/failure.ts'
import { fingerprintOrWarn, flagOutput } from './changes/flags.ts'
import { keepTracked } from './kept/tracked.ts'
import { checkName, copyAsJson } from '../json/copy.ts'
import { processOf } from '../record/state.ts'
import { identityDigests } from '../record/tracked.ts'
import { formatContents, namesIn } from '../record/content-list.ts'
import { formatTensors } from '../record/tensor-list.ts'
import { isIndexPath } from '../model/families.ts'
import type { DatasetOptions, DatasetReport, DatasetSource } from '../dataset/read.ts'
import type { StatedTerms } from '../dataset/stated.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { TensorsReport } from '../model/in-memory.ts'
import type { ModelTensors } from '../model/model-tensors.ts'
import type { DescribedModel, ModelStructure } from '../model/describe.ts'
import type { ModelOptions, ModelReport } from '../model/report.ts'
import type { TokenizerReport } from '../model/tokenizer.ts'
import type { HashOptions } from '../core/options.ts'
import type { SampledHashOptions } from '../hash/sample/options.ts'
import type { TrackedRecord, TrackedSection } from '../record/record.ts'
import type { TrackedEntry } from '../record/tracked.ts'
import type { Configuration } from '../config/options.ts'
import type { PresentFingerprint } from './changes/fingerprint.ts'
import type { RecheckResult } from './changes/input-snapshots.ts'
import type { ContentReport } from './read-content.ts'
import type { OutputReport } from './read-output.ts'
import type { RunWriter } from './run-writer.ts'

/** Load the readers, with the first item. */
const readers = (): Promise<typeof import('./readers.ts')> => import('./readers.ts')

/** The operations on one kind of tracked item: how to read it, describe it and compare it. */
export interface Kind<S, R extends object> {
  readonly section: TrackedSection
  /** Noun for error messages: `dataset`. */
  readonly noun: string
  /** Name of the option that disables this kind. */
  readonly flag?: 'enableDatasetTracking' | 'enableModelTracking'
  read(source: S, options: DatasetOptions, configuration: Configuration): Promise<R>
  /** True if an item of this kind can be a table, which is read a second time for the digest of the table. */
  readonly tables?: boolean
  /** Return the sampling plan of this kind. @default no sampling */
  sample?(configuration: Configuration): SampledHashOptions['sample']
  /** Return the digests that decide whether two items are equal. */
  identity(report: R): string
  /** Return the JSON form for the record. May write files into the folder of the run. */
  describe(report: R, name: string, writer: RunWriter): Promise<JsonObject>
}

/** Options of the dataset that is tracked: how it is read, and what the caller states of it. */
export interface TrackedDatasetOptions extends Pick<DatasetOptions, 'schema' | 'table'>, StatedTerms {}

/** Return the kind of a dataset that is read with these options. */
export function datasetKind(own: TrackedDatasetOptions = {}): Kind<DatasetSource, ContentReport> {
  checkKnown(own, ['schema', 'table', 'licenses', 'sources', 'preprocessing'])
  const { schema, table, ...stated } = own
  if (table !== undefined) checkName(table, 'the name of the table')
  return {
    section: 'datasets',
    noun: 'dataset',
    flag: 'enableDatasetTracking',
    read: async (source, options, { datasets: { statistics, leaks } }) =>
      (await readers()).readContent(source, { ...options, statistics, leaks, schema, table, stated }),
    tables: true,
    sample: ({ datasets }) => datasets.sample,
    identity: ({ digest }) => digest.toString(),
    describe: (report, name, writer) => describeContent(report, 'datasets', name, writer),
  }
}

/** Describe a dataset or output for the record. The list of the files of a folder goes into a file of its own. */
async function describeContent(
  { folder, warnings, ...report }: ContentReport,
  section: 'datasets' | 'outputs',
  name: string,
  writer: RunWriter,
): Promise<JsonObject> {
  const described = copyAsJson({ ...report, warnings }, `the ${section.slice(0, -1)}`)
  const { files = report.archive?.files ?? 0 } = report
  const { FILES_LIMIT, fileListParts } = await readers()
  if (folder === undefined || !writer.configuration.datasets.files) return described
  if (files > FILES_LIMIT) {
    const number = files.toLocaleString('en')
    const limit = FILES_LIMIT.toLocaleString('en')
    const warning = `the files are not listed, so no check can name one: there are ${number}, and at most ${limit} are listed`
    return { ...described, warnings: [...warnings, warning] }
  }
  if (hasSecretName(folder.entries(), writer))
    return { ...described, warnings: [...warnings, secretNames('files')] }
  const parts = fileListParts(folder, writer.configuration.algorithm)
  const filesFile = await writeList(parts, 'files', name, writer, section)
  if (report.archive === undefined) return { ...described, filesFile }
  const archive = copyAsJson({ ...report.archive, filesFile }, 'the archive')
  return { ...described, archive }
}

const output: Kind<string, OutputReport> = {
  section: 'outputs',
  noun: 'output',
  read: async (...given) => (await readers()).readOutput(...given),
  tables: true,
  identity: ({ digest }) => digest.toString(),
  describe: async ({ tensors, contents, ...report }, name, writer) => {
    const described = await describeContent(report, 'outputs', name, writer)
    const write = (content: string, kind: 'tensors' | 'contents'): Promise<string> =>
      writeList(content, kind, name, writer, 'outputs')
    const withheld = (kind: 'tensors' | 'contents'): void =>
      writer.append({ type: 'warning', message: `output ${JSON.stringify(name)}: ${secretNames(kind)}` })
    // A later run that reads the output as a model records the same digest, whatever the sharding.
    const weights = tensors && tensors.length > 0 && (await readers()).weightsDigest(tensors)
    const hasSecret = tensors !== undefined && hasSecretName(tensors, writer)
    if (hasSecret) withheld('tensors')
    const hasSecretInside = contents !== undefined && hasSecretName(namesIn(contents), writer)
    if (hasSecretInside) withheld('contents')
    return {
      ...described,
      ...(weights && { weights }),
      ...(tensors && !hasSecret && { tensorsFile: await write(formatTensors(tensors), 'tensors') }),
      ...(contents &&
        !hasSecretInside && { contentsFile: await write(formatContents(contents), 'contents') }),
    }
  },
}

/** Options of the model that is tracked. */
export type TrackedModelOptions = Pick<ModelOptions, 'weights' | 'base'>

/** A model, with its structure if the run writes a description of it. */
export interface DescribedReport extends ModelReport {
  readonly structure?: ModelStructure
}

/** Return the kind of a model that is read with these options. */
export function modelKind(own: TrackedModelOptions = {}): Kind<string, DescribedReport> {
  checkKnown(own, ['weights', 'base'])
  return {
    section: 'models',
    noun: 'model',
    flag: 'enableModelTracking',
    read: async (path, options, { models }) => {
      const { completeReport, readDescribed, readModel } = await readers()
      if (!models.description) return readModel(path, { ...options, ...own })
      const { listing, structure } = await readDescribed(path, { ...options, ...own })
      return { ...completeReport(listing), structure }
    },
    sample: ({ models }) => models.sample,
    identity: modelIdentity,
    describe: async ({ structure, ...report }, name, writer) => ({
      ...(await describeModel(report, name, writer)),
      ...(structure && {
        descriptionFiles: await writeDescription({ listing: report, structure }, name, writer),
      }),
      ...((await wereWritten(report, writer)) && { producedByRun: true }),
    }),
  }
}

/** Write what a model is into the folder of the run. Return the paths of both files relative to it. */
async function writeDescription(
  described: DescribedModel,
  name: string,
  writer: RunWriter,
): Promise<string[]> {
  const stem = `${safeFileName(writer.redaction.name(name))}_architecture`
  const path = writer.reserveFile('models', stem, '')
  const { structureJson, structureText } = await readers()
  const texts = {
    [`${path}.txt`]: structureText(name, described),
    [`${path}.json`]: `${JSON.stringify(structureJson(name, described), null, 2)}\n`,
  }
  for (const [file, text] of Object.entries(texts))
    await writeBelow('models', file, writer.redaction.text(text), writer)
  return Object.keys(texts)
}

/** The kind of a model in memory. Neither a path nor files are recorded. */
export const TENSORS: Kind<ModelTensors, TensorsReport> = {
  ...modelKind(),
  read: async (tensors, options) => (await readers()).hashTensors(tensors, options),
  describe: (given, ...rest) => {
    const { files: _, ...report } = given
    return describeModel(report, ...rest)
  },
}

/** Check whether all weights of a model were written after the start of the run. */
async function wereWritten({ path, files }: ModelReport, { state }: RunWriter): Promise<boolean> {
  const started = Date.parse(state.start.startedAt)
  for (const { name } of files) {
    const file = join(folderOf(path, files), name)
    const info = await stat(file).catch(() => undefined)
    if (info === undefined || info.mtimeMs <= started + 1) return false
  }
  return files.length > 0
}

/** Return the folder of a model, whose path may be that of a shard index or of one of its files. */
function folderOf(path: string, files: ModelReport['files']): string {
  return isIndexPath(path) || files.some(({ name }) => name === basename(path)) ? dirname(path) : path
}

/** Describe a model for the record, without its path. The tensor list goes into a file of its own. */
export async function describeModel(
  { tensors, ...report }: Omit<ModelReport, 'path' | 'files'>,
  name: string,
  writer: RunWriter,
): Promise<JsonObject> {
  const described = copyAsJson(report, 'the model')
  if (!writer.configuration.models.tensors) return described
  if (hasSecretName(tensors, writer)) {
    writer.append({ type: 'warning', message: `model ${JSON.stringify(name)}: ${secretNames('tensors')}` })
    return described
  }
  const tensorsFile = await writeList(formatTensors(tensors), 'tensors', name, writer, 'models')
  return { ...described, tensorsFile }
}

const tokenizer: Kind<string, TokenizerReport> = {
  section: 'tokenizers',
  noun: 'tokenizer',
  flag: 'enableModelTracking',
  read: async (path, options) => (await readers()).readTokenizer(path, options),
  identity: ({ digest }) => digest.toString(),
  describe: (report) => Promise.resolve(copyAsJson(report, 'the tokenizer')),
}

/** The kinds of items that can be tracked. */
export const KINDS: {
  readonly dataset: Kind<DatasetSource, ContentReport>
  readonly output: Kind<string, OutputReport>
  readonly model: Kind<string, DescribedReport>
  readonly tokenizer: Kind<string, TokenizerReport>
} = { dataset: datasetKind(), output, model: modelKind(), tokenizer }

/** Options of {@link track}. */
type TrackOptions = Pick<HashOptions, 'signal' | 'onProgress'> & {
  /** Number of the process that reports the item; absent for this process. */
  readonly process?: number | undefined
  /** True if the store keeps a copy. @default as the configuration says */
  readonly keep?: boolean | undefined
}

/**
 * Digest an item and record it under a name.
 *
 * @returns The report of the item; `undefined` if the configuration disables this kind.
 * @throws The error of reading, after the failure was recorded; ERR_LINEAPRINT_ARGUMENT if the name already
 * stands for other content.
 */
export async function track<S, R extends object>(
  writer: RunWriter,
  kind: Kind<S, R>,
  source: S,
  givenName: string,
  { signal, onProgress, process, keep }: TrackOptions,
): Promise<R | undefined> {
  const { section, noun, flag } = kind
  const name = checkName(givenName, `the name of the ${noun}`)
  const from = process === undefined ? {} : { process }
  if (flag !== undefined && !writer.configuration[flag]) {
    writer.append({ type: 'tracked', section, name, entry: { status: 'off' }, ...from })
    return undefined
  }
  try {
    const { algorithm } = writer.configuration
    const sample = kind.sample?.(writer.configuration)
    const options = { algorithm, signal, onProgress, ...(sample && { sample }) }
    const path = typeof source === 'string' ? resolve(writer.directory, source) : undefined
    const isInput = section !== 'outputs'
    const before =
      isInput && path !== undefined ? await fingerprintInput(writer, section, name, path) : undefined
    const located = locate(source, writer.directory)
    const { tables } = writer.configuration.datasets
    const report = await kind.read(
      located,
      { ...options, ...(kind.tables && { tables }) },
      writer.configuration,
    )
    await writer.exclusive(() => record(writer, kind, name, report, process))
    await keepTracked(writer, { section, name, path, before, report, process, keep, signal })
    warnOfDisguise(writer, `${noun} ${JSON.stringify(name)}`, report)
    if (section === 'datasets') warnOfContent(writer, `${noun} ${JSON.stringify(name)}`, report)
    if (path !== undefined && before !== undefined) {
      // Keep only the digests: the report of a model holds every tensor.
      const identity = kind.identity(report)
      const recheck = (): Promise<RecheckResult> => readAgain(kind, identity, located, options, writer)
      writer.snapshots.addInput({ section, name, path, before, recheck })
    }
    if (path !== undefined && !isInput) await flagOutput(writer, name, path)
    return report
  } catch (error) {
    // An entry from an earlier call under this name remains valid.
    if (earlierEntry(writer, section, name, process)?.status !== 'tracked') {
      const path = typeof source === 'string' ? { path: resolve(writer.directory, source) } : {}
      writer.append({
        type: 'tracked',
        section,
        name,
        entry: { status: 'failed', reason: reasonOf(error), ...path },
        ...from,
      })
    }
    throw error
  }
}

/** Repeat the warnings about a dataset as warnings of the run: copies, empty files, tables that could not be read. */
function warnOfContent(writer: RunWriter, label: string, report: object): void {
  const { warnings = [], disguised: [first] = [] } = report as Partial<DatasetReport>
  for (const warning of warnings) {
    // The run has a warning about disguised files already.
    if (first !== undefined && warning.startsWith(disguiseSentence(first))) continue
    writer.append({ type: 'warning', message: `the ${label}: ${warning}` })
  }
}

/** Warn of files that are not what their names say: the run used a pointer or an error page as data. */
function warnOfDisguise(writer: RunWriter, label: string, report: object): void {
  if (!('disguised' in report)) return
  const { disguised = [], path } = report as Pick<DatasetReport, 'disguised' | 'path'>
  const [first] = disguised
  if (first === undefined) return
  const more = disguised.length > 1 ? ` (and ${disguised.length - 1} more such files)` : ''
  const file = first.path === '' ? (path ?? '') : first.path
  writer.append({
    type: 'warning',
    message: `the ${label} is not what its name says: ${disguiseSentence({ ...first, path: file })}${more}`,
  })
}

/**
 * Compute the fingerprint of an input right before it is read. Return `undefined` if it does not exist:
 * reading reports that.
 */
async function fingerprintInput(
  writer: RunWriter,
  section: TrackedSection,
  name: string,
  path: string,
): Promise<PresentFingerprint | undefined> {
  const label = `${section.slice(0, -1)} ${JSON.stringify(name)}`
  const fingerprint = await fingerprintOrWarn(writer, label, path)
  return fingerprint?.status === 'present' ? fingerprint : undefined
}

/** Read an input again, and compare it with the first read. */
async function readAgain<S, R extends object>(
  kind: Kind<S, R>,
  before: string,
  source: S,
  options: SampledHashOptions,
  { configuration }: RunWriter,
): Promise<RecheckResult> {
  try {
    const report = await kind.read(
      source,
      { ...options, ...(kind.tables && { tables: false }) },
      configuration,
    )
    return kind.identity(report) === before ? 'same' : 'changed'
  } catch (error) {
    if (LineaprintError.is(error) && error.code === 'ERR_LINEAPRINT_NOT_FOUND') return 'missing'
    throw error
  }
}

/** Return the digests of a model in the order in which errors name them. */
function modelIdentity({
  architecture,
  weights,
  pipeline,
}: Pick<ModelReport, 'architecture' | 'weights' | 'pipeline'>): string {
  return [architecture, weights, ...(pipeline === undefined ? [] : [pipeline])].join(', ')
}

/** Return the same digests from an entry of the record. */
function recordedIdentity(section: TrackedSection, name: string, entry: TrackedEntry): string {
  const identity = identityDigests(section, name, entry)
  if (typeof identity === 'string') return identity
  const { architecture, weights, pipeline } = identity
  return [architecture, weights, ...(pipeline === undefined ? [] : [pipeline])].join(', ')
}

/** Resolve a relative path against the working folder of the run. */
function locate<S>(source: S, directory: string): S {
  // If that is the working directory, keep the path as given, so that errors show it in that form.
  return typeof source === 'string' && directory !== process.cwd()
    ? (resolve(directory, source) as S)
    : source
}

async function record<S, R extends object>(
  writer: RunWriter,
  kind: Kind<S, R>,
  name: string,
  report: R,
  process: number | undefined,
): Promise<void> {
  const earlier = earlierEntry(writer, kind.section, name, process)
  if (earlier?.status === 'tracked') {
    const [before, current] = [recordedIdentity(kind.section, name, earlier), kind.identity(report)]
    if (before === current) return
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `the ${kind.noun} ${JSON.stringify(name)} already has other content`,
      {
        field: name,
        expected: before,
        received: current,
        hint: 'choose another name',
      },
    )
  }
  const described = await kind.describe(report, name, writer)
  const entry = { status: 'tracked', ...described } as TrackedRecord
  const from = process === undefined ? {} : { process }
  writer.append({ type: 'tracked', section: kind.section, name, entry, ...from })
}

/**
 * Return the entry that already has a name: that of the same position. The ranks of a job can use one name
 * for different content.
 */
function earlierEntry(
  { state }: RunWriter,
  section: TrackedSection,
  name: string,
  process: number | undefined,
): TrackedRecord | undefined {
  return state.tracked[section].get(name, processOf(state, process))
}

/**
 * Check whether a list has a name with a secret. A list without that name would belong to another digest, and one with
 * another name would call the item changed, so there is no list then.
 */
function hasSecretName(
  entries: Iterable<{ readonly path: string } | { readonly name: string }>,
  { redaction }: RunWriter,
): boolean {
  if (!redaction.isOn) return false
  for (const entry of entries) {
    const name = 'path' in entry ? entry.path : entry.name
    if (redaction.text(name) !== name) return true
  }
  return false
}

function secretNames(what: 'files' | 'tensors' | 'contents'): string {
  return `the ${what} are not listed, so no check can name one: a name among them may contain a secret`
}

/** The sections whose entries can have lists. */
type ListedSection = 'datasets' | 'models' | 'outputs'

/** Write a list of an item into a file of the run's folder. Return its path relative to that folder. */
async function writeList(
  content: string | Iterable<string>,
  kind: 'tensors' | 'files' | 'contents',
  name: string,
  writer: RunWriter,
  section: ListedSection,
): Promise<string> {
  const path = writer.reserveFile(section, safeFileName(writer.redaction.name(name)), `.${kind}.json`)
  await writeBelow(section, path, content, writer)
  return path
}

/** Write a file in the folder of a section. @param path Relative to the folder of the run. */
async function writeBelow(
  section: ListedSection,
  path: string,
  content: string | Iterable<string>,
  writer: RunWriter,
): Promise<void> {
  const folder = join(writer.folder, section)
  try {
    await mkdir(folder, { recursive: true, mode: modesIn(writer.folder).folder })
  } catch (cause) {
    throw storeError(folder, 'cannot be created', cause)
  }
  await writeAtomic(join(writer.folder, path), content, modesIn(writer.folder).file)
}
