/** Datasets, models, tokenizers and outputs: digested, and recorded under a name that stands for one content. */
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { readDataset } from '../dataset/read.ts'
import { Digest } from '../digest.ts'
import { LineaprintError } from '../errors.ts'
import { readModel } from '../model/read.ts'
import { readTokenizer } from '../model/tokenizer.ts'
import { storeError, writeAtomic } from '../store/atomic.ts'
import { safeFileName } from '../store/ids.ts'
import { reasonOf } from './failure.ts'
import { fieldText, plainName, plainObject } from './plain.ts'
import { formatTensors } from './tensors.ts'
import type { DatasetReport, DatasetSource } from '../dataset/read.ts'
import type { JsonObject } from '../json/value.ts'
import type { ModelReport } from '../model/read.ts'
import type { TokenizerReport } from '../model/tokenizer.ts'
import type { HashOptions } from '../options.ts'
import type { TrackedRecord, TrackedSection } from '../store/record.ts'
import type { RunWriter } from './run-writer.ts'

/** How one kind of thing is read, described and told apart. */
interface Kind<S, R extends object> {
  readonly section: TrackedSection
  /** For error messages: `dataset`. */
  readonly noun: string
  /** The option that switches it off. */
  readonly flag?: 'enableDatasetTracking' | 'enableModelTracking'
  read(source: S, options: HashOptions): Promise<R>
  /** The digests that decide whether two are the same. */
  readonly identity: readonly string[]
  /** What is recorded; may write files into the folder of the run. */
  describe(report: R, name: string, writer: RunWriter): Promise<JsonObject>
}

const dataset: Kind<DatasetSource, DatasetReport> = {
  section: 'datasets',
  noun: 'dataset',
  flag: 'enableDatasetTracking',
  read: readDataset,
  identity: ['digest'],
  describe: (report) => Promise.resolve(plainObject(report, 'the dataset')),
}

const output: Kind<string, DatasetReport> = {
  section: 'outputs',
  noun: 'output',
  read: readDataset,
  identity: ['digest'],
  describe: (report) => Promise.resolve(plainObject(report, 'the output')),
}

const model: Kind<string, ModelReport> = {
  section: 'models',
  noun: 'model',
  flag: 'enableModelTracking',
  read: (path, options) => readModel(path, options),
  identity: ['architecture', 'weights'],
  describe: async ({ tensors, ...report }, name, writer) => {
    const tensorsFile = await writeTensors(tensors, name, writer)
    return { ...plainObject(report, 'the model'), tensorsFile }
  },
}

const tokenizer: Kind<string, TokenizerReport> = {
  section: 'tokenizers',
  noun: 'tokenizer',
  flag: 'enableModelTracking',
  read: readTokenizer,
  identity: ['digest'],
  describe: (report) => Promise.resolve(plainObject(report, 'the tokenizer')),
}

/** The kinds of things that can be tracked. */
export const KINDS: {
  readonly dataset: Kind<DatasetSource, DatasetReport>
  readonly output: Kind<string, DatasetReport>
  readonly model: Kind<string, ModelReport>
  readonly tokenizer: Kind<string, TokenizerReport>
} = { dataset, output, model, tokenizer }

/**
 * Reads a thing and records it under a name.
 *
 * @returns What was read; `undefined` where the configuration switches this kind off.
 * @throws Whatever reading throws, after it was recorded as failed; ERR_LINEAPRINT_ARGUMENT if the name stands
 *   for other content already.
 */
export async function track<S, R extends object>(
  writer: RunWriter,
  kind: Kind<S, R>,
  source: S,
  givenName: string,
  { signal, onProgress }: Pick<HashOptions, 'signal' | 'onProgress'>,
): Promise<R | undefined> {
  const { section, noun, flag } = kind
  const name = plainName(givenName, `the name of the ${noun}`)
  if (flag !== undefined && !writer.configuration[flag]) {
    writer.say({ type: 'tracked', section, name, entry: { status: 'off' } })
    return undefined
  }
  try {
    const { algorithm } = writer.configuration
    const report = await kind.read(located(source, writer.directory), { algorithm, signal, onProgress })
    await writer.exclusive(() => record(writer, kind, name, report))
    return report
  } catch (error) {
    // What stands under the name from an earlier call is still true.
    if (writer.state.tracked[section].get(name)?.status !== 'tracked') {
      const path = typeof source === 'string' ? { path: resolve(writer.directory, source) } : {}
      writer.say({
        type: 'tracked',
        section,
        name,
        entry: { status: 'failed', reason: reasonOf(error), ...path },
      })
    }
    throw error
  }
}

/** Relative paths are relative to the folder the run works in. */
function located<S>(source: S, directory: string): S {
  // Where that is the working directory, errors show the path as it was given.
  return typeof source === 'string' && directory !== process.cwd()
    ? (resolve(directory, source) as S)
    : source
}

async function record<S, R extends object>(
  writer: RunWriter,
  kind: Kind<S, R>,
  name: string,
  report: R,
): Promise<void> {
  const earlier = writer.state.tracked[kind.section].get(name)
  if (earlier?.status === 'tracked') {
    const [before, now] = [earlier, report].map((of) =>
      kind.identity.map((field) => digestText((of as JsonObject)[field])).join(', '),
    )
    if (before === now) return
    throw new LineaprintError(
      'ERR_LINEAPRINT_ARGUMENT',
      `the ${kind.noun} ${JSON.stringify(name)} stands for other content already`,
      {
        field: name,
        expected: before,
        received: now,
        hint: 'choose another name',
      },
    )
  }
  const described = await kind.describe(report, name, writer)
  const entry = { status: 'tracked', ...described } as TrackedRecord
  writer.say({ type: 'tracked', section: kind.section, name, entry })
}

/** A digest of a report, or its written form in a record. */
function digestText(value: unknown): string {
  return value instanceof Digest ? value.toString() : fieldText(value)
}

async function writeTensors(
  tensors: ModelReport['tensors'],
  name: string,
  writer: RunWriter,
): Promise<string> {
  const folder = join(writer.folder, 'models')
  try {
    await mkdir(folder, { recursive: true })
  } catch (cause) {
    throw storeError(folder, 'it cannot be made', cause)
  }
  // Two names can be one file on a file system that ignores case.
  const taken = new Set(
    [...writer.state.tracked.models.values()].map((entry) =>
      fieldText('tensorsFile' in entry ? entry.tensorsFile : '').toLowerCase(),
    ),
  )
  const stem = safeFileName(name)
  let path = `models/${stem}.tensors.json`
  for (let number = 2; taken.has(path.toLowerCase()); number++) path = `models/${stem}-${number}.tensors.json`
  await writeAtomic(join(writer.folder, path), formatTensors(tensors))
  return path
}
