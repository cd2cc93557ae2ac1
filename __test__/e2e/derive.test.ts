import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { vector } from '../model/derivation/support.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'

const diff = (...args: string[]): ReturnType<typeof lineaprint> =>
  lineaprint(['diff', ...args], { cwd: folderOf() })

test('everything explained is exit code 0, with a line for each tensor', async () => {
  const { code, stdout, stderr } = await diff(vector('llama'), vector('llama-q8_0.gguf'), '--derive')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const lines = stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(21)
  expect(lines).toContain(
    'quantised\tblk.0.attn_q.weight\tmodel.layers.0.self_attn.q_proj.weight\tthe halves of the rows of each of 4 heads interleaved (rotary); quantised BF16 to Q8_0, recomputed bit by bit\t',
  )
})

test('a tensor that does not follow is exit code 1, and named', async () => {
  const { code, stdout } = await diff(vector('llama'), vector('merged-f32.safetensors'), '--derive', '--json')
  expect(code).toBe(1)
  const answer = JSON.parse(stdout) as { tensors: { name: string; verdict: string }[] }
  expect(answer).toMatchObject({ kind: 'derivation', explained: false, counts: { changed: 4 } })
  expect(answer.tensors.find(({ verdict }) => verdict === 'changed')).toMatchObject({
    name: 'model.layers.0.self_attn.q_proj.weight',
  })
})

test('--with explains a merge, and --attest writes the statement', async () => {
  const path = join(folderOf(), 'statement.json')
  const { code, stderr } = await diff(
    vector('llama'),
    vector('merged-bf16.safetensors'),
    '--derive',
    '--with',
    vector('adapter'),
    '--attest',
    path,
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
    predicateType: 'urn:lineaprint:derivation:v1',
    subject: [{ name: 'merged-bf16.safetensors' }],
    predicate: { explained: true, adapter: { files: [{ name: 'adapter_model.safetensors' }] } },
  })
})

test('archives of arrays are models here, and what is none is an error', async () => {
  expect(await diff(vector('f32.npz'), vector('f32.onnx'), '--derive')).toMatchObject({ code: 0, stderr: '' })
  const { code, stderr } = await diff(vector('llama/config.json'), vector('llama'), '--derive')
  expect([code, stderr.trim().split('\n')]).toEqual([3, [expect.stringContaining('config.json')]])
})

test('options that do nothing are refused', async () => {
  const [a, b] = [vector('llama'), vector('f32.safetensors')]
  for (const [args, words] of [
    [[a, b, '--attest', 'x'], '--attest needs --derive'],
    [[a, b, '--with', a], '--with needs --derive'],
    [[a, b, '--derive', '--values'], 'exclude each other'],
    [[a, b, '--map', 'x'], '--map needs --derive'],
  ] as const) {
    const { code, stderr } = await diff(...args)
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)])
  }
})
