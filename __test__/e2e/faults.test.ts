/**
 * Faults of the system at any call: the error names the file, nothing is written in part, no digest is wrong, and a
 * cache that fails costs no digest.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HAS_NOBODY, HAS_STRACE, asNobody, listCalls, everythingIn, withFault } from '../support/faults.ts'
import { folderOf, paint } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'

/** Everything that the program does with files, by whatever name. */
const FILE_CALLS = [
  'open openat openat2 read pread64 readv preadv lseek getdents64 stat lstat fstat newfstatat statx readlink readlinkat',
  'access faccessat2 write pwrite64 writev pwritev ftruncate fsync fdatasync flock fcntl rename renameat renameat2',
  'mkdir mkdirat unlink unlinkat fstatfs close',
].flatMap((line) => line.split(' '))

const FILES = { 'data/a': 'one', 'data/sub/b': paint(70_000), 'data/sub/c': '', 'data/sub/deep/d': 'four' }
const REASONS = 'too many open files|permission denied|input/output error|no space left on (the )?device'

/** One line that names something in the folder, and no more. */
const saysWhere = (folder: string): RegExp =>
  new RegExp(`^lineaprint: ${folder}[^\n]*: [^\n]*(${REASONS})[^\n]*\n$`, 'i')

describe.skipIf(!HAS_STRACE)('with strace', { timeout: 300_000 }, () => {
  const hashing = [
    {
      calls: ['openat'],
      at: 'data/sub/b',
      error: 'EMFILE',
      says: 'data/sub/b: cannot open it: too many open files',
    },
    {
      calls: ['openat'],
      at: 'data/sub',
      error: 'EACCES',
      says: 'data/sub: cannot open it: permission denied',
    },
    {
      calls: ['getdents64'],
      at: 'data/sub',
      error: 'EIO',
      says: 'data/sub: cannot list it: input/output error',
    },
    {
      calls: ['pread64'],
      at: 'data/sub/b',
      error: 'EIO',
      says: 'data/sub/b: cannot read it: input/output error',
    },
    {
      calls: ['fstat', 'statx'],
      at: 'data/a',
      error: 'EIO',
      says: 'data/a: cannot stat it: input/output error',
    },
    // What a network mount answers whose server is gone.
    { calls: ['openat'], at: 'data/a', error: 'ESTALE', says: 'data/a: cannot open it: stale' },
    {
      calls: ['getdents64'],
      at: 'data/sub',
      error: 'ENOTCONN',
      says: 'data/sub: cannot list it: transport endpoint',
    },
  ]

  test.each(hashing)('$error of $calls on $at', async ({ calls, at, error, says }) => {
    const cwd = folderOf({ ...FILES, other: 'x' })
    // The engine opens what is in a folder by its bare name.
    const fault = { paths: [join(cwd, at), basename(at)], calls, error }
    const { code, stdout, stderr } = await withFault(fault, ['hash', 'data', 'other'], { cwd })
    const other = await lineaprint(['hash', 'other'], { cwd })
    // The other input is hashed all the same, and the folder has no digest.
    expect({ code, stdout }).toEqual({ code: 3, stdout: other.stdout })
    expect(stderr).toMatch(new RegExp(`^lineaprint: ${says}[^\n]*\n$`))
  })

  test('a read that fails in the middle of a large file', async () => {
    const cwd = folderOf({ big: paint(9 << 20) })
    const fault = { paths: [join(cwd, 'big')], calls: ['pread64'], error: 'EIO', when: 5 }
    for (const algorithm of ['blake3', 'sha256', 'both']) {
      const { code, stdout, stderr } = await withFault(fault, ['hash', '-a', algorithm, 'big'], { cwd })
      expect({ code, stdout, stderr }).toEqual({
        code: 3,
        stdout: '',
        stderr: 'lineaprint: big: cannot read it: input/output error\n',
      })
    }
  })

  test('a fault at any call while a folder is hashed gives its digest or an error that says where', async () => {
    const cwd = folderOf(FILES)
    const args = ['hash', 'data', '--threads', '1']
    const where = { paths: everythingIn(join(cwd, 'data')), calls: FILE_CALLS }
    const right = await lineaprint(args, { cwd })
    const calls = await listCalls(where, args, { cwd })
    expect(calls.length).toBeGreaterThan(20)
    let failures = 0
    for (const { name, when } of calls) {
      const outcome = await withFault({ ...where, calls: [name], error: 'EIO', when }, args, { cwd })
      const failed = { code: 3, stdout: '', stderr: expect.stringMatching(saysWhere('data')) as string }
      expect(outcome, `${name} ${when}`).toMatchObject(outcome.code === 0 ? right : failed)
      if (outcome.code === 3) failures++
    }
    // Most calls matter; those of no matter are closing, and asking how a write is going on.
    expect(failures).toBeGreaterThan(calls.length / 2)
  })

  test('a fault while it is found out whether files are in memory costs no digest', async () => {
    // So many that it is asked of each; the standard library would panic where a listing cannot be closed.
    const names = Array.from({ length: 16 }, (_, index) => `data/${index}`)
    const cwd = folderOf(Object.fromEntries(names.map((name) => [name, name])))
    const data = join(cwd, 'data')
    const right = await lineaprint(['hash', 'data'], { cwd })
    const failed = { code: 3, stdout: '', stderr: expect.stringMatching(saysWhere('data')) as string }
    const paths = everythingIn(data)
    for (const name of ['openat', 'getdents64', 'statx', 'mmap', 'munmap', 'close']) {
      const first = await withFault({ paths, calls: [name], error: 'EIO', when: 1 }, ['hash', 'data'], {
        cwd,
      })
      expect(first, name).toMatchObject(first.code === 0 ? right : failed)
    }
    // What is called for that alone may fail always.
    for (const name of ['mmap', 'munmap']) {
      const always = await withFault({ paths, calls: [name], error: 'EIO' }, ['hash', 'data'], { cwd })
      expect(always, name).toMatchObject(right)
    }
  })

  test('a fault at any call while a manifest is made leaves the old one or a whole new one', async () => {
    const cwd = folderOf({ 'data/a': 'one', 'data/sub/b': 'two', 'out/m.json': 'old' })
    const args = ['manifest', 'data', '-o', 'out/m.json', '--threads', '1']
    const output = join(cwd, 'out/m.json')
    const right = (await lineaprint(['manifest', 'data'], { cwd })).stdout
    const where = { paths: [...everythingIn(join(cwd, 'data')), join(cwd, 'out'), output], calls: FILE_CALLS }
    const calls = await listCalls(where, args, { cwd })
    for (const { name, when } of calls) {
      writeFileSync(output, 'old')
      const { code, stderr } = await withFault({ ...where, calls: [name], error: 'EIO', when }, args, { cwd })
      expect(readdirSync(join(cwd, 'out')), `${name} ${when}`).toEqual(['m.json'])
      const content = readFileSync(output, 'utf8')
      const state = content === right ? 'new' : content
      // The folder is flushed after the rename; if that fails the new one stands, and the error says so.
      const failed = {
        code: 3,
        stderr: expect.stringMatching(/^lineaprint: [^\n]*(data|out)[^\n]*\n$/) as string,
        state: expect.stringMatching(/^(old|new)$/) as string,
      }
      expect({ code, stderr, state }, `${name} ${when}`).toEqual(
        code === 0 ? { code, stderr: '', state: 'new' } : failed,
      )
    }
  })

  test.each([
    { calls: ['fsync'], error: 'EIO', says: 'the device reports an error' },
    { calls: ['fsync'], error: 'ENOSPC', says: 'no space left on the device' },
    { calls: ['rename', 'renameat', 'renameat2'], error: 'ENOSPC', says: 'no space left on the device' },
    { calls: ['rename', 'renameat', 'renameat2'], error: 'EACCES', says: 'permission denied' },
  ])('$error of $calls while a manifest is written', async ({ calls, error, says }) => {
    const cwd = folderOf({ 'data/a': '1', 'out/m.json': 'old' })
    const args = ['manifest', 'data', '-o', 'out/m.json']
    // The name of the temporary file is not known before, so the calls on every path fail.
    const { code, stdout, stderr } = await withFault({ paths: [], calls, error, when: 1 }, args, { cwd })
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toBe(`lineaprint: ${join(cwd, 'out/m.json')}: it cannot be written: ${says}\n`)
    expect(readdirSync(join(cwd, 'out'))).toEqual(['m.json'])
    expect(readFileSync(join(cwd, 'out/m.json'), 'utf8')).toBe('old')
  })

  test('a fault at any call on the cache is a warning at most, and the digest is right', async () => {
    const cwd = folderOf(FILES)
    const args = ['hash', 'data', '--cache', '--threads', '1']
    const env = { LINEAPRINT_CACHE_DIRECTORY: join(cwd, 'cache') }
    // Files must look old before anything is kept; a time in the past is not enough, their inodes tell.
    await untilKept(args, { cwd, env })
    const cache = join(cwd, 'cache')
    const where = { paths: [...everythingIn(cache), join(cache, 'files-v3')], calls: FILE_CALLS }
    const right = await lineaprint(['hash', 'data'], { cwd })
    for (const prepare of [() => undefined, () => rmTable(cache)]) {
      prepare()
      const calls = await listCalls(where, args, { cwd, env })
      expect(calls.length).toBeGreaterThan(3)
      let warnings = 0
      for (const { name, when } of calls) {
        prepare()
        const error = ['EIO', 'ENOSPC', 'EACCES'][when % 3] ?? 'EIO'
        const { code, stdout, stderr } = await withFault({ ...where, calls: [name], error, when }, args, {
          cwd,
          env,
        })
        expect({ code, stdout }, `${name} ${when}`).toEqual({ code: 0, stdout: right.stdout })
        if (stderr !== '') warnings++
        expect(stderr, `${name} ${when}`).toMatch(
          new RegExp(`^(lineaprint: warning: the cache is not used: ${cache}[^\n]*\n)?$`),
        )
        const after = await lineaprint(args, { cwd, env })
        expect({ code: after.code, stdout: after.stdout }, `after ${name} ${when}`).toEqual({
          code: 0,
          stdout: right.stdout,
        })
      }
      expect(warnings).toBeGreaterThan(0)
    }
  })
})

