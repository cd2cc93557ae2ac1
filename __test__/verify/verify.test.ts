import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { gitInTurn } from '../capture/fixture.ts'
import { ExperimentTracker } from '../../src/tracking/tracker.ts'
import { verifyRecord } from '../../src/compare/run-files.ts'
import { verifyRun } from '../../src/verify/verify.ts'
import { readRun } from '../../src/store/runs.ts'
import { formatRecord, sealRecord } from '../../src/record/seal.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { NO_CAPTURES, finished, started } from '../tracking/support.ts'
import { rounds } from '../support/random.ts'
import type { Component } from '../../src/core/component.ts'
import type { Verification, VerifyItem } from '../../src/verify/verify.ts'
import type { RunRecord } from '../../src/record/record.ts'

async function verifyFolder(folder: string): Promise<Verification> {
  return verifyRun(await readRun(folder))
}

function find(answer: Verification, section: string, name: string): VerifyItem | undefined {
  return answer.items.find((item) => item.section === section && item.name === name)
}

function differing(answer: Verification): string[] {
  return answer.items
    .filter(({ status }) => status === 'changed' || status === 'missing')
    .map(({ section, name, status }) => `${section} ${name} ${status}`)
}

const FILES = {
  'data/a': '1',
  'data/b': '2',
  'model/model.safetensors': safetensors({
    'layer.w': floats([1, 2, 3]),
    'layer.b': floats([4]),
    head: floats([5]),
  }),
  'model/config.json': '{"hidden":3}',
  'model/vocab.txt': 'x',
  'out.txt': 'result',
}

async function fullRun(root: string): Promise<string> {
  const run = await finished(root, { saveToJson: true, saveToYaml: true }, async (tracker) => {
    await tracker.trackDataset('data', 'data')
    await tracker.trackDataset(Float64Array.of(1), 'memory')
    await tracker.trackModel('model', 'net')
    await tracker.trackTokenizer('model', 'tok')
    await tracker.trackOutput('out.txt', 'out')
    await tracker.trackDataset('missing', 'failed').catch(() => undefined)
    tracker.logMetric('loss', NaN)
  })
  return run.folder
}

test('nothing changed, nothing found', async () => {
  const answer = await verifyFolder(await fullRun(folderOf(FILES)))
  expect(differing(answer)).toEqual([])
  expect(answer.same).toBe(true)
  const statuses = Object.fromEntries(
    answer.items.map(({ section, name, status }) => [`${section} ${name}`, status]),
  )
  expect(statuses).toEqual({
    'record seal': 'same',
    'files datasets/data.files.json': 'same',
    'files events.jsonl': 'same',
    'files models/net.tensors.json': 'same',
    'files experiment.json': 'same',
    'files experiment.yaml': 'same',
    'command argv': 'not-checked',
    'environment environment': 'not-checked',
    'code git': 'not-checked',
    'seeds seeds': 'not-checked',
    'datasets data': 'same',
    'datasets memory': 'not-checked',
    'datasets failed': 'not-checked',
    'models net': 'same',
    'tokenizers tok': 'same',
    'outputs out': 'same',
  })
})

test('a database with changes in its write-ahead log is not the same, nor is a link to it', async () => {
  const root = folderOf({})
  const path = join(root, 'a.db')
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (a INT); PRAGMA wal_checkpoint(TRUNCATE)')
  mkdirSync(join(root, 'links'))
  symlinkSync(path, join(root, 'links/b.db'))
  const { folder } = await finished(root, {}, async (tracker) => {
    await tracker.trackDataset(path, 'file')
    await tracker.trackDataset(join(root, 'links/b.db'), 'link')
  })
  const statuses = async (): Promise<unknown[]> => {
    const answer = await verifyFolder(folder)
    return ['file', 'link'].map((name) => find(answer, 'datasets', name)?.status)
  }
  expect(await statuses()).toEqual(['same', 'same'])
  // The file itself stays as it is.
  const bytes = readFileSync(path)
  db.exec('INSERT INTO t VALUES (1)')
  expect(readFileSync(path).equals(bytes)).toBe(true)
  expect(await statuses()).toEqual(['not-checked', 'not-checked'])
  db.close()
  expect(await statuses()).toEqual(['changed', 'changed'])
})

