import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { lineaprint as program } from '../support/program.ts'

test('every command is named in the README, and has help with an example', async () => {
  const { stdout } = await program(['--help'])
  const commands = [...stdout.matchAll(/^ {2}([a-z]+) .*/gm)].map(([, name]) => name ?? '')
  const known = commands.filter((name) => name !== 'help' && name !== 'lineaprint')
  expect(known.length).toBeGreaterThan(12)
  const readme = readFileSync('README.md', 'utf8')
  const helps = await Promise.all(known.map((name) => program([name, '--help'])))
  for (const [index, name] of known.entries()) {
    expect(readme, name).toMatch(new RegExp(`\`[^\`]*\\b${name}\\b[^\`]*\``))
    expect({ name, code: helps[index]?.code }).toEqual({ name, code: 0 })
    expect(helps[index]?.stdout, name).toMatch(/Examples?:\n/)
  }
}, 60_000)
