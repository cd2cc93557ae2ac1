import { spawn } from 'node:child_process'
import { hash } from 'node:crypto'
import { once } from 'node:events'
import {
  copyFileSync,
  cpSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test, vi } from 'vitest'
import { listRuns } from '../../src/database/runs.ts'
import { storeIn } from '../../src/store/store.ts'
import { finished, runProgram, started } from '../tracking/support.ts'
import { folderOf } from '../support/folder.ts'
import type { Store } from '../../src/store/store.ts'

/** From here on, everything that was written until now has come to rest. */
function later(): void {
  onTestFinished(() => void vi.useRealTimers())
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 10_000 })
}

function indexOf(store: Store): string {
  const [only, ...others] = readdirSync(store.root).filter((name) => name.endsWith('.sqlite'))
  if (only === undefined || others.length > 0) throw new Error(`expected one index, found ${others.length}`)
  return join(store.root, only)
}

function rowsOf(store: Store): Record<string, unknown>[] {
  const database = new DatabaseSync(indexOf(store))
  try {
    return database.prepare('SELECT id, stamp, entry FROM run JOIN detail ON run = key ORDER BY id').all()
  } finally {
    database.close()
  }
}

/** A store with three runs that has been listed once. */
async function listedStore(): Promise<Store> {
  const root = folderOf()
  for (const experimentId of ['a', 'b', 'c']) await finished(root, { experimentId, tags: [experimentId] })
  later()
  const store = storeIn(root)
  await listRuns(store)
  expect(rowsOf(store).map(({ id }) => id)).toEqual(['a', 'b', 'c'])
  return store
}

async function ids(store: Store): Promise<string[]> {
  const { runs, damaged, slow } = await listRuns(store)
  expect(damaged).toEqual([])
  expect(slow).toBeUndefined()
  return runs.map(({ id }) => id)
}

/** Changes what the index says of a run without its digest. */
function lie(store: Store, change: string): void {
  const database = new DatabaseSync(indexOf(store))
  database.exec(change)
  database.close()
}

test('a list from the index is the list from the folders', async () => {
  const store = await listedStore()
  const fromIndex = await listRuns(store)
  rmSync(indexOf(store))
  expect(await listRuns(store)).toEqual(fromIndex)
  expect(fromIndex.runs[0]).toMatchObject({ id: 'a', tags: ['a'], folder: join(store.runs, 'a') })
})

test('what the index knows is not read again until the record changes in any way', async () => {
  const store = await listedStore()
  const path = join(store.runs, 'b', 'run.json')
  // Only an entry that says something else shows who was asked.
  const database = new DatabaseSync(indexOf(store))
  const { stamp, entry } = database
    .prepare("SELECT stamp, entry FROM run JOIN detail ON run = key WHERE id = 'b'")
    .get() as Record<string, string>
  const other = String(entry).replace('"name":"experiment"', '"name":"indexed"')
  const digest = hash('sha256', JSON.stringify(['b', stamp, other]))
  database
    .prepare("UPDATE detail SET entry = ?, digest = ? WHERE run = (SELECT key FROM run WHERE id = 'b')")
    .run(other, digest)
  database.exec("UPDATE run SET name = 'indexed' WHERE id = 'b'")
  database.close()
  expect((await listRuns(store)).runs[1]).toMatchObject({ id: 'b', name: 'indexed' })
  const { atime, mtime } = statSync(path)
  const text = readFileSync(path, 'utf8')
  const changes: (() => void)[] = [
    // The same length at the same time of change: nobody can set back the time at which that was set.
    () => {
      writeFileSync(path, text.replace('"name": "experiment"', '"name": "EXPERIMENT"'))
      utimesSync(path, atime, mtime)
    },
    () => {
      writeFileSync(`${path}.other`, text)
      utimesSync(`${path}.other`, atime, mtime)
      renameSync(`${path}.other`, path)
    },
  ]
  for (const [round, change] of changes.entries()) {
    change()
    expect((await listRuns(store)).runs[1]?.name).toBe(['EXPERIMENT', 'experiment'][round])
  }
})

test('runs that are copied in, changed, replaced or removed show at once', async () => {
  const store = await listedStore()
  cpSync(join(store.runs, 'a'), join(store.runs, 'd'), { recursive: true })
  rmSync(join(store.runs, 'b'), { recursive: true })
  expect(await ids(store)).toEqual(['a', 'd', 'c'])
  // Another run under a name that the index knows.
  rmSync(join(store.runs, 'c'), { recursive: true })
  renameSync(join(store.runs, 'd'), join(store.runs, 'c'))
  const { runs } = await listRuns(store)
  expect(runs.map(({ id, tags }) => [id, ...tags])).toEqual([
    ['a', 'a'],
    ['c', 'a'],
  ])
  later()
  await listRuns(store)
  expect(rowsOf(store).map(({ id }) => id)).toEqual(['a', 'c'])
  writeFileSync(join(store.runs, 'a', 'run.json'), '{')
  const list = await listRuns(store)
  expect(list.damaged.map(({ id }) => id)).toEqual(['a'])
  expect(list.runs.map(({ id }) => id)).toEqual(['c'])
})