/** Runs until every file has been kept in the cache. */
async function untilKept(
  args: readonly string[],
  options: { cwd: string; env: Record<string, string> },
): Promise<void> {
  await expect
    .poll(
      async () => {
        const { stdout } = await lineaprint([...args, '--json'], options)
        return (JSON.parse(stdout) as { cache: { misses: number } }[])[0]?.cache.misses
      },
      { timeout: 60_000, interval: 500 },
    )
    .toBe(0)
}

function rmTable(cache: string): void {
  writeFileSync(join(cache, 'files-v3'), '')
}

describe('full', () => {
  test.skipIf(!existsSync('/dev/full'))('an output that cannot be written is no difference', async () => {
    const cwd = folderOf({ 'data/a': '1' })
    for (const args of [
      ['manifest', 'data'],
      ['hash', 'data'],
      ['hash', '--json', 'data'],
    ]) {
      const { code, stderr } = await lineaprint(args, {
        cwd,
        under: ['sh', '-c', 'exec "$@" > /dev/full', 'sh'],
      })
      expect(code).toBe(3)
      expect(stderr).toMatch(/^lineaprint: the output cannot be written: ENOSPC[^\n]*\n$/)
    }
  })

  test.skipIf(!canMount())('a file system without room keeps the old manifest', async () => {
    const cwd = folderOf({ 'full/.keep': '' })
    for (let index = 0; index < 400; index++) {
      mkdirSync(join(cwd, 'data'), { recursive: true })
      writeFileSync(join(cwd, 'data', `a file with a long name ${index}`), '')
    }
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', join(cwd, 'full')])
    onTestFinished(() => {
      execFileSync('umount', [join(cwd, 'full')])
    })
    writeFileSync(join(cwd, 'full/m.json'), 'old')
    const { code, stderr } = await lineaprint(['manifest', 'data', '-o', 'full/m.json'], { cwd })
    expect(code).toBe(3)
    expect(stderr).toMatch(
      /^lineaprint: .*full\/m\.json: it cannot be written: no space left on the device\n$/,
    )
    expect(readdirSync(join(cwd, 'full'))).toEqual(['m.json'])
    expect(readFileSync(join(cwd, 'full/m.json'), 'utf8')).toBe('old')
  })

  test.skipIf(process.platform === 'win32')(
    'a folder that nests deeper than a process may open files is hashed',
    async () => {
      const deep = Array.from({ length: 200 }, () => 'd').join('/')
      const cwd = folderOf({ [`data/${deep}/file`]: '1' })
      const few = ['sh', '-c', 'ulimit -n 100; exec "$@"', 'sh']
      const { code, stdout, stderr } = await lineaprint(['hash', 'data'], { cwd, under: few })
      const { stdout: unlimited } = await lineaprint(['hash', 'data'], { cwd })
      expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: unlimited, stderr: '' })
    },
  )
})

