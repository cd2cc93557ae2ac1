import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestBytes } from '../../src/hash/bytes.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { floats, safetensors } from '../support/safetensors.ts'

test('what is printed for files is what sha256sum -c reads, odd names included', async () => {
  const cwd = folderOf({ 'a b': '1', 'line\nend': '2', 'back\\slash': '3', '-dash': '4' })
  const names = ['a b', 'line\nend', 'back\\slash', './-dash']
  const { code, stdout } = await lineaprint(['hash', '--algorithm', 'sha256', ...names], { cwd })
  expect(code).toBe(0)
  expect(stdout).toBe(execFileSync('sha256sum', names, { cwd, encoding: 'utf8' }))
  writeFileSync(join(cwd, 'sums'), stdout)
  execFileSync('sha256sum', ['-c', '--strict', 'sums'], { cwd })
})

test('a folder has the full form, both algorithms are tagged, - is standard input', async () => {
  const cwd = folderOf({ file: 'abc' })
  mkdirSync(join(cwd, 'folder'))
  const folder = await lineaprint(['hash', 'folder'], { cwd })
  expect(folder.stdout).toMatch(/^tree\.v1\.blake3:[0-9a-f]{64} {2}folder\n$/)
  const both = await lineaprint(['hash', '-a', 'both', 'file'], { cwd })
  const [blake3, sha256] = both.stdout.split('\n')
  expect(blake3).toMatch(
    /^BLAKE3 \(file\) = 6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85$/,
  )
  expect(sha256).toBe('SHA256 (file) = ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  const stream = await lineaprint(['hash', '-'], { cwd, input: 'abc' })
  expect(stream.stdout).toBe('6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85  -\n')
})

test('small files have the same lines by the short way as with an option', async () => {
  const cwd = folderOf({ a: '1', 'b c': 'x'.repeat(70_000), empty: '' })
  const cases = [['a'], ['a', 'b c'], ['a', './a'], ['empty', 'a'], ['-a', 'both', 'a', 'b c'], ['.', 'a']]
  for (const args of [...cases, ['--algorithm', 'sha256', 'b c']]) {
    const [short, long] = await Promise.all(
      [args, ['--threads', '2', ...args]].map((given) => lineaprint(['hash', ...given], { cwd })),
    )
    expect(short).toMatchObject({ code: 0, stderr: '' })
    expect(short).toEqual(long)
  }
  for (const args of [['a', 'missing'], ['-a', 'md5', 'a'], ['-a']]) {
    const [short, long] = await Promise.all(
      [args, ['--threads', '2', ...args]].map((given) => lineaprint(['hash', ...given], { cwd })),
    )
    expect(short?.code).toBeGreaterThan(1)
    expect(short).toEqual(long)
  }
})

test('one failure is said, the others are hashed, and the exit code is 3', async () => {
  const cwd = folderOf({ a: '1', c: '3' })
  const { code, stdout, stderr } = await lineaprint(['hash', 'a', 'b', 'c'], { cwd })
  expect(code).toBe(3)
  expect(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.slice(66)),
  ).toEqual(['a', 'c'])
  expect(stderr).toBe('lineaprint: b: there is no such file or folder\n')
})

test('--json is one document with full digests', async () => {
  const cwd = folderOf({ 'm.safetensors': safetensors({ w: floats([1, 2]) }), 'd/x': '' })
  const { stdout } = await lineaprint(['hash', '--json', 'm.safetensors', 'd', 'none'], { cwd })
  const rows = JSON.parse(stdout) as {
    path: string
    digests?: { blake3: string }
    error?: { code: string }
  }[]
  expect(rows.map(({ digests, error }) => digests?.blake3.split(':')[0] ?? error?.code)).toEqual([
    'blake3',
    'tree.v1.blake3',
    'ERR_LINEAPRINT_NOT_FOUND',
  ])
  const tensors = await lineaprint(['hash', '--tensors', 'm.safetensors'], { cwd })
  expect(tensors.stdout).toMatch(/^[0-9a-f]{64} {2}F32 \[2\] w\n$/)
})

test('parts of one file merge into its digest', async () => {
  const cwd = folderOf({ file: 'x'.repeat(5000) })
  const whole = await lineaprint(['hash', 'file'], { cwd })
  for (const part of ['1/2', '2/2']) {
    const { stdout } = await lineaprint(['hash', '--part', part, 'file'], { cwd })
    writeFileSync(join(cwd, `${part[0]}.json`), stdout)
  }
  const merged = await lineaprint(['hash', '--merge', '2.json', '1.json'], { cwd })
  expect(merged.stdout.trim()).toBe(whole.stdout.slice(0, 64))
  const partial = await lineaprint(['hash', '--merge', '1.json'], { cwd })
  expect({ code: partial.code, stdout: partial.stdout }).toEqual({ code: 3, stdout: '' })
  expect((await lineaprint(['hash', '--part', '3/2', 'file'], { cwd })).code).toBe(2)
})

