/** Runs that resume from a checkpoint and write over it. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { cyclonedxBill } from '../../../src/export/cyclonedx.ts'
import { slsaStatement } from '../../../src/export/slsa.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { again, recorded, repositoryOf, verdicts } from './support.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

/** A program that reads a checkpoint and writes its successor over it. */
const RESUME = 'const fs = require("fs"); fs.writeFileSync("last.pt", fs.readFileSync("last.pt") + "x")'

function project(content = 'start'): string {
  const root = repositoryOf({ '.gitignore': 'last.pt\ncheckpoints\n' })
  writeFileSync(join(root, 'last.pt'), content)
  return root
}

async function verified(run: StoredRun): Promise<string[]> {
  const { items } = await verifyRun(run, { directory: run.record.command.workingDirectory })
  return items
    .filter(({ section }) => ['datasets', 'models', 'outputs'].includes(section))
    .map(({ section, name, status }) => `${section} ${name} ${status}`)
}

const CHECKPOINT = ['--dataset', 'ckpt=last.pt', '--output', 'ckpt=last.pt']

test('without a copy, the input is known to be written over and is not restored', async () => {
  const root = project()
  const run = await recorded(root, RESUME, CHECKPOINT)
  const { datasets, outputs, flags } = run.record
  expect(datasets['ckpt']).not.toMatchObject({
    digest: Reflect.get(outputs['ckpt'] ?? {}, 'digest') as string,
  })
  expect(flags).toMatchObject([
    { kind: 'output-existed' },
    { kind: 'input-overwritten', section: 'datasets', name: 'ckpt' },
  ])
  expect(await verified(run)).toEqual(['datasets ckpt not-checked', 'outputs ckpt same'])

  const tree = await again(run, { run: false })
  expect(tree.items.find(({ section }) => section === 'datasets')).toMatchObject({
    verdict: 'not-restored',
    detail: expect.stringContaining('--keep') as string,
  })
  // The command must not resume from its own result.
  expect(existsSync(join(tree.directory, 'last.pt'))).toBe(false)
  await expect(again(run)).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_CHANGED',
    field: 'datasets.ckpt',
    message: expect.stringContaining('not-restored') as string,
  })
  // The recorded bytes are at the path again, whoever brought them.
  writeFileSync(join(root, 'last.pt'), 'start')
  expect((await again(run)).reproduced).toBe(true)
})

test('with a copy, the run is reproduced from it, and later runs of the chain too', async () => {
  const root = project()
  const runs = [
    await recorded(root, RESUME, ['--keep', ...CHECKPOINT]),
    await recorded(root, RESUME, ['--keep', ...CHECKPOINT]),
  ]
  for (const run of runs) {
    const answer = await again(run)
    expect(verdicts(answer)).toContain('datasets ckpt same')
    expect(answer.reproduced).toBe(true)
  }
  const [first] = runs
  expect(await verified(first as StoredRun)).toEqual(['datasets ckpt same', 'outputs ckpt changed'])
  expect(readFileSync(join(root, 'last.pt'), 'utf8')).toBe('startxx')
})

test('a copy is private, by content, and no link to the file of the user', async () => {
  const root = project()
  await recorded(root, RESUME, ['--keep', ...CHECKPOINT])
  writeFileSync(join(root, 'last.pt'), 'start')
  await recorded(root, RESUME, ['--keep', ...CHECKPOINT])
  const objects = join(root, '.lineaprint/objects/blake3')
  const files = readdirSync(objects, { recursive: true, withFileTypes: true }).filter((file) => file.isFile())
  // The start, and what the run made of it: each once.
  expect(files).toHaveLength(2)
  for (const { parentPath, name } of files) {
    const info = statSync(join(parentPath, name))
    expect([info.mode & 0o777, info.nlink]).toEqual([0o400, 1])
    expect(info.ino).not.toBe(statSync(join(root, 'last.pt')).ino)
  }
  const [folder = ''] = readdirSync(objects)
  expect(statSync(join(objects, folder)).mode & 0o777).toBe(0o700)
  expect(statSync(join(root, '.lineaprint/objects')).mode & 0o777).toBe(0o700)
})