describe.skipIf(!HAS_NOBODY)('as somebody with few rights', () => {
  test('what may not be read is named, and what may be is hashed', async () => {
    const cwd = folderOf({ ...FILES, other: 'x' })
    chmodSync(cwd, 0o755)
    const cases = [
      { at: 'data/a', mode: 0o000, says: 'data/a: cannot open it: permission denied' },
      { at: 'data/sub', mode: 0o000, says: 'data/sub: cannot open it: permission denied' },
      { at: 'data/sub', mode: 0o444, says: 'data/sub: cannot list it: permission denied' },
      { at: 'data/sub', mode: 0o311, says: 'data/sub: cannot open it: permission denied' },
    ]
    for (const { at, mode, says } of cases) {
      const before = at === 'data/a' ? 0o644 : 0o755
      chmodSync(join(cwd, at), mode)
      const { code, stdout, stderr } = await asNobody(['hash', 'data', 'other'], { cwd })
      expect({ code, stdout }).toEqual({
        code: 3,
        stdout: (await lineaprint(['hash', 'other'], { cwd })).stdout,
      })
      expect(stderr).toMatch(new RegExp(`^lineaprint: ${says}\n$`))
      chmodSync(join(cwd, at), before)
    }
  })

  test('a manifest that may not be written, and a cache that may not be made', async () => {
    const cwd = folderOf({ ...FILES, 'out/m.json': 'old' })
    chmodSync(cwd, 0o755)
    const written = await asNobody(['manifest', 'data', '-o', 'out/m.json'], { cwd })
    expect(written).toMatchObject({ code: 3, stdout: '' })
    expect(written.stderr).toMatch(/^lineaprint: .*out\/m\.json: it cannot be written: permission denied\n$/)
    expect(readFileSync(join(cwd, 'out/m.json'), 'utf8')).toBe('old')
    const env = { LINEAPRINT_CACHE_DIRECTORY: join(cwd, 'cache') }
    const cached = await asNobody(['hash', '--cache', 'data', 'data/a', 'data/sub'], { cwd, env })
    const right = await lineaprint(['hash', 'data', 'data/a', 'data/sub'], { cwd })
    expect(cached).toMatchObject({ code: 0, stdout: right.stdout })
    expect(cached.stderr).toBe(
      `lineaprint: warning: the cache is not used: ${join(cwd, 'cache')}: cannot make it: permission denied\n`,
    )
    // A cache of somebody else is none, whether or not it can be read.
    mkdirSync(env.LINEAPRINT_CACHE_DIRECTORY, { mode: 0o755 })
    const foreign = await asNobody(['hash', '--cache', 'data', '--json'], { cwd, env })
    expect(foreign).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/other.* can write to this cache/) as string,
    })
    expect(JSON.parse(foreign.stdout)).toMatchObject([
      { cache: { hits: 0, misses: 0, stored: 0, error: { code: 'ERR_LINEAPRINT_UNREADABLE' } } },
    ])
  })
})

/** Whether a small file system can be mounted. */
function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
  const script =
    'd=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs "$d"; s=$?; umount "$d"; rmdir "$d"; exit $s'
  return spawnSync('sh', ['-c', script], { stdio: 'ignore' }).status === 0
}
