import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'

const BASE = { 'model.safetensors': safetensors({ w: floats([1]) }), 'config.json': '{"hidden_size": 1}' }

function adapter(config: object = {}): string {
  return folderOf({
    'adapter_config.json': JSON.stringify({
      peft_type: 'LORA',
      base_model_name_or_path: 'owner/base',
      ...config,
    }),
    'adapter_model.safetensors': safetensors({ a: floats([2]) }),
  })
}

/** A cache of the Hub with the base as one repository. */
function cache(commit = 'abc'): string {
  const below = `models--owner--base/snapshots/${commit}`
  return folderOf({
    'models--owner--base/refs/main': commit,
    ...Object.fromEntries(Object.entries(BASE).map(([name, content]) => [`${below}/${name}`, content])),
  })
}

beforeEach(() => {
  vi.stubEnv('HF_HUB_CACHE', folderOf())
})
afterEach(() => {
  vi.unstubAllEnvs()
})

test('an adapter is bound to the base that is given', async () => {
  const base = folderOf(BASE)
  const [own, report] = [await readModel(base), await readModel(adapter(), { base })]
  expect(report.base).toEqual({
    status: 'bound',
    from: 'given',
    label: 'owner/base',
    path: base,
    architecture: own.architecture,
    weights: own.weights,
  })
  expect(report.adapter?.kind).toBe('adapter')
})

test('the same binding comes from a file of the adapter', async () => {
  const [folder, base] = [adapter(), folderOf(BASE)]
  const [first, second] = [
    await readModel(folder, { base }),
    await readModel(join(folder, 'adapter_model.safetensors'), { base }),
  ]
  expect(String(first.adapter)).toBe(String(second.adapter))
})

test('a base in the cache of the Hub is found by its name and revision', async () => {
  const hub = cache()
  vi.stubEnv('HF_HUB_CACHE', hub)
  const given = await readModel(adapter(), { base: folderOf(BASE) })
  const found = await readModel(adapter())
  expect(found.base).toMatchObject({
    status: 'bound',
    from: 'hub-cache',
    path: join(hub, 'models--owner--base/snapshots/abc'),
  })
  expect(String(found.adapter)).toBe(String(given.adapter))
  expect((await readModel(adapter({ revision: 'abc' }))).base?.status).toBe('bound')
  expect((await readModel(adapter({ revision: 'def' }))).base).toMatchObject({
    status: 'not-checked',
    reason: expect.stringContaining('at revision "def"') as string,
  })
})

test('without a base the binding is not-checked, with the reason', async () => {
  const reasons = {
    'has no repository "owner/base"': await readModel(adapter()),
    'was not looked for': await readModel(adapter(), { base: false }),
    'names none': await readModel(adapter({ base_model_name_or_path: null })),
    'only a sample': await readModel(adapter(), {
      base: folderOf(BASE),
      sample: { strategy: 'strided', count: 1 },
    }),
  }
  for (const [reason, report] of Object.entries(reasons)) {
    expect(report.base, reason).toMatchObject({
      status: 'not-checked',
      reason: expect.stringContaining(reason) as string,
    })
    expect(report.adapter, reason).toBeUndefined()
    expect(report.weights, reason).toBeDefined()
  }
})

test('a label is never followed as a path', async () => {
  const base = folderOf(BASE)
  const hub = cache()
  vi.stubEnv('HF_HUB_CACHE', join(hub, 'models--owner--base'))
  for (const label of [base, '.', '..', '../models--owner--base', 'snapshots/abc', 'a/../b', '\0', 'a/b/c'])
    expect((await readModel(adapter({ base_model_name_or_path: label }))).base?.status, label).toBe(
      'not-checked',
    )
  for (const revision of ['../../x', '/etc', 'a/b', '..'])
    expect((await readModel(adapter({ revision }))).base?.status, revision).toBe('not-checked')
})

test('a base that is given must be there, and one in the cache that cannot be read is a reason', async () => {
  await expect(readModel(adapter(), { base: join(folderOf(), 'none') })).rejects.toMatchObject({
    code: 'ERR_LINEAPRINT_NOT_FOUND',
  })
  await expect(readModel(adapter(), { base: '' })).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_ARGUMENT' })
  const hub = cache()
  vi.stubEnv('HF_HUB_CACHE', hub)
  rmSync(join(hub, 'models--owner--base/snapshots/abc/model.safetensors'))
  expect((await readModel(adapter())).base).toMatchObject({
    status: 'not-checked',
    reason: expect.stringContaining('cannot be read') as string,
  })
})

test('a base for what is no adapter is refused', async () => {
  const base = folderOf(BASE)
  for (const folder of [base, folderOf({ ...BASE, 'adapter_config.json': '{}' })])
    await expect(readModel(folder, { base })).rejects.toMatchObject({
      code: 'ERR_LINEAPRINT_ARGUMENT',
      field: 'base',
    })
  expect((await readModel(base)).base).toBeUndefined()
})

test('an adapter can be the base of another one by its own tensors, and not of itself without end', async () => {
  const folder = adapter()
  const report = await readModel(folder, { base: folder })
  expect(report.base?.status).toBe('bound')
})
