/** The option `--schema`: the types of the columns of CSV and JSON lines. */
import { readFile } from 'node:fs/promises'
import { InvalidArgumentError, Option } from 'commander'
import { inputError } from '../../util/fs.ts'
import { LineaprintError } from '../../core/errors.ts'
import { parseJson } from '../../json/parse.ts'
import type { TableSchema } from '../../dataset/table.ts'

/** Build the option. */
export function schemaOption(): Option {
  return new Option(
    '--schema <json>',
    'types of the columns of CSV and JSON lines: a JSON file, or the JSON itself, for example \'{"id":"int64"}\'',
  ).argParser((text: string) => {
    if (text.trim() === '') throw new InvalidArgumentError('It is empty.')
    return text
  })
}

/**
 * Read the schema that the user named. Its types are checked where the table is read.
 *
 * @throws ERR_LINEAPRINT_FORMAT if it is no JSON object of texts.
 */
export async function readSchema(given: string | undefined): Promise<TableSchema | undefined> {
  if (given === undefined) return undefined
  const isText = /^\s*[{["]/.test(given)
  const where = isText ? '--schema' : given
  const { value } = parseJson(isText ? given : await readText(given), where)
  // A Map keeps the order of all names.
  const pairs = value instanceof Map ? [...value] : []
  const schema = pairs.flatMap(([name, type]) => (typeof type === 'string' ? [[name, type] as const] : []))
  if (schema.length > 0 && schema.length === pairs.length) return schema
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'this is not a schema', {
    path: where,
    expected: 'an object from names of columns to types, for example {"id":"int64","name":"utf8"}',
    received:
      value instanceof Map ? 'another object' : Array.isArray(value) ? 'an array' : `a ${typeof value}`,
  })
}

async function readText(path: string): Promise<Uint8Array> {
  return readFile(path).catch((cause: unknown) => {
    throw inputError(path, 'read', cause)
  })
}
