import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, fromHeader, safetensors } from '../support/safetensors.ts'

test('a model in a pipe is tab-separated, and --json holds the same digests', async () => {
  const cwd = folderOf({
    'model.safetensors': safetensors({ w: floats([1, 2]), v: floats([1, 2]) }),
    'config.json': '{"dtype":"x"}',
  })
  const { code, stdout } = await lineaprint(['model', '.'], { cwd })
  expect(code).toBe(0)
  const rows = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t')),
  )
  expect(rows).toMatchObject({
    tensors: '2',
    parameters: '4',
    size: '16',
    tied: 'v = w',
    'left out': 'config.json: dtype',
  })
  const { stdout: json } = await lineaprint(['model', '.', '--json'], { cwd })
  expect(JSON.parse(json)).toMatchObject({ architecture: rows['architecture'], weights: rows['weights'] })
})

test('a file from a stranger is refused in one line and exit code 3', async () => {
  const cwd = folderOf({
    'm.safetensors': fromHeader('{"a\\u001b[31m":{"dtype":"F32","shape":[1],"data_offsets":[0,99]}}'),
  })
  const { code, stdout, stderr } = await lineaprint(['model', 'm.safetensors'], { cwd })
  expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
  expect(stderr).toMatch(/m\.safetensors: tensor "a\\u001b\[31m": its data_offsets do not fit/)
  expect(stderr).not.toContain('\u001b')
})

test('a dataset', async () => {
  const cwd = folderOf({ 'data/a': '1', 'data/b': '22' })
  const { stdout } = await lineaprint(['dataset', 'data'], { cwd })
  expect(stdout).toMatch(
    /^digest\ttree\.v1\.blake3:[0-9a-f]{64}\nkind\tfolder\npath\t.*data\nsize\t3\nfiles\t2\nfolders\t1\n$/,
  )
})

test('doctor says what is there', async () => {
  const { code, stdout } = await lineaprint(['doctor', '--json'], { cwd: folderOf({}) })
  const findings = JSON.parse(stdout) as { name: string; state: string }[]
  expect(code).toBe(0)
  expect(findings.map(({ name }) => name)).toContain('store')
  const file = await lineaprint(['doctor'], { cwd: folderOf({ '.lineaprint': 'a file in the way' }) })
  expect(file.code).toBe(1)
  expect(file.stdout).toMatch(/store\tproblem/)
})
