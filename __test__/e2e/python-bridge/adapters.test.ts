/** Adapters that programs track by their path, with and without the base. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readModel } from '../../../src/model/read.ts'
import { readRun } from '../../../src/store/runs.ts'
import { folderOf } from '../../support/folder.ts'
import { floats, safetensors } from '../../support/safetensors.ts'
import { python } from './support.ts'

const SOURCE = `import lineaprint
bound = lineaprint.track_model("adapter", "bound", base="base")
print(bound["adapter"])
lineaprint.track_model("adapter", "alone", base=False)
for source, base in (({"w": [1.0]}, "base"), ("adapter", True), ("adapter", 3)):
    try:
        lineaprint.track_model(source, "refused", base=base)
    except Exception as error:
        print(type(error).__name__)`

test('a program binds an adapter to its base', { timeout: 120_000 }, async () => {
  const root = folderOf({
    'base/model.safetensors': safetensors({ w: floats([1]) }),
    'adapter/adapter_config.json': '{"peft_type": "LORA", "base_model_name_or_path": "owner/base"}',
    'adapter/adapter_model.safetensors': safetensors({ a: floats([2]) }),
  })
  const { folder, stdout, stderr, code } = await python(SOURCE, { root })
  expect({ stderr, code }).toMatchObject({ code: 0 })
  const { adapter } = await readModel(join(root, 'adapter'), { base: join(root, 'base') })
  const { record } = await readRun(folder)
  expect(stdout.trim().split('\n')[0]).toBe(String(adapter))
  expect(record.models).toMatchObject({
    bound: { adapter: String(adapter), base: { status: 'bound', path: join(root, 'base') } },
    alone: { base: { status: 'not-checked', reason: 'its base was not looked for' } },
  })
  expect(record.models['alone']).not.toHaveProperty('adapter')
  expect(record.models['refused']).toBeUndefined()
})
