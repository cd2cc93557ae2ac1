import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readModel } from '../../src/model/read.ts'
import { readSettings } from '../../src/model/settings.ts'
import { ALGORITHMS, ROOT, contentOf, readCases, safetensors, temporaryFolder } from './support.ts'
import type { Content, VectorTensor, WrittenDigests } from './support.ts'
import type { Algorithm, Digests } from '../../src/core/digest.ts'
import type { ModelReport } from '../../src/model/report.ts'

type Files = readonly { readonly name: string; readonly content: Content }[]

interface VectorModel {
  readonly tensors: readonly VectorTensor[]
  readonly config?: string
}

interface VectorComponent extends Partial<VectorModel> {
  readonly name: string
  readonly files?: Files
}

interface SettingsCase {
  readonly name: string
  readonly files: Files
  readonly digests: WrittenDigests
}

interface PipelineCase {
  readonly name: string
  readonly index: string
  readonly components: readonly VectorComponent[]
  readonly componentDigests: Readonly<
    Record<string, Readonly<Record<'blake3' | 'sha256', Readonly<Record<string, string>>>>>
  >
  readonly weights: WrittenDigests
  readonly architecture: WrittenDigests
  readonly family: WrittenDigests
  readonly digests: WrittenDigests
}

interface AdapterCase extends VectorModel {
  readonly name: string
  readonly base: VectorModel
  readonly digests: WrittenDigests
}

function writeFiles(folder: string, files: Files = []): void {
  for (const { name, content } of files) writeFileSync(join(folder, name), contentOf(content))
}

function writeModel(folder: string, { tensors = [], config }: Partial<VectorModel>, stem = 'model'): void {
  writeFileSync(join(folder, `${stem}.safetensors`), safetensors(tensors))
  const name = stem === 'model' ? 'config.json' : 'adapter_config.json'
  if (config !== undefined) writeFileSync(join(folder, name), config)
}

function written(digests: Digests | undefined): Partial<WrittenDigests> {
  return Object.fromEntries(ALGORITHMS.map((algorithm) => [algorithm, digests?.[algorithm]?.toString()]))
}

/** The digests of components as a vector has them: by name, algorithm and kind. */
function componentDigests({ components = [] }: ModelReport): object {
  return Object.fromEntries(
    components.map(({ name, digests }) => {
      const byKind = Object.entries(digests)
      const of = (algorithm: Algorithm): object =>
        Object.fromEntries(byKind.map(([kind, each]) => [kind, each[algorithm]?.toString()]))
      return [name, { blake3: of('blake3'), sha256: of('sha256') }]
    }),
  )
}

test.each(readCases('settings.json') as readonly SettingsCase[])('settings: $name', async (vector) => {
  using folder = temporaryFolder()
  writeFiles(folder.path, vector.files)
  expect(written((await readSettings(folder.path, 'both'))?.digests)).toEqual(vector.digests)
})

test.each(readCases('pipeline.json') as readonly PipelineCase[])('a pipeline: $name', async (vector) => {
  using folder = temporaryFolder()
  writeFileSync(join(folder.path, 'model_index.json'), vector.index)
  for (const component of vector.components) {
    const path = join(folder.path, component.name)
    mkdirSync(path)
    if (component.tensors !== undefined) writeModel(path, component)
    writeFiles(path, component.files)
  }
  const report = await readModel(folder.path, { algorithm: 'both' })
  expect(written(report.digests.pipeline)).toEqual(vector.digests)
  for (const kind of ['weights', 'architecture', 'family'] as const)
    expect(written(report.digests[kind]), kind).toEqual(vector[kind])
  expect(componentDigests(report)).toEqual(vector.componentDigests)
})

test.each(readCases('adapter.json') as readonly AdapterCase[])('an adapter: $name', async (vector) => {
  using folder = temporaryFolder()
  const [adapter, base] = [join(folder.path, 'adapter'), join(folder.path, 'base')]
  for (const path of [adapter, base]) mkdirSync(path)
  writeModel(adapter, vector, 'adapter_model')
  writeModel(base, vector.base)
  const report = await readModel(adapter, { algorithm: 'both', base })
  expect(written(report.digests.adapter)).toEqual(vector.digests)
  for (const algorithm of ALGORITHMS) {
    const one = await readModel(adapter, { algorithm, base })
    expect(one.adapter?.toString()).toBe(vector.digests[algorithm])
  }
})

interface SavedPipeline extends Pick<
  PipelineCase,
  'componentDigests' | 'weights' | 'architecture' | 'family'
> {
  readonly file: string
  readonly variant?: string
  readonly pipeline: WrittenDigests
}

interface SavedAdapter {
  readonly file: string
  readonly adapter: WrittenDigests
}

function savedIn(folder: string): readonly unknown[] {
  const text = readFileSync(join(ROOT, 'vectors/models', folder, 'expected.json'), 'utf8')
  return (JSON.parse(text) as { readonly files: readonly unknown[] }).files
}

test.each(savedIn('pipeline') as readonly SavedPipeline[])(
  'diffusers saved $file, variant $variant',
  async (saved) => {
    const path = join(ROOT, 'vectors/models/pipeline', saved.file)
    const report = await readModel(path, { algorithm: 'both', weights: saved.variant })
    for (const kind of ['pipeline', 'weights', 'architecture', 'family'] as const)
      expect(written(report.digests[kind]), kind).toEqual(saved[kind])
    expect(componentDigests(report)).toEqual(saved.componentDigests)
  },
)

test.each(savedIn('adapter') as readonly SavedAdapter[])('peft saved $file', async ({ file, adapter }) => {
  const folder = join(ROOT, 'vectors/models/adapter')
  const report = await readModel(join(folder, file), { algorithm: 'both', base: join(folder, 'base') })
  expect(written(report.digests.adapter)).toEqual(adapter)
  expect(report.base).toMatchObject({ status: 'bound', label: 'lineaprint/tiny-llama' })
  expect(report.config?.ignored).toEqual(['base_model_name_or_path', 'peft_version'])
})
