/** The frameworks that are really there are read as they say it themselves. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { captureFrameworks } from './fakes.ts'

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
