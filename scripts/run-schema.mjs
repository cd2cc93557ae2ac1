// Create the published form of the schemas in src/record/: schema/run.schema.json, the JSON Schema of
// `run.json`, and the tables of docs/format.md.
//
//   node scripts/run-schema.mjs            writes them
//   node scripts/run-schema.mjs --check    fails if the files differ from what would be written
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod/mini'
import { eventSchema } from '../src/record/event-schema.ts'
import { RUN_SCHEMA } from '../src/record/record.ts'
import { runRecordSchema } from '../src/record/record-schema.ts'
import { DESCRIPTIONS } from '../src/record/schema-field.ts'
import { eventTable, flagTable, recordTable } from './record-tables.mjs'
import { root } from './setup.mjs'

const record = jsonSchema(runRecordSchema())
const events = jsonSchema(eventSchema())

await publish(['schema', 'run.schema.json'], () => JSON.stringify(published(record)))
await publish(['docs', 'format.md'], (page) =>
  [
    ['record', recordTable(record)],
    ['flags', flagTable(record)],
    ['events', eventTable(events)],
  ].reduce((text, [name, table]) => fill(text, name, table), page),
)

async function publish(name, make) {
  const path = join(root, ...name)
  const before = readFileSync(path, 'utf8')
  const after = await format(make(before), { ...(await resolveConfig(path)), filepath: path })
  if (!process.argv.includes('--check')) writeFileSync(path, after)
  else if (before !== after) {
    console.error(`${name.join('/')} is not what the schemas in src/record/ say: run scripts/run-schema.mjs`)
    process.exit(1)
  }
}

/** Insert a table between its two markers. */
function fill(page, name, table) {
  const marks = [`<!-- ${name}: scripts/run-schema.mjs writes this table -->`, `<!-- /${name} -->`]
  const [start, end] = marks.map((mark) => page.indexOf(mark))
  if (start === -1 || end < start) throw new Error(`docs/format.md has no ${marks.join(' … ')}`)
  return `${page.slice(0, start + marks[0].length)}\n\n${table}\n\n${page.slice(end)}`
}

function published({ $schema, ...rest }) {
  return {
    $schema,
    $id: `urn:${RUN_SCHEMA.replaceAll('/', ':')}`,
    title: `The record of a run (${RUN_SCHEMA})`,
    description: 'What run.json holds. Fields that a later version adds are let through.',
    ...rest,
  }
}

function jsonSchema(schema) {
  return z.toJSONSchema(schema, { metadata: DESCRIPTIONS, unrepresentable: 'any', override })
}

/**
 * Complete schemas that zod cannot express as JSON Schema (an object of any JSON values, names other than
 * `__proto__`), and put the description first.
 */
function override({ zodSchema, jsonSchema: made }) {
  const { type } = zodSchema.def
  if (type === 'custom') made.type = 'object'
  if (type === 'record') made.propertyNames = { type: 'string', not: { const: '__proto__' } }
  if (made.description === undefined) return
  const { description, ...rest } = made
  for (const key of Object.keys(rest)) delete made[key]
  Object.assign(made, { description }, rest)
}
