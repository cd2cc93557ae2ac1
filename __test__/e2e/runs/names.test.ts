/** Names of runs, on every command that shows or takes a run. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAST, onlyRun, recordsIn } from './support.ts'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'

test('a run with a name is found by it, and every command shows it', { timeout: 120_000 }, async () => {
  const cwd = folderOf()
  const env = { ...FAST, TZ: 'Europe/Berlin' }
  const call = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await lineaprint(args, { cwd, env })
    expect([0, 1], `${args.join(' ')}: ${stderr}`).toContain(code)
    return stdout
  }
  await call('run', '--name', 'base', '--run-name', 'first try', '--', 'true')
  await call('run', '--name', 'base', '--tag', 'best', '--', 'sh', '-c', 'exit 0')
  const [first, second] = recordsIn(cwd)
  expect(first?.runName).toBe('first try')
  for (const reference of ['first try', 'base~1', '@previous', '@latest~1', 'best~1'])
    expect(JSON.parse(await call('show', reference, '--json')), reference).toMatchObject({ id: first?.id })
  for (const reference of ['best', 'base', '@latest'])
    expect(JSON.parse(await call('show', reference, '--json')), reference).toMatchObject({ id: second?.id })
  const rows = (await call('list')).split('\n').map((line) => line.split('\t'))
  expect(rows[0]?.slice(0, 4)).toEqual([first?.id, 'base', 'first try', 'finished'])
  expect(rows[0]?.[4]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0[12]:00$/)
  expect(Date.parse(rows[0]?.[4] ?? '')).toBe(Date.parse(first?.startedAt ?? ''))
  expect(JSON.parse(await call('list', '--json'))).toMatchObject({
    runs: [{ runName: 'first try', startedAt: first?.startedAt }, { runName: null }],
  })
  expect(await call('show', 'first try')).toMatch(/run name {4}first try\n {2}started {5}.*\+0[12]:00/)
  expect(JSON.parse(await call('verify', 'first try', '--json'))).toMatchObject({ runName: 'first try' })
  const diff = JSON.parse(await call('diff', 'first try', '@latest', '--json')) as {
    before: object
    after: object
    differences: readonly { field: string }[]
  }
  expect(diff).toMatchObject({ before: { runName: 'first try' } })
  expect(diff.after).not.toHaveProperty('runName')
  // A name is no difference of what two runs did.
  expect(diff.differences.map(({ field }) => field).filter((field) => /name/i.test(field))).toEqual([])
  expect(await call('export', 'first try', '--format', 'yaml')).toContain('runName: first try')
  expect(JSON.parse(await call('export', 'first try', '--format', 'slsa'))).toMatchObject({
    predicate: { buildDefinition: { externalParameters: { runName: 'first try' } } },
  })
  expect(await call('export', 'first try', '--format', 'cyclonedx')).toContain('"lineaprint:name"')
})

test(
  'a reproduction names the run that it reproduces, and does not take its name',
  { timeout: 120_000 },
  async () => {
    const cwd = folderOf({ data: 'x' })
    const git = ['-c', 'user.name=a', '-c', 'user.email=a@example.org']
    const made = await lineaprint(
      ['run', '--run-name', 'mine', '--output', 'o=out', '--', 'sh', '-c', 'echo x > out'],
      {
        cwd,
        env: { LINEAPRINT_ENABLE_ENVIRONMENT_TRACKING: 'false' },
        under: [
          'sh',
          '-c',
          `git init -q && git ${git.join(' ')} commit -q --allow-empty -m a && exec "$0" "$@"`,
        ],
      },
    )
    expect(made.code, made.stderr).toBe(0)
    const { record } = onlyRun(cwd)
    const into = join(folderOf(), 'again')
    const again = await lineaprint(['reproduce', 'mine', '--yes', '--into', into, '--json'], { cwd })
    expect(JSON.parse(again.stdout)).toMatchObject({ id: record.id, runName: 'mine' })
    expect(onlyRun(into).record).not.toHaveProperty('runName')
  },
)

test('a text that fits several runs names them', async () => {
  const cwd = folderOf()
  for (const args of [
    ['--name', 'a', '--run-name', 'twice'],
    ['--name', 'twice', '--run-name', 'b'],
  ])
    expect(await lineaprint(['run', ...args, '--', 'true'], { cwd, env: FAST })).toMatchObject({ code: 0 })
  const [first, second] = recordsIn(cwd)
  expect(await lineaprint(['show', 'twice'], { cwd })).toMatchObject({
    code: 3,
    stdout: '',
    stderr: `lineaprint: 2 runs match "twice"; use one of ${first?.id} (its run name), ${second?.id} (the newest of the experiment)\n`,
  })
  expect(await lineaprint(['run', '--run-name', '@latest', '--', 'true'], { cwd, env: FAST })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/does not begin with "@"/) as string,
  })
})
