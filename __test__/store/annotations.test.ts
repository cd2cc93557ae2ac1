import { execFile, execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { annotate, annotationStamp, labelsOf, readAnnotations } from '../../src/store/annotations.ts'
import { folderOf } from '../support/folder.ts'

const RECORD = { tags: ['old', 'kept'], runName: 'first' }

/** The folder of a run among others: its store keeps a list of those that are annotated. */
function runFolder(files: Readonly<Record<string, string>> = {}): string {
  const entries = Object.entries(files).map(([name, content]) => [`run/${name}`, content] as const)
  const run = join(folderOf(Object.fromEntries(entries)), 'run')
  mkdirSync(run, { recursive: true })
  return run
}

/** Writes a file of an annotation as somebody else would. */
function forge(run: string, content: string | Uint8Array, stamp = '20260101T000000000Z'): string {
  mkdirSync(join(run, 'annotations'), { recursive: true })
  const file = `${stamp}-${String(readdirSync(join(run, 'annotations')).length).padStart(16, '0')}.json`
  writeFileSync(join(run, 'annotations', file), content)
  return file
}

const entry = (members: object): string =>
  JSON.stringify({
    schema: 'lineaprint/annotation/v1',
    time: '2026-01-01T00:00:00.000Z',
    author: 'somebody',
    ...members,
  })

test('annotations change the labels of a run in their order', async () => {
  const run = runFolder()
  await annotate(run, { addTags: ['new', 'gone'], note: 'one' }, { author: 'a' })
  await annotate(run, { removeTags: ['old', 'gone'], name: 'second', archived: true }, { author: 'b' })
  await annotate(run, { note: 'two', archived: false, name: 'third' }, { author: 'c' })
  const annotations = await readAnnotations(run)
  expect(annotations.problems).toEqual([])
  expect(annotations.entries.map(({ author }) => author)).toEqual(['a', 'b', 'c'])
  expect(labelsOf(RECORD, annotations)).toEqual({
    runName: 'third',
    tags: ['kept', 'new'],
    notes: [
      { note: 'one', author: 'a', time: annotations.entries[0]?.time },
      { note: 'two', author: 'c', time: annotations.entries[2]?.time },
    ],
    isArchived: false,
  })
})

test('a run without annotations has the labels of its record', async () => {
  const run = runFolder()
  expect(annotationStamp(run)).toBeUndefined()
  expect(labelsOf(RECORD, await readAnnotations(run))).toEqual({
    runName: 'first',
    tags: ['old', 'kept'],
    notes: [],
    isArchived: false,
  })
  expect(labelsOf({ tags: [] }, { entries: [] }).runName).toBeNull()
  expect(existsSync(join(run, 'annotations'))).toBe(false)
})

test('the author is the user and the machine by default, and only the owner may read the file', async () => {
  const run = runFolder()
  const { file, author } = await annotate(run, { note: 'x' })
  expect(author).toMatch(/^.+@.+$/)
  expect(statSync(join(run, 'annotations', file)).mode & 0o777).toBe(0o600)
  expect(statSync(join(run, 'annotations')).mode & 0o777).toBe(0o700)
  expect(readdirSync(join(run, 'annotations'))).toEqual([file])
})

test('secrets are replaced, unless they are to be kept', async () => {
  const run = runFolder()
  const secret = `ghp_${'a1B2'.repeat(9)}`
  await annotate(run, { note: `token ${secret}`, addTags: [secret] }, { author: secret })
  const [file = ''] = readdirSync(join(run, 'annotations'))
  expect(readFileSync(join(run, 'annotations', file), 'utf8')).not.toContain(secret)
  await annotate(run, { note: secret }, { redact: false })
  expect((await readAnnotations(run)).entries[1]?.note).toBe(secret)
})

test.each([
  ['nothing', {}],
  ['no tags', { addTags: [], removeTags: [] }],
  ['an empty tag', { addTags: [''] }],
  ['an empty note', { note: '' }],
  ['a name that reads as a reference', { name: '@latest' }],
  ['a name with steps', { name: 'run~2' }],
  ['half a character', { note: '\ud800' }],
  ['a long note', { note: 'x'.repeat(70_000) }],
])('%s is refused, and nothing is written', async (_, change) => {
  const run = runFolder()
  await expect(annotate(run, change)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  expect(existsSync(join(run, 'annotations'))).toBe(false)
})

test('the stamp changes with each annotation', async () => {
  const run = runFolder()
  await annotate(run, { note: '1' })
  const before = annotationStamp(run)
  await annotate(run, { note: '2' })
  expect(annotationStamp(run)?.stamp).not.toBe(before?.stamp)
  expect(annotationStamp(run)?.changedAt).toBeGreaterThan(Date.now() - 60_000)
})

test.each<[string, string | Uint8Array]>([
  ['no JSON', '{"schema":'],
  ['no bytes', ''],
  ['other bytes', new Uint8Array([0xff, 0, 0xfe])],
  ['another version', JSON.stringify({ schema: 'lineaprint/annotation/v9' })],
  ['a list', '[]'],
  ['nothing but depth', '['.repeat(60_000)],
  ['10 MB', entry({ note: 'x'.repeat(10_000_000) })],
  ['tags of another type', entry({ addTags: 'x' })],
  ['an empty tag', entry({ addTags: [''] })],
  ['a name that reads as a reference', entry({ name: '@latest' })],
  ['a tag that is a key of objects', entry({ addTags: ['__proto__'] })],
  ['a time that is none', entry({ time: 'yesterday' })],
  ['two equal keys', entry({ note: 'a' }).replace('{', '{"note":"b",')],
])('an entry with %s is left out, and the others count', async (_, content) => {
  const run = runFolder()
  const file = forge(run, content)
  await annotate(run, { addTags: ['good'] })
  const annotations = await readAnnotations(run)
  expect(annotations.entries).toHaveLength(1)
  expect(annotations.problems).toEqual([expect.stringContaining(`the annotation ${file} is left out`)])
  expect(labelsOf(RECORD, annotations).tags).toEqual(['old', 'kept', 'good'])
})

test.skipIf(process.platform === 'win32')('links and FIFOs are neither followed nor waited for', async () => {
  const run = runFolder({ 'secret.json': entry({ addTags: ['stolen'] }) })
  const folder = join(run, 'annotations')
  mkdirSync(folder)
  symlinkSync(join(run, 'secret.json'), join(folder, '20260101T000000000Z-0000000000000001.json'))
  execFileSync('mkfifo', [join(folder, '20260101T000000000Z-0000000000000002.json')])
  mkdirSync(join(folder, '20260101T000000000Z-0000000000000003.json'))
  const { entries, problems } = await readAnnotations(run)
  expect([entries.length, problems.length]).toEqual([0, 3])
})

test.skipIf(process.platform === 'win32')('a link in the place of the folder is not followed', async () => {
  const elsewhere = folderOf({ 'annotations/x': '' })
  forge(elsewhere, entry({ addTags: ['stolen'] }))
  const run = runFolder()
  symlinkSync(join(elsewhere, 'annotations'), join(run, 'annotations'))
  const { entries, problems } = await readAnnotations(run)
  expect([entries.length, problems.length]).toEqual([0, 1])
  await expect(annotate(run, { note: 'x' })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STORE' })
  expect(readdirSync(join(elsewhere, 'annotations'))).toHaveLength(2)
})

test('temporary files and foreign names are no annotations', async () => {
  const run = runFolder({
    'annotations/.20260101T000000000Z-0000000000000001.json.abcdef.tmp': 'torn',
    'annotations/README': 'x',
  })
  expect(await readAnnotations(run)).toEqual({ entries: [], problems: [] })
})

test('many processes that annotate at once lose nothing', async () => {
  const run = runFolder()
  const program = `
    import { annotate } from ${JSON.stringify(resolve('src/store/annotations.ts'))}
    const [, , run, who] = process.argv
    await Promise.all(Array.from({ length: 25 }, (_, at) => annotate(run, { addTags: [who + '-' + at] })))`
  const file = join(folderOf({ 'write.ts': program }), 'write.ts')
  const start = (who: string): Promise<unknown> => promisify(execFile)(process.execPath, [file, run, who])
  await Promise.all(['a', 'b', 'c', 'd'].map(start))
  const annotations = await readAnnotations(run)
  expect(annotations.problems).toEqual([])
  expect(labelsOf({ tags: [] }, annotations).tags.toSorted()).toEqual(
    ['a', 'b', 'c', 'd'].flatMap((who) => Array.from({ length: 25 }, (_, at) => `${who}-${at}`)).toSorted(),
  )
  rmSync(join(run, 'annotations'), { recursive: true })
})
