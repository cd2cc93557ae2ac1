/** What a run keeps of secrets, and who may read it. */
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ExperimentTracker } from '../../../src/tracking/tracker.ts'
import { diffRuns } from '../../../src/diff/runs.ts'
import { findRun } from '../../../src/database/runs.ts'
import { readRun } from '../../../src/store/runs.ts'
import { storeIn } from '../../../src/store/store.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { lineaprint } from '../../support/program.ts'
import { folderOf } from '../../support/folder.ts'
import { git } from '../../capture/fixture.ts'
import { COPY, again, recorded, repositoryOf, verdicts } from '../reproduce/support.ts'

const TOKEN = ['gh', 'p_', 'a1B2'.repeat(9)].join('')
const OTHER = ['gh', 'p_', 'c3D4'.repeat(9)].join('')

/** Every file and folder below a folder, with its mode. */
function modesBelow(folder: string): Map<string, string> {
  const modes = new Map<string, string>()
  const visit = (path: string, name: string): void => {
    const info = lstatSync(path)
    modes.set(name, (info.mode & 0o777).toString(8))
    if (info.isDirectory())
      for (const entry of readdirSync(path)) visit(join(path, entry), `${name}/${entry}`)
  }
  visit(folder, '.')
  return modes
}

/** A run with files of every kind, under a umask. */
async function runUnder(umask: string, env: Readonly<Record<string, string>>): Promise<Map<string, string>> {
  const root = repositoryOf({ 'a.txt': 'a\n', 'data/x.txt': 'x' })
  writeFileSync(join(root, 'a.txt'), 'b\n')
  writeFileSync(join(root, 'new.sh'), '#!/bin/sh\n', { mode: 0o755 })
  const source =
    'import array, lineaprint; lineaprint.checkpoint("c"); lineaprint.log_metric("m", 1); print("o")'
  const inner = ['run', '--seed', '1', '--dataset', 'd=data', '--name', 'n', '--', 'python3', '-c', source]
  const variables = { LINEAPRINT_SAVE_TO_JSON: 'on', LINEAPRINT_SAVE_TO_WANDB: 'on', ...env }
  const { code, stderr } = await lineaprint(inner, {
    cwd: root,
    env: variables,
    under: ['sh', '-c', `umask ${umask} && exec "$@"`, 'sh'],
  })
  expect(code, stderr).toBe(0)
  expect(
    (await lineaprint(['list'], { cwd: root, under: ['sh', '-c', `umask ${umask} && exec "$@"`, 'sh'] }))
      .code,
  ).toBe(0)
  return modesBelow(join(root, '.lineaprint'))
}

describe.skipIf(process.platform === 'win32')('modes', () => {
  test.each([
    ['022', {}, '600', '700'],
    ['000', {}, '600', '700'],
    ['077', {}, '600', '700'],
    ['007', { LINEAPRINT_STORE_ACCESS: 'group' }, '660', '770'],
    ['000', { LINEAPRINT_STORE_ACCESS: 'group' }, '660', '770'],
    ['027', { LINEAPRINT_STORE_ACCESS: 'group' }, '640', '750'],
    ['077', { LINEAPRINT_STORE_ACCESS: 'group' }, '600', '700'],
  ])('umask %s, %j: files %s, folders %s', async (umask, env, file, folder) => {
    const modes = await runUnder(umask, env)
    const names = [...modes.keys()].join('\n')
    for (const part of [
      'run.json',
      'events.jsonl',
      'stdout.log',
      'diff.patch',
      'new.sh',
      '.files.json',
      'checkpoint-c',
      'n_latest.json',
      '.wandb',
      'experiment.json',
      '.sqlite',
    ])
      expect(names).toContain(part)
    for (const [name, mode] of modes) {
      const isFolder =
        [...modes.keys()].some((other) => other.startsWith(`${name}/`)) || name.endsWith('/tmp')
      expect(`${name} ${mode}`).toBe(`${name} ${isFolder ? folder : file}`)
    }
  })

  test('a store that is there is neither loosened nor tightened', async () => {
    const root = folderOf()
    const store = join(root, '.lineaprint')
    mkdirSync(join(store, 'runs'), { recursive: true })
    chmodSync(store, 0o755)
    const tracker = new ExperimentTracker({ outputDir: root, storeAccess: 'owner', saveToJson: true })
    await tracker.startExperiment()
    await tracker.finishExperiment()
    const modes = modesBelow(store)
    expect(modes.get('.')).toBe('755')
    expect(modes.get('./experiment_latest.json')).toBe('600')
    expect(
      [...modes].filter(([name, mode]) => /\/runs\/./.test(name) && !['600', '700'].includes(mode)),
    ).toEqual([])
  })
})

