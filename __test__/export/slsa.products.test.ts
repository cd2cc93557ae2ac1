import { mkdirSync, writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { slsaStatement } from '../../src/export/slsa.ts'
import { sourceOf } from '../../src/export/source.ts'
import { folderOf } from '../support/folder.ts'
import { floats, safetensors } from '../support/safetensors.ts'
import { finished } from '../tracking/support.ts'

interface Statement {
  readonly subject: readonly { readonly name: string }[]
  readonly predicate: {
    readonly buildDefinition: { readonly resolvedDependencies?: readonly { readonly name: string }[] }
  }
}

test('a model that the run made is a subject and no dependency', async () => {
  const root = folderOf({
    'base/model.safetensors': safetensors({ w: floats([1]) }),
    'kept/model.safetensors': safetensors({ w: floats([2]) }),
  })
  await setTimeout(20)
  const run = await finished(root, {}, async (tracker) => {
    await tracker.trackModel(join(root, 'base'), 'base')
    await setTimeout(20)
    mkdirSync(join(root, 'out'))
    writeFileSync(join(root, 'out/model.safetensors'), safetensors({ w: floats([3]) }))
    await tracker.trackModel(join(root, 'out'), 'trained')
    // Declared as an output, although the run did not write it.
    await tracker.trackOutput(join(root, 'kept'), 'kept')
    await tracker.trackModel(join(root, 'kept/model.safetensors'), 'in an output')
  })
  const { statement } = slsaStatement(sourceOf(run))
  const { subject, predicate } = statement as unknown as Statement
  expect(subject.map(({ name }) => name)).toEqual(['kept', 'models/trained', 'models/in an output'])
  const dependencies = (predicate.buildDefinition.resolvedDependencies ?? []).map(({ name }) => name)
  expect(dependencies.filter((name) => name.startsWith('models/'))).toEqual(['models/base'])
})
