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
 * Read the schema that the user named. The names and types in it are checked where the table is read.
 *
 * @throws ERR_LINEAPRINT_FORMAT if it is no JSON object of texts.
 */
export async function readSchema(given: string | undefined): Promise<TableSchema | undefined> {
  if (given === undefined) return undefined
  const isText = given.trimStart().startsWith('{')
  const where = isText ? '--schema' : given
  const bytes = isText
    ? Buffer.from(given)
    : await readFile(given).catch((cause: unknown) => {
        throw inputError(given, 'read', cause)
      })
  const { value } = parseJson(bytes, where)
  if (isSchema(value)) return value
  throw new LineaprintError('ERR_LINEAPRINT_FORMAT', 'this is not a schema', {
    path: where,
    expected: 'an object from names of columns to types, for example {"id":"int64","name":"utf8"}',
    received: Array.isArray(value) ? 'an array' : value === null ? 'null' : `a ${typeof value}`,
  })
}

function isSchema(value: unknown): value is TableSchema {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((type) => typeof type === 'string')
  )
}
