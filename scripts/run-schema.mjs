// Makes schema/run.schema.json, the JSON Schema of `run.json`, from the schema that the reader of records uses.
//
//   node scripts/run-schema.mjs            writes it
//   node scripts/run-schema.mjs --check    fails if it is not what would be written
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod/mini'
import { runRecordSchema } from '../src/record/schema.ts'
import { RUN_SCHEMA } from '../src/record/record.ts'
import { root } from './setup.mjs'

const path = join(root, 'schema', 'run.schema.json')

const DESCRIPTIONS = {
  schema: 'The version of the record. A record of another meaning has another one.',
  id: 'Name of the run and of its folder.',
  name: 'Name of the experiment; runs may share it.',
  status: '`running`: not ended, or its process is gone without having ended it.',
  startedAt: 'ISO 8601 in UTC.',
  finishedAt: 'ISO 8601 in UTC; null while the run goes on.',
  durationMs: 'Milliseconds, measured by a clock that is never set back.',
  lineaprint: 'Version of lineaprint that wrote the record.',
  parent: 'Id of the run whose command made this one.',
  process: 'The process that writes the run.',
  command: 'The command that was wrapped, or the program that used the tracker; secrets are replaced.',
  metadata: 'Whatever the program said, as JSON. NaN and the infinities stand as {"__float__":"NaN"}.',
  configuration: 'The options of the run with every default filled in.',
  captures: 'What each capture found: environment, git, seeds and those of the user.',
  datasets: 'By name; digests are in written form.',
  models: 'By name; the digest of every tensor is in the file `tensorsFile`.',
  tokenizers: 'By name.',
  outputs: 'Files and folders that the run made, by name.',
  metrics: 'Each metric in short; every value stands in the journal, events.jsonl.',
  digests: 'Each logged digest in short; every one stands in the journal.',
  failure: 'Why the run failed.',
  warnings: 'Plain sentences about what is not as it should be.',
  files: "Every other file of the run's folder; empty while it runs.",
  seal: '`run.v1.blake3:…` of the record without this field; null while it runs.',
}

const text = await format(JSON.stringify(schema()), { ...(await resolveConfig(path)), filepath: path })
if (!process.argv.includes('--check')) writeFileSync(path, text)
else if (readFileSync(path, 'utf8') !== text) {
  console.error('schema/run.schema.json is not what src/record/schema.ts says: run scripts/run-schema.mjs')
  process.exit(1)
}

function schema() {
  const { $schema, ...rest } = z.toJSONSchema(runRecordSchema(), { unrepresentable: 'any', override })
  for (const [field, description] of Object.entries(DESCRIPTIONS)) {
    if (rest.properties[field] === undefined) throw new Error(`the record has no field ${field}`)
    rest.properties[field] = { description, ...rest.properties[field] }
  }
  const version = RUN_SCHEMA.replaceAll('/', ':')
  return {
    $schema,
    $id: `urn:${version}`,
    title: `The record of a run (${RUN_SCHEMA})`,
    description: 'What run.json holds. Fields that a later version adds are let through.',
    ...rest,
  }
}

/** What zod cannot say in JSON Schema: an object of any JSON values, and names that are not `__proto__`. */
function override({ zodSchema, jsonSchema }) {
  const { type } = zodSchema.def
  if (type === 'custom') jsonSchema.type = 'object'
  if (type === 'record') jsonSchema.propertyNames = { type: 'string', not: { const: '__proto__' } }
}