test('wrong usage is one line and exit code 2', async () => {
  for (const args of [
    ['hash'],
    ['hash', 'x', '--algorithm', 'md5'],
    ['hash', 'x', '--threads', 'two'],
    ['hahs'],
    ['hash', '--lniks', 'x'],
  ]) {
    const { code, stdout, stderr } = await lineaprint(args)
    expect({ code, stdout, lines: stderr.trim().split('\n').length }, args.join(' ')).toEqual({
      code: 2,
      stdout: '',
      lines: 1,
    })
    expect(stderr).toMatch(/^lineaprint: /)
  }
})

test('help has an example and exit code 0', async () => {
  for (const args of [
    ['--help'],
    ['hash', '--help'],
    ['help', 'hash'],
    ['model', '--help'],
    ['dataset', '--help'],
    ['doctor', '--help'],
  ]) {
    const { code, stdout } = await lineaprint(args)
    expect(code, args.join(' ')).toBe(0)
    expect(stdout, args.join(' ')).toMatch(/Examples?:\n {2}.*lineaprint/)
  }
  expect((await lineaprint(['help', 'hash'])).stdout).toBe((await lineaprint(['hash', '--help'])).stdout)
})

test('Ctrl-C stops the work at once', async () => {
  const cwd = folderOf({})
  execFileSync('truncate', ['-s', '60G', 'sparse'], { cwd })
  let interrupted = 0
  const { code, stdout, stderr } = await lineaprint(['hash', 'sparse'], {
    cwd,
    started: (child) =>
      setTimeout(() => {
        interrupted = performance.now()
        child.kill('SIGINT')
      }, 700),
  })
  expect(performance.now() - interrupted).toBeLessThan(20_000)
  expect({ code, stdout, stderr }).toEqual({ code: 130, stdout: '', stderr: 'lineaprint: interrupted\n' })
})

test('a reader that has seen enough is no error', () => {
  const cwd = folderOf(Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`f${index}`, ''])))
  const program = `${process.execPath} ${process.cwd()}/src/cli/main.ts`
  const output = execFileSync('bash', ['-c', `set -o pipefail; ${program} hash f* | head -n 1`], {
    cwd,
    encoding: 'utf8',
  })
  expect(output).toMatch(/ f0\n$/)
})

const ABC = '6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85'

test('pipes, /dev/stdin, devices and files of length 0 that have content are read to their end', async () => {
  const cwd = folderOf({ empty: '', file: 'abc' })
  const paths = [join(cwd, 'pipe'), '/dev/stdin', '/proc/sys/kernel/ostype', '/dev/null', 'empty', 'file']
  execFileSync('mkfifo', [paths[0] ?? ''])
  const { code, stdout, stderr } = await lineaprint(['hash', ...paths], {
    cwd,
    input: 'abc',
    started: () => spawn('sh', ['-c', 'printf abc > pipe'], { cwd, stdio: 'ignore' }),
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const [empty, ostype] = await Promise.all(
    ['', readFileSync('/proc/sys/kernel/ostype')].map(
      async (bytes) => (await digestBytes(Buffer.from(bytes))).blake3?.hex,
    ),
  )
  const digests = stdout
    .trim()
    .split('\n')
    .map((line) => line.slice(0, 64))
  expect(digests).toEqual([ABC, ABC, ostype, empty, empty, ABC])
})

test('Ctrl-C ends the wait for the writer of a pipe', async () => {
  const cwd = folderOf()
  execFileSync('mkfifo', [join(cwd, 'pipe')])
  const { code, stdout } = await lineaprint(['hash', 'pipe'], {
    cwd,
    started: (child) => {
      const timer = setInterval(() => {
        // The pipe is open once the process waits for it.
        const waits = readdirSync(`/proc/${child.pid}/fd`).some(
          (fd) => linkOf(`/proc/${child.pid}/fd/${fd}`) === join(cwd, 'pipe'),
        )
        if (!waits) return
        clearInterval(timer)
        child.kill('SIGINT')
      }, 20)
      child.once('exit', () => clearInterval(timer))
    },
  })
  expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
})

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    // The descriptor was closed in the meantime.
    return undefined
  }
}

test('check reads what hash writes, for folders too', async () => {
  const cwd = folderOf({ 'data/a': '1', 'back\\slash/b': '2', 'line\nend/c': '3', file: '4' })
  for (const algorithm of ['blake3', 'sha256', 'both']) {
    const { stdout } = await lineaprint(
      ['hash', '-a', algorithm, 'data', 'back\\slash', 'line\nend', 'file'],
      { cwd },
    )
    writeFileSync(join(cwd, 'sums'), stdout)
    expect(await lineaprint(['check', 'sums'], { cwd })).toMatchObject({ code: 0, stdout: '', stderr: '' })
    // Windows editors put a byte order mark before the text.
    writeFileSync(join(cwd, 'sums'), `\ufeff${stdout}`)
    expect(await lineaprint(['check', 'sums'], { cwd })).toMatchObject({ code: 0, stdout: '', stderr: '' })
  }
  writeFileSync(join(cwd, 'line\nend', 'c'), '5')
  const changed = await lineaprint(['check', '--json', 'sums'], { cwd })
  expect(changed.code).toBe(1)
  // One line per algorithm.
  expect(
    (JSON.parse(changed.stdout) as { changed: { path: string }[] }).changed.map(({ path }) => path),
  ).toEqual(['line\nend', 'line\nend'])
})