test.each([
  [['--no-redact'], true],
  [[], false],
] as const)('with %j, secrets are kept: %j', async (options, isKept) => {
  const root = repositoryOf({ 'a.txt': 'a\n' })
  writeFileSync(join(root, 'a.txt'), `${TOKEN}\n`)
  writeFileSync(join(root, 'config.yaml'), `token: ${TOKEN}\n`)
  const args = ['--tag', TOKEN, '--', 'sh', '-c', `echo ${TOKEN}`]
  expect((await lineaprint(['run', ...options, ...args], { cwd: root })).code).toBe(0)
  const { record, folder } = await findRun(storeIn(root), '@latest')
  expect(record.configuration['redact']).toBe(!isKept)
  const secret = isKept ? TOKEN : '<redacted>'
  const files = ['run.json', 'stdout.log', 'git/diff.patch', 'git/untracked/config.yaml']
  const contents = files.map((file) => readFileSync(join(folder, file), 'utf8'))
  expect(contents.map((content) => content.includes(TOKEN))).toEqual(files.map(() => isKept))
  expect(contents.at(-1)).toBe(`token: ${secret}\n`)
  expect(contents[1]).toBe(`${secret}\n`)
  const lines = isKept ? {} : { redactedLines: 1 }
  const length = TOKEN.length + 1
  expect(record.command.stdout).toEqual({
    status: 'captured',
    file: 'stdout.log',
    bytes: length,
    keptBytes: length,
    ...lines,
  })
})

test('the output of the command reaches the terminal unchanged', async () => {
  const { stdout } = await lineaprint(['run', '--', 'sh', '-c', `printf 'a ${TOKEN}'`], { cwd: folderOf() })
  expect(stdout).toBe(`a ${TOKEN}`)
})

test('names with secrets stay as many as they were, and are compared with no other run', async () => {
  const root = folderOf({ 'x.csv': 'a\n1\n' })
  const runs = []
  for (const id of ['one', 'two']) {
    const tracker = new ExperimentTracker({
      outputDir: root,
      experimentId: id,
      experimentName: `n ${TOKEN}`,
      metadata: { api_key: 'x'.repeat(9), lr: 1 },
      enableEnvironmentTracking: false,
      enableGitTracking: false,
      saveToJson: true,
    })
    await tracker.startExperiment()
    for (const name of [TOKEN, OTHER, TOKEN]) tracker.logMetric(`m/${name}`, 1)
    await tracker.trackDataset(join(root, 'x.csv'), TOKEN)
    await tracker.trackDataset(join(root, 'x.csv'), OTHER)
    await tracker.trackDataset(join(root, 'x.csv'), TOKEN)
    await tracker.finishExperiment()
    runs.push(await readRun(join(storeIn(root).runs, id)))
  }
  const [one, two] = runs
  if (one === undefined || two === undefined) throw new Error('two runs')
  expect(Object.entries(one.record.metrics).map(([name, { count }]) => [name, count])).toEqual([
    ['m/<redacted>', 2],
    ['m/<redacted> 2', 1],
  ])
  expect(Object.keys(one.record.datasets)).toEqual(['<redacted>', '<redacted> 2'])
  expect(one.record.metadata).toEqual({ api_key: '<redacted>', lr: 1 })
  const answer = await diffRuns(one, two)
  const fields = answer.notCompared.map(({ field }) => field)
  for (const field of [
    'datasets.<redacted>',
    'datasets.<redacted> 2',
    'metrics.m/<redacted>',
    'metadata.api_key',
  ])
    expect(fields).toContain(field)
  expect(
    (await verifyRun(one)).items.filter(({ section }) => section === 'datasets').map(({ status }) => status),
  ).toEqual(['same', 'same'])
})

