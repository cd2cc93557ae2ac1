import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ExperimentTracker } from '../../../src/tracking/tracker.ts'
import { collectObjects } from '../../../src/store/objects/collect.ts'
import { PART_SIZE, contentOf, listPath, objectsFolder } from '../../../src/store/objects/layout.ts'
import { withWriterLease } from '../../../src/store/objects/lease.ts'
import { checkObject } from '../../../src/store/objects/read.ts'
import { keepObject } from '../../../src/store/objects/write.ts'
import { keptCopyOf } from '../../../src/record/overwritten.ts'
import { readRun } from '../../../src/store/read.ts'
import { removeRunFolder } from '../../../src/store/remove-folder.ts'
import { storeIn } from '../../../src/store/store.ts'
import { folderOf, paint } from '../../support/folder.ts'
import type { StoredRun } from '../../../src/store/read.ts'

const OFF = {
  enableEnvironmentTracking: false,
  enableGitTracking: false,
  enableSeedTracking: false,
} as const

/** A run that keeps an output, which has not ended. */
async function running(root: string, content: string | Uint8Array): Promise<ExperimentTracker> {
  const tracker = new ExperimentTracker({ ...OFF, outputDir: root }, { directory: root })
  await tracker.startExperiment()
  writeFileSync(join(root, 'out'), content)
  await tracker.trackOutput('out', 'out', { keep: true })
  return tracker
}

async function finished(root: string, content: string | Uint8Array): Promise<StoredRun> {
  const tracker = await running(root, content)
  await tracker.finishExperiment()
  return readRun(tracker.runDirectory)
}

/** The states of the objects that a run names. */
async function statesOf(root: string, run: StoredRun): Promise<string[]> {
  const entry = run.record.outputs['out']
  const copy = entry && keptCopyOf('outputs', 'out', entry)
  if (copy?.status !== 'kept') throw new Error('nothing was kept')
  return Promise.all(
    copy.files.map(async ({ digests, size }) => {
      const content = contentOf(digests, size)
      return content === undefined ? 'no content' : checkObject(storeIn(root), content)
    }),
  )
}

const orphan = (root: string, content: string | Uint8Array): ReturnType<typeof keepObject> => {
  writeFileSync(join(root, 'orphan'), content)
  return keepObject(storeIn(root), join(root, 'orphan'), { algorithm: 'blake3' })
}

test('what no run names is removed, and a dry run removes nothing', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const run = await finished(root, 'mine')
  const going = await running(root, 'of a run that goes on')
  await orphan(root, 'nobody')
  writeFileSync(join(objectsFolder(store), '.0123456789abcdef.tmp'), 'torn')
  const expected = {
    kept: { count: 2, bytes: 4 + 21 },
    removed: { count: 1, bytes: 6 },
    temporary: { count: 1, bytes: 4 },
    foreign: [],
  }
  expect(await collectObjects(store)).toEqual({ isDryRun: true, ...expected })
  expect(await collectObjects(store)).toEqual({ isDryRun: true, ...expected })
  expect(await collectObjects(store, { dryRun: false })).toEqual({ isDryRun: false, ...expected })
  expect(await collectObjects(store)).toMatchObject({
    kept: expected.kept,
    removed: { count: 0 },
    temporary: { count: 0 },
  })
  expect(await statesOf(root, run)).toEqual(['same'])
  await going.finishExperiment()
  expect(await statesOf(root, await readRun(going.runDirectory))).toEqual(['same'])
})

test('the objects of a removed run go, but those that another names', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const [first, second] = [await finished(root, 'shared'), await finished(root, 'shared')]
  const alone = await finished(root, 'alone')
  await removeRunFolder(first.folder)
  await removeRunFolder(alone.folder)
  expect(readdirSync(store.runs)).toEqual([second.id])
  expect(await collectObjects(store, { dryRun: false })).toMatchObject({
    kept: { count: 1, bytes: 6 },
    removed: { count: 1, bytes: 5 },
  })
  expect(await statesOf(root, second)).toEqual(['same'])
})

test('the parts of a long file are named by its list, shared parts included', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const bytes = Buffer.from(paint(PART_SIZE + 10))
  const first = await finished(root, bytes)
  bytes[PART_SIZE + 1] = 0xee
  const second = await finished(root, bytes)
  expect(await collectObjects(store, { dryRun: false })).toMatchObject({ removed: { count: 0 } })
  await removeRunFolder(first.folder)
  // The list of the first, and the part that only it had.
  expect(await collectObjects(store, { dryRun: false })).toMatchObject({ removed: { count: 2 } })
  expect(await statesOf(root, second)).toEqual(['same'])
  // A damaged list protects what it names.
  const kept = keptCopyOf('outputs', 'out', second.record.outputs['out'] ?? { status: 'off' })
  const [file] = kept?.status === 'kept' ? kept.files : []
  const content = contentOf(file?.digests ?? {}, file?.size ?? 0)
  if (content === undefined) throw new Error('nothing was kept')
  chmodSync(listPath(store, content), 0o600)
  appendFileSync(listPath(store, content), 'damage')
  expect(await collectObjects(store, { dryRun: false })).toMatchObject({ removed: { count: 0 } })
})