test('a copy that is damaged or gone is not used', async () => {
  const root = project()
  const run = await recorded(root, RESUME, ['--keep', ...CHECKPOINT])
  const objects = join(root, '.lineaprint/objects/blake3')
  const { parentPath = '', name = '' } =
    readdirSync(objects, { recursive: true, withFileTypes: true }).find(
      (file) => file.isFile() && readFileSync(join(file.parentPath, file.name), 'utf8') === 'start',
    ) ?? {}
  writeFileSync(join(parentPath, name), 'other')
  expect(await verified(run)).toContain('datasets ckpt changed')
  const answer = await again(run, { run: false })
  expect(verdicts(answer)).toContain('datasets ckpt not-restored')
  expect(existsSync(join(answer.directory, 'last.pt'))).toBe(false)
})

test('a copy that cannot be made is a warning, and stops nothing', async () => {
  const root = project()
  mkdirSync(join(root, '.lineaprint'))
  writeFileSync(join(root, '.lineaprint/objects'), 'a file')
  const run = await recorded(root, RESUME, ['--keep', ...CHECKPOINT])
  expect(run.record.warnings).toContainEqual(
    expect.stringContaining('no copy of the dataset "ckpt" was kept'),
  )
  expect(run.record.datasets['ckpt']).toMatchObject({ kept: { status: 'failed' } })
})

test('a folder of checkpoints, of which the run writes one over and adds one', async () => {
  const root = project()
  const program =
    'const fs = require("fs"); const a = fs.readFileSync("checkpoints/a/w.bin", "utf8");' +
    'fs.writeFileSync("checkpoints/a/w.bin", a + "x"); fs.writeFileSync("checkpoints/b", a)'
  mkdirSync(join(root, 'checkpoints/a'), { recursive: true })
  writeFileSync(join(root, 'checkpoints/a/w.bin'), 'weights')
  writeFileSync(join(root, 'checkpoints/run.sh'), '', { mode: 0o755 })
  const options = ['--keep', '--dataset', 'in=checkpoints', '--output', 'out=checkpoints']
  const run = await recorded(root, program, options)
  const answer = await again(run)
  expect(verdicts(answer)).toEqual(expect.arrayContaining(['datasets in same', 'outputs out same']))
  expect(answer.reproduced).toBe(true)
})

test('a checkpoint that git keeps comes from git', async () => {
  const root = repositoryOf({ 'last.pt': 'start' })
  const run = await recorded(root, RESUME, CHECKPOINT)
  expect((await again(run)).reproduced).toBe(true)
})

test('an input that the run only read has no copy and no flag', async () => {
  const root = project()
  const options = ['--keep', '--dataset', 'ckpt=last.pt', '--output', 'o=checkpoints']
  const run = await recorded(root, 'require("fs").writeFileSync("checkpoints", "")', options)
  expect(run.record.datasets['ckpt']).not.toHaveProperty('kept')
  expect(run.record.flags).toEqual([])
})

/** A model of one tensor, as a program for Node that writes it. */
const MODEL =
  'const fs = require("fs"); const h = JSON.stringify({ w: { dtype: "F32", shape: [1], data_offsets: [0, 4] } });' +
  'const f = Buffer.alloc(8 + h.length + 4); f.writeBigUInt64LE(BigInt(h.length)); f.write(h, 8);' +
  'f.writeFloatLE(fs.existsSync("last.pt") ? fs.readFileSync("last.pt").length : 0, 8 + h.length);' +
  'fs.writeFileSync("last.pt", f); fs.copyFileSync("last.pt", "checkpoints")'

test('in exports the checkpoint of the start is a dependency, and the one of the end is a subject', async () => {
  const root = project()
  await recorded(root, MODEL.replaceAll('last.pt', 'm.safetensors'))
  const options = ['--keep', '--model', 'ckpt=m.safetensors', '--output', 'ckpt=m.safetensors']
  const run = await recorded(root, MODEL.replaceAll('last.pt', 'm.safetensors'), options)
  expect(run.record.flags).toMatchObject([
    { kind: 'output-existed' },
    { kind: 'input-overwritten', section: 'models' },
    { kind: 'undeclared-ignored', paths: ['checkpoints'] },
  ])
  const { statement } = slsaStatement(run)
  const names = (list: unknown): string[] => (list as { name: string }[]).map(({ name }) => name)
  expect(names(statement['subject'])).toEqual(['ckpt'])
  const definition = (statement['predicate'] as { buildDefinition: { resolvedDependencies: unknown } })
    .buildDefinition
  expect(names(definition.resolvedDependencies)).toContain('models/ckpt')
  const bill = cyclonedxBill(run.record)
  const [{ dependsOn }] = bill['dependencies'] as [{ dependsOn: string[] }]
  expect(dependsOn).toContain('models/ckpt')
  expect(dependsOn).not.toContain('outputs/ckpt')
  expect((await again(run)).reproduced).toBe(true)
})