test('an index that is damaged in any way is made anew, and the list is right', async () => {
  const store = await listedStore()
  const whole = readFileSync(indexOf(store))
  const damage: Record<string, (path: string) => void> = {
    removed: (path) => rmSync(path),
    empty: (path) => truncateSync(path, 0),
    'cut off in the header': (path) => truncateSync(path, 50),
    'cut off after the header': (path) => truncateSync(path, 4096),
    'cut off at the end': (path) => truncateSync(path, whole.length - 100),
    'no database': (path) =>
      writeFileSync(path, 'a text that is longer than the header of a database\n'.repeat(99)),
    zeros: (path) => writeFileSync(path, Buffer.alloc(whole.length)),
    'a trigger': () => lie(store, 'CREATE TRIGGER t AFTER INSERT ON run BEGIN DELETE FROM run; END'),
    'no table': () => lie(store, 'DROP TABLE run'),
    'other columns': () => lie(store, 'DROP TABLE run; CREATE TABLE run (id TEXT, stamp TEXT)'),
    'a view for a table': () => lie(store, "DROP TABLE run; CREATE VIEW run AS SELECT 'a' id, '' stamp"),
  }
  for (const [what, harm] of Object.entries(damage)) {
    const path = indexOf(store)
    harm(path)
    expect(await ids(store), what).toEqual(['a', 'b', 'c'])
    expect(await ids(store), what).toEqual(['a', 'b', 'c'])
    expect(rowsOf(store).length, what).toBe(3)
  }
})

test('a row that somebody or a bad disk changed is not believed', async () => {
  const store = await listedStore()
  lie(store, `UPDATE detail SET entry = replace(entry, '"finished"', '"failed"')`)
  const { runs } = await listRuns(store)
  expect(runs.map(({ status }) => status)).toEqual(['finished', 'finished', 'finished'])
  const sound = rowsOf(store)
  const { length } = readFileSync(indexOf(store))
  let kept = 0
  for (let at = 0; at < length; at += 997) {
    // In place: a copy of the file would not be used at all.
    const path = indexOf(store)
    const harmed = readFileSync(path)
    harmed[at] = (harmed[at] ?? 0) ^ 0x41
    writeFileSync(path, harmed)
    expect((await listRuns(store)).runs, `byte ${at}`).toEqual(runs)
    if (indexOf(store) === path) kept++
  }
  // Most pages are empty, and a flip in them costs no index.
  expect(kept).toBeGreaterThan(10)
  rmSync(indexOf(store))
  await listRuns(store)
  expect(rowsOf(store)).toEqual(sound)
})

test('a record that has not come to rest is read every time', async () => {
  const root = folderOf()
  const store = storeIn(root)
  await finished(root, { experimentId: 'young' })
  await listRuns(store)
  expect(rowsOf(store)).toMatchObject([{ stamp: '' }])
  // Nor one from the future, as after a clock that stepped back.
  onTestFinished(() => void vi.useRealTimers())
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 3_600_000 })
  expect(await ids(store)).toEqual(['young'])
  expect(rowsOf(store)).toMatchObject([{ stamp: '' }])
})

test('a run that goes on is running, then finished or lost, whatever the index holds', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const tracker = await started(root, { experimentId: 'mine' })
  await runProgram(
    `await new ExperimentTracker({ ...off, experimentId: 'gone' }).startExperiment(); process.exit()`,
    root,
  )
  later()
  const statuses = async (): Promise<Record<string, string>> =>
    Object.fromEntries((await listRuns(store)).runs.map(({ id, status }) => [id, status]))
  for (let round = 0; round < 2; round++) expect(await statuses()).toEqual({ mine: 'running', gone: 'lost' })
  expect(rowsOf(store).length).toBe(2)
  await tracker.finishExperiment()
  expect(await statuses()).toEqual({ mine: 'finished', gone: 'lost' })
})

