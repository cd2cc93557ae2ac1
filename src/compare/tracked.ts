/** Checks of datasets, models, tokenizers and outputs: each is digested again. */
import { readListedDataset } from '../dataset/read.ts'
import { writeAheadLog } from '../dataset/database-file.ts'
import { Digest } from '../core/digest.ts'
import { LineaprintError } from '../core/errors.ts'
import { readModel } from '../model/read.ts'
import { readTokenizer } from '../model/tokenizer.ts'
import { sampleOptions } from '../hash/sample/options.ts'
import { parsePlan } from '../core/sample-plan.ts'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { reasonOf } from '../record/failure.ts'
import { recordedAlgorithm } from '../record/configuration.ts'
import { parseTracked, trackedPath } from '../record/tracked.ts'
import { volatileFiles } from './file-lists.ts'
import { isOverwritten, keptCopyOf } from '../record/overwritten.ts'
import { checkCopy } from '../store/objects/read.ts'
import { storeOf } from '../store/store.ts'
import { presentDifference } from './present-content.ts'
import { compareTensors, readTensorList } from '../record/tensor-list.ts'
import { isRedacted } from '../secrets/redact.ts'
import { item, unreadable } from './check-item.ts'
import { isReachable } from '../util/fs.ts'
import { plural } from '../util/plural.ts'
import type { Difference } from '../core/component.ts'
import type { JobOptions } from '../core/options.ts'
import type { ModelReport } from '../model/read.ts'
import type { SampledHashOptions } from '../hash/sample/options.ts'
import type { TrackedRecord, TrackedSection } from '../record/record.ts'
import type { TrackedModel } from '../record/tracked.ts'
import type { PathMatcher } from '../util/path-pattern.ts'
import type { StoredRun } from '../store/runs.ts'
import type { CheckedItem } from './check-item.ts'

/** Options of reads that take long. */
export type ReadLimits = Pick<JobOptions, 'signal' | 'onProgress'>

/**
 * Check everything that a run tracked, one item at a time: each read uses all cores.
 *
 * @param outputIgnore Patterns of files of outputs that are left out, in addition to the built-in ones.
 */
export async function verifyTracked(
  run: StoredRun,
  limits: ReadLimits,
  outputIgnore: readonly string[] = [],
): Promise<CheckedItem[]> {
  const isVolatile = volatileFiles(outputIgnore)
  const items: CheckedItem[] = []
  for (const section of TRACKED_SECTIONS) {
    for (const [name, entry] of Object.entries(run.record[section])) {
      items.push(withFlag(run, await verifyOne(run, section, name, entry, { ...limits, isVolatile })))
    }
  }
  return items
}

