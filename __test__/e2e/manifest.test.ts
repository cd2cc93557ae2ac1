import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { checkManifest } from '../../src/manifest/check.ts'
import { createManifest, formatManifest } from '../../src/manifest/manifest.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'

const B3SUM = resolve('.peers/cargo/bin/b3sum')

test('a manifest is printed, checked, and names what changed', async () => {
  const cwd = folderOf({ 'data/a': '1', 'data/b': '2', 'data/c\u001b[31m': '3' })
  const made = await lineaprint(['manifest', 'data', '-a', 'both'], { cwd })
  expect(made).toMatchObject({ code: 0, stderr: '' })
  expect(made.stdout).toBe(formatManifest(await createManifest(join(cwd, 'data'), { algorithm: 'both' })))
  writeFileSync(join(cwd, 'm.json'), made.stdout)
  expect(await lineaprint(['check', 'm.json', 'data'], { cwd })).toMatchObject({
    code: 0,
    stdout: '',
    stderr: '',
  })
  writeFileSync(join(cwd, 'data/a'), 'x')
  rmSync(join(cwd, 'data/c\u001b[31m'))
  writeFileSync(join(cwd, 'data/new'), '')
  const check = await lineaprint(['check', 'm.json', 'data'], { cwd })
  expect(check).toMatchObject({
    code: 1,
    stdout: 'changed  a\nmissing  c\\x1b[31m\nadded  new\n',
    stderr: '',
  })
  const input = await lineaprint(['check', '-', 'data', '--ignore-added'], { cwd, input: made.stdout })
  expect(input).toMatchObject({ code: 1, stdout: 'changed  a\nmissing  c\\x1b[31m\n' })
  expect(await lineaprint(['check', 'm.json', 'data', '-q'], { cwd })).toMatchObject({ code: 1, stdout: '' })
  const json = await lineaprint(['check', 'm.json', 'data', '--json'], { cwd })
  expect(JSON.parse(json.stdout)).toMatchObject({
    same: false,
    changed: [{ path: 'a', detail: 'its content differs' }],
    counts: { entries: 3, same: 1, changed: 1, missing: 1, added: 1, unreadable: 0 },
  })
})

test('-o writes the manifest whole, and leaves it out of its own folder', async () => {
  const cwd = folderOf({ 'data/a': '1', 'data/sub/b': '2' })
  for (const output of ['data/sub/m.json', 'data/m [1].json']) {
    const { code, stdout } = await lineaprint(['manifest', 'data', '-o', output], { cwd })
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^tree\.v1\.blake3:[0-9a-f]{64} {2}data\n$/) as string,
    })
    const { ignore, entries } = JSON.parse(readFileSync(join(cwd, output), 'utf8')) as {
      ignore: string[]
      entries: { path: string }[]
    }
    expect(ignore).toEqual([output.slice(4).replace('[', '\\[').replace(']', '\\]')])
    expect(entries.map(({ path }) => path)).not.toContain(output.slice(5))
    const check = await checkManifest(join(cwd, output), join(cwd, 'data'))
    expect(check.same, output).toBe(true)
    if (output === 'data/sub/m.json') rmSync(join(cwd, output))
  }
  expect((await lineaprint(['manifest', 'data', '-o', 'data/m [1].json'], { cwd })).code).toBe(0)
  expect(readdirSync(join(cwd, 'data')).toSorted()).toEqual(['a', 'm [1].json', 'sub'])
  const beside = await lineaprint(['check', 'm [1].json'], { cwd: join(cwd, 'data') })
  expect(beside.code).toBe(0)
})

test('-o through a link writes the file that it leads to', async () => {
  const cwd = folderOf({ 'data/a': '1', 'real.json': '' })
  symlinkSync('../real.json', join(cwd, 'data/link.json'))
  expect((await lineaprint(['manifest', 'data', '-o', 'data/link.json'], { cwd })).code).toBe(0)
  expect(readFileSync(join(cwd, 'real.json'), 'utf8')).toContain('"/link.json"')
  expect((await checkManifest(join(cwd, 'real.json'), join(cwd, 'data'))).same).toBe(true)
})

test('outputs that could not be checked or would destroy something are wrong usage', async () => {
  const cwd = folderOf({ 'data/a': '1' })
  for (const [args, message] of [
    [['data', '-o', 'data'], /received a folder/],
    [['data', '-o', 'none/m.json'], /none: the output folder does not exist/],
    [['data/a', '-o', 'data/a'], /would overwrite the file that it describes/],
  ] as const) {
    const { code, stderr } = await lineaprint(['manifest', ...args], { cwd })
    expect(code, stderr).toBe(2)
    expect(stderr).toMatch(message)
  }
  expect(readFileSync(join(cwd, 'data/a'), 'utf8')).toBe('1')
  const program = `${process.execPath} ${resolve('src/cli/main.ts')}`
  const shell = (command: string): string =>
    execFileSync('bash', ['-c', `${command} 2>&1 || echo "exit code $?"`], { cwd, encoding: 'utf8' })
  const own = shell(`(${program} manifest data > data/m.json)`)
  expect(own).toMatch(
    /^lineaprint: data\/m\.json: stdout is redirected into the folder itself.*\nexit code 2\n$/,
  )
  expect(shell(`(${program} manifest data/a > out.json) && ${program} check out.json data`)).toBe('')
})

