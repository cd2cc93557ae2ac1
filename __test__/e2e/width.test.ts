/** The width of what is shown: that of the terminal, and none in a pipe. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { FAST } from './runs/support.ts'
import { folderOf } from '../support/folder.ts'
import { lineaprint } from '../support/program.ts'
import { linesAtTerminal } from '../support/terminal.ts'

const NAME = 'a-folder-with-a-name-that-is-longer-than-a-line-of-a-terminal-with-eighty-columns-has-room'
const EXPERIMENT =
  'an experiment whose name has many words, so that it does not fit one line of the terminal either'

async function storeWithRun(): Promise<string> {
  const cwd = join(folderOf({ [`${NAME}/data`]: 'x' }), NAME)
  const args = ['run', '--name', EXPERIMENT, '--dataset', 'd=data', '--', 'true']
  expect(await lineaprint(args, { cwd, env: FAST })).toMatchObject({ code: 0 })
  return cwd
}

test('in a pipe nothing is broken or cut', async () => {
  const cwd = await storeWithRun()
  const { stdout } = await lineaprint(['show', '@latest'], { cwd })
  expect(stdout).toContain(`${join(cwd, '.lineaprint', 'runs')}/`)
  expect(stdout).toContain(join(cwd, 'data'))
  expect(stdout).toContain(EXPERIMENT)
  expect(stdout).toMatch(/blake3:[0-9a-f]{64}/)
  expect(stdout).not.toContain('…')
  const listed = await lineaprint(['list'], { cwd })
  expect(listed.stdout).toContain(EXPERIMENT)
})

test.each([40, 80, 200])('on a terminal of %i columns the lines fit', async (columns) => {
  const cwd = await storeWithRun()
  // An id that is cut would name no run, so a list needs more columns.
  for (const args of [
    ...(columns < 80 ? [] : [['list']]),
    ['show', '@latest'],
    ['diff', '@latest', '@latest', '--same-run'],
  ]) {
    const lines = linesAtTerminal(columns, args, cwd)
    expect(lines.length).toBeGreaterThan(1)
    expect(
      lines.filter((line) => line.length > columns),
      args.join(' '),
    ).toEqual([])
  }
  const [, run = ''] = linesAtTerminal(200, ['list'], cwd)
  expect(run).toContain(EXPERIMENT)
})
