import { join } from 'node:path'
import { expect, test } from 'vitest'
import { derivationStatement } from '../../src/export/derivation.ts'
import { deriveModel } from '../../src/model/derivation/derive.ts'
import { vector } from '../model/derivation/support.ts'
import { folderOf } from '../support/folder.ts'
import { hasPeer, runPeer } from './peers.ts'

const PROGRAM = join(import.meta.dirname, 'check_derivation.py')

test.skipIf(!hasPeer('validators')).each([
  ['fused.safetensors', { fused: 4, identical: 11 }],
  ['f32.safetensors', { cast: 21 }],
])(
  'a program with in-toto-attestation and blake3 alone checks llama to %s',
  { timeout: 120_000 },
  async (to, carriedOut) => {
    const [before, after] = [vector('llama/model.safetensors'), vector(to)]
    const statement = derivationStatement(await deriveModel(before, after, { files: true }))
    const check = async (
      given: unknown,
    ): Promise<{ readonly code: number | null; readonly output: string }> => {
      const cwd = folderOf({ 'statement.json': JSON.stringify(given) })
      return runPeer('validators', ['-B', PROGRAM, 'statement.json', before, after], { cwd })
    }
    const { code, output } = await check(statement)
    expect(code, output).toBe(0)
    expect(JSON.parse(output.slice(output.indexOf('CHECKED') + 7))).toEqual(carriedOut)
    const other = JSON.stringify(statement).replace(
      /"blake3":"(.)/,
      (_, digit) => `"blake3":"${digit === '0' ? 1 : 0}`,
    )
    expect((await check(JSON.parse(other))).code).not.toBe(0)
  },
)
