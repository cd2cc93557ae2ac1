import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LineaprintError } from '../../src/core/errors.ts'
import { createManifest, formatManifest, parseManifest } from '../../src/manifest/manifest.ts'
import { folderOf } from '../support/folder.ts'

type Json = Record<string, unknown> & { entries: Record<string, unknown>[] }

/** A manifest of three files as plain JSON, changed by the caller. */
async function changed(change: (manifest: Json) => void): Promise<string> {
  const root = folderOf({ a: '1', 'b/c': '2', d: '3' })
  const manifest = JSON.parse(formatManifest(await createManifest(root))) as Json
  change(manifest)
  return JSON.stringify(manifest)
}

/** What reading it gives, or the code of the error. */
function outcome(text: string): unknown {
  try {
    return parseManifest(text)
  } catch (error) {
    if (error instanceof LineaprintError) return error.code
    throw error
  }
}

function refusal(text: string): LineaprintError {
  try {
    parseManifest(text, 'm.json')
  } catch (error) {
    if (error instanceof LineaprintError) return error
    throw error
  }
  throw new Error('it was accepted')
}

test('paths that a stranger may not name are refused, naming the entry', async () => {
  const bad = ['/etc/passwd', '../up', 'a/../../up', 'a/./b', 'a//b', 'a/', '.', '', 'nul\0']
  for (const path of bad) {
    const error = refusal(
      await changed(({ entries }) => {
        entries[0] = { ...entries[0], path }
      }),
    )
    expect(error.code, path).toBe('ERR_LINEAPRINT_FORMAT')
    expect(error.message, path).toMatch(/^m\.json: entry 1: the path /)
    expect(error.message, path).toContain(JSON.stringify(path))
  }
})

test('the same holds for paths in bytes', async () => {
  const bytes = (raw: Buffer) =>
    changed(({ entries }) => {
      entries[0] = { ...entries[0], path: raw.toString(), pathBytes: raw.toString('base64') }
    })
  expect(refusal(await bytes(Buffer.from([0x2f, 0xff]))).message).toMatch(/the path is absolute/)
  expect(refusal(await bytes(Buffer.from([0x2e, 0x2e, 0x2f, 0xff]))).message).toMatch(/"\.\."/)
  // Text that needs no bytes could say one thing and mean another.
  expect(refusal(await bytes(Buffer.from('plain')))).toMatchObject({
    code: 'ERR_LINEAPRINT_FORMAT',
    field: 'pathBytes',
  })
  const other = await changed(({ entries }) => {
    entries[0] = { ...entries[0], pathBytes: '/w==' }
  })
  expect(refusal(other)).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', field: 'pathBytes' })
})

test('entries come once, in order, and none is in a file', async () => {
  const twice = await changed(({ entries }) => entries.splice(1, 0, { ...entries[0] }))
  expect(refusal(twice).message).toMatch(/the entry "a" .*twice/)
  const order = await changed(({ entries }) => entries.push(...entries.splice(0, 1)))
  expect(refusal(order).message).toMatch(/the entry "a" is not in the order of path bytes/)
  const inFile = await changed(({ entries }) => entries.splice(1, 0, { ...entries[0], path: 'a/x' }))
  expect(refusal(inFile).message).toMatch(/the entry "a\/x" is a file and a folder at once/)
})

test('names that collide are refused unless the manifest says so', async () => {
  for (const path of ['A', 'B/x']) {
    const text = await changed(({ entries }) => entries.unshift({ ...entries[0], path }))
    expect(refusal(text).message, path).toMatch(/the entry "[AB]" collides with another/)
  }
  const composed = await changed(({ entries }) =>
    entries.push({ ...entries[0], path: 'e\u0301' }, { ...entries[0], path: 'é' }),
  )
  expect(refusal(composed).message).toMatch(/collides with another/)
})

test('a root that is not that of the entries is refused', async () => {
  const digest = `blake3:${'0'.repeat(64)}`
  const edits: ((manifest: Json) => void)[] = [
    ({ entries }) => entries.pop(),
    ({ entries }) => entries.push({ ...entries[0], path: 'e' }),
    ({ entries }) => (entries[1] = { ...entries[1], size: 7 }),
    ({ entries }) => (entries[1] = { ...entries[1], digests: { blake3: digest } }),
    ({ entries }) => (entries[1] = { ...entries[1], path: 'b/d' }),
    (manifest) => (manifest['digests'] = { blake3: `tree.v1.${digest}` }),
  ]
  for (const edit of edits)
    expect(refusal(await changed(edit))).toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      field: 'digests',
      received: expect.stringMatching(/^tree\.v1\.blake3:/) as string,
    })
})

