/**
 * A run as provenance of its outputs: an in-toto Statement (v1) with a SLSA predicate (v1). It is not signed;
 * the signer uses it, for example, as the payload of a DSSE envelope.
 */
import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { TRACKED_SECTIONS } from '../record/record.ts'
import { trackedPath } from '../record/tracked.ts'
import { RECORD_FILE } from '../store/store.ts'
import { isResult } from '../record/products.ts'
import { gitFacts, jsonMetadata, seedOf, textOf } from './facts.ts'
import { digestSet, digestsOf } from './written-digests.ts'
import type { JsonObject } from '../core/json-value.ts'
import type { RunRecord, TrackedSection } from '../record/record.ts'
import type { RunSource } from './source.ts'

/** A resource: its name, its path, its digests by algorithm. */
interface Resource {
  readonly name: string
  readonly uri?: string
  readonly digest: Readonly<Record<string, string>>
}

/** A statement, and sentences about the parts that others cannot verify. */
export interface SlsaReport {
  readonly statement: JsonObject
  readonly warnings: readonly string[]
}

/**
 * Build the statement. Its subjects are the outputs of the run and the models that it made, or its
 * record if there are none. The results of the run are not dependencies.
 *
 * @param source With the bytes of its record.
 */
export function slsaStatement(source: RunSource): SlsaReport {
  const { record, recordBytes = new Uint8Array() } = source
  const sha256 = createHash('sha256').update(recordBytes).digest('hex')
  const self: Resource = { name: RECORD_FILE, digest: { sha256 } }
  const outputs = [
    ...resourcesOf('outputs', record),
    ...resourcesOf('models', record, (name) => isResult('models', name, record)),
  ]
  const unchecked = outputs.filter(({ digest }) => digest['sha256'] === undefined).map(({ name }) => name)
  const warnings =
    unchecked.length === 0
      ? []
      : [
          `no SHA-256 is known for ${unchecked.join(', ')}, so other programs cannot check them: track single files with the algorithm sha256 or both`,
        ]
  const statement = {
    _type: 'https://in-toto.io/Statement/v1',
    subject: outputs.length > 0 ? outputs : [self],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: { buildDefinition: definitionOf(record), runDetails: detailsOf(record, self) },
  }
  return { statement: JSON.parse(JSON.stringify(statement)) as JsonObject, warnings }
}

function definitionOf(record: RunRecord): object {
  const inputs = TRACKED_SECTIONS.filter((section) => section !== 'outputs')
  const dependencies = [
    ...sourceCode(record),
    ...inputs.flatMap((section) => resourcesOf(section, record, (name) => !isResult(section, name, record))),
    ...capturesOf(record),
  ]
  return {
    buildType: 'urn:lineaprint:run:v1',
    externalParameters: {
      experiment: record.name,
      ...(record.runName !== undefined && { runName: record.runName }),
      command: record.command.argv,
      workingDirectory: record.command.workingDirectory,
      metadata: jsonMetadata(record),
      seed: seedOf(record),
    },
    ...(dependencies.length > 0 && { resolvedDependencies: dependencies }),
  }
}

function detailsOf(record: RunRecord, self: Resource): object {
  const { id, startedAt, finishedAt, lineaprint, files } = record
  const byproducts = files.flatMap((file) => {
    if ('link' in file) return []
    return [{ name: file.path, digest: { ...digestSet(file.sha256), ...digestSet(file.blake3) } }]
  })
  return {
    // Only the signer can identify the machine.
    builder: { id: 'urn:lineaprint:local', version: { lineaprint } },
    metadata: {
      invocationId: id,
      startedOn: startedAt,
      ...(finishedAt !== null && { finishedOn: finishedAt }),
    },
    byproducts: [self, ...byproducts],
  }
}

function sourceCode(record: RunRecord): object[] {
  const { commit, branch, remote, clean } = gitFacts(record)
  if (commit === undefined) return []
  const uri =
    remote === undefined ? {} : { uri: `git+${remote}${branch === undefined ? '' : `@refs/heads/${branch}`}` }
  return [{ name: 'code', ...uri, digest: { gitCommit: commit }, annotations: { clean: clean ?? null } }]
}

/** Return the captured environment as resources, with digests of their own kinds. */
function capturesOf({ captures }: RunRecord): Resource[] {
  return Object.entries(captures).flatMap(([name, capture]) =>
    capture.status === 'captured' ? [{ name: `captures/${name}`, digest: digestSet(capture.digest) }] : [],
  )
}

function resourcesOf(
  section: TrackedSection,
  record: RunRecord,
  keep: (name: string) => boolean = () => true,
): Resource[] {
  return Object.entries(record[section]).flatMap(([name, entry]) => {
    if (!keep(name)) return []
    const digest = digestsOf(section, name, entry)
    if (entry.status !== 'tracked' || Object.keys(digest).length === 0) return []
    const path = textOf(trackedPath(entry))
    const uri = path === undefined ? {} : { uri: pathToFileURL(path).href }
    return [{ name: section === 'outputs' ? name : `${section}/${name}`, ...uri, digest }]
  })
}
