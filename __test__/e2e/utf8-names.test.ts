/** Names that are not UTF-8, as arguments and as the working folder. Node cannot give them to a program itself. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { FAST } from './runs/support.ts'
import type { Outcome } from '../support/program.ts'

/** Runs lineaprint with arguments in which `%` stands for the byte 0xe9. */
function withByte(args: readonly string[], cwd: string): Promise<Outcome> {
  const script = `for word; do
  set -- "$@" "$(printf %s "$word" | tr % '\\351')"
  shift
done
exec "$@"`
  return lineaprint(args, { cwd, env: FAST, under: ['sh', '-c', script, 'sh'] })
}

/** A file whose name has the byte, and one with the name that Node would make of it. */
function twoFiles(): string {
  const cwd = folderOf({ 'caf\uFFFD.bin': 'the other file' })
  writeFileSync(Buffer.from(`${cwd}/caf\xe9.bin`, 'latin1'), 'x')
  return cwd
}

test
  .runIf(process.platform === 'linux')
  .each([
    [['hash', 'caf%.bin']],
    [['hash', 'caf\uFFFD.bin', 'caf%.bin']],
    [['hash', '--ignore-file', 'caf%.bin', '.']],
    [['check', 'caf%.bin']],
    [['manifest', 'caf%.bin']],
    [['model', 'caf%.bin']],
    [['dataset', 'caf%.bin']],
    [['diff', 'caf%.bin', 'caf\uFFFD.bin']],
    [['run', '--', 'touch', 'made-%']],
    [['run', '--dataset', 'd=caf%.bin', '--', 'touch', 'made']],
    [['list', '--name', '%']],
  ])('%j is refused before anything happens', async (args) => {
  const cwd = twoFiles()
  const before = readdirSync(cwd, 'latin1')
  const { code, stdout, stderr } = await withByte(args, cwd)
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(/^lineaprint: an argument is not UTF-8: \$'.*\\xe9.*'; /)
  expect(readdirSync(cwd, 'latin1')).toEqual(before)
})

test('a name with the replacement character itself is a name', async () => {
  const cwd = folderOf({ 'caf\uFFFD.bin': 'x', "it's \\": 'y' })
  const { code, stdout } = await lineaprint(['hash', 'caf\uFFFD.bin', "it's \\"], { cwd })
  expect(code).toBe(process.platform === 'linux' ? 0 : 2)
  expect(stdout.includes('caf\uFFFD.bin')).toBe(process.platform === 'linux')
})

test.runIf(process.platform === 'linux')('a link and a stream are ways to such a file', async () => {
  const cwd = twoFiles()
  symlinkSync(Buffer.from('caf\xe9.bin', 'latin1'), join(cwd, 'link'))
  const digest = (await lineaprint(['hash', '-'], { cwd, input: 'x' })).stdout.slice(0, 64)
  expect((await lineaprint(['hash', 'link'], { cwd })).stdout.slice(0, 64)).toBe(digest)
})

test.runIf(process.platform === 'linux').each([false, true])(
  'a working folder is not taken for the one that Node names, if that exists: %j',
  async (isThere) => {
    const root = folderOf()
    mkdirSync(Buffer.from(`${root}/d\xe9`, 'latin1'))
    const other = join(root, 'd\uFFFD')
    if (isThere) mkdirSync(other)
    const script = `cd "$(printf 'd\\351')" && exec "$@"`
    const options = { cwd: root, env: FAST, under: ['sh', '-c', script, 'sh'] }
    const { code, stderr } = await lineaprint(['run', '--', 'touch', 'made'], options)
    expect(code).toBe(2)
    expect(stderr).toContain('the name of the working folder is not UTF-8')
    expect(existsSync(join(other, '.lineaprint'))).toBe(false)
    mkdirSync(other, { recursive: true })
    expect((await lineaprint(['run', '--', 'touch', 'made'], { cwd: other, env: FAST })).code).toBe(0)
    expect(existsSync(join(other, 'made'))).toBe(true)
  },
)