test('the tensor that changed is named', async () => {
  const cwd = folderOf({ 'm/model.safetensors': safetensors({ w: floats([1]), v: floats([2]) }) })
  const made = await lineaprint(['manifest', 'm', '--tensors', '-o', 'm.json', '--json'], { cwd })
  expect(JSON.parse(made.stdout)).toMatchObject({ output: 'm.json', files: 1, tensors: 2 })
  writeFileSync(join(cwd, 'm/model.safetensors'), safetensors({ w: floats([1]), v: floats([3]) }))
  expect(await lineaprint(['check', 'm.json', 'm'], { cwd })).toMatchObject({
    code: 1,
    stdout: 'changed  model.safetensors\nchanged  model.safetensors: tensor v\n',
  })
})

test('what hash prints is checked again, and files of sha256sum are', async () => {
  const cwd = folderOf({ a: '1', 'b c': '2', 'line\nend': '3' })
  const names = ['a', 'b c', 'line\nend']
  for (const algorithm of ['sha256', 'both']) {
    const { stdout } = await lineaprint(['hash', '-a', algorithm, ...names], { cwd })
    const check = await lineaprint(['check', '-'], { cwd, input: stdout })
    expect(check, algorithm).toMatchObject({ code: 0, stdout: '' })
  }
  writeFileSync(join(cwd, 'SHA256SUMS'), execFileSync('sha256sum', names, { cwd }))
  writeFileSync(join(cwd, 'line\nend'), 'x')
  expect(await lineaprint(['check', 'SHA256SUMS'], { cwd })).toMatchObject({
    code: 1,
    stdout: 'changed  line\\nend\n',
  })
})

test.skipIf(!existsSync(B3SUM))(
  'files of b3sum are checked, and it checks ours (needs b3sum in .peers)',
  async () => {
    const cwd = folderOf({ a: '1', 'b c': '2', 'line\nend': '3' })
    const names = ['a', 'b c', 'line\nend']
    writeFileSync(join(cwd, 'B3SUMS'), execFileSync(B3SUM, names, { cwd }))
    expect((await lineaprint(['check', 'B3SUMS'], { cwd })).code).toBe(0)
    const { stdout } = await lineaprint(['hash', ...names], { cwd })
    writeFileSync(join(cwd, 'ours'), stdout)
    execFileSync(B3SUM, ['--check', 'ours'], { cwd })
  },
)

test('exit codes: wrong usage is 2; what is malformed, absent or unreadable is 3', async () => {
  const cwd = folderOf({ a: '1', 'm.json': '{}', sums: `${'0'.repeat(64)}  /etc/passwd\n` })
  const cases: [string[], number, RegExp][] = [
    [['check'], 2, /missing required argument/],
    [['check', 'sums', '-a', 'md5'], 2, /expected blake3, sha256, received "md5"/],
    [['manifest', 'a', '--links', 'copy'], 2, /follow, record, refuse/],
    [['manifest', 'none'], 3, /none: there is no such file or folder/],
    [['manifest', '.', '--tensors'], 3, /the folder contains no weights/],
    [['check', 'none'], 3, /there is no such manifest/],
    [['check', 'm.json'], 3, /m\.json: the manifest: the member "schema" is wrong/],
    [['check', '-'], 3, /-: no checksum lines found/],
    [['check', 'sums'], 3, /line 1: the name is absolute: "\/etc\/passwd"; .*--allow-outside/],
  ]
  const outcomes = await Promise.all(cases.map(([args]) => lineaprint(args, { cwd })))
  for (const [index, [args, code, message]] of cases.entries()) {
    const outcome = outcomes[index]
    expect(outcome, args.join(' ')).toMatchObject({ code, stdout: '' })
    expect(outcome?.stderr).toMatch(message)
    expect(outcome?.stderr.trim().split('\n')).toHaveLength(1)
  }
  const outside = await lineaprint(['check', 'sums', '--allow-outside', '-a', 'sha256'], { cwd })
  expect(outside).toMatchObject({ code: 1, stdout: 'changed  /etc/passwd\n' })
})

test('help has an example', async () => {
  for (const name of ['manifest', 'check']) {
    const { code, stdout } = await lineaprint([name, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/Examples:\n {2}lineaprint /)
  }
})
