/** The content of a run for MLflow other than its metrics: parameters, tags and datasets. */
import { TRACKED_SECTIONS } from '../../record/record.ts'
import {
  digestFacts,
  exitCodeOf,
  gitFacts,
  objectOf,
  jsonMetadata,
  jsonParameters,
  seedOf,
  textOf,
  trackedFacts,
} from '../facts.ts'
import { NameMaker, cut } from './names.ts'
import type { JsonValue } from '../../core/json-value.ts'
import type { RunRecord } from '../../record/record.ts'

/** A parameter or a tag. */
export interface Pair {
  readonly key: string
  readonly value: string
}

/** The tag by which a run is found again, so that sending it twice does not create two runs. */
export const RUN_TAG = 'lineaprint.run'

const PARAMETER_LIMIT = 6000
const TAG_LIMIT = 8000
const DATASET_NAME_LIMIT = 500
/** Characters of a digest that MLflow keeps: 144 of the 256 bits. */
export const DIGEST_LIMIT = 36
const SOURCE_LIMIT = 65_535
const INPUT_TAG_LIMIT = 500

/** Prefixes of tags that have a meaning of their own. */
const OWN_TAGS = /^(mlflow|lineaprint)\./

/**
 * Return the metadata and the reported parameters, one parameter for each value: members of objects are joined by dots, lists are JSON.
 */
export function parametersOf(record: RunRecord): { parameters: Pair[]; warnings: string[] } {
  const names = new NameMaker()
  const parameters: Pair[] = []
  const warnings: string[] = []
  const add = (path: readonly string[], value: JsonValue): void => {
    const members =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : []
    for (const [key, member] of members) add([...path, key], member)
    if (members.length > 0) return
    // Two paths can have the same dotted name: { "a.b": 1, "a": { "b": 2 } }.
    const dotted = path.join('.')
    const key = names.name(
      path.some((part) => part.includes('.')) ? `${dotted}#${JSON.stringify(path)}` : dotted,
    )
    const text = written(value)
    const short = cut(text, PARAMETER_LIMIT)
    if (short !== text)
      warnings.push(
        `MLflow stores only ${PARAMETER_LIMIT} characters of the parameter ${key}; run.json has the full value`,
      )
    parameters.push({ key, value: short })
  }
  for (const [key, value] of Object.entries(jsonMetadata(record))) add([key], value)
  const used = new Set(parameters.map(({ key }) => key))
  // Their names have dots already.
  for (const [name, value] of Object.entries(jsonParameters(record)))
    if (!used.has(name)) add(name.split('.'), value)
  return { parameters, warnings }
}

/**
 * Return the tags of a run: those that MLflow itself uses (`mlflow.…`), the user's own, and `lineaprint.…`.
 */
export function tagsOf(record: RunRecord): Pair[] {
  const { commit, branch, remote, clean } = gitFacts(record)
  const { runName, status, lineaprint, tags, parent, command, failure, warnings } = record
  const seed = seedOf(record)
  const own: [string, string | undefined][] = [
    ['mlflow.source.name', command.argv.join(' ')],
    ['mlflow.source.type', 'LOCAL'],
    ['mlflow.source.git.commit', commit],
    ['mlflow.source.git.branch', branch],
    ['mlflow.source.git.repoURL', remote],
    ['mlflow.source.git.dirty', clean === undefined ? undefined : String(!clean)],
    ['mlflow.note.content', record.notes],
    [RUN_TAG, record.id],
    ['lineaprint.name', runName],
    ['lineaprint.status', status],
    ['lineaprint.version', lineaprint],
    ['lineaprint.parent', parent ?? undefined],
    ['lineaprint.tags', JSON.stringify(tags)],
    ['lineaprint.seed', seed === null ? undefined : String(seed)],
    ['lineaprint.exitCode', exitCodeOf(record)?.toString()],
    ['lineaprint.failure', failure?.message],
    ['lineaprint.warnings', warnings.length === 0 ? undefined : JSON.stringify(warnings)],
    ...digestTags(record),
  ]
  const names = new NameMaker()
  const mine = own.map(([key, value]) => [names.name(key), value] as const)
  const theirs = tags.filter((tag) => !OWN_TAGS.test(tag)).map((tag) => [names.name(tag), 'true'] as const)
  return [...mine, ...theirs].flatMap(([key, value]) =>
    value === undefined || value === '' ? [] : [{ key, value: cut(value, TAG_LIMIT) }],
  )
}

function digestTags(record: RunRecord): [string, string][] {
  const { captures, ...sections } = digestFacts(record)
  const tags: [string, string][] = []
  for (const [name, digest] of Object.entries(captures ?? {}))
    tags.push([`lineaprint.capture.${name}`, written(digest)])
  for (const section of TRACKED_SECTIONS) {
    for (const [name, digest] of Object.entries(sections[section] ?? {})) {
      const parts = Object.entries(objectOf(digest))
      if (parts.length === 0) tags.push([`lineaprint.${section}.${name}`, written(digest)])
      for (const [part, value] of parts) tags.push([`lineaprint.${section}.${name}.${part}`, written(value)])
    }
  }
  return tags
}

/** A dataset in the form of `runs/log-inputs`. */
export interface DatasetInput {
  readonly dataset: {
    readonly name: string
    readonly digest: string
    readonly source_type: string
    readonly source: string
    readonly profile: string
  }
  readonly tags: readonly Pair[]
}

/**
 * Return every tracked dataset, with as much of its digest as MLflow keeps; the complete digest is in a tag
 * of the dataset.
 */
export function datasetsOf(record: RunRecord): { datasets: DatasetInput[]; warnings: string[] } {
  const warnings: string[] = []
  const datasets = Object.entries(record.datasets).flatMap(([name, entry]): DatasetInput[] => {
    if (entry.status !== 'tracked') return []
    const { status: _, ...report } = entry
    const dataset = trackedFacts('datasets', name, entry)
    if (dataset === undefined) return []
    const { digest } = dataset
    const path = textOf(dataset.path)
    const source = JSON.stringify(path === undefined ? { tags: { [RUN_TAG]: record.id } } : { uri: path })
    if (source.length > SOURCE_LIMIT) {
      warnings.push(`the path of the dataset ${JSON.stringify(name)} is too long for MLflow and was not sent`)
      return []
    }
    const hex = digest.slice(digest.lastIndexOf(':') + 1)
    const input = {
      name: cut(name, DATASET_NAME_LIMIT),
      digest: hex.slice(0, DIGEST_LIMIT),
      // MLflow's source types for a file and for data known only to the code.
      source_type: path === undefined ? 'code' : 'local',
      source,
      profile: JSON.stringify(report),
    }
    const tags = [
      { key: 'mlflow.data.context', value: 'input' },
      { key: 'lineaprint.digest', value: cut(digest, INPUT_TAG_LIMIT) },
    ]
    return [{ dataset: input, tags }]
  })
  return { datasets, warnings }
}

/** Return a text as it is, anything else as JSON. */
function written(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
