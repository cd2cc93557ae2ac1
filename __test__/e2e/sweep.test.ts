/** The commands of docs/sweep.md, run one after the other, print what that page says. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf } from '../support/folder.ts'
import { PROGRAM } from '../support/program.ts'

/** Return the commands of a page, each with its output. */
function commandsOf(page: string): { command: string; output: string }[] {
  const blocks = [...page.matchAll(/^```console\n([^]*?)^```$/gm)].map(([, block = '']) => block)
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n')
        return { command: part.slice(0, end), output: part.slice(end + 1) }
      }),
  )
}

test('a sweep of 200 runs is listed, plotted, compared and cleaned up as the page says', () => {
  const folder = folderOf()
  const tools = join(folder, 'tools')
  const work = join(folder, 'work')
  for (const made of [tools, join(work, 'examples')]) mkdirSync(made, { recursive: true })
  symlinkSync(resolve('examples/sweep'), join(work, 'examples', 'sweep'))
  const quoted = PROGRAM.map((word) => `'${word}'`).join(' ')
  writeFileSync(join(tools, 'lineaprint'), `#!/bin/sh\nexec ${quoted} "$@"\n`)
  chmodSync(join(tools, 'lineaprint'), 0o755)
  const env = { ...process.env, NO_COLOR: '1', PATH: [tools, process.env['PATH'] ?? ''].join(delimiter) }
  const commands = commandsOf(readFileSync('docs/sweep.md', 'utf8'))
  expect(commands.length).toBeGreaterThan(12)
  for (const { command, output } of commands) {
    const { stdout } = spawnSync('bash', ['-c', `{ ${command}; } 2>&1`], {
      cwd: work,
      env,
      encoding: 'utf8',
    })
    expect({ command, output: stdout }).toEqual({ command, output })
  }
  expect(readFileSync(join(work, 'loss.svg'), 'utf8')).toContain('>line-124<')
}, 120_000)
