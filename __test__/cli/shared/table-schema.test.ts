import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readSchema } from '../../../src/cli/shared/table-schema.ts'
import { folderOf } from '../../support/folder.ts'

test('a schema is JSON, or a file of JSON, and keeps the order of its names', async () => {
  const text = '{"b":"utf8","10":"int64","2":"bool"}'
  const wanted = [
    ['b', 'utf8'],
    ['10', 'int64'],
    ['2', 'bool'],
  ]
  expect(await readSchema(text)).toEqual(wanted)
  expect(await readSchema(join(folderOf({ 'schema.json': text }), 'schema.json'))).toEqual(wanted)
  expect(await readSchema(undefined)).toBeUndefined()
})

test.each(['{}', '[]', '{"a":1}', '["a"]', '"a"'])('%s is no schema', async (text) => {
  await expect(readSchema(text)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', path: '--schema' })
})

test('a file that is not there, JSON that ends early, and a name that occurs twice are errors', async () => {
  await expect(readSchema('/nowhere/schema.json')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND' })
  await expect(readSchema('{"a":')).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT' })
  await expect(readSchema('{"a":"utf8","a":"int64"}')).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
  })
})
