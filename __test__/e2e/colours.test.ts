import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { FAST } from './runs/support.ts'

const ESC = String.fromCharCode(27)

test('colours: none in a pipe, forced ones also there, and none where they are unwanted', async () => {
  const cwd = folderOf()
  await lineaprint(['run', '--name', `a${ESC}[31mb`, '--', 'true'], { cwd, env: FAST })
  const list = async (env: Record<string, string>): Promise<string> => {
    const { stdout, stderr, code } = await lineaprint(['list'], { cwd, env })
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 })
    return stdout
  }
  const plain = await list({ NO_COLOR: '1' })
  expect(plain).toContain('\tfinished\t')
  expect(plain).toContain(String.raw`a\x1b[31mb`)
  expect(plain).not.toContain(ESC)
  expect(await list({ NO_COLOR: '' })).toBe(plain)
  expect(await list({ NO_COLOR: '', FORCE_COLOR: '0' })).toBe(plain)
  const coloured = await list({ NO_COLOR: '', FORCE_COLOR: '1' })
  expect(coloured).toContain(`${ESC}[32mfinished${ESC}[39m`)
  expect(coloured.replaceAll(`${ESC}[32m`, '').replaceAll(`${ESC}[39m`, '')).toBe(plain)
  expect(await list({ NO_COLOR: '1', FORCE_COLOR: '1' })).toBe(plain)
})
