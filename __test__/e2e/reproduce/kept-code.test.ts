/** Runs whose code lies in the objects of the store. */
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { collectObjects } from '../../../src/store/objects/collect.ts'
import { contentOf, piecePath } from '../../../src/store/objects/layout.ts'
import { gitOf } from '../../../src/capture/records.ts'
import { storeOf } from '../../../src/store/store.ts'
import { verifyRun } from '../../../src/verify/verify.ts'
import { git } from '../../capture/fixture.ts'
import { COPY, again, recorded, repositoryOf, verdicts } from './support.ts'
import type { StoredRun } from '../../../src/store/runs.ts'

const KEEP = { LINEAPRINT_KEEP: '{"code":true}' }

/** A run on a second commit, with a change and an untracked file. */
async function project(env: Readonly<Record<string, string>>): Promise<{ root: string; run: StoredRun }> {
  const root = repositoryOf({ 'in.txt': 'first', 'deep/run.sh': 'echo' })
  writeFileSync(join(root, 'in.txt'), 'second')
  chmodSync(join(root, 'deep/run.sh'), 0o755)
  git(root, 'commit', '-q', '-a', '-m', 'second')
  writeFileSync(join(root, 'in.txt'), 'changed')
  writeFileSync(join(root, 'untracked.txt'), 'new')
  const run = await recorded(root, COPY, ['--dataset', 'in=in.txt', '--output', 'out=out.txt'], env)
  return { root, run }
}

/** The path of the pack in the objects. */
function packOf(run: StoredRun): string {
  const repository = gitOf(run.record)
  const code = repository?.available === true ? repository.code : undefined
  const [file] = code?.status === 'kept' ? code.files : []
  const content = contentOf(file?.digests ?? {}, file?.size ?? 0)
  if (content === undefined) throw new Error('no code was kept')
  return piecePath(storeOf(run.folder), content)
}

test('a run is reproduced without its repository', async () => {
  const { root, run } = await project(KEEP)
  expect(run.record.warnings).toEqual([])
  expect(await collectObjects(storeOf(run.folder), { dryRun: false })).toMatchObject({
    kept: { count: 1 },
    removed: { count: 0 },
  })
  renameSync(join(root, '.git'), join(root, 'gone'))
  rmSync(join(root, 'gone'), { recursive: true })
  const answer = await again(run)
  expect(answer.reproduced).toBe(true)
  expect(verdicts(answer)).toContain('code git same')
  expect(readFileSync(join(answer.directory, 'in.txt'), 'utf8')).toBe('changed')
  expect(readFileSync(join(answer.directory, 'untracked.txt'), 'utf8')).toBe('new')
  expect(git(answer.directory, 'rev-parse', 'HEAD').trim()).toBe(
    gitOf(run.record)?.available === true ? Reflect.get(gitOf(run.record) ?? {}, 'commit') : '',
  )
})

test('a damaged or missing pack is not used, and verify --objects tells', async () => {
  const { root, run } = await project(KEEP)
  const objects = async (): Promise<unknown> => {
    const { items } = await verifyRun(run, { directory: root, objects: true, level: 'data' })
    return items.filter(({ section }) => section === 'objects')
  }
  expect(await objects()).toMatchObject([{ name: 'code', status: 'same' }])
  const pack = packOf(run)
  const bytes = readFileSync(pack)
  bytes[20] = (bytes[20] ?? 0) ^ 1
  chmodSync(pack, 0o600)
  writeFileSync(pack, bytes)
  expect(await objects()).toMatchObject([{ name: 'code', status: 'changed' }])
  rmSync(join(root, '.git'), { recursive: true })
  await expect(again(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_CHANGED', path: pack })
  rmSync(pack)
  await expect(again(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_STATE' })
  expect(existsSync(pack)).toBe(false)
})

test('without the option no code is kept, and a fault is a warning', async () => {
  const { run } = await project({})
  expect(run.record.captures['git']).not.toHaveProperty('value.code')
  const { run: full } = await project({ LINEAPRINT_KEEP: '{"code":true,"freeSpace":1125899906842624}' })
  expect(full.record.warnings).toEqual([expect.stringContaining('the code was not kept: ')])
  expect(full.record.captures['git']).toHaveProperty('value.code.status', 'failed')
})