test('what is unknown, missing or of another type is refused', async () => {
  const holds = (text: string): string => expect.stringContaining(text) as string
  const edits: [(manifest: Json) => void, object][] = [
    [
      (manifest) => (manifest['schema'] = 'lineaprint/manifest/v2'),
      { field: 'schema', expected: 'lineaprint/manifest/v1', received: '"lineaprint/manifest/v2"' },
    ],
    [(manifest) => (manifest['created'] = 'today'), { field: 'created' }],
    [
      ({ entries }) => (entries[0] = { ...entries[0], mode: 420 }),
      { field: 'mode', message: holds('entry 1:') },
    ],
    [
      ({ entries }) => (entries[2] = { ...entries[2], size: -1 }),
      { field: 'size', received: '-1', message: holds('entry 3:') },
    ],
    [
      ({ entries }) => (entries[2] = { ...entries[2], size: 2 ** 53 }),
      { field: 'size', expected: 'a whole number', received: String(2 ** 53) },
    ],
    [
      ({ entries }) => (entries[2] = { ...entries[2], digests: {} }),
      { field: 'blake3', expected: 'blake3:…', received: 'nothing' },
    ],
    [(manifest) => (manifest['algorithm'] = 'sha256'), { field: 'sha256', expected: 'tree.v1.sha256:…' }],
    [
      ({ entries }) => (entries[0] = { ...entries[0], path: '\ud800' }),
      { field: 'path', received: '"\\ud800"' },
    ],
    [(manifest) => (manifest['ignore'] = '*'), { field: 'ignore', expected: 'a list', received: '"*"' }],
    [(manifest) => (manifest['model'] = {}), { field: 'file', message: holds('model:') }],
    [(manifest) => (manifest['tensors'] = []), { field: 'tensors' }],
    [(manifest) => (manifest['type'] = 'file'), { field: 'blake3', expected: 'blake3:…' }],
  ]
  for (const [edit, fields] of edits)
    expect(refusal(await changed(edit))).toMatchObject({
      code: 'ERR_LINEAPRINT_FORMAT',
      path: 'm.json',
      ...fields,
    })
  for (const text of ['', '[]', 'null', '{}', '{"schema":1}', '{"a":1,"a":2}'])
    expect(refusal(text).code, text).toBe('ERR_LINEAPRINT_FORMAT')
  const cut = (await changed(() => undefined)).slice(0, -1)
  expect(refusal(cut)).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', received: 'the end' })
})

test('no byte of an entry or root can be changed unnoticed', async () => {
  const root = folderOf({ a: '1', 'b/c': '2', d: '3' })
  const text = formatManifest(await createManifest(root))
  const original = parseManifest(text)
  const start = text.indexOf('"digests"')
  const position = fc.integer({ min: start, max: text.length - 1 })
  fc.assert(
    fc.property(position, fc.constantFrom(...Array.from('0af"{}[],:. /\n')), (at, character) => {
      const mutated = text.slice(0, at) + character + text.slice(at + 1)
      expect(['ERR_LINEAPRINT_FORMAT', original]).toContainEqual(outcome(mutated))
    }),
    { numRuns: 300 },
  )
})

test('any bytes are a manifest or refused, and a deep path does no harm', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
      expect(refusal(text).code).toBe('ERR_LINEAPRINT_FORMAT')
    }),
    { numRuns: 100 },
  )
  const entry = { path: 'a/'.repeat(10_000) + 'a', type: 'file', size: 0, digests: { blake3: EMPTY } }
  const deep = {
    schema: 'lineaprint/manifest/v1',
    type: 'folder',
    algorithm: 'blake3',
    links: 'follow',
    ignore: [],
    includeSkipped: false,
    digests: { blake3: `tree.v1.${EMPTY}` },
    warnings: [],
    entries: [entry],
  }
  expect(refusal(JSON.stringify(deep))).toMatchObject({ code: 'ERR_LINEAPRINT_FORMAT', field: 'digests' })
})

const EMPTY = 'blake3:af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262'