test('a damaged record, a torn journal and a renamed folder protect what they name', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const damaged = await finished(root, 'damaged')
  appendFileSync(join(damaged.folder, 'run.json'), '}')
  const torn = await running(root, 'torn')
  await torn.flush()
  appendFileSync(join(torn.runDirectory, 'events.jsonl'), '{"seq":')
  const renamed = await finished(root, 'renamed')
  renameSync(renamed.folder, join(store.runs, 'my best run'))
  expect(await collectObjects(store, { dryRun: false })).toMatchObject({ removed: { count: 0 } })
  await torn.finishExperiment()
})

test.skipIf(process.platform === 'win32')('a run that cannot be read stops the collection', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const run = await finished(root, 'x')
  await orphan(root, 'nobody')
  rmSync(join(run.folder, 'run.json'))
  execFileSync('mkfifo', [join(run.folder, 'run.json')])
  await expect(collectObjects(store, { dryRun: false })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_STORE',
    path: run.folder,
  })
  rmSync(join(run.folder, 'run.json'))
  renameSync(store.runs, join(root, 'elsewhere'))
  await expect(collectObjects(store, { dryRun: false })).rejects.toMatchObject({ path: store.runs })
  mkdirSync(store.runs)
  expect(await collectObjects(store)).toMatchObject({ removed: { count: 2 } })
})

test('a journal that grew between two reads is read to its end', async () => {
  const root = folderOf()
  const store = storeIn(root)
  const going = await running(root, 'first')
  let attempts = 0
  // The collector has read the runs once when it waits for this writer.
  const writing = withWriterLease(store, async () => {
    attempts++
    await new Promise((done) => setTimeout(done, 500))
    writeFileSync(join(root, 'late'), 'late')
    const { digests } = await keepObject(store, join(root, 'late'), { algorithm: 'blake3' })
    going.addMetadata({ named: String(digests.blake3) })
    await going.flush()
  })
  const removed = orphan(root, 'nobody')
  await removed
  const collected = await collectObjects(store, { dryRun: false })
  await writing
  expect([attempts, collected.removed.count]).toEqual([1, 1])
  expect(await collectObjects(store)).toMatchObject({ kept: { count: 2 }, removed: { count: 0 } })
  await going.finishExperiment()
})

test.skipIf(process.platform === 'win32')('foreign files and links are reported and left alone', async () => {
  const root = folderOf({ 'precious/ab/file': 'x' })
  const store = storeIn(root)
  await finished(root, 'x')
  const objects = objectsFolder(store)
  symlinkSync(join(root, 'precious'), join(objects, 'sha256'))
  writeFileSync(join(objects, 'note'), '')
  mkdirSync(join(objects, 'blake3/zz'), { recursive: true })
  symlinkSync(join(root, 'precious/ab/file'), join(objects, 'blake3', 'zz', '0'.repeat(62)))
  expect(await collectObjects(store, { dryRun: false })).toMatchObject({
    removed: { count: 0 },
    foreign: expect.arrayContaining([
      join(objects, 'sha256'),
      join(objects, 'note'),
      join(objects, 'blake3/zz'),
    ]),
  })
  expect(existsSync(join(root, 'precious/ab/file'))).toBe(true)
})

test('files that appear and go while they are listed do no harm', async () => {
  const root = folderOf()
  const store = storeIn(root)
  await finished(root, 'x')
  const path = join(objectsFolder(store), '.0123456789abcdef.tmp')
  const over = new AbortController()
  const blinking = (async () => {
    while (!over.signal.aborted) {
      await writeFile(path, '')
      await rm(path, { force: true })
    }
  })()
  for (let round = 0; round < 300; round++)
    expect(await collectObjects(store)).toMatchObject({ kept: { count: 1 }, foreign: [] })
  over.abort()
  await blinking
})

test('a store without objects has nothing to collect', async () => {
  const store = storeIn(folderOf())
  expect(await collectObjects(store, { dryRun: false })).toMatchObject({
    kept: { count: 0 },
    removed: { count: 0 },
  })
  expect(existsSync(objectsFolder(store))).toBe(false)
})
