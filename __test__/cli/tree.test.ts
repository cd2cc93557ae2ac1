import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { buildProgram } from '../../src/cli/tree.ts'
import type { CommandContext } from '../../src/cli/shared/context.ts'

const context: CommandContext = {
  signal: new AbortController().signal,
  exit: () => undefined,
  program: (which) => buildProgram(which, context),
}

test('every command has its file, a summary and the options of all', async () => {
  const program = await buildProgram('all', context)
  const files = readdirSync('src/cli/commands').map((name) => name.replace(/\.ts$/, ''))
  // Programs start them, not people.
  const hidden = ['record-program', 'hash-tensors']
  const names = program.commands.map((command) => command.name())
  expect([...names, ...hidden].toSorted()).toEqual(files.toSorted())
  for (const name of hidden) expect((await buildProgram(name, context)).helpInformation()).not.toContain(name)
  for (const command of program.commands) {
    expect(command.description()).toMatch(/^[a-z]/)
    expect(command.options.map(({ long }) => long)).toEqual(expect.arrayContaining(['--json', '--debug']))
  }
})

test('one command gets its options, the others their summary only', async () => {
  const program = await buildProgram('hash', context)
  const options = program.commands.filter((command) => command.options.length > 0)
  expect(options.map((command) => command.name())).toEqual(['hash'])
})

test('the manual page is what the commands say', () => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/manual-page.mjs', '--check'], {
    encoding: 'utf8',
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

test.runIf(spawnSync('man', ['--version']).status === 0)(
  'man renders the page without a warning',
  async () => {
    const { status, stdout, stderr } = spawnSync(
      'man',
      ['-l', '--warnings', '-E', 'utf8', 'docs/lineaprint.1'],
      {
        encoding: 'utf8',
        env: { ...process.env, MANWIDTH: '100', MAN_KEEP_FORMATTING: '' },
      },
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    for (const command of (await buildProgram('all', context)).commands) {
      expect(stdout).toContain(`\n   ${command.name()}\n`)
      for (const { long } of command.options) expect(stdout).toContain(long)
    }
    expect(readFileSync('docs/lineaprint.1', 'utf8')).not.toMatch(/[^\u0000-\u007f]/)
  },
)
