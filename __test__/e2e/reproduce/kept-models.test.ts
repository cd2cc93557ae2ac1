/** Runs that keep a copy of the models they use. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { floats, safetensors } from '../../support/safetensors.ts'
import { again, recorded, repositoryOf } from './support.ts'

const MODEL = ['--keep-model', '--model', 'net=net', '--output', 'out=out.txt']

/** A program that needs the weights, and a file beside them that no digest of the model covers. */
const PROGRAM = `const fs = require("fs")
fs.readFileSync("net/model.safetensors")
fs.writeFileSync("out.txt", fs.existsSync("net/code.js") ? fs.readFileSync("net/code.js") : "none")`

function project(): string {
  const root = repositoryOf({ '.gitignore': 'net\nout.txt\n' })
  mkdirSync(join(root, 'net'))
  writeFileSync(join(root, 'net/model.safetensors'), safetensors({ w: floats([1]) }))
  writeFileSync(join(root, 'net/code.js'), 'code')
  return root
}

test('files beside a kept model come from its folder, as without a copy', async () => {
  const run = await recorded(project(), PROGRAM, MODEL)
  expect((await again(run)).reproduced).toBe(true)
})

test('a model whose folder is gone comes from the copy', async () => {
  const root = project()
  rmSync(join(root, 'net/code.js'))
  const run = await recorded(root, PROGRAM, MODEL)
  rmSync(join(root, 'net'), { recursive: true })
  const answer = await again(run)
  expect(answer.reproduced).toBe(true)
  expect(existsSync(join(answer.directory, 'net/model.safetensors'))).toBe(true)
})

test('a damaged copy is not taken for the model', async () => {
  const root = project()
  const run = await recorded(root, PROGRAM, MODEL)
  rmSync(join(root, 'net'), { recursive: true })
  rmSync(join(root, '.lineaprint/objects'), { recursive: true })
  await expect(again(run)).rejects.toMatchObject({ code: 'ERR_LINEAPRINT_NOT_FOUND', field: 'models.net' })
})