test('a path with a secret is not in the record, so what is there is not checked', async () => {
  const root = folderOf({ [`${TOKEN}/x.txt`]: 'x', 'data/x.txt': 'x', [`data/${TOKEN}.txt`]: 'y' })
  const tracker = new ExperimentTracker({
    outputDir: root,
    enableEnvironmentTracking: false,
    enableGitTracking: false,
  })
  await tracker.startExperiment()
  const plain = await tracker.trackDataset(join(root, 'data'), 'listed')
  await tracker.trackDataset(join(root, TOKEN), 'elsewhere')
  await tracker.finishExperiment()
  const run = await findRun(storeIn(root), '@latest')
  const { listed } = run.record.datasets
  expect(listed).toMatchObject({ status: 'tracked', digest: String(plain?.digest) })
  expect(listed).not.toHaveProperty('filesFile')
  expect((listed as unknown as { warnings: string[] }).warnings[0]).toMatch(/may contain a secret/)
  const { items } = await verifyRun(run)
  expect(
    items.filter(({ section }) => section === 'datasets').map(({ name, status }) => [name, status]),
  ).toEqual([
    ['listed', 'same'],
    ['elsewhere', 'not-checked'],
  ])
})

test('an id with a secret is refused, since it names a folder', async () => {
  const tracker = new ExperimentTracker({ outputDir: folderOf(), experimentId: TOKEN })
  await expect(tracker.startExperiment()).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CONFIGURATION',
    field: 'experimentId',
  })
})

describe('a work tree with secrets', () => {
  test('is reproduced only with a choice, and says what it lacks', async () => {
    const root = repositoryOf({
      'in.txt': 'x',
      '.gitignore': 'out.txt',
      'a.py': 'a = 1\n',
      'b.py': 'b = 1\n',
    })
    writeFileSync(join(root, 'a.py'), `a = "${TOKEN}"\n`)
    writeFileSync(join(root, 'config.yaml'), 'db: postgres://u:pw@h/x\npassword: ask()\n')
    writeFileSync(join(root, 'plain.yaml'), 'password: hunter2\n')
    const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
    await expect(again(run)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STATE',
      message: expect.stringMatching(/2 files .*a\.py, config\.yaml/) as string,
    })
    const tree = await again(run, { run: false })
    expect(verdicts(tree).filter((verdict) => verdict.startsWith('code'))).toEqual([
      'code git same',
      'code changed.a.py not-restored',
      'code untracked.config.yaml not-restored',
    ])
    const answer = await again(run, { allowRedacted: true })
    expect(answer.reproduced).toBe(true)
    expect(readFileSync(join(answer.directory, 'config.yaml'), 'utf8')).toBe(
      'db: postgres://<redacted>@h/x\npassword: ask()\n',
    )
    expect(readFileSync(join(answer.directory, 'plain.yaml'), 'utf8')).toBe('password: hunter2\n')
  })

  test('an input whose path held a secret cannot be found again', async () => {
    const root = repositoryOf({ 'in.txt': 'x', '.gitignore': 'out.txt\n*.csv\n' })
    const path = join(root, `${TOKEN}.csv`)
    writeFileSync(path, 'a\n1\n')
    const run = await recorded(root, COPY, ['--dataset', `d=${path}`, '--output', 'o=out.txt'])
    await expect(again(run)).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_STATE',
      message: expect.stringMatching(/the path of the dataset "d" held a secret/) as string,
    })
    expect(verdicts(await again(run, { run: false }))).toContain('datasets d not-compared')
  })

  test('in names, in the context and in removed lines', async () => {
    const root = repositoryOf({
      'context.py': `x = 1\nt = "${TOKEN}"\ny = 1\n`,
      'removed.py': `t = "${TOKEN}"\n`,
      [`${OTHER}.py`]: 'a\n',
      'plain.py': 'a\n',
      'in.txt': 'x',
    })
    writeFileSync(join(root, 'context.py'), `x = 2\nt = "${TOKEN}"\ny = 1\n`)
    writeFileSync(join(root, 'removed.py'), 't = 1\n')
    writeFileSync(join(root, `${OTHER}.py`), 'b\n')
    writeFileSync(join(root, 'plain.py'), 'b\n')
    git(root, 'add', 'removed.py')
    writeFileSync(join(root, `new ${TOKEN}.txt`), 'x')
    const run = await recorded(root, '')
    for (const file of ['run.json', 'events.jsonl', 'git/diff.patch'])
      expect(readFileSync(join(run.folder, file), 'utf8'), file).not.toMatch(new RegExp(`${TOKEN}|${OTHER}`))
    expect(readFileSync(join(run.folder, 'git/diff.patch'), 'utf8')).toContain('plain.py')
    await expect(again(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
    const tree = await again(run, { run: false })
    expect(verdicts(tree).filter((verdict) => verdict.startsWith('code'))).toEqual([
      'code git same',
      'code changed.<redacted>.py not-restored',
      'code changed.context.py not-restored',
      'code changed.removed.py not-restored',
      'code untracked.new <redacted>.txt not-restored',
    ])
  })
})
