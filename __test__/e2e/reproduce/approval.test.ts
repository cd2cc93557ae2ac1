/** Runs that this user did not make on this machine: what is shown, asked and started. */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { reproduceRun } from '../../../src/reproduce/reproduce.ts'
import { formatRecord, sealRecord } from '../../../src/record/seal.ts'
import { readRun } from '../../../src/store/runs.ts'
import { temporaryFolder } from '../../capture/fixture.ts'
import { lineaprint } from '../../support/program.ts'
import { COPY, again, recorded, repositoryOf } from './support.ts'
import type { ReproductionPlan } from '../../../src/reproduce/reproduce.ts'
import type { RunRecord } from '../../../src/record/record.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

/** Seals another record in the folder of a run, as a stranger can. */
async function edited(run: StoredRun, change: (record: RunRecord) => RunRecord): Promise<StoredRun> {
  writeFileSync(join(run.folder, 'run.json'), formatRecord(sealRecord(change(run.record))))
  return readRun(run.folder)
}

async function foreignRun(argv?: readonly string[]): Promise<StoredRun> {
  const root = repositoryOf({ 'in.txt': 'x' })
  writeFileSync(join(root, 'in.txt'), 'changed')
  writeFileSync(join(root, 'more.txt'), 'untracked')
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  return edited(run, (record) => ({
    ...record,
    process: { ...record.process, host: 'host\u001b[31m' },
    command: { ...record.command, ...(argv !== undefined && { argv }) },
  }))
}

test('a run of this user starts unasked, also from a copy of its folder', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const run = await recorded(root, COPY, ['--output', 'o=out.txt'])
  expect(await again(run)).toMatchObject({ reproduced: true })
  const copy = join(temporaryFolder(), run.id)
  cpSync(run.folder, copy, { recursive: true })
  expect(await again(await readRun(copy))).toMatchObject({ reproduced: true })
})

test('an edited run, and one of another machine, is refused before anything is written', async () => {
  const root = repositoryOf({ 'in.txt': 'x' })
  const own = await recorded(root, COPY, ['--output', 'o=out.txt'])
  const changes: ((record: RunRecord) => RunRecord)[] = [
    (record) => ({ ...record, notes: 'edited' }),
    (record) => ({ ...record, command: { ...record.command, argv: ['touch', join(root, 'canary')] } }),
    (record) => ({ ...record, process: { ...record.process, host: 'elsewhere' } }),
  ]
  for (const change of changes) {
    const run = await edited(own, change)
    const into = join(temporaryFolder(), 'tree')
    const refusal = { code: 'ERR_LINEAPRINT_ARGUMENT', field: 'approve', received: 'none' }
    await expect(reproduceRun(run, { into })).rejects.toMatchObject(refusal)
    await expect(reproduceRun(run, { into, approve: async () => false })).rejects.toMatchObject({
      ...refusal,
      received: 'a refusal',
    })
    await expect(reproduceRun(run, { into, run: false, rebuild: true })).rejects.toMatchObject(refusal)
    expect(existsSync(into)).toBe(false)
  }
  expect(existsSync(join(root, 'canary'))).toBe(false)
})

test('the plan has the command, the sizes of what is applied, and the package managers', async () => {
  const run = await foreignRun()
  const plans: ReproductionPlan[] = []
  const approve = (plan: ReproductionPlan): boolean => {
    plans.push(plan)
    return true
  }
  expect(await again(run, { approve })).toMatchObject({ reproduced: true })
  expect(plans).toEqual([
    {
      id: run.id,
      name: run.record.name,
      host: 'host\u001b[31m',
      argv: run.record.command.argv,
      directory: '',
      patches: { count: 1, bytes: readFileSync(join(run.folder, 'git/diff.patch')).length },
      untracked: { count: 1, bytes: 9 },
      bundle: { count: 0, bytes: 0 },
      managers: [],
    },
  ])
})

test('--no-run restores the files of a foreign run unasked', async () => {
  const run = await foreignRun()
  expect(await again(run, { run: false })).toMatchObject({ reproduced: null })
})

const CLI = resolve('src/cli/main.ts')

function commandOf(run: StoredRun, into: string, args: readonly string[]): string[] {
  return ['reproduce', run.id, '--output-dir', resolve(run.folder, '../../..'), '--into', into, ...args]
}

test('the command without a terminal shows the plan, escaped, and needs --yes', async () => {
  const run = await foreignRun([
    process.execPath,
    '-e',
    COPY,
    '--',
    'a b',
    '\u001b]0;title\u0007\u202e',
    "it's",
  ])
  const into = join(temporaryFolder(), 'tree')
  const refused = await lineaprint(commandOf(run, into, []))
  expect(refused).toMatchObject({ code: 2, stdout: '' })
  expect(refused.stderr).toContain('its record names the machine host\\x1b[31m')
  expect(refused.stderr).toContain(`'a b' '\\x1b]0;title\\x07\\u202e' 'it'\\''s'\n`)
  expect(refused.stderr).toMatch(/restore: 1 patch \(\d+ B\), 1 untracked file \(9 B\)\n/)
  expect(refused.stderr).toMatch(/--yes.*--no-run/)
  expect(refused.stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  expect(existsSync(into)).toBe(false)
  const approved = await lineaprint(commandOf(run, into, ['--yes']))
  expect(approved.code, approved.stderr).toBe(0)
  expect(approved.stdout).toContain('same\toutputs\to\tthe same bytes\n')
})

/** Runs the command on a terminal of its own, and answers the question. */
async function onTerminal(
  args: readonly string[],
  answer: string,
): Promise<{ code: number; output: string }> {
  const line = [process.execPath, CLI, ...args].map((argument) => `'${argument}'`).join(' ')
  const child = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  let hasAnswered = false
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString()
    if (hasAnswered || !output.includes('Type yes to go on: ')) return
    hasAnswered = true
    child.stdin.write(answer)
  })
  const code = await new Promise<number>((done) => child.on('close', (ended) => done(ended ?? -1)))
  return { code, output }
}

test.each([
  ['yes\n', 0],
  ['no\n', 2],
  ['\n', 2],
  ['\u0004', 2],
  ['\u0003', 130],
])('on a terminal it asks once: %j', async (answer, expected) => {
  const run = await foreignRun()
  const into = join(temporaryFolder(), 'tree')
  const { code, output } = await onTerminal(commandOf(run, into, []), answer)
  expect(code, output).toBe(expected)
  expect(output.split('Type yes to go on: ')).toHaveLength(2)
  expect(existsSync(into) && readdirSync(into).includes('out.txt')).toBe(expected === 0)
})