test('every change is found where it is, and nowhere else', async () => {
  const root = folderOf(FILES)
  const folder = await fullRun(root)
  const cases: [() => void, string[]][] = [
    [() => writeFileSync(join(root, 'data/b'), '3'), ['datasets data changed']],
    [() => writeFileSync(join(root, 'data/new'), ''), ['datasets data changed']],
    [() => writeFileSync(join(root, 'model/vocab.txt'), 'y'), ['tokenizers tok changed']],
    [() => writeFileSync(join(root, 'model/config.json'), '{"hidden":4}'), ['models net changed']],
    [() => writeFileSync(join(root, 'out.txt'), 'other'), ['outputs out changed']],
    [() => rmSync(join(root, 'out.txt')), ['outputs out missing']],
    [() => rmSync(join(root, 'data'), { recursive: true }), ['datasets data missing']],
    [() => writeFileSync(join(root, 'model/model.safetensors'), 'junk'), ['models net changed']],
    [
      () => rmSync(join(root, 'model'), { recursive: true }),
      ['models net missing', 'tokenizers tok missing'],
    ],
  ]
  for (const [change, expected] of cases) {
    change()
    const answer = await verifyFolder(folder)
    expect(differing(answer)).toEqual(expected)
    expect(answer.same).toBe(false)
    for (const [name, content] of Object.entries(FILES)) {
      mkdirSync(join(root, name, '..'), { recursive: true })
      writeFileSync(join(root, name), content)
    }
    rmSync(join(root, 'data/new'), { force: true })
    expect((await verifyFolder(folder)).same).toBe(true)
  }
})

test('the tensor that changed is named', async () => {
  const root = folderOf(FILES)
  const folder = await fullRun(root)
  const path = join(root, 'model/model.safetensors')
  writeFileSync(
    path,
    safetensors({ 'layer.w': floats([1, 2, 3.0000002]), 'layer.b': floats([4]), head: floats([5]) }),
  )
  const one = find(await verifyFolder(folder), 'models', 'net')
  expect(one?.status).toBe('changed')
  expect(one?.differences.map(({ field }) => field)).toEqual(['weights', 'layer.w'])
  expect(one?.differences[1]?.before).toMatch(/^F32 \[3\] blake3:/)
  writeFileSync(
    path,
    safetensors({ 'layer.w': floats([1, 2, 3]), head: floats([5], [1, 1]), added: floats([6]) }),
  )
  const more = find(await verifyFolder(folder), 'models', 'net')
  expect(
    more?.differences.map(({ field, before, after }) => [field, before === undefined, after === undefined]),
  ).toEqual([
    ['architecture', false, false],
    ['weights', false, false],
    ['head', false, false],
    ['layer.b', false, true],
    ['added', true, false],
  ])
  // Another sharding of the same tensors is the same model.
  writeFileSync(
    path,
    safetensors(
      { head: floats([5]), 'layer.b': floats([4]), 'layer.w': floats([1, 2, 3]) },
      { any: 'thing' },
    ),
  )
  expect(find(await verifyFolder(folder), 'models', 'net')?.status).toBe('same')
})

test('without the list of tensors a change is still a change', async () => {
  const root = folderOf(FILES)
  const folder = await fullRun(root)
  writeFileSync(join(root, 'model/model.safetensors'), safetensors({ w: floats([9]) }))
  writeFileSync(join(folder, 'models/net.tensors.json'), '{"schema"')
  const answer = await verifyFolder(folder)
  expect(find(answer, 'models', 'net')).toMatchObject({
    status: 'changed',
    detail: expect.stringMatching(/cannot be listed/) as string,
  })
  expect(differing(answer)).toContain('files models/net.tensors.json changed')
})

