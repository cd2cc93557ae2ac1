// The tables of docs/format.md, created from the JSON Schemas of records and events.

/** Create one row for each field of a record, including those of its objects. */
export function recordTable(schema) {
  return table(['field', 'type', 'meaning'], rowsOf(schema, '', new Map()))
}

/** Create one row for each kind of flag. */
export function flagTable({ properties }) {
  const kinds = properties.flags.items.properties.kind.anyOf.filter((kind) => kind.const !== undefined)
  return table(
    ['kind of flag', 'meaning'],
    kinds.map((kind) => [code(kind.const), kind.description]),
  )
}

/** Create one row for each field of each event, except `seq`, `time` and `type`, which every event has. */
export function eventTable({ oneOf }) {
  const rows = oneOf.flatMap(({ properties, required, description }) => {
    const { seq: _, time: __, type, ...fields } = properties
    const first = [code(type.const), '', '', description]
    const others = Object.entries(fields).map(([name, field]) => [
      '',
      code(name),
      typeOf(field) + (required.includes(name) ? '' : ', optional'),
      field.description,
    ])
    return [first, ...others]
  })
  return table(['type', 'field', 'is', 'meaning'], rows)
}

/**
 * Create the rows of an object.
 *
 * @param seen Maps schemas of objects whose rows exist already to their paths.
 */
function rowsOf({ properties = {}, required = [] }, prefix, seen, only = '') {
  return Object.entries(properties).flatMap(([name, field]) => {
    const path = `${prefix}${name}`
    const optional = required.includes(name) ? '' : ', optional'
    const { inner, suffix } = contentOf(field)
    const known = inner === undefined ? undefined : seen.get(JSON.stringify(inner))
    if (known !== undefined) return [[code(path), `as ${code(known)}${optional}`, only + field.description]]
    if (inner !== undefined) seen.set(JSON.stringify(inner), path)
    const row = [code(path), typeOf(field) + optional, only + (field.description ?? '')]
    return [row, ...innerRows(inner, `${path}${suffix}.`, seen)]
  })
}

/** Create the rows of an object, or of each alternative that a field can have. */
function innerRows(inner, prefix, seen) {
  if (inner === undefined) return []
  if (inner.properties) return rowsOf(inner, prefix, seen)
  const rows = variantsOf(inner).flatMap((variant) => {
    const { status, ...properties } = variant.properties
    const only = status === undefined ? '' : `Of ${code(status.const)}: `
    return rowsOf({ ...variant, properties }, prefix, seen, only)
  })
  const paths = new Set()
  return rows.filter(([path]) => !paths.has(path) && paths.add(path))
}

/** Return the schema of the objects in a field: itself, by name, or in a list. */
function contentOf(field) {
  const { items, additionalProperties } = field
  if (items !== undefined) return { inner: objectIn(items), suffix: '[]' }
  const isByName = field.properties === undefined && hasKeys(additionalProperties)
  if (isByName) return { inner: objectIn(additionalProperties), suffix: '.NAME' }
  return { inner: objectIn(field), suffix: '' }
}

function hasKeys(value) {
  return typeof value === 'object' && Object.keys(value).length > 0
}

/** Return the schema of objects with known fields, without the alternatives around it. */
function objectIn(field) {
  const { description: _, ...schema } = field
  const variants = variantsOf(schema).filter(({ properties }) => properties && !isNumber({ properties }))
  if (variants.length === 0) return undefined
  return variants.length === 1 ? variants[0] : { oneOf: variants }
}

function variantsOf(schema) {
  return schema.oneOf ?? schema.anyOf ?? [schema]
}

/** Check for an object that represents a number without a JSON form. */
function isNumber({ properties }) {
  return properties?.['__float__'] !== undefined
}

function typeOf(schema) {
  const types = [...new Set(typesOf(schema))]
  // Known values are listed only if no other text is allowed.
  return types.filter((type) => !types.includes('text') || !type.startsWith('`"')).join(' or ')
}

function typesOf(schema) {
  if (schema.const !== undefined) return [code(JSON.stringify(schema.const))]
  if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value)))
  if (schema.oneOf ?? schema.anyOf) return variantsOf(schema).flatMap(typesOf)
  if (isNumber(schema)) return ['number']
  if (schema.format === 'date-time') return ['time']
  if (schema.items !== undefined) return [`list of ${pluralOf(schema.items)}`]
  if (schema.properties?.status?.const !== undefined) return [code(schema.properties.status.const)]
  if (hasKeys(schema.additionalProperties) && schema.properties === undefined)
    return [`object of ${pluralOf(schema.additionalProperties)} by name`]
  // Without a type, any value of JSON.
  if (schema.type === undefined) return ['JSON']
  return [schema.type].flat().map((type) => WORDS[type] ?? type)
}

function pluralOf(schema) {
  const types = typesOf(schema)
  if (types.length > 1) return types.every((type) => type === 'object') ? 'objects' : types.join(' or ')
  return ['text', 'JSON'].includes(types[0]) ? types[0] : `${types[0]}s`
}

const WORDS = { string: 'text', integer: 'whole number' }

function code(text) {
  return `\`${text}\``
}

function table(head, rows) {
  const lines = [head, head.map(() => '---'), ...rows].map(
    (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`,
  )
  return lines.join('\n')
}
