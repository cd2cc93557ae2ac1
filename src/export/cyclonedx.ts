/**
 * A run as a bill of materials, CycloneDX 1.6: its models, datasets and outputs, and the packages it ran on.
 */
import { createHash } from 'node:crypto'
import { pathToFileURL } from 'node:url'
import { decodeFloat } from '../json/special-floats.ts'
import { VERSION } from '../core/version.ts'
import { gitFacts, seedOf, sourceFacts, textOf, trackedFacts } from './facts.ts'
import { digestsOf } from './written-digests.ts'
import type { JsonObject } from '../core/json-value.ts'
import { isResult } from '../record/products.ts'
import { trackedPath } from '../record/tracked.ts'
import type { RunRecord, TrackedRecord, TrackedSection } from '../record/record.ts'

type Property = { readonly name: string; readonly value: string }

/** CycloneDX's names of the hash functions of a file. Digests of other kinds are properties. */
const ALGORITHMS: ReadonlyMap<string, string> = new Map([
  ['sha256', 'SHA-256'],
  ['blake3', 'BLAKE3'],
])

const TYPES: Readonly<Record<TrackedSection, string>> = {
  datasets: 'data',
  models: 'machine-learning-model',
  tokenizers: 'data',
  outputs: 'file',
}

/** Build the bill. The same record always gives the same bill. */
export function cyclonedxBill(record: RunRecord): JsonObject {
  const sections = Object.keys(TYPES) as TrackedSection[]
  const packages = packagesOf(record)
  const components = [...sections.flatMap((section) => componentsOf(section, record)), ...packages]
  // A run does not depend on what it made.
  const dependencies = [
    ...sections.flatMap((section) =>
      componentsOf(section, record, (name) => !isResult(section, name, record)),
    ),
    ...packages,
  ]
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(record)}`,
    version: 1,
    metadata: {
      timestamp: record.finishedAt ?? record.startedAt,
      tools: { components: [{ type: 'application', name: 'lineaprint', version: VERSION }] },
      component: runComponent(record),
    },
    components,
    dependencies: [{ ref: 'run', dependsOn: dependencies.map((component) => component['bom-ref']) }],
  }
  return JSON.parse(JSON.stringify(bill)) as JsonObject
}

/** Derive the serial number from the record alone, in the form of a random UUID. */
function uuidOf({ id, startedAt }: RunRecord): string {
  const bytes = createHash('sha256').update(`${id} ${startedAt}`).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function runComponent(record: RunRecord): object {
  const { commit, remote } = gitFacts(record)
  const seed = seedOf(record)
  const facts: [string, string | undefined][] = [
    ['run', record.id],
    ['name', record.runName],
    ['status', record.status],
    ['command', JSON.stringify(record.command.argv)],
    ['seal', record.seal ?? undefined],
    ['git:commit', commit],
    ['git:remote', remote],
    ['seed', seed === null ? undefined : String(seed)],
    ...Object.entries(record.captures).map(([name, capture]): [string, string | undefined] => [
      `capture:${name}`,
      capture.status === 'captured' ? capture.digest : undefined,
    ]),
    ...Object.entries(record.metrics).map(([name, { last }]): [string, string] => [
      `metric:${name}`,
      String(decodeFloat(last)),
    ]),
  ]
  return {
    type: 'application',
    'bom-ref': 'run',
    name: record.name,
    version: record.id,
    properties: facts.flatMap(([name, value]) => (value === undefined ? [] : [property(name, value)])),
  }
}

interface Component {
  readonly 'bom-ref': string
  readonly [field: string]: unknown
}

function componentsOf(
  section: TrackedSection,
  record: RunRecord,
  keep: (name: string) => boolean = () => true,
): Component[] {
  return Object.entries(record[section]).flatMap(([name, entry]) => {
    if (entry.status !== 'tracked' || !keep(name)) return []
    const digests = Object.entries(digestsOf(section, name, entry))
    const hashes = digests.flatMap(([kind, content]) => {
      const algorithm = ALGORITHMS.get(kind)
      return algorithm === undefined ? [] : [{ alg: algorithm, content }]
    })
    const others = digests.filter(([kind]) => ALGORITHMS.get(kind) === undefined)
    const path = textOf(trackedPath(entry))
    return [
      {
        type: TYPES[section],
        'bom-ref': `${section}/${name}`,
        name,
        ...(hashes.length > 0 && { hashes }),
        ...(section === 'datasets' && { data: [contentOf(name, path)] }),
        ...(section === 'models' && { modelCard: cardOf(name, entry) }),
        properties: [
          ...(path === undefined ? [] : [property('path', path)]),
          ...others.map(([kind, content]) => property('digest', `${kind}:${content}`)),
        ],
      },
    ]
  })
}

function contentOf(name: string, path: string | undefined): object {
  return { type: 'dataset', name, ...(path !== undefined && { contents: { url: pathToFileURL(path).href } }) }
}

/** Return the model card: the recorded properties of a model. */
function cardOf(name: string, entry: TrackedRecord): object {
  const model = trackedFacts('models', name, entry)
  if (model === undefined) return { properties: [] }
  const { format, tensorCount, parameters } = model
  const facts = Object.entries({ format, tensorCount, parameters })
  return {
    properties: facts.flatMap(([fact, value]) =>
      value === undefined ? [] : [property(fact, String(value))],
    ),
  }
}

/** Return the Python packages of the environment: each version of each name. */
function packagesOf(record: RunRecord): Component[] {
  const packages = sourceFacts(record, 'python')?.packages ?? {}
  return Object.entries(packages).flatMap(([name, versions]) =>
    [...new Set(versions.filter((version) => version !== ''))].map((version) => {
      const purl = `pkg:pypi/${encodeURIComponent(name)}@${encodeURIComponent(version)}`
      return { type: 'library', 'bom-ref': purl, name, version, purl }
    }),
  )
}

function property(name: string, value: string): Property {
  return { name: `lineaprint:${name}`, value }
}
