import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

/** What a process with these notes knows: the module reads them once, so each needs a process of its own. */
function read(notes: string, expression: string, variables: Readonly<Record<string, string>> = {}): unknown {
  const module = JSON.stringify(resolve('src/command/launcher/inherited.ts'))
  const program = `
    process.env.LINEAPRINT_START = ${JSON.stringify(notes)}.replace('PID', String(process.pid))
    const { takeInherited, inherited, isIgnored } = await import(${module})
    takeInherited()
    console.log(JSON.stringify(${expression}) ?? 'nothing')`
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], ...variables },
  })
  if (stdout === '') throw new Error(stderr)
  return stdout === 'nothing\n' ? undefined : JSON.parse(stdout)
}

const NOTES = 'pid=PID limit=1024 blocked=0000000000000200 ignored=0000000000000003 open=0,1,11,3, environ='

test('the notes are read and removed', () => {
  expect(read(NOTES, '[inherited(), process.env.LINEAPRINT_START]')).toEqual([
    { ignored: '0000000000000003', blocked: '0000000000000200', limit: 1024, open: [0, 1, 11, 3] },
    null,
  ])
})

test('ignored signals are known and do not end the process', () => {
  expect(read(NOTES, "['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGNONE'].map(isIgnored)")).toEqual([
    true,
    true,
    false,
    false,
  ])
  const alive =
    "(process.kill(process.pid, 'SIGHUP'), await new Promise((done) => setTimeout(done, 50)), 'alive')"
  expect(read(NOTES, alive)).toBe('alive')
})

test('without /proc the signals that the shell lists are read', () => {
  const notes = 'pid=PID limit=unlimited trap=HUP,SIGINT, open= environ='
  expect(read(notes, '[inherited(), isIgnored("SIGINT"), isIgnored("SIGTERM")]')).toEqual([
    { ignored: '3', blocked: '0' },
    true,
    false,
  ])
})

test.each(['', 'pid=1 limit= trap= open= environ=', NOTES.replace('pid=PID', 'pid=PIDx')])(
  'notes of another process or of no form are removed and change nothing: %j',
  (notes) => {
    expect(read(notes, '[inherited(), process.env.LINEAPRINT_START, process.env.A]', { A: 'b' })).toEqual([
      null,
      null,
      'b',
    ])
  },
)

test('variables that the shell dropped, made or changed are as they were', () => {
  const before = 'PATH=/bin\na.b=1\nf%%=() {\u0001}\nSHLVL=1\nKEPT=x'
  const now = { PATH: '/bin', SHLVL: '2', PWD: '/made', KEPT: 'x' }
  expect(read(`${NOTES}${before}`, 'process.env', now)).toEqual({
    PATH: '/bin',
    'a.b': '1',
    'f%%': '() {\n}',
    SHLVL: '1',
    KEPT: 'x',
  })
})