/** Check one entry that a run tracked, as {@link verifyTracked} and {@link explainOverwritten} do. */
export async function verifyEntry(
  run: StoredRun,
  section: TrackedSection,
  name: string,
  limits: ReadLimits,
): Promise<CheckedItem> {
  const entry = run.record[section][name]
  if (entry === undefined) return item(section, name, 'not-checked', 'the run did not track it')
  const isVolatile = volatileFiles([])
  const checked = withFlag(run, await verifyOne(run, section, name, entry, { ...limits, isVolatile }))
  const [explained = checked] = await explainOverwritten(run, [checked], limits)
  return explained
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

/**
 * Explain inputs that the run wrote over, whose files hold its outputs now: where the store keeps a copy, the copy is
 * compared with the record.
 */
export async function explainOverwritten(
  run: StoredRun,
  items: readonly CheckedItem[],
  limits: ReadLimits,
): Promise<CheckedItem[]> {
  const explained: CheckedItem[] = []
  for (const checked of items) {
    const { section, name, status } = checked
    const isGone = (status === 'changed' || status === 'missing') && isOverwritten(run.record, section, name)
    explained.push(isGone ? await verifyCopy(run, checked, limits) : checked)
  }
  return explained
}

async function verifyCopy(
  run: StoredRun,
  { section, name }: CheckedItem,
  limits: ReadLimits,
): Promise<CheckedItem> {
  const entry = run.record[section as TrackedSection][name]
  const copy = entry === undefined ? undefined : keptCopyOf(section, name, entry)
  if (copy?.status !== 'kept')
    return item(section, name, 'not-checked', `${OVERWRITTEN}; ${copy?.reason ?? 'no copy was kept'}`)
  const store = storeOf(run.folder)
  const differences: Difference[] = []
  for (const { path, state, expected } of await checkCopy(store, copy.files, limits))
    if (state !== 'same')
      differences.push({ field: path === '' ? 'digest' : path, before: expected, after: state })
  return differences.length === 0
    ? item(section, name, 'same', `${OVERWRITTEN}; the kept copy is as recorded`)
    : item(section, name, 'changed', `${OVERWRITTEN}; the kept copy is damaged or gone`, differences)
}

/** Message about an input that the run wrote over. */
const OVERWRITTEN = 'the run wrote over it, and the path holds an output now'

async function verifyOne(
  run: StoredRun,
  section: TrackedSection,
  name: string,
  entry: TrackedRecord,
  { signal, onProgress, isVolatile }: ReadLimits & { readonly isVolatile: PathMatcher },
): Promise<CheckedItem> {
  if (entry.status === 'off') return item(section, name, 'not-checked', 'it was disabled')
  if (entry.status === 'failed')
    return item(section, name, 'not-checked', `it was not recorded: ${entry.reason}`)
  const path = trackedPath(entry)
  if (path === undefined) return item(section, name, 'not-checked', 'the data was in memory')
  if (isRedacted(path))
    return item(section, name, 'not-checked', 'its path held a secret, which the record does not keep')
  try {
    const algorithm = recordedAlgorithm(run.record)
    const optionsFor = (digest: string): SampledHashOptions => {
      const sample = sampleOf(digest)
      return { algorithm, signal, onProgress, ...(sample && { sample }) }
    }
    if (section === 'models') {
      const recorded = parseTracked(section, name, entry)
      const model = await readModel(path, {
        ...optionsFor(recorded.weights),
        weights: recorded.selectedWeights,
        base: await presentBase(recorded),
      })
      return await verifyModel(run.folder, name, recorded, model)
    }
    if (section === 'tokenizers') {
      const { digest: before } = parseTracked(section, name, entry)
      const after = (await readTokenizer(path, optionsFor(before))).digest.toString()
      if (before === after) return item(section, name, 'same')
      const differences = [{ field: 'digest', before, after }]
      return item(section, name, 'changed', `the content of ${path} differs`, differences)
    }
    const recorded = parseTracked(section, name, entry)
    const options = optionsFor(recorded.digest)
    const present = await readListedDataset(path, { ...options, tables: false })
    const [before, after] = [recorded.digest, present.digest.toString()]
    if (before === after) {
      const log = await writeAheadLog(path)
      // The bytes of the file alone are not what a program reads from it.
      if (log !== undefined)
        return item(section, name, 'not-checked', `a part of the database is in its write-ahead log ${log}`)
      return item(section, name, 'same', options.sample === undefined ? '' : SAMPLED)
    }
    const { isSame, detail, differences } = await presentDifference(path, recorded, present, {
      folder: run.folder,
      algorithm,
      signal,
      onProgress,
      ...(section === 'outputs' && { isVolatile }),
    })
    if (isSame) return item(section, name, 'same', detail)
    return item(section, name, 'changed', detail, [{ field: 'digest', before, after }, ...differences])
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
    if (LineaprintError.isFinding(error)) return undefined
    throw error
  }
  const plan = digest.plan === undefined ? undefined : parsePlan(digest.plan)
  return plan && sampleOptions(plan)
}

/** Return the path of the base that an adapter was bound to; false if there was none, or it is not there any more. */
async function presentBase({ base }: TrackedModel): Promise<string | false> {
  return base?.status === 'bound' && (await isReachable(base.path)) && base.path
}

/** Message about an equal sample. `docs/format.md` describes the limits of sampling. */
const SAMPLED = 'a sample of it is the same'

async function verifyModel(
  folder: string,
  name: string,
  recorded: TrackedModel,
  model: ModelReport,
): Promise<CheckedItem> {
  const isUnbound = recorded.adapter !== undefined && model.adapter === undefined
  const digests: Difference[] = MODEL_DIGESTS.flatMap((field) => {
    if (field === 'adapter' && isUnbound) return []
    const [before, after] = [recorded[field], model[field]?.toString() ?? 'no digest']
    return before === undefined || before === after ? [] : [{ field, before, after }]
  })
  if (digests.length === 0) return sameModel(name, recorded, model)
  const unlisted = (reason: string): CheckedItem =>
    item('models', name, 'changed', `the changed tensors cannot be listed: ${reason}`, digests)
  try {
    const list = await readTensorList(folder, recorded)
    if (list === undefined) return unlisted('the run has no tensor list')
    const tensors = compareTensors(list, model.tensors)
    return item('models', name, 'changed', sentence(tensors, model.tensorCount, digests), [
      ...digests,
      ...tensors,
    ])
  } catch (error) {
    if (!LineaprintError.isFinding(error)) throw error
    return unlisted(reasonOf(error))
  }
}

/** The digests that decide whether a model is the recorded one. */
const MODEL_DIGESTS = ['architecture', 'weights', 'graph', 'pipeline', 'adapter'] as const

/** Say what is known of a model whose own digests are the recorded ones. */
function sameModel(name: string, { base }: TrackedModel, model: ModelReport): CheckedItem {
  if (base?.status !== 'bound' || model.adapter !== undefined)
    return item('models', name, 'same', model.sample === undefined ? '' : SAMPLED)
  const detail = `the adapter is the same; its base is not checked: there is no ${base.path}`
  return item('models', name, 'not-checked', detail)
}

function sentence(tensors: readonly Difference[], total: number, digests: readonly Difference[]): string {
  // Equal tensors with another architecture: only the configuration changed.
  if (tensors.length === 0)
    return `the tensors are the same; changed: ${digests.map(({ field }) => field).join(', ')}`
  const shown = tensors.slice(0, 3).map(({ field }) => field)
  const names = [...shown, ...(tensors.length > 3 ? ['…'] : [])].join(', ')
  return `${tensors.length} of ${plural(total, 'tensor')} ${total === 1 ? 'differs' : 'differ'}: ${names}`
}
