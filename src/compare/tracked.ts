/** Checks of datasets, models, tokenizers and outputs: each is digested again. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readDataset } from '../dataset/read.ts'
import { hashTable } from '../dataset/table.ts'
import { Digest } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { readModel } from '../model/read.ts'
import { readTokenizer } from '../model/tokenizer.ts'
import { sampleOptions } from '../hash/sample/options.ts'
import { parsePlan } from '../core/sample-plan.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { reasonOf } from '../record/failure.ts'
import { isSafeRelativePath } from '../util/paths.ts'
import { recordedAlgorithm } from '../record/configuration.ts'
import { parseTracked, trackedPath } from '../record/tracked.ts'
import { tableDifference } from './tables.ts'
import { compareTensors, parseTensors } from '../record/tensor-list.ts'
import { item, unreadable } from './check-item.ts'
import { plural } from '../util/plural.ts'
import type { Difference } from '../core/component.ts'
import type { AlgorithmChoice } from '../core/digest.ts'
import type { ModelReport } from '../model/read.ts'
import type { SampledHashOptions } from '../hash/sample/options.ts'
import type { TrackedRecord, TrackedSection } from '../record/record.ts'
import type { RecordedTable, TrackedContent, TrackedModel, TrackedTokenizer } from '../record/tracked.ts'
import type { StoredRun } from '../store/runs.ts'
import type { CheckedItem } from './check-item.ts'

/** Check everything that a run tracked, one item at a time: each read uses all cores. */
export async function verifyTracked(run: StoredRun, signal: AbortSignal | undefined): Promise<CheckedItem[]> {
  const items: CheckedItem[] = []
  for (const section of TRACKED_SECTIONS) {
    for (const [name, entry] of Object.entries(run.record[section])) {
      items.push(withFlag(run, await verifyOne(run, section, name, entry, signal)))
    }
  }
  return items
}

/** Add the flag of the run to a changed item. The recorded digest is that of the start of the run then. */
function withFlag({ record: { flags = [] } }: StoredRun, checked: CheckedItem): CheckedItem {
  if (checked.status !== 'changed' && checked.status !== 'missing') return checked
  const isSeen = flags.some(
    ({ kind, section, name }) =>
      (kind === 'input-changed' || kind === 'input-missing') &&
      section === checked.section &&
      name === checked.name,
  )
  return isSeen ? { ...checked, detail: `${checked.detail}; it changed during the run` } : checked
}

async function verifyOne(
  run: StoredRun,
  section: TrackedSection,
  name: string,
  entry: TrackedRecord,
  signal: AbortSignal | undefined,
): Promise<CheckedItem> {
  if (entry.status === 'off') return item(section, name, 'not-checked', 'it was disabled')
  if (entry.status === 'failed')
    return item(section, name, 'not-checked', `it was not recorded: ${entry.reason}`)
  const path = trackedPath(entry)
  if (path === undefined) return item(section, name, 'not-checked', 'the data was in memory')
  try {
    const algorithm = recordedAlgorithm(run.record)
    const optionsFor = (digest: string): SampledHashOptions => {
      const sample = sampleOf(digest)
      return { algorithm, signal, ...(sample && { sample }) }
    }
    if (section === 'models') {
      const recorded = parseTracked(section, name, entry)
      const model = await readModel(path, {
        ...optionsFor(recorded.weights),
        weights: recorded.selectedWeights,
      })
      return await verifyModel(run.folder, name, recorded, model)
    }
    const recorded = parseTracked(section, name, entry)
    const options = optionsFor(recorded.digest)
    const { digest } = await readAgain(section, path, options)
    const [before, after] = [recorded.digest, digest.toString()]
    if (before === after) return item(section, name, 'same', options.sample === undefined ? '' : SAMPLED)
    const table = await compareTable(path, tableOf(recorded), algorithm, signal)
    return item(section, name, 'changed', `the content of ${path} differs${table}`, [
      { field: 'digest', before, after },
    ])
  } catch (error) {
    return unreadable(section, name, error, signal)
  }
}

/** Return the sampling plan of a recorded digest, so that the same units are read again. */
function sampleOf(recorded: string): SampledHashOptions['sample'] {
  let digest: Digest
  try {
    digest = Digest.parse(recorded)
  } catch (error) {
    // An invalid digest equals no digest; the comparison reports that.
    if (LineaprintError.is(error)) return undefined
    throw error
  }
  const plan = digest.plan === undefined ? undefined : parsePlan(digest.plan)
  return plan && sampleOptions(plan)
}

/** Message about an equal sample. `docs/format.md` describes the limits of sampling. */
const SAMPLED = 'a sample of it is the same'

function readAgain(
  section: TrackedSection,
  path: string,
  options: SampledHashOptions,
): Promise<{ digest: Digest }> {
  return section === 'tokenizers'
    ? readTokenizer(path, options)
    : readDataset(path, { ...options, tables: false })
}

/** Return the recorded table of a file; `undefined` for other kinds of content. */
function tableOf(recorded: TrackedContent | TrackedTokenizer): RecordedTable | undefined {
  return 'table' in recorded ? recorded.table : undefined
}

/**
 * Describe how the table in a file with other bytes differs. Return an empty text if no table was recorded.
 */
async function compareTable(
  path: string,
  recorded: RecordedTable | undefined,
  algorithm: AlgorithmChoice,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (recorded === undefined) return ''
  try {
    const table = await hashTable(path, { algorithm, signal })
    if (table.digest.toString() === recorded.digest) return ', but its table is the same'
    return `; its table differs as well: ${tableDifference(recorded, table).detail}`
  } catch (error) {
    if (!LineaprintError.is(error)) throw error
    return `; it can no longer be read as a table: ${reasonOf(error)}`
  }
}

async function verifyModel(
  folder: string,
  name: string,
  recorded: TrackedModel,
  model: ModelReport,
): Promise<CheckedItem> {
  const digests: Difference[] = (['architecture', 'weights'] as const).flatMap((field) => {
    const [before, after] = [recorded[field], model[field].toString()]
    return before === after ? [] : [{ field, before, after }]
  })
  if (digests.length === 0) return item('models', name, 'same', model.sample === undefined ? '' : SAMPLED)
  try {
    const file = recorded.tensorsFile
    if (file === undefined) throw new Error('the run has no tensor list')
    if (!isSafeRelativePath(file)) throw new Error('the record names a path outside the folder of the run')
    const path = join(folder, file)
    const tensors = compareTensors(parseTensors(await readFile(path), path), model.tensors)
    return item('models', name, 'changed', sentence(tensors, model.tensorCount, digests), [
      ...digests,
      ...tensors,
    ])
  } catch (error) {
    return item(
      'models',
      name,
      'changed',
      `the changed tensors cannot be listed: ${reasonOf(error)}`,
      digests,
    )
  }
}

function sentence(tensors: readonly Difference[], total: number, digests: readonly Difference[]): string {
  // Equal tensors with another architecture: only the configuration changed.
  if (tensors.length === 0)
    return `the tensors are the same; changed: ${digests.map(({ field }) => field).join(', ')}`
  const shown = tensors.slice(0, 3).map(({ field }) => field)
  const names = [...shown, ...(tensors.length > 3 ? ['…'] : [])].join(', ')
  return `${tensors.length} of ${plural(total, 'tensor')} ${total === 1 ? 'differs' : 'differ'}: ${names}`
}
