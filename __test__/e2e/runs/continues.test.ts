/** A run that continues another reads as one series with it. */
import { expect, test } from 'vitest'
import { folderOf } from '../../support/folder.ts'
import { lineaprint } from '../../support/program.ts'
import { FAST } from './support.ts'

test('the commands know which run another continues', async () => {
  const cwd = folderOf()
  const call = (...words: string[]): ReturnType<typeof lineaprint> => lineaprint(words, { cwd, env: FAST })
  const steps = 'for s in "$@"; do "$NODE" "$MAIN" log metric loss 0.$s --step $s || exit 1; done'
  const env = { ...FAST, NODE: process.execPath, MAIN: `${process.cwd()}/src/cli/main.ts` }
  const train = async (args: readonly string[], ...at: string[]): Promise<void> => {
    const words = ['run', '--name', 'train', ...args, '--', 'sh', '-c', steps, 'sh', ...at]
    expect(await lineaprint(words, { cwd, env })).toMatchObject({ code: 0 })
  }
  await train(['--run-name', 'first'], '1', '2', '3')
  await train(['--run-name', 'second', '--continues', 'first'], '3', '4')
  const { stdout, stderr } = await call('metrics', 'second')
  const rows = stdout.trimEnd().split('\n').slice(1)
  const [first, second] = [rows[0]?.split(',').at(-1), rows[3]?.split(',').at(-1)]
  expect(rows.map((row) => row.replace(/,[^,]*T[^,]*,/, ','))).toEqual([
    `${second},loss,1,0.1,${first}`,
    `${second},loss,2,0.2,${first}`,
    `${second},loss,3,0.3,${second}`,
    `${second},loss,4,0.4,${second}`,
  ])
  expect(stderr).toBe(
    `lineaprint: ${second} continues ${first} from before its end; left out of the earlier run: 1 value of 1 metric\n`,
  )
  expect((await call('metrics', 'second', '--no-continued')).stdout.trimEnd().split('\n').length).toBe(3)
  expect((await call('plot', 'second')).stdout).toContain(`(continues ${first})`)
  expect((await call('tree')).stdout).toContain(`└─ ${second}  train  second  finished  (continues ${first})`)
  expect((await call('show', 'second')).stdout).toMatch(new RegExp(`continues +${first}\n`))
  const where = `continues = "${first}"`
  expect((await call('list', '--where', where, '--columns', 'id')).stdout).toBe(`${second}\n`)
  const refused = await call('remove', 'first')
  expect(refused.stderr).toContain(`the run ${second} (train) continues it\n`)
  expect(await call('run', '--continues', 'third', '--', 'true')).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('no such run: "third"'),
  })
  // The variable is for the run itself, not for those that its command starts.
  const inner = ['sh', '-c', '"$NODE" "$MAIN" run --run-name inner -- true']
  const outer = { ...env, LINEAPRINT_CONTINUES: 'second' }
  expect(await lineaprint(['run', '--run-name', 'outer', '--', ...inner], { cwd, env: outer })).toMatchObject(
    {
      code: 0,
    },
  )
  const listed = await call('list', '--columns', 'run_name,continues', '--format', 'csv')
  expect(listed.stdout).toContain(`\nouter,${second}\n`)
  expect(listed.stdout).toContain('\ninner,\n')
}, 60_000)