test('any bit flipped in any file of the run is found', { timeout: 120_000 }, async () => {
  const root = folderOf({ 'out.txt': 'x' })
  const run = await finished(
    root,
    { saveToYaml: true, metadata: { small: 1e-7, big: 1e21, text: 'a\u0001b' } },
    async (tracker) => {
      await tracker.trackOutput('out.txt', 'out')
      writeFileSync(join(tracker.runDirectory, 'diff.patch'), '--- a\n+++ b\n')
    },
  )
  expect((await verifyFolder(run.folder)).same).toBe(true)
  const record = readFileSync(join(run.folder, 'run.json'))
  // Every day, a third of the bytes.
  const stride = rounds(1) > 1 ? 1 : 3
  for (let at = 0; at < record.length; at += stride) {
    const flipped = Buffer.from(record)
    flipped[at] = flipped[at]! ^ (1 << (at % 8))
    // The seal decides, in the whole verification as well: that is tried with some of the bytes.
    const found = await isFound(run.folder, 'run.json', flipped, at % 24 === 0 ? verifyFolder : sealOf)
    expect(found, `byte ${at} of run.json`).toBe(true)
  }
  // The letter of an exponent is the same number in either case; the form of the file gives it away.
  for (const [from, to] of [
    ['1e-7', '1E-7'],
    ['\\u0001', '\\u0001 '],
    ['  "id"', ' "id"'],
    ['\n}\n', '\n}\n\n'],
  ] as const) {
    expect(record.includes(from)).toBe(true)
    expect(
      await isFound(run.folder, 'run.json', Buffer.from(record.toString().replace(from, to))),
      from,
    ).toBe(true)
  }
  writeFileSync(join(run.folder, 'run.json'), record)
  for (const name of ['events.jsonl', 'diff.patch', 'experiment.yaml']) {
    const content = readFileSync(join(run.folder, name))
    for (let at = 0; at < content.length; at += Math.ceil(content.length / 12)) {
      const flipped = Buffer.from(content)
      flipped[at] = flipped[at]! ^ (1 << (at % 8))
      expect(await isFound(run.folder, name, flipped), `byte ${at} of ${name}`).toBe(true)
    }
    writeFileSync(join(run.folder, name), content)
  }
  expect((await verifyFolder(run.folder)).same).toBe(true)
})

/** Check the seal alone. */
async function sealOf(folder: string): Promise<{ readonly same: boolean }> {
  return { same: verifyRecord(await readRun(folder)).every(({ status }) => status === 'same') }
}

/** Found: the record is refused, or a check of the record or its files says so. */
async function isFound(
  folder: string,
  name: string,
  content: Uint8Array,
  check: (folder: string) => Promise<{ readonly same: boolean }> = verifyFolder,
): Promise<boolean> {
  writeFileSync(join(folder, name), content)
  try {
    return !(await check(folder)).same
  } catch (error) {
    return (error as { code?: string }).code === 'ERR_LINEAPRINT_RECORD'
  }
}

test('a record that was changed and kept its seal is broken; one that was sealed again shows in nothing but its seal', async () => {
  const run = await finished(folderOf())
  const path = join(run.folder, 'run.json')
  const forged: RunRecord = { ...run.record, notes: 'better than it was' }
  writeFileSync(path, formatRecord(forged))
  expect(differing(await verifyFolder(run.folder))).toEqual(['record seal changed'])
  writeFileSync(path, formatRecord({ ...forged, seal: 'run.v1.sha256:'.padEnd(78, '0') }))
  expect(differing(await verifyFolder(run.folder))).toEqual(['record seal changed'])
  // A seal is a digest and no signature: whoever compares it with one noted elsewhere sees the change.
  writeFileSync(path, formatRecord(sealRecord(forged)))
  const { record } = await readRun(run.folder)
  expect(record.seal).not.toBe(run.record.seal)
})

test('files that came or went', async () => {
  const run = await finished(folderOf(), { saveToJson: true }, (tracker) => {
    writeFileSync(join(tracker.runDirectory, 'kept.txt'), 'x')
    symlinkSync('kept.txt', join(tracker.runDirectory, 'link'))
  })
  const { folder } = run
  expect(run.record.files.map(({ path }) => path)).toEqual(['events.jsonl', 'kept.txt', 'link'])
  writeFileSync(join(folder, 'notes.txt'), 'mine')
  const added = await verifyFolder(folder)
  expect(added.same).toBe(true)
  expect(find(added, 'files', 'notes.txt')).toMatchObject({
    status: 'not-checked',
    detail: 'not listed in the record',
  })
  rmSync(join(folder, 'link'))
  symlinkSync('events.jsonl', join(folder, 'link'))
  rmSync(join(folder, 'experiment.json'))
  rmSync(join(folder, 'kept.txt'))
  expect(differing(await verifyFolder(folder))).toEqual([
    'files kept.txt missing',
    'files link changed',
    'files experiment.json missing',
  ])
  // The same content behind a link is not the file that was recorded: it can change with another.
  rmSync(join(folder, 'notes.txt'))
  writeFileSync(join(folder, 'elsewhere'), 'x')
  symlinkSync('elsewhere', join(folder, 'kept.txt'))
  expect(find(await verifyFolder(folder), 'files', 'kept.txt')).toMatchObject({ status: 'changed' })
})