test(
  'processes that list one store at once are all right, and none hears of the others',
  { timeout: 120_000 },
  async () => {
    const root = folderOf()
    const first = await finished(root)
    const store = storeIn(root)
    for (let index = 0; index < 60; index++)
      cpSync(first.folder, join(store.runs, `copy-${index}`), { recursive: true })
    const source = `
    const { listRuns } = await import(${JSON.stringify(resolve('src/database/runs.ts'))})
    const real = Date.now
    Date.now = () => real() + 10_000
    const { rmSync, readdirSync } = await import('node:fs')
    for (let round = 0; round < 10; round++) {
      const { runs, damaged, slow } = await listRuns(${JSON.stringify(store)})
      if (runs.length !== 61 || damaged.length !== 0 || slow !== undefined) console.log(runs.length, damaged.length, slow)
      // One of them throws the index away now and then.
      if (process.argv[1] === '0' && round % 5 === 4)
        for (const name of readdirSync(${JSON.stringify(store.root)}))
          if (name.includes('.sqlite')) rmSync(${JSON.stringify(store.root)} + '/' + name, { force: true })
    }`
    const outcomes = await Promise.all(
      [0, 1, 2, 3].map(async (number) => {
        const child = spawn(
          process.execPath,
          ['--input-type=module-typescript', '-e', source, String(number)],
          {
            stdio: ['ignore', 'pipe', 'pipe'],
          },
        )
        let printed = ''
        for (const stream of [child.stdout, child.stderr])
          stream.on('data', (chunk: Buffer) => (printed += String(chunk)))
        const [code] = (await once(child, 'close')) as [number]
        return { code, printed }
      }),
    )
    for (const outcome of outcomes) expect(outcome).toEqual({ code: 0, printed: '' })
  },
)

test('an index that somebody else writes for long does not stop a list', async () => {
  const store = await listedStore()
  const other = new DatabaseSync(indexOf(store))
  onTestFinished(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  cpSync(join(store.runs, 'a'), join(store.runs, 'd'), { recursive: true })
  later()
  expect(await ids(store)).toEqual(['a', 'd', 'b', 'c'])
  other.exec('ROLLBACK')
  expect(await ids(store)).toEqual(['a', 'd', 'b', 'c'])
  expect(rowsOf(store).length).toBe(4)
})

test('two indexes that were made at once become one', async () => {
  const store = await listedStore()
  copyFileSync(indexOf(store), join(store.root, 'index-v4-ffffffffffffffff.sqlite'))
  expect(await ids(store)).toEqual(['a', 'b', 'c'])
  expect(rowsOf(store).length).toBe(3)
})

/** Puts another entry with the right digest into the index, as a stranger can who knows the form. */
function forge(store: Store, id: string, entry: string): void {
  const database = new DatabaseSync(indexOf(store))
  const [found] = database.prepare('SELECT stamp FROM run WHERE id = ?').all(id)
  const stamp = String(found?.['stamp'])
  const digest = hash('sha256', JSON.stringify([id, stamp, entry]))
  database
    .prepare('UPDATE detail SET entry = ?, digest = ? WHERE run = (SELECT key FROM run WHERE id = ?)')
    .run(entry, digest, id)
  database.close()
}

test('a forged row is thrown away, and the run is read again', async () => {
  const store = await listedStore()
  const right = await listRuns(store)
  const entry = JSON.parse(String(rowsOf(store)[0]?.['entry'])) as Record<string, unknown>
  const forged = [
    '',
    'null',
    '[]',
    '1',
    '{"__proto__":{"name":"x"}}',
    `{"constructor":{"prototype":{}},"name":1}`,
    '['.repeat(30_000),
    ...Object.keys(entry).flatMap((key) =>
      [undefined, null, 1, {}].map((value) => JSON.stringify({ ...entry, [key]: value })),
    ),
    JSON.stringify(entry).replace('"durationMs":', '"durationMs":1e999,"was":'),
    JSON.stringify({ ...entry, process: { pid: 'x' } }),
    JSON.stringify({ ...entry, process: null }),
    JSON.stringify({ ...entry, status: 'running', process: { pid: -1, host: 1 } }),
  ]
  // Of the fields that may be null or missing, these are sound.
  const isSound = (text: string): boolean =>
    ['finishedAt', 'durationMs', 'parent'].some((key) => {
      const { [key]: value, ...rest } = { ...(JSON.parse(text) as object) } as Record<string, unknown>
      const { [key]: _, ...own } = entry
      return (
        JSON.stringify(rest) === JSON.stringify(own) &&
        (value === null ||
          value === undefined ||
          typeof value === typeof entry[key] ||
          (key === 'durationMs' && typeof value === 'number'))
      )
    })
  let tried = 0
  for (const text of forged) {
    if (text.startsWith('{') && !text.includes('1e999') && isSound(text)) continue
    tried++
    forge(store, 'a', text)
    expect(await listRuns(store), text.slice(0, 200)).toEqual(right)
    // The row was replaced by the right one.
    expect(rowsOf(store)[0]?.['entry']).toBe(JSON.stringify(entry))
  }
  expect(tried).toBeGreaterThan(40)
  // A sound entry that is not that of its columns is no better.
  forge(store, 'a', JSON.stringify({ ...entry, name: 'a\0b\u001b[31m' }))
  expect((await listRuns(store)).runs[0]?.name).toBe('experiment')
})
