/** The frameworks that are really there are read as they say it themselves. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { objectAt, textAt } from '../fixture.ts'
import { captureFrameworks } from './fakes.ts'
import type { JsonObject } from '../../../src/core/json-value.ts'

const NUMPY_PYTHON = resolve('.peers/python/bin/python')

describe.skipIf(!existsSync(NUMPY_PYTHON))('the NumPy that the vectors are made with', () => {
  test('says its BLAS as NumPy itself does', async () => {
    const shown = execFileSync(NUMPY_PYTHON, [
      '-c',
      "import json, numpy; print(json.dumps(numpy.show_config('dicts')['Build Dependencies']['blas']))",
    ])
    const { name, version } = JSON.parse(shown.toString()) as Record<string, string>
    const value = await captureFrameworks({ ...process.env, VIRTUAL_ENV: resolve('.peers/python') })
    expect(value).toMatchObject({ python: { numpy: { build: { blas: name, blasVersion: version } } } })
  })
})

const TORCH_PYTHON = resolve('.peers/torch/bin/python')

describe.skipIf(!existsSync(TORCH_PYTHON))('a real PyTorch', () => {
  test('says what PyTorch itself says once it is loaded', async () => {
    const program =
      'import json, torch; print(json.dumps([torch.__version__, torch.version.cuda, torch.backends.cudnn.version()]))'
    const shown = execFileSync(TORCH_PYTHON, ['-c', program], {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 150_000,
    })
    const [release, cuda, cudnn] = JSON.parse(shown.toString()) as [string, string | null, number | null]
    const value = await captureFrameworks(
      { ...process.env, VIRTUAL_ENV: resolve('.peers/torch') },
      undefined,
      60_000,
    )
    const torch = objectAt(objectAt({ value }, 'value'), 'python')['torch'] as JsonObject
    expect(torch).toMatchObject({ build: { release, cuda: cuda ?? 'none' } })
    const [major = 0, minor = 0, patch = 0] = textAt(torch, 'cudnn').split('.').map(Number)
    // PyTorch says it as one number, and nothing where it was built without.
    const number = cudnn === null ? 'none' : major * 10_000 + minor * 100 + patch
    expect(number).toBe(cudnn ?? textAt(torch, 'cudnn'))
  }, 180_000)
})