test('a file of another length is changed, and not read: it could have terabytes', async () => {
  const folder = await fullRun(folderOf(FILES))
  truncateSync(join(folder, 'events.jsonl'), 2 ** 40)
  expect(find(await verifyFolder(folder), 'files', 'events.jsonl')).toMatchObject({
    status: 'changed',
    differences: [{ field: 'size', after: String(2 ** 40) }],
  })
  // Neither is what a link leads to.
  rmSync(join(folder, 'events.jsonl'))
  const elsewhere = join(folderOf({ elsewhere: '' }), 'elsewhere')
  truncateSync(elsewhere, 2 ** 40)
  symlinkSync(elsewhere, join(folder, 'events.jsonl'))
  expect(find(await verifyFolder(folder), 'files', 'events.jsonl')).toMatchObject({ status: 'changed' })
})

test('a FIFO in place of a copy of the record does not hang', async () => {
  const folder = await fullRun(folderOf(FILES))
  rmSync(join(folder, 'experiment.json'))
  execFileSync('mkfifo', [join(folder, 'experiment.json')])
  expect(find(await verifyFolder(folder), 'files', 'experiment.json')).toMatchObject({ status: 'changed' })
})

test('a run that was copied verifies', async () => {
  const folder = await fullRun(folderOf(FILES))
  const copy = join(folderOf(), 'elsewhere')
  cpSync(folder, copy, { recursive: true })
  expect((await verifyFolder(copy)).same).toBe(true)
})

test('a hostile record cannot lead outside, and nothing in it crashes the check', async () => {
  const root = folderOf(FILES)
  const folder = await fullRun(root)
  const { record } = await readRun(folder)
  const digest = `blake3:${'0'.repeat(64)}`
  const hostile = sealRecord({
    ...record,
    configuration: { algorithm: 'md5' },
    command: { ...record.command, workingDirectory: '/nowhere/\u001b[31m' },
    files: [
      ...record.files,
      { path: '../../../out.txt', size: 1, blake3: digest, sha256: digest },
      { path: '/etc/hostname', size: 1, blake3: digest, sha256: digest },
      { path: '', size: 1, blake3: digest, sha256: digest },
      { path: 'a\0b', size: 1, blake3: digest, sha256: digest },
      { path: '..\\x', link: 'y' },
    ],
    captures: {
      git: { status: 'captured', digest: 'nonsense', value: {}, warnings: [] },
      unknown: { status: 'captured', digest, value: {}, warnings: [] },
    },
    datasets: {
      null: { status: 'tracked', warnings: [], kind: 'file', bytes: 1, path: '\0', digest },
      fifo: { status: 'tracked', warnings: [], kind: 'file', bytes: 1, path: '/dev/zero', digest },
      empty: { status: 'tracked', warnings: [] },
    },
    models: {
      m: { status: 'tracked', warnings: [], path: join(root, 'model'), tensorsFile: '../../../data/a' },
    },
    tokenizers: { t: { status: 'tracked', warnings: [], path: join(root, 'data') } },
  })
  writeFileSync(join(folder, 'run.json'), formatRecord(hostile))
  const answer = await verifyFolder(folder)
  expect(answer.same).toBe(false)
  const outside = answer.items
    .filter(({ detail }) => detail.includes('outside the folder'))
    .map(({ name }) => name)
  expect(outside).toEqual(['../../../out.txt', '/etc/hostname', '', 'a\0b', '..\\x'])
  for (const name of ['null', 'fifo']) expect(find(answer, 'datasets', name)?.status).toBe('changed')
  expect(find(answer, 'trackers', 'unknown')?.status).toBe('not-checked')
})

test('runs that have not ended have no seal to check', async () => {
  const root = folderOf({ data: 'x' })
  const tracker = await started(root)
  await tracker.trackDataset('data', 'd')
  const going = await tracker.verify()
  expect(going.same).toBe(true)
  expect(find(going, 'record', 'seal')).toMatchObject({
    status: 'not-checked',
    detail: 'the run is still running and has no seal yet',
  })
  writeFileSync(join(root, 'data'), 'y')
  expect(differing(await tracker.verify())).toEqual(['datasets d changed'])
  await tracker.finishExperiment()
})

test('own trackers look again; one that is gone or fails says so', async () => {
  const root = folderOf()
  let seen = 'blue'
  const own: Component = {
    name: 'own',
    capture: () =>
      seen === 'nothing'
        ? Promise.reject(new Error('dark'))
        : Promise.resolve({ digest: `blake3:${'0'.repeat(64)}`, value: { seen }, warnings: [] }),
    compare: (before, after) =>
      before.value['seen'] === after.value['seen']
        ? { status: 'same', differences: [] }
        : { status: 'changed', differences: [{ field: 'seen', before: 'blue', after: 'red' }] },
  }
  const run = await finished(root, { trackers: [own] })
  const look = async (trackers: Component[]): Promise<VerifyItem | undefined> =>
    find(await verifyRun(run, { trackers }), 'trackers', 'own')
  expect(await look([own])).toMatchObject({ status: 'same' })
  expect(await look([])).toMatchObject({
    status: 'not-checked',
    detail: expect.stringMatching(/^its tracker is not loaded: --config FILE/) as string,
  })
  seen = 'red'
  expect(await look([own])).toMatchObject({
    status: 'changed',
    differences: [{ field: 'seen', before: 'blue', after: 'red' }],
  })
  seen = 'nothing'
  expect(await look([own])).toMatchObject({ status: 'missing', detail: 'it cannot be captured now: dark' })
})

test('an aborted signal stops the check', async () => {
  const run = await finished(folderOf())
  await expect(verifyRun(run, { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop')
})

test(
  'code: an edit is found, the outputs of the run are not taken for one',
  { timeout: 60_000 },
  async () => {
    const root = folderOf({ 'train.py': 'print(1)\n', '.gitignore': '' })
    gitInTurn(root, ['init', '-q'], ['add', '.'], ['commit', '-qm', 'first'])
    appendFileSync(join(root, 'train.py'), 'print(2)\n')
    const tracker = new ExperimentTracker(
      { outputDir: root, ...NO_CAPTURES, enableGitTracking: true },
      { directory: root, environment: {} },
    )
    await tracker.startExperiment()
    mkdirSync(join(root, 'out'))
    writeFileSync(join(root, 'out/result.txt'), 'made by the run')
    await tracker.trackOutput('out', 'out')
    await tracker.finishExperiment()
    const { record } = await readRun(tracker.runDirectory)
    expect(record.files.map(({ path }) => path)).toContain('git/diff.patch')
    const clean = await tracker.verify()
    expect(find(clean, 'code', 'git')).toMatchObject({ status: 'same' })
    expect(clean.same).toBe(true)
    appendFileSync(join(root, 'train.py'), 'print(3)\n')
    expect(find(await tracker.verify(), 'code', 'git')).toMatchObject({ status: 'changed' })
    rmSync(join(root, '.git'), { recursive: true })
    expect(find(await tracker.verify(), 'code', 'git')?.status).toBe('missing')
  },
)

test('a capture with the name of a member of objects has the section of trackers', async () => {
  const run = await finished(folderOf())
  const names = ['__proto__', 'constructor', 'toString']
  const captures = Object.fromEntries([
    ...Object.entries(run.record.captures),
    ...names.map((name) => [name, { status: 'off' }] as const),
  ])
  const { items } = await verifyRun({ ...run, record: { ...run.record, captures } })
  for (const name of names)
    expect(items).toContainEqual(
      expect.objectContaining({ section: 'trackers', name, status: 'not-checked' }),
    )
})
